"""Vendors behind ports: one folder each, imported only inside the functions that need them."""
