"""Finds a project's folder, reads its `lockgate.yml`, and prints the JSON Schema that editors check it by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lockgate.config.assembly import assembled
from lockgate.config.findings import Declared
from lockgate.config.problems import beside, fitted
from lockgate.config.references import reference_problems
from lockgate.config.rule_entities import with_rule_sets
from lockgate.config.shape import ProjectShape
from lockgate.config.yaml_positions import Document, read_yaml
from lockgate.core.project import Project
from lockgate.errors import ProjectInvalid, UnknownName

PROJECT_FILE = "lockgate.yml"
SCHEMA_FILE = "lockgate.schema.json"


def find_project(start: Path) -> Path:
    """The folder of the nearest `lockgate.yml`, in `start` or above it.

    Raises:
        UnknownName: there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    hint = "Go to the project's folder, name it with --project, or make one with `lockgate init`."
    raise UnknownName(f"there is no {PROJECT_FILE} in {start} or above it", hint=hint, folder=str(start))


def load_project(folder: Path) -> Project:
    """The project that `lockgate.yml` in `folder` declares. Nothing is connected to.

    Raises:
        ProjectInvalid: with every problem of the file, in its order.
    """
    folder = folder.resolve()
    document = read_project(folder)
    shape, problems = fitted(ProjectShape, document, stand_ins={"project": "unnamed"})
    if shape is not None:
        problems = (*problems, *reference_problems(Declared(shape, document, folder)))
    if problems or document.problems or shape is None:
        raise ProjectInvalid(beside(document.problems, problems))
    return assembled(shape, folder)


def read_project(folder: Path) -> Document:
    """The project file as plain data, with the entities that rule sets declare; what is wrong is in its problems.

    Raises:
        ProjectInvalid: it, or a rule set's file, is no YAML.
    """
    return with_rule_sets(read_yaml(folder / PROJECT_FILE, file=PROJECT_FILE, lenient=True), folder)


def project_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `lockgate.yml`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ProjectShape.model_json_schema()}
