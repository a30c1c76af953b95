"""Targets: one folder a vendor, and what they have in common about casts, arms and named statements."""
