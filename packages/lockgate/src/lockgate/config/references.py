"""What the parts of a project file say about each other: names that must be there, pairs that must fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lockgate.config.comparison_shape import CompareShape, ExpectedShape
from lockgate.config.findings import Check, Declared, Finding
from lockgate.config.flow_references import flow_findings
from lockgate.config.names import LONGEST_IDENTIFIER_BYTES, OWN_SUFFIXES, same_but_for_case, suggestion
from lockgate.config.problems import located
from lockgate.config.shape import EntityShape, ImplementationShape, RouteShape
from lockgate.config.yaml_positions import KeyPath
from lockgate.core.bucket import BUCKETED_KINDS
from lockgate.core.conditions import condition_of
from lockgate.core.entity import workshop_name
from lockgate.core.measurement import Metric
from lockgate.errors import ComparisonInvalid, Problem
from lockgate.quality.key_metrics import NotAMetric, key_metric_of

DBT_FILE = "dbt_project.yml"


def reference_problems(declared: Declared) -> tuple[Problem, ...]:
    """Every finding of every check."""
    findings = (finding for check in CHECKS for finding in check(declared))
    return tuple(located(declared.document, found.path, found.message, found.remedy) for found in findings)


# --- sources ----------------------------------------------------------------------------------------------------


def _streams(declared: Declared) -> Iterator[Finding]:
    """Streams appear under different names, and look back only where they have a cursor."""
    seen: dict[tuple[str, str], str] = {}
    for source_name, source in declared.shape.sources.items():
        for name, stream in source.streams.items():
            path = ("sources", source_name, "streams", name)
            first = seen.setdefault((source.schema_, name), source_name)
            if first != source_name:
                message = f"{source.schema_}.{name} is already a stream of {first!r}"
                yield Finding(path, message, "Give one of the sources another `schema`, or rename the stream.")
            if stream.lookback and stream.cursor is None:
                yield Finding((*path, "lookback"), "there is no cursor to look back from", "Add `cursor`.")
            yield from _cases((*path, "columns"), tuple(stream.columns))


def _cases(path: KeyPath, names: tuple[str, ...]) -> Iterator[Finding]:
    """Columns differ by more than case."""
    for first, name in same_but_for_case(names):
        yield Finding((*path, name), f"differs from {first!r} in case only", "Databases take them for one: rename it.")


# --- entities ---------------------------------------------------------------------------------------------------


def _contracts(declared: Declared) -> Iterator[Finding]:
    """Keys and buckets are columns of the contract."""
    for name, entity in declared.shape.entities.items():
        path = ("entities", name)
        columns = declared.names("entities", name, "contract")
        yield from _cases((*path, "contract"), columns)
        for index, column in enumerate(entity.key):
            if column not in columns:
                remedy = suggestion(column, columns, "columns")
                yield Finding((*path, "key", index), f"the contract has no column {column!r}", remedy)
            if column in entity.key[:index]:
                yield Finding((*path, "key", index), f"names the column {column!r} twice", "Keep it once.")
        yield from _group(path, entity, columns)


def _compared(declared: Declared) -> Iterator[Finding]:
    """What is said about comparing names columns of the contract, and no column of the key."""
    for name, entity in declared.shape.entities.items():
        path = ("entities", name, "compare")
        columns = declared.names("entities", name, "contract")
        for where, column in _compared_columns(path, entity.compare):
            if column not in columns:
                remedy = suggestion(column, columns, "columns")
                yield Finding(where, f"the contract has no column {column!r}", remedy)
            elif column in entity.key:
                yield Finding(where, f"{column!r} is of the key, which must be the same", "Take it away.")
        for agreed, expected in entity.compare.expected.items():
            yield from _expressions((*path, "expected", agreed), expected, columns)


def _measured(declared: Declared) -> Iterator[Finding]:
    """Key metrics aggregate columns of the contract, and are named like none that is measured anyway."""
    for name, entity in declared.shape.entities.items():
        typed = {column: one.type.kind for column, one in entity.contract.items()}
        kinds = dict.fromkeys(declared.names("entities", name, "contract")) | typed
        for metric, written in entity.quality.metrics.items():
            path = ("entities", name, "quality", "metrics", metric)
            if metric in set(Metric):
                yield Finding(path, f"{metric!r} is measured of every entity", "Give it another name.")
            try:
                key_metric_of(written, kinds)
            except NotAMetric as error:
                yield Finding(path, str(error), "Write it over columns of the contract: sum(annual_cost).")


def _expressions(path: KeyPath, expected: ExpectedShape, columns: tuple[str, ...]) -> Iterator[Finding]:
    """What is written in SQL can be read."""
    for key, written in (("where", expected.where), ("right", expected.right)):
        try:
            if written is not None:
                condition_of(written, columns)
        except ComparisonInvalid as error:
            yield Finding((*path, key), error.message, "Write it over columns of the contract: currency = 'JPY'.")


def _compared_columns(path: KeyPath, shape: CompareShape) -> Iterator[tuple[KeyPath, str]]:
    """The columns that are named, each with where."""
    for key, columns in (("tolerance", shape.tolerance), ("transform", shape.transform)):
        yield from (((*path, key, column), column) for column in columns)
    yield from (((*path, "exclude", place), column) for place, column in enumerate(shape.exclude))
    for name, expected in shape.expected.items():
        for place, column in enumerate(expected.columns):
            yield (*path, "expected", name, "columns", place), column


def _group(path: KeyPath, entity: EntityShape, columns: tuple[str, ...]) -> Iterator[Finding]:
    """A group moves by the bucket of a column that has buckets."""
    if (entity.group is None) != (entity.bucket_by is None):
        there, lacking = ("group", "bucket_by") if entity.group else ("bucket_by", "group")
        yield Finding((*path, there), f"stands without `{lacking}`", f"Add `{lacking}`, or take `{there}` away.")
    if entity.bucket_by is None:
        return
    if entity.bucket_by not in columns:
        message = f"the contract has no column {entity.bucket_by!r}"
        yield Finding((*path, "bucket_by"), message, suggestion(entity.bucket_by, columns, "columns"))
        return
    column = entity.contract.get(entity.bucket_by)
    if column is not None and column.type.kind not in BUCKETED_KINDS:
        message = f"a column of type {column.type} has no buckets"
        yield Finding((*path, "bucket_by"), message, "Choose an integer, text, uuid or date column.")


def _groups(declared: Declared) -> Iterator[Finding]:
    """Of entities that move together each has a candidate, or none has: one without would hold up the others."""
    groups: dict[str, dict[str, bool]] = {}
    for name, entity in declared.shape.entities.items():
        if entity.group is not None:
            has_candidate = entity.route is not None and entity.route.candidate is not None
            groups.setdefault(entity.group, {})[name] = has_candidate
    for group, members in groups.items():
        for name in members:
            if any(members.values()) and not members[name]:
                message = f"{name!r} has no candidate, and others of the group {group!r} have one: they move together"
                yield Finding(
                    ("entities", name, "group"), message, "Add `route.candidate`, or take it out of the group."
                )


def _served(declared: Declared) -> Iterator[Finding]:
    """Entities are served from the default target, apart from the schemas of sources."""
    targets = declared.names("targets") or ("main",)
    default = declared.default_target()
    raw = {source.schema_: name for name, source in declared.shape.sources.items()}
    for name, entity in declared.shape.entities.items():
        path, serve = ("entities", name, "serve"), entity.serve
        if serve.target is not None and serve.target not in targets:
            remedy = suggestion(serve.target, targets, "targets")
            yield Finding((*path, "target"), f"there is no target {serve.target!r}", remedy)
        elif serve.target not in {None, default}:
            message = f"{serve.target!r} is not the default target, {default!r}"
            remedy = f"Put {serve.target!r} first among the targets, or choose it for a command with --target."
            yield Finding((*path, "target"), message, remedy)
        if serve.schema_ in raw:
            message = f"{serve.schema_!r} is the schema of the source {raw[serve.schema_]!r}"
            yield Finding((*path, "schema"), message, "Serve from a schema of its own, such as analytics.")


def _implementations(declared: Declared) -> Iterator[Finding]:
    """Implementations are rules or dbt, their files are there, and their workshops' names are free and fit."""
    programs: dict[tuple[str, str], tuple[tuple[str | None, str | None], str]] = {}
    for entity_name, entity in declared.shape.entities.items():
        for name, implementation in entity.implementations.items():
            path = ("entities", entity_name, "implementations", name)
            yield from _engine(path, implementation)
            yield from _executor(path, implementation, declared)
            yield from _files(path, implementation, declared.folder)
            yield from _workshop(path, entity.serve.schema_, name)
            program = implementation.dbt, implementation.revision if implementation.dbt else None
            first = programs.setdefault((entity.serve.schema_, name), (program, entity_name))
            if first[0] != program:
                message = f"{first[1]}'s implementation {name!r} is another program, and they would share a workshop"
                yield Finding(path, message, "Rename one of them.")


def _engine(path: KeyPath, implementation: ImplementationShape) -> Iterator[Finding]:
    """Exactly one of rules and dbt, with the keys that go with it."""
    if (implementation.rules is None) == (implementation.dbt is None):
        stands = "both `rules` and `dbt` stand" if implementation.rules else "neither `rules` nor `dbt` stands"
        yield Finding(
            path, f"{stands} here", "Write one of them: {rules: rules/users.yml}, or {dbt: dbt, model: users}."
        )
    elif implementation.dbt is not None and implementation.model is None:
        yield Finding(path, "the key 'model' is missing", "Name the dbt model that is the entity.")
    elif implementation.rules is not None:
        for key in ("model", "executor", "timeout", "vars", "online"):
            if getattr(implementation, key) is not None:
                yield Finding((*path, key), "goes with `dbt`, not with `rules`", "Take it away.")


def _executor(path: KeyPath, implementation: ImplementationShape, declared: Declared) -> Iterator[Finding]:
    """The place where dbt is to run is declared."""
    mode = implementation.executor
    if mode not in {None, "local"} and mode not in declared.names("executors"):
        yield Finding((*path, "executor"), f"there is no {mode!r} under `executors`", "Declare it there.")


def _files(path: KeyPath, implementation: ImplementationShape, folder: Path) -> Iterator[Finding]:
    """The rule set's file and the dbt project are there; those of a revision are looked for by `lockgate check`."""
    if implementation.revision is not None:
        written = implementation.rules or implementation.dbt or ""
        if Path(written).is_absolute():
            message = "a revision has no absolute paths"
            yield Finding(path, message, f"Write it from the project's folder, {folder.name}.")
        return
    if implementation.rules is not None and not (folder / implementation.rules).is_file():
        message = f"there is no file {implementation.rules!r}"
        yield Finding((*path, "rules"), message, f"Paths start at the project's folder, {folder.name}.")
    if implementation.dbt is not None and not (folder / implementation.dbt / DBT_FILE).is_file():
        message = f"there is no dbt project in {implementation.dbt!r}: it has no {DBT_FILE}"
        yield Finding((*path, "dbt"), message, f"Paths start at the project's folder, {folder.name}.")


def _workshop(path: KeyPath, schema: str, name: str) -> Iterator[Finding]:
    """The schema that the implementation builds in can have its name."""
    workshop = workshop_name(schema, name)
    if name in OWN_SUFFIXES:
        yield Finding(path, f"Lockgate keeps the schema {workshop!r} for itself", "Choose another name.")
    if len(workshop.encode()) > LONGEST_IDENTIFIER_BYTES:
        message = f"its workshop {workshop!r} takes more than {LONGEST_IDENTIFIER_BYTES} bytes"
        yield Finding(path, message, "Shorten the implementation's name or the schema's.")


def _routes(declared: Declared) -> Iterator[Finding]:
    """Routes name the entity's implementations, two different ones, and gates that are there."""
    gates, policies = declared.names("gates"), declared.names("policies")
    for name, entity in declared.shape.entities.items():
        known = declared.names("entities", name, "implementations")
        written = "route" in declared.names("entities", name)
        if entity.route is not None:
            path = ("entities", name, "route")
            yield from _route(path, entity.route, known, gates)
            policy = entity.route.policy
            if policy is not None and policy not in policies:
                remedy = suggestion(policy, policies, "policies")
                yield Finding((*path, "policy"), f"there is no policy {policy!r}", remedy)
        elif len(known) > 1 and not written:
            remedy = f"Add `route: {{incumbent: {known[0]}, candidate: {known[1]}}}`."
            yield Finding(("entities", name), "has several implementations and no route", remedy)


def _route(path: KeyPath, route: RouteShape, known: tuple[str, ...], gates: tuple[str, ...]) -> Iterator[Finding]:
    """One route."""
    for side in ("incumbent", "candidate"):
        name = getattr(route, side)
        if name is not None and name not in known:
            remedy = suggestion(name, known, "implementations")
            yield Finding((*path, side), f"there is no implementation {name!r}", remedy)
    if route.candidate is None and route.stage != "off":
        message = f"nothing can be {route.stage}: there is no candidate"
        yield Finding((*path, "stage"), message, "Name a candidate, or take the stage away.")
    if route.candidate == route.incumbent:
        yield Finding((*path, "candidate"), "is the incumbent itself", "Name another implementation, or none.")
    for index, gate in enumerate(route.gates):
        if gate not in gates:
            yield Finding((*path, "gates", index), f"there is no gate {gate!r}", suggestion(gate, gates, "gates"))


def _signatures(declared: Declared) -> Iterator[Finding]:
    """Gates that want signatures name roles that enough people have."""
    roles = declared.names("roles")
    for name, gate in declared.shape.gates.items():
        if gate.sign_off is None:
            continue
        path = ("gates", name, "sign_off")
        for index, role in enumerate(gate.sign_off.roles):
            if role not in roles:
                yield Finding((*path, "roles", index), f"there is no role {role!r}", suggestion(role, roles, "roles"))
        people = {one for role in gate.sign_off.roles for one in declared.shape.roles.get(role, ())}
        if people and len(people) < gate.sign_off.people:
            message = f"wants {gate.sign_off.people} signatures, and {len(people)} may sign"
            yield Finding((*path, "people"), message, "Name more people under `roles`.")


# --- notifications ----------------------------------------------------------------------------------------------


def _notifications(declared: Declared) -> Iterator[Finding]:
    """Channels are about entities that are there."""
    known = declared.names("entities")
    for name, channel in declared.shape.notifications.items():
        for place, entity in enumerate(channel.entities):
            if entity not in known:
                path = ("notifications", name, "entities", place)
                yield Finding(path, f"there is no entity {entity!r}", suggestion(entity, known, "entities"))


CHECKS: tuple[Check, ...] = (
    _streams,
    _contracts,
    _groups,
    _compared,
    _measured,
    _served,
    _implementations,
    _routes,
    _signatures,
    flow_findings,
    _notifications,
)
