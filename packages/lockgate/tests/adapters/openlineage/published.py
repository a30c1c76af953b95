"""OpenLineage's published schemas: what is against them in an event, formats and every facet included."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

SPEC = Path(__file__).with_name("spec")
FORMATS = FormatChecker(formats=())
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
# RFC 3339, 5.6: the time and its offset are not optional.
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@FORMATS.checks("uri", raises=ValueError)
def is_uri(value) -> bool:
    return URI.fullmatch(value) is not None


@FORMATS.checks("uuid", raises=ValueError)
def is_uuid(value) -> bool:
    return str(UUID(value)) == value


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value) -> bool:
    return DATE_TIME.fullmatch(value) is not None and datetime.fromisoformat(value) is not None


@cache
def schemas() -> dict[str, dict]:
    """Every schema by its address."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(SPEC.rglob("*.json")))
    return {schema["$id"]: schema for schema in found}


@cache
def registry() -> Registry:
    return Registry().with_resources((address, Resource.from_contents(schema)) for address, schema in schemas().items())


def validator(address: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": address}, registry=registry(), format_checker=FORMATS)


def flaws(event: dict) -> list[str]:
    """What is against the schemas in an event; a facet whose schema is not among ours is against them."""
    found = [error.message for error in validator(event["schemaURL"]).iter_errors(event)]
    for name, facet in facets(event):
        address = facet["_schemaURL"]
        if address.partition("#")[0] not in schemas():
            found.append(f"the schema of {name} is not known: {address}")
            continue
        found += [f"{name}: {error.message}" for error in validator(address).iter_errors(facet)]
    return found


def facets(event: dict):
    """Every facet with its name, wherever it stands."""
    yield from event["run"].get("facets", {}).items()
    yield from event["job"].get("facets", {}).items()
    for dataset in (*event["inputs"], *event["outputs"]):
        for place in ("facets", "inputFacets", "outputFacets"):
            yield from dataset.get(place, {}).items()
