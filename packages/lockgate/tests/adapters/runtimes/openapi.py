"""Whether requests and answers are what an OpenAPI document says; and the part of Airflow's own that is about ours."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from jsonschema import Draft202012Validator, FormatChecker

PLACES = (
    "api_fastapi/core_api/openapi/v2-rest-api-generated.yaml",
    "api_fastapi/auth/managers/simple/openapi/v2-simple-auth-manager-generated.yaml",
)
USED = {
    "/api/v2/dags/{dag_id}": ["get"],
    "/api/v2/dags/{dag_id}/dagRuns": ["get", "post"],
    "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}": ["get", "patch"],
    "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances": ["get"],
    "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs/{try_number}": ["get"],
    "/auth/token": ["post"],
}
READS = {"integer": int, "number": float, "boolean": lambda text: {"true": True, "false": False}[text]}
BODIES = "application/json"


def extract(package: Path) -> dict[str, Any]:
    """Of the documents in Airflow's package: the routes that are used, and the schemas that these speak of."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for place in PLACES:
        whole = yaml.safe_load((package / place).read_text(encoding="utf-8"))
        for path, methods in USED.items():
            if path in whole["paths"]:
                paths[path] = {method: whole["paths"][path][method] for method in methods}
                _add_schemas(paths[path], whole["components"]["schemas"], schemas)
    return {"paths": paths, "components": {"schemas": dict(sorted(schemas.items()))}}


def _add_schemas(part: object, known: dict[str, Any], found: dict[str, Any]) -> None:
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(part)):
        if name not in found:
            found[name] = known[name]
            _add_schemas(known[name], known, found)


class Document:
    """An OpenAPI 3.1 document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths = document["paths"]
        self._components = document["components"]

    def flaws(self, asked) -> Iterator[str]:
        """What is wrong with a request that a stand-in got; and with the answer that it gave, where it gave one."""
        found = [(path, re.fullmatch(_pattern(path), asked.path)) for path in self._paths]
        matching = [(path, match) for path, match in found if match and asked.method.lower() in self._paths[path]]
        if len(matching) != 1:
            yield f"{asked.method} is no operation"
            return
        path, match = matching[0]
        operation = self._paths[path][asked.method.lower()]
        yield from self._parameters(operation, match.groupdict(), asked)
        yield from self._body(operation, asked)
        if asked.status:
            answer = operation["responses"].get(str(asked.status))
            if answer is None:
                yield f"{asked.status} is no answer"
            else:
                yield from self._misfits(answer["content"][BODIES]["schema"], asked.answer)

    def _parameters(self, operation: dict[str, Any], parts: dict[str, str], asked) -> Iterator[str]:
        declared = {(each["in"], each["name"]): each for each in operation.get("parameters", ())}
        given = [("path", name, unquote(part)) for name, part in parts.items()]
        given += [("query", name, value) for name, value in asked.query]
        for place, name, value in given:
            if (place, name) not in declared:
                yield f"{place} parameter {name} is not declared"
                continue
            schema = _of_one(declared[place, name]["schema"])
            yield from self._misfits(schema, READS.get(schema.get("type"), str)(value))
        for (place, name), each in declared.items():
            if place == "query" and each.get("required") and name not in dict(asked.query):
                yield f"query parameter {name} is missing"
            if place == "header" and name in asked.headers:
                yield from self._misfits(each["schema"], asked.headers[name])
        if operation.get("security") and not re.fullmatch(r"Bearer \S+", asked.headers.get("authorization", "")):
            yield "no token"

    def _body(self, operation: dict[str, Any], asked) -> Iterator[str]:
        if "requestBody" not in operation:
            if asked.body:
                yield "a body that is not declared"
            return
        if asked.headers.get("content-type") != BODIES:
            yield f"content-type {asked.headers.get('content-type')}"
        yield from self._misfits(operation["requestBody"]["content"][BODIES]["schema"], json.loads(asked.body))

    def _misfits(self, schema: dict[str, Any], value: object) -> Iterator[str]:
        validator = Draft202012Validator({**schema, "components": self._components}, format_checker=FormatChecker())
        for error in validator.iter_errors(value):
            yield f"{error.json_path}: {error.message}"


def _of_one(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of one value, where a parameter may stand there several times."""
    either = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    return either["items"] if either.get("type") == "array" else either


def _pattern(path: str) -> str:
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)


if __name__ == "__main__":
    made = extract(Path(sys.argv[1]))
    Path(__file__).with_name("airflow_openapi.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
