"""Whether requests and answers are what Google's discovery document of BigQuery says; and the part of it that is used.

`python discovery.py DOCUMENT` makes the committed extract of the whole document.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

EXTRACT = Path(__file__).with_name("bigquery.json")
USED = {
    "datasets": ("delete", "get", "insert", "list", "patch"),
    "jobs": ("cancel", "get", "getQueryResults", "insert", "list", "query"),
    "tabledata": ("list",),
    "tables": ("delete", "get", "insert", "list", "patch"),
}
WORDS = {"description", "enumDescriptions", "enumDeprecated", "deprecated", "scopes", "annotations", "readOnly"}
READS = {"integer": int, "number": float, "boolean": {"true": True, "false": False}.__getitem__}
# Not in the document: errors as Google's JSON APIs wrap them, cloud.google.com/apis/design/errors, with the list
# `errors` of cloud.google.com/bigquery/docs/error-messages.
TEXT = {"type": "string"}
# What Google's own client sends with jobs.get, although the document has it for jobs.list alone.
BEYOND = frozenset({"projection"})
ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "errors"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "integer"},
                "message": TEXT,
                "status": {"type": "string", "pattern": "^[A-Z_]+$"},
                "errors": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["reason", "message", "domain"],
                        "additionalProperties": False,
                        "properties": dict.fromkeys(("reason", "message", "domain", "location", "locationType"), TEXT),
                    },
                },
            },
        }
    },
}


def extract(whole: dict[str, Any]) -> dict[str, Any]:
    """The methods that are used, and the schemas that these speak of, without what is written for people."""
    resources = {
        resource: {"methods": {name: _silent(whole["resources"][resource]["methods"][name]) for name in names}}
        for resource, names in USED.items()
    }
    found: dict[str, Any] = {}
    _add(resources, whole["schemas"], found)
    kept = {key: whole[key] for key in ("id", "revision", "servicePath")}
    parameters = _silent(whole["parameters"], are_names=True)
    return {**kept, "parameters": parameters, "resources": resources, "schemas": dict(sorted(found.items()))}


def _silent(part: Any, *, are_names: bool = False) -> Any:
    """Without words for people; where the keys are names of properties, all stay."""
    if isinstance(part, list):
        return [_silent(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _silent(value, are_names=key in {"properties", "parameters"} and not are_names)
        for key, value in part.items()
        if are_names or key not in WORDS
    }


def _add(part: object, known: dict[str, Any], found: dict[str, Any]) -> None:
    for name in re.findall(r'"\$ref": "(\w+)"', json.dumps(part)):
        if name not in found:
            found[name] = _silent(known[name])
            _add(found[name], known, found)


class Discovery:
    """The document; `flaws` says what is wrong with what a stand-in got and gave."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._base = "/" + document["servicePath"]
        self._everywhere = document["parameters"]
        self._methods = [
            method for resource in document["resources"].values() for method in resource["methods"].values()
        ]
        self._schemas = document["schemas"]

    def flaws(self, asked) -> Iterator[str]:
        """What is wrong with a request; and with the answer that it got, where it is known."""
        if asked.path == "/token":
            return
        found = list(self._found(asked))
        if len(found) != 1:
            yield f"{asked.method} {asked.path} is no method"
            return
        method, parts, is_upload = found[0]
        yield from self._parameters(method, parts, asked, is_upload)
        yield from self._body(method, asked, is_upload)
        if asked.status >= 400:
            yield from _misfits(ERROR, asked.answer)
            if asked.answer is not None and asked.answer["error"]["code"] != asked.status:
                yield f"code {asked.answer['error']['code']} in an answer of {asked.status}"
        elif asked.status and not (is_upload and asked.answer is None):
            yield from self._answer(method, asked)

    def _found(self, asked) -> Iterator[tuple[dict[str, Any], dict[str, str], bool]]:
        for method in self._methods:
            uploads = method.get("mediaUpload", {}).get("protocols", {}).values()
            is_sent = asked.method in {"POST", "PUT"}
            paths = [(self._base + method["path"], asked.method == method["httpMethod"], False)]
            paths += [(protocol["path"], is_sent, True) for protocol in uploads]
            for path, is_method, is_upload in paths:
                match = re.fullmatch(re.sub(r"\{\+(\w+)\}", r"(?P<\1>[^/]+)", path), asked.path)
                if match and is_method:
                    yield method, match.groupdict(), is_upload

    def _parameters(self, method, parts: dict[str, str], asked, is_upload: bool) -> Iterator[str]:
        own = method.get("parameters", {})
        declared = {**self._everywhere, **own}
        given = [(name, value) for name, value in asked.query if name not in BEYOND]
        given = [(name, value) for name, value in given if not (is_upload and name in {"uploadType", "upload_id"})]
        for name, value in [*parts.items(), *given]:
            if name not in declared:
                yield f"parameter {name} is not declared"
                continue
            kind = declared[name].get("type", "string")
            try:
                READS.get(kind, str)(value.lower() if kind == "boolean" else value)
            except (ValueError, KeyError):
                yield f"{name}: {value!r} is no {kind}"
                continue
            if "enum" in declared[name] and value not in declared[name]["enum"]:
                yield f"{name}: {value!r} is none of its values"
        names = {name for name, _ in given}
        if any(
            each.get("required") and each["location"] == "query" and name not in names for name, each in own.items()
        ):
            yield "a parameter is missing"

    def _body(self, method, asked, is_upload: bool) -> Iterator[str]:
        if is_upload and asked.method == "PUT":
            return
        if "request" not in method:
            if asked.body:
                yield "a body that is not declared"
            return
        body = asked.body
        if is_upload and asked.headers.get("content-type", "").startswith("multipart/related"):
            body = re.search(rb"\r\n\r\n(.+?)\r\n--", body, re.DOTALL)[1]
        elif not asked.headers.get("content-type", "").startswith("application/json"):
            yield f"content-type {asked.headers.get('content-type')}"
        schema = self._schema({"$ref": method["request"]["$ref"]}, is_asked=True, nulls=True)
        yield from _misfits(schema, json.loads(body))

    def _answer(self, method, asked) -> Iterator[str]:
        if "response" not in method:
            if asked.answer is not None or asked.status != 204:
                yield f"{asked.status} with {asked.answer!r} in the place of nothing"
            return
        yield from _misfits(self._schema(method["response"], is_asked=False, nulls=False), asked.answer)

    def _schema(self, part: dict[str, Any], *, is_asked: bool, nulls: bool) -> dict[str, Any]:
        places = {name: _json_schema(each, is_asked=is_asked, nulls=nulls) for name, each in self._schemas.items()}
        return {**_json_schema(part, is_asked=is_asked, nulls=nulls), "$defs": places}


def _json_schema(part: dict[str, Any], *, is_asked: bool, nulls: bool) -> dict[str, Any]:
    """A schema of the document as JSON Schema; a property that no schema has is a flaw."""
    if "$ref" in part:
        made: dict[str, Any] = {"$ref": f"#/$defs/{part['$ref']}"}
    elif part.get("type") in {None, "any"}:
        return {}
    else:
        made = {"type": part["type"]}
        if part.get("format") in {"int64", "uint64"}:
            made = {"type": ["string", "integer"] if is_asked else "string", "pattern": "^-?[0-9]+$"}
        if "enum" in part:
            made["enum"] = part["enum"]
        if "items" in part:
            made["items"] = _json_schema(part["items"], is_asked=is_asked, nulls=nulls)
        if "properties" in part:
            made["properties"] = {
                name: _json_schema(each, is_asked=is_asked, nulls=nulls) for name, each in part["properties"].items()
            }
            made["additionalProperties"] = False
        if "additionalProperties" in part:
            made["additionalProperties"] = _json_schema(part["additionalProperties"], is_asked=is_asked, nulls=nulls)
    if nulls and "type" in made:
        kinds = made["type"] if isinstance(made["type"], list) else [made["type"]]
        made["type"] = [*kinds, "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made


def _misfits(schema: dict[str, Any], value: object) -> Iterator[str]:
    for error in Draft202012Validator(schema).iter_errors(value):
        yield f"{error.json_path}: {error.message}"


def document() -> Discovery:
    """The committed extract."""
    return Discovery(json.loads(EXTRACT.read_text(encoding="utf-8")))


if __name__ == "__main__":
    made = extract(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    EXTRACT.write_text(json.dumps(made, separators=(",", ":")) + "\n", encoding="utf-8")
