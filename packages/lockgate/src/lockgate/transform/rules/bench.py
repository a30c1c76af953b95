"""The state of a rule set while it is being bound: columns as they stand, steps so far, problems noted."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.core.relation import Column
from lockgate.errors import Problem
from lockgate.transform.rules.language.reading import nearest, read_expression
from lockgate.transform.rules.language.signatures import compare
from lockgate.transform.rules.language.typed import BOOLEAN, Call, Const, Mismatch, Ref, Typed, settled
from lockgate.transform.rules.program import Assign, Catalog, Change, End, Ending, Program, Stand, Step
from lockgate.transform.rules.rule_set import Expression, Outcome, Place, Rule, RuleSet
from lockgate.transform.rules.ties import break_ties

BROKEN = Const(None, None)
"""Stands for a column whose own expression has problems, so that these are told once."""
Standing = Ref | Const
_LONGEST_NAME = 58  # bytes that leave room for a version's number; PostgreSQL cuts names off at 63


class Bench:
    """Where a program is put together, rule by rule."""

    def __init__(self, rule_set: RuleSet, catalog: Catalog) -> None:
        """Start with nothing."""
        self.rule_set, self.catalog = rule_set, catalog
        self.scope: dict[str, Standing] = {}
        self.problems: list[Problem] = []
        self.looked_up: dict[str, Program | None] = {}
        self.unique: tuple[Ref, ...] = ()
        self.positions: tuple[Ref, ...] = ()
        self.steps: list[Step] = []
        self._source: tuple[Ref, ...] = ()
        self._endings: list[Ending] = []
        self._changes: list[Change] = []
        self._stands: list[Stand] = []
        self._names: set[str] = set()

    def begin(self, columns: Sequence[Column], positions: Sequence[Column]) -> None:
        """Bring in the source's columns; those that start with `_` are not for rules."""
        self.positions = tuple(Ref(column.name, column.type) for column in positions)
        shown = [column for column in columns if not column.name.startswith("_")]
        self._source = tuple(Ref(column.name, column.type) for column in shown)
        self.scope = {ref.name: ref for ref in self._source}
        self._names = {column.name.lower() for column in columns}

    def report(self, place: Place, message: str, remedy: str = "") -> None:
        """Note a problem."""
        self.problems.append(place.problem(message, remedy))

    def note(self, rule: Rule) -> None:
        """Remember how things stand after a rule."""
        scope = {name: ref for name, ref in self.scope.items() if isinstance(ref, Ref)}
        self._stands.append(Stand(rule, scope, len(self._endings), self.unique))

    def column(self, name: str, place: Place) -> Standing | None:
        """A column as it stands; None, with a problem noted, where there is none."""
        if name in self.scope:
            return self.scope[name]
        self.report(place, f"there is no column {name!r} at this point", nearest(name, sorted(self.scope), "column"))
        return None

    def read(self, expression: Expression) -> Typed | None:
        """A checked expression; None, with its problems noted, where it has any."""
        typed, problems = read_expression(expression, self.scope)
        self.problems += problems
        return typed

    def version(self, name: str) -> str:
        """A name for one more version of a column, used nowhere else in this program, in no case of its letters."""
        stem = name if len(name.encode()) <= _LONGEST_NAME else "_long"
        found, number = name, 2
        while found.lower() in self._names:
            found, number = f"{stem}__{number}", number + 1
        self._names.add(found.lower())
        return found

    def put(self, name: str, value: Typed | None, rule: Rule, *, changes: Typed | None = None) -> None:
        """Give a column a new value; `changes` says for which rows that is a change of what was there."""
        if name.startswith("_") or not name:
            self.report(
                rule.place, f"a column cannot be called {name!r}", "Names that start with _ are Lockgate's own."
            )
        if value is None or value.type is None:
            if value is not None and not self.problems:
                self.report(rule.place, f"{name!r} would be a bare NULL", "Give it a type: cast(null as text).")
            self.scope[name] = BROKEN
            return
        if isinstance(value, Ref):
            self.scope[name] = value
            return
        ref = Ref(self.version(name), settled(value.type))
        self.steps.append(Assign(ref.name, value, rule.name))
        self.scope[name] = ref
        if changes is not None:
            self._change(rule, changes)

    def replace(self, name: str, value: Typed | None, rule: Rule) -> None:
        """Give a column a new value, and have it noted where it differs from what was there."""
        before = self.scope.get(name)
        self.put(name, value, rule)
        after = self.scope[name]
        if isinstance(before, Ref) and isinstance(after, Ref) and before != after:
            self._change(rule, _differs(before, after))

    def _change(self, rule: Rule, condition: Typed) -> None:
        """Note that a rule changes the rows for which the condition is true; all its columns together have one bit."""
        if self._changes and self._changes[-1].rule == rule.name:
            before = self._changes.pop().condition
            others = before.args if isinstance(before, Call) and before.function == "or" else (before,)
            condition = Call("or", (*others, condition), BOOLEAN)
        self._changes.append(Change(len(self._changes), rule.name, condition, len(self._endings)))

    def end(self, rule: Rule, condition: Typed, outcome: Outcome, reason: str) -> None:
        """Let the rows for which the condition is true end here."""
        self.steps.append(End(self.code(rule, outcome, reason), condition))

    def code(self, rule: Rule, outcome: Outcome, reason: str) -> int:
        """The code of one more way to end."""
        self._endings.append(Ending(len(self._endings) + 1, rule.name, outcome, reason))
        return len(self._endings)

    def program(self) -> Program:
        """What was put together."""
        standing = [(name, self.scope[name]) for name in self.rule_set.output]
        output = tuple((name, ref) for name, ref in standing if isinstance(ref, Ref))
        return Program(
            rule_set=self.rule_set,
            source=self._source,
            positions=self.positions,
            steps=break_ties(self.steps, (ref for _, ref in output), self.positions),
            endings=tuple(self._endings),
            changes=tuple(self._changes),
            stands=tuple(self._stands),
            output=output,
        )


def _differs(before: Ref, after: Ref) -> Typed:
    """Whether a column's value is another than before; where the types cannot be compared, whether there is one."""
    try:
        return compare("distinct", before, after)
    except Mismatch:
        return Call("is_not_null", (after,), BOOLEAN)
