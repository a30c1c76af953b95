"""Secrets by reference: `secret://name` becomes a value as late as possible, and never a line in a log."""
