"""Sources: one module a kind of system that data comes from."""
