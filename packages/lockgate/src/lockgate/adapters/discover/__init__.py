"""Looks into files and databases that somebody wants a project for: tables, types, keys."""
