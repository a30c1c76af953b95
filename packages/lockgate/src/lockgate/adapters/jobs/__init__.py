"""Queues that hand executions to workers."""
