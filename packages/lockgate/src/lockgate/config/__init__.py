"""Turns the files of a project into core dataclasses, and reports all their problems at once."""

from __future__ import annotations

from lockgate.config.cutover_shape import parse_buckets
from lockgate.config.last_valid import keep_last_valid, load_last_valid
from lockgate.config.project_file import PROJECT_FILE, find_project, load_project, project_schema

__all__ = [
    "PROJECT_FILE",
    "find_project",
    "keep_last_valid",
    "load_last_valid",
    "load_project",
    "parse_buckets",
    "project_schema",
]
