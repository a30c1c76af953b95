"""Clients of runtimes that run flows somewhere else."""
