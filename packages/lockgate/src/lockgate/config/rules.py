"""Reads a rule set's YAML file into the rule set that `lockgate.transform.rules` runs; all problems at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockgate.config.problems import beside, fitted, located
from lockgate.config.rule_shape import CaseShape, LookupShape, RuleSetShape, RuleShape, SqlShape
from lockgate.config.yaml_positions import Document, KeyPath, parse_yaml, read_yaml
from lockgate.core.relation import Relation
from lockgate.errors import Problem, ProjectInvalid
from lockgate.transform.rules.rule_set import (
    Action,
    Case,
    Cast,
    CastColumn,
    Deduplicate,
    Default,
    Derive,
    EntityRows,
    Expression,
    Filter,
    GivenRows,
    MapLookup,
    Order,
    Place,
    Rename,
    RowLookup,
    Rule,
    RuleSet,
    Validate,
    Value,
)

KINDS = ("rename", "map", "cast", "derive", "lookup", "default", "filter", "validate", "deduplicate")
ENTITY = "entity:"
_RELATION = re.compile(r"^([^.]+)\.([^.]+)$")
_ORDER = re.compile(r"^(.+?)(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?$", re.IGNORECASE)


def load_rule_set(path: Path, *, file: str) -> RuleSet:
    """The rule set in the file at `path`; problems call it `file`.

    Raises:
        ProjectInvalid: with every problem of the file, in its order.
    """
    return _rule_set(read_yaml(path, file=file, lenient=True))


def parse_rule_set(text: str, *, file: str) -> RuleSet:
    """The rule set that `text` writes; problems call it `file`.

    Raises:
        ProjectInvalid: with every problem of the text, in its order.
    """
    return _rule_set(parse_yaml(text, file=file, lenient=True))


def _rule_set(document: Document) -> RuleSet:
    """A document as a rule set."""
    shape, problems = fitted(RuleSetShape, document)
    if shape is None or problems:
        raise ProjectInvalid(beside(document.problems, problems))
    reader = _Reader(document)
    rule_set = reader.rule_set(shape)
    if reader.problems or document.problems:
        raise ProjectInvalid(beside(document.problems, reader.problems))
    return rule_set


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns shapes into rules, noting what their shape could not refuse."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def rule_set(self, shape: RuleSetShape) -> RuleSet:
        """The whole file."""
        source = self._relation(shape.from_, ("from",))
        return RuleSet(
            entity=shape.entity,
            source=source,
            rules=self._rules(shape.rules),
            output=tuple(shape.output),
            place=self._place(()),
            output_place=self._place(("output",)),
            cases=tuple(self._case(case, source, ("cases", number)) for number, case in enumerate(shape.cases)),
            revision=hashlib.sha256(repr(self.document.data).encode()).hexdigest(),
        )

    def _report(self, path: KeyPath, message: str, remedy: str) -> None:
        self.problems.append(located(self.document, path, message, remedy))

    def _place(self, path: KeyPath) -> Place:
        """Where a key stands."""
        return Place(self.document.file, self.document.line(path))

    def _expression(self, text: str, path: KeyPath) -> Expression:
        """An expression; its lines are counted from where its text starts: in a block of text below the `|` or `>`."""
        line = self.document.value_line(path) + ("\n" in text)
        return Expression(text.rstrip(), Place(self.document.file, line))

    def _relation(self, written: str, path: KeyPath) -> Relation:
        match = _RELATION.match(written)
        if match is None:
            self._report(path, f"{written!r} is no relation", "Write it as schema.table, such as raw.users.")
        return Relation(match[1], match[2]) if match else Relation("", written)

    def _rules(self, shapes: list[RuleShape]) -> tuple[Rule, ...]:
        """The rules; each has a name of its own."""
        rules, lines = [], dict[str, int]()
        for number, shape in enumerate(shapes):
            path: KeyPath = ("rules", number)
            kinds = [kind for kind in KINDS if self._said(shape, kind) is not None]
            if len(kinds) != 1:
                said = f"both {kinds[0]} and {kinds[1]} stand here" if kinds else "no kind of rule stands here"
                self._report(path, said, f"A rule has exactly one of {', '.join(KINDS)}.")
                continue
            name = shape.name or f"{kinds[0]}_{number + 1}"
            if name in lines:
                self._report(path, f"there is a rule {name!r} already, on line {lines[name]}", "Choose another name.")
            lines.setdefault(name, self.document.line(path))
            action = _ACTIONS[kinds[0]](self, self._said(shape, kinds[0]), (*path, kinds[0]))
            rules.append(Rule(name, action, self._place(path)))
        return tuple(rules)

    @staticmethod
    def _said(shape: RuleShape, kind: str) -> Any:
        return getattr(shape, "validate_" if kind == "validate" else kind)

    def _rename(self, shape: dict[str, str], _path: KeyPath) -> Action:
        return Rename(tuple(shape.items()))

    def _map(self, shape: dict[str, str], _path: KeyPath) -> Action:
        return Rename(tuple((old, new) for new, old in shape.items()))

    def _cast(self, shape: Mapping[str, Any], _path: KeyPath) -> Action:
        casts = (CastColumn(name, cast.type, tuple(cast.formats), cast.reason) for name, cast in shape.items())
        return Cast(tuple(casts))

    def _derive(self, shape: dict[str, str], path: KeyPath) -> Action:
        return Derive(tuple((name, self._expression(text, (*path, name))) for name, text in shape.items()))

    def _default(self, shape: Mapping[str, Any], path: KeyPath) -> Action:
        return Default(tuple((name, self._filling(value, (*path, name))) for name, value in shape.items()))

    def _filling(self, value: Any, path: KeyPath) -> Value | Expression:
        if isinstance(value, SqlShape):
            return self._expression(value.sql, (*path, "sql"))
        return Value(value, self._place(path))

    def _filter(self, shape: Any, path: KeyPath) -> Action:
        return Filter(self._expression(shape.where, (*path, "where")))

    def _validate(self, shape: Any, path: KeyPath) -> Action:
        return Validate(self._expression(shape.that, (*path, "that")), shape.reason)

    def _deduplicate(self, shape: Any, path: KeyPath) -> Action:
        return Deduplicate(tuple(shape.key), self._orders(shape.order, (*path, "order")))

    def _orders(self, written: list[str], path: KeyPath) -> tuple[Order, ...]:
        """Columns to order by."""
        return tuple(self._order(text.strip(), (*path, number)) for number, text in enumerate(written))

    def _order(self, written: str, path: KeyPath) -> Order:
        match = _ORDER.match(written)
        if match is None:
            self._report(path, f"{written!r} is no order", "Write it as `column desc nulls last`.")
            return Order(written)
        return Order(match[1], (match[2] or "").lower() == "desc", (match[3] or "").lower() == "first")

    def _lookup(self, shape: LookupShape, path: KeyPath) -> Action:
        """A lookup of either form."""
        if (shape.map is None) == (shape.in_ is None):
            self._report(path, "a lookup has either `map` or `in`", "Write the values by key, or where to look.")
        if shape.map is not None or shape.in_ is None:
            return self._map_lookup(shape, path)
        return RowLookup(
            rows=self._rows(shape, path),
            on=self._pairs(shape.on, (*path, "on")),
            take=self._pairs(shape.take, (*path, "take")),
            order=self._orders(shape.order, (*path, "order")),
            defaults=self._defaults(shape, path),
        )

    def _map_lookup(self, shape: LookupShape, path: KeyPath) -> Action:
        for key in ("after", "order"):
            if getattr(shape, key):
                self._report((*path, key), "goes with `in`, not with `map`", "Take it away.")
        for key, value in (("on", shape.on), ("take", shape.take)):
            if isinstance(value, dict):
                self._report((*path, key), "must be one column with `map`", f"Write {key}: column.")
        default = None
        if isinstance(shape.default, dict):
            self._report((*path, "default"), "must be one value with `map`", "Write default: value.")
        elif shape.default is not None:
            default = Value(shape.default, self._place((*path, "default")))
        if shape.map == {}:
            self._report((*path, "map"), "must not be empty", "Write at least one key.")
        return MapLookup(str(shape.on), str(shape.take), tuple((shape.map or {}).items()), default)

    def _rows(self, shape: LookupShape, path: KeyPath) -> Relation | EntityRows:
        """What is looked up."""
        written = shape.in_ or ""
        if written.startswith(ENTITY):
            return EntityRows(written.removeprefix(ENTITY), shape.after)
        if shape.after is not None:
            self._report((*path, "after"), "goes with `in: entity:NAME` alone", "Take it away.")
        return self._relation(written, (*path, "in"))

    def _pairs(self, written: str | dict[str, str], path: KeyPath) -> tuple[tuple[str, str], ...]:
        """Our columns with theirs; one name stands for both."""
        if isinstance(written, dict) and not written:
            self._report(path, "must not be empty", "Write `ours: theirs`.")
        return tuple(written.items()) if isinstance(written, dict) else ((written, written),)

    def _defaults(self, shape: LookupShape, path: KeyPath) -> tuple[tuple[str, Value], ...]:
        """Defaults by our column."""
        path = (*path, "default")
        taken = [ours for ours, _ in self._pairs(shape.take, path)]
        if not isinstance(shape.default, dict):
            return (
                ()
                if shape.default is None
                else tuple((name, Value(shape.default, self._place(path))) for name in taken)
            )
        for name in shape.default:
            if name not in taken:
                self._report((*path, name), "is not among the columns that are taken", f"There are {', '.join(taken)}.")
        return tuple((name, Value(value, self._place((*path, name)))) for name, value in shape.default.items())

    def _case(self, shape: CaseShape, source: Relation, path: KeyPath) -> Case:
        """An example."""
        by_relation = shape.given if isinstance(shape.given, dict) else {str(source): shape.given}
        given = (
            GivenRows(self._relation(name, (*path, "given", name)), tuple(tuple(row.items()) for row in rows))
            for name, rows in by_relation.items()
        )
        for number, row in enumerate(shape.rejected):
            if not {"rule", "reason"} & set(row):
                self._report((*path, "rejected", number), "it says not why", "Add `rule: name` or `reason: text`.")
        return Case(
            name=shape.name,
            given=tuple(given),
            rows=tuple(tuple(row.items()) for row in shape.expect),
            rejected=tuple(tuple(row.items()) for row in shape.rejected),
            place=self._place(path),
        )


_ACTIONS: Mapping[str, Callable[[_Reader, Any, KeyPath], Action]] = {
    kind: getattr(_Reader, f"_{kind}") for kind in KINDS
}
