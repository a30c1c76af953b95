"""Rehearses, then parses the project in the first argument; prints what dbt still had to make a schema of and parse."""

import json
import sys
from pathlib import Path

from lockgate.adapters.dbt.rehearsal import rehearse
from lockgate.adapters.dbt.server import import_dbt

folder = Path(sys.argv[1])
schemas: list[str] = []
texts: list[str] = []

import_dbt()
rehearse({"kept": str(folder / "none"), "profile": {"type": "duckdb"}})

import dbt_common.clients.jinja  # noqa: E402  as the server does: the rehearsal comes first
import dbt_common.dataclass_schema  # noqa: E402
from dbt.cli.main import dbtRunner  # noqa: E402

make, parse = dbt_common.dataclass_schema.build_json_schema, dbt_common.clients.jinja.MacroFuzzParser.parse


def noted_make(shape, *arguments, **options):
    schemas.append(shape.__name__)
    return make(shape, *arguments, **options)


def noted_parse(self):
    texts.append(self.stream.current.value)
    return parse(self)


dbt_common.dataclass_schema.build_json_schema = noted_make
dbt_common.clients.jinja.MacroFuzzParser.parse = noted_parse
places = [f"--{name}={folder}" for name in ("project-dir", "profiles-dir", "target-path", "log-path")]
outcome = dbtRunner().invoke(["--quiet", "parse", "--no-partial-parse", *places])
told = {"parsed": outcome.success, "macros": len(outcome.result.macros), "made": schemas, "texts": len(texts)}
print(json.dumps(told))
