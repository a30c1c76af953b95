"""Engines that transform records in memory."""
