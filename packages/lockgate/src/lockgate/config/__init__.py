"""Turns the files of a project into core dataclasses, and reports all their problems at once."""
