"""Whether requests and answers are what a vendor's OpenAPI document says; and the part of one that is about ours.

`python document.py docker|kubernetes DOCUMENT` makes the committed extract of a vendor's whole document.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from jsonschema import Draft202012Validator

JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
CORE = "/api/v1/namespaces/{namespace}"
USED = {
    "docker": {
        "/version": ["get"],
        "/containers/json": ["get"],
        "/containers/create": ["post"],
        "/containers/{id}/json": ["get"],
        "/containers/{id}/logs": ["get"],
        "/containers/{id}/start": ["post"],
        "/containers/{id}/stop": ["post"],
        "/containers/{id}": ["delete"],
        "/containers/{id}/archive": ["get", "put"],
    },
    "kubernetes": {
        JOBS: ["get", "post"],
        f"{JOBS}/{{name}}": ["get", "patch", "delete"],
        f"{CORE}/configmaps": ["post"],
        f"{CORE}/configmaps/{{name}}": ["delete"],
        f"{CORE}/secrets": ["post"],
        f"{CORE}/secrets/{{name}}": ["delete"],
        f"{CORE}/pods": ["get"],
        f"{CORE}/pods/{{name}}/log": ["get"],
    },
}
WORDS = {"description", "summary", "title", "example", "examples", "tags", "externalDocs", "operationId"}
TRUTH = {"true": True, "false": False, "1": True, "0": False}
READS = {"integer": int, "number": float, "boolean": lambda text: TRUTH[text.lower()]}


def extract(name: str, whole: dict[str, Any]) -> dict[str, Any]:
    """The operations that are used, and the schemas that these speak of, without what is written for people."""
    paths = {
        path: {method: whole["paths"][path][method] for method in methods}
        | ({"parameters": whole["paths"][path]["parameters"]} if "parameters" in whole["paths"][path] else {})
        for path, methods in USED[name].items()
    }
    found: dict[str, Any] = {}
    paths = _silent(paths)
    _add(paths, whole["definitions"], found)
    kept = {key: whole[key] for key in ("swagger", "basePath") if key in whole}
    return {
        **kept,
        "info": {"version": whole["info"]["version"]},
        "paths": paths,
        "definitions": dict(sorted(found.items())),
    }


def _silent(part: Any, *, are_names: bool = False) -> Any:
    """Without words for people; where the keys are names of properties, all stay."""
    if isinstance(part, list):
        return [_silent(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: value for key, value in part.items() if are_names or key not in WORDS}
    return {
        key: _silent(value, are_names=key in {"properties", "definitions"} and not are_names)
        for key, value in kept.items()
    }


def _add(part: object, known: dict[str, Any], found: dict[str, Any]) -> None:
    for name in re.findall(r'"#/definitions/([^"]+)"', json.dumps(part)):
        if name not in found:
            found[name] = _silent(known[name])
            _add(found[name], known, found)


class Document:
    """A document of Swagger 2.0 or OpenAPI 3.0.

    `beyond` are parameters that a vendor's own client sends although the vendor's document lacks them. Where
    `null_is_absent`, as to Go's JSON, keys without a value are not there. `refusal` is the definition of what any
    operation may answer beyond what is said of it.
    """

    def __init__(
        self,
        document: dict[str, Any],
        *,
        base: str = "",
        beyond: Collection[str] = (),
        null_is_absent: bool = False,
        refusal: str = "",
    ) -> None:
        self._paths = document["paths"]
        self._document = _nullable(document)
        self._base = base
        self._beyond = beyond
        self._null_is_absent = null_is_absent
        self._refusal = {"schema": {"$ref": f"#/definitions/{refusal}"}} if refusal else None

    def flaws(self, asked) -> Iterator[str]:
        """What is wrong with a request that a stand-in got; and with the answer that it gave, where it gave one."""
        asked_path = asked.path.removeprefix(self._base)
        found = [(path, re.fullmatch(_pattern(path), asked_path)) for path in self._paths]
        matching = [(path, match) for path, match in found if match and asked.method.lower() in self._paths[path]]
        exact = [each for each in matching if "{" not in each[0]] or matching
        if len(exact) != 1:
            yield f"{asked.method} {asked.path} is no operation"
            return
        path, match = exact[0]
        operation = self._paths[path][asked.method.lower()]
        declared = [*self._paths[path].get("parameters", ()), *operation.get("parameters", ())]
        yield from self._parameters(declared, match.groupdict(), asked)
        yield from self._body(declared, operation, asked)
        if asked.status:
            yield from self._answer(operation, asked)

    def _parameters(self, parameters: list[dict[str, Any]], parts: dict[str, str], asked) -> Iterator[str]:
        declared = {(each["in"], each["name"]): each for each in parameters}
        given = [("path", name, unquote(part)) for name, part in parts.items()]
        given += [("query", name, value) for name, value in asked.query if name not in self._beyond]
        for place, name, value in given:
            if (place, name) not in declared:
                yield f"{place} parameter {name} is not declared"
                continue
            schema = declared[place, name].get("schema", declared[place, name])
            kind = schema.get("type", "string")
            try:
                read = READS.get(kind, str)(value)
            except (ValueError, KeyError):
                yield f"{name}: {value!r} is no {kind}"
                continue
            shape = {key: schema[key] for key in ("type", "enum", "minimum", "maximum", "pattern") if key in schema}
            yield from self._misfits(shape, read)
        for (place, name), each in declared.items():
            if place == "query" and each.get("required") and name not in dict(asked.query):
                yield f"query parameter {name} is missing"

    def _body(self, parameters: list[dict[str, Any]], operation: dict[str, Any], asked) -> Iterator[str]:
        body = next((each for each in parameters if each["in"] == "body"), None)
        content = operation.get("requestBody", {}).get("content", {})
        schema = body["schema"] if body else content.get("application/json", {}).get("schema")
        if schema is None:
            if asked.body:
                yield "a body that is not declared"
            return
        if schema.get("format") == "binary":
            return
        if not asked.body:
            if (body or operation["requestBody"]).get("required"):
                yield "no body"
            return
        kinds = tuple(each for each in operation.get("consumes", ()) if "json" in each) or ("application/json",)
        if not asked.headers.get("content-type", "").startswith(kinds):
            yield f"content-type {asked.headers.get('content-type')}"
        document = json.loads(asked.body)
        yield from self._misfits(schema, _without_nulls(document) if self._null_is_absent else document)

    def _answer(self, operation: dict[str, Any], asked) -> Iterator[str]:
        others = self._refusal if asked.status >= 400 else None
        answer = operation["responses"].get(str(asked.status), others)
        if answer is None:
            yield f"{asked.status} is no answer"
            return
        schema = answer.get("schema") or answer.get("content", {}).get("application/json", {}).get("schema")
        if schema is not None and schema.get("type") != "string" and schema.get("format") != "binary":
            yield from self._misfits(schema, _without_nulls(asked.answer) if self._null_is_absent else asked.answer)

    def _misfits(self, schema: dict[str, Any], value: object) -> Iterator[str]:
        places = {key: self._document[key] for key in ("definitions", "components") if key in self._document}
        validator = Draft202012Validator({**_nullable(schema), **places})
        for error in validator.iter_errors(value):
            yield f"{error.json_path}: {error.message}"


def _nullable(part: Any) -> Any:
    """What may be null, as JSON Schema says it."""
    if isinstance(part, list):
        return [_nullable(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: _nullable(value) for key, value in part.items()}
    may_be = part.get("nullable") is True or part.get("x-nullable") is True
    if may_be and isinstance(part.get("type"), str):
        made["type"] = [part["type"], "null"]
    return made


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _pattern(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{'.+' if found[1] == 'remainder' else '[^/]+'})", path)


if __name__ == "__main__":
    vendor, place = sys.argv[1:]
    made = extract(vendor, yaml.safe_load(Path(place).read_text(encoding="utf-8")))
    Path(__file__).with_name(f"{vendor}.json").write_text(
        json.dumps(made, separators=(",", ":")) + "\n", encoding="utf-8"
    )
