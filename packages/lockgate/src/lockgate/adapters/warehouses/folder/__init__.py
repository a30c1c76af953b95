"""What targets that are a folder have in common: where they keep what, their locks, the log of what was landed."""
