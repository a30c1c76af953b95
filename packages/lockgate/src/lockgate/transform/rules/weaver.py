"""Turns the steps of a program into columns that depend on each other, in one engine's SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from lockgate.core.sql import column, sql_type, table
from lockgate.core.types import Kind
from lockgate.errors import RuleSetInvalid
from lockgate.transform.rules.language.functions import template
from lockgate.transform.rules.language.lowering import Lowering, fill
from lockgate.transform.rules.language.spark import compared
from lockgate.transform.rules.language.typed import Ref, Typed
from lockgate.transform.rules.layers import Item, chain, ordered
from lockgate.transform.rules.program import Assign, Change, End, Ending, Join, Program, Rank, Tap
from lockgate.transform.rules.rule_set import Order

CHANGED = "_changed"
BITS = 62
"""How many changing rules one bigint column holds; a rule set with more has `_changed_2` and so on."""


def changed_columns(program: Program) -> tuple[str, ...]:
    """The names of the columns that hold which rules changed a row."""
    count = max(-(-len(program.changes) // BITS), 1)
    return (CHANGED, *(f"{CHANGED}_{number}" for number in range(2, count + 1)))


def is_null(value: exp.Expr) -> exp.Expr:
    """… IS NULL."""
    return exp.Is(this=value.copy(), expression=exp.null())


class Weaver:
    """Turns one program's steps into items."""

    def __init__(self, program: Program, dialect: str, name: str, names: set[str] | None = None) -> None:
        """Weave a program whose layers are called after `name`; `names` are those that are in use in the query."""
        self.program, self.dialect = program, dialect
        self.ended: str | None = None
        self.changed: dict[str, str] = {}
        self._uncounted = list(program.changes)
        self._name = name
        self._names = {name} if names is None else names
        self._items: list[Item] = []
        self._lets: dict[Typed, str] = {}
        self._joins: list[tuple[str, Join]] = []
        self._pending: list[tuple[int, exp.Expr]] = []
        self._lowering = Lowering(dialect, self._let)
        for step in program.steps:
            self._step(step)
        self._end()
        self._count()

    def layers(self, wanted: Sequence[str]) -> tuple[list[tuple[str, exp.Select]], str]:
        """The layers that give the wanted columns."""
        given = [ref.name for ref in (*self.program.source, *self.program.positions)]
        source = table(self.program.rule_set.source)
        fenced = self.dialect == "postgres"
        return chain(self._items, source, name=self._name, given=given, wanted=wanted, fenced=fenced)

    def _count(self, code: int | None = None) -> None:
        """Adds up the bits of changes that are not added yet; of those before an ending alone, where one is named."""
        ready = [change for change in self._uncounted if code is None or change.after_code < code]
        self._uncounted = self._uncounted[len(ready) :]
        for place, name in enumerate(changed_columns(self.program)):
            if changes := [change for change in ready if change.bit // BITS == place]:
                before = self.changed.get(name)
                version = name if before is None else f"{before}_"
                self._items.append(Item.of(version, self._bits(changes, before), "a bit a rule that changed the row"))
                self.changed[name] = version

    def label(self, value: str, among: Sequence[str]) -> exp.Expr:
        """One of a few texts. DuckDB stores them as numbers of an ENUM: a byte a row to write, not sixteen."""
        text = exp.Literal.string(value)
        return exp.Cast(this=text, to=_enumeration(among)) if self.dialect == "duckdb" else text

    def labelled(self, labels: Sequence[str], number: exp.Expr, among: Sequence[str] = ()) -> exp.Expr:
        """The text of a list by its number, from 1; NULL where that is NULL."""
        kinds = among or tuple(dict.fromkeys(labels))
        if len(set(labels)) == 1:
            return exp.Case(ifs=[exp.If(this=exp.not_(is_null(number)), true=self.label(labels[0], kinds))])
        texts: exp.Expr = exp.Array(expressions=[exp.Literal.string(label) for label in labels])
        if self.dialect == "duckdb":
            array = exp.DataType(this=exp.DataType.Type.ARRAY, expressions=[_enumeration(kinds)], nested=True)
            texts = exp.Cast(this=texts, to=array)
        return self._element(texts, number)

    def numbered(self, values: Sequence[int], number: exp.Expr) -> exp.Expr:
        """The whole number of a list by its number, from 1."""
        return self._element(exp.Array(expressions=[exp.Literal.number(value) for value in values]), number)

    def _element(self, array: exp.Expr, number: exp.Expr) -> exp.Expr:
        """An element of an array."""
        pattern = template("element", self.dialect)
        assert pattern is not None  # noqa: S101  # every engine has it
        return fill(pattern.tree, [array, number], [])

    def _bits(self, changes: Sequence[Change], before: str | None) -> exp.Expr:
        """A sum of powers of two, one for each rule that changed the row, and of what was added up before."""
        total: exp.Expr | None = None if before is None else column(before)
        for change in changes:
            power = exp.cast(exp.Literal.number(1 << change.bit % BITS), "bigint")
            zero = exp.cast(exp.Literal.number(0), "bigint")
            bit = exp.Case(ifs=[exp.If(this=self._lowering.lower(change.condition), true=power)], default=zero)
            bit.add_comments([change.rule])
            total = bit if total is None else exp.Add(this=total, expression=bit)
        assert total is not None  # noqa: S101  # there is one change at least
        return total

    def _let(self, node: Typed, value: exp.Expr) -> exp.Expr:
        """A column of its own for an expression; the same one for the same expression."""
        if node not in self._lets:
            self._lets[node] = f"_{len(self._lets) + 1}"
            self._items.append(Item.of(self._lets[node], value))
        return column(self._lets[node])

    def _step(self, step: Assign | End | Rank | Join) -> None:
        """Adds one step's items."""
        if isinstance(step, Assign):
            self._items.append(Item.of(step.name, self._lower(step.value, step.rule), step.rule))
        elif isinstance(step, End):
            rule = self.program.endings[step.code - 1].rule
            self._pending.append((step.code, self._lower(step.condition, rule)))
        elif isinstance(step, Rank):
            self._end()
            self._count(step.code)
            self._rank(step)
        else:
            self._join(step)

    def _lower(self, value: Typed, rule: str) -> exp.Expr:
        """A rule's expression in the engine's SQL.

        Raises:
            RuleSetInvalid: the engine does not offer it; its one problem says where the rule stands.
        """
        try:
            return self._lowering.lower(value)
        except RuleSetInvalid as refusal:
            rule_set = self.program.rule_set
            place = next((known.place for known in rule_set.rules if known.name == rule), rule_set.place)
            problem = place.problem(refusal.message, refusal.remedy)
            message = f"the rules of {rule_set.entity} cannot run:\n{problem}"
            raise RuleSetInvalid(message, problems=(problem,), dialect=self.dialect) from None

    def _end(self) -> None:
        """Puts the endings that have gathered into one CASE: the first that is true ends the row."""
        if not self._pending:
            return
        ifs = (
            [] if self.ended is None else [exp.If(this=exp.not_(is_null(column(self.ended))), true=column(self.ended))]
        )
        for code, condition in self._pending:
            branch = exp.If(this=condition, true=exp.Literal.number(code))
            branch.args["true"].add_comments([self._why(self.program.endings[code - 1])])
            ifs.append(branch)
        self._pending = []
        self._settle(exp.Case(ifs=ifs), "which rule, if any, ended the row")

    def _settle(self, value: exp.Expr, comment: str) -> None:
        """A new version of the column that says which rule ended a row."""
        name = f"_ended_{sum(item.name.startswith('_ended') for item in self._items) + 1}"
        self._items.append(Item.of(name, value, comment))
        self.ended = name

    def _why(self, ending: Ending) -> str:
        """An ending in words."""
        return f"{ending.rule}: {ending.outcome}"

    def _rank(self, step: Rank) -> None:
        """Numbers the rows of each key, then ends all but the first."""
        going = [] if self.ended is None else [is_null(column(self.ended))]
        keys = [column(ref.name) for ref in step.key]
        order = [self._ordered(column(ref.name), ref, by) for ref, by in step.order]
        window = exp.Window(this=exp.RowNumber(), partition_by=[*keys, *going], order=exp.Order(expressions=order))
        ending = self.program.endings[step.code - 1]
        name = f"_rank_{step.code}"
        self._items.append(Item.of(name, window, self._why(ending)))
        later = exp.GT(this=column(name), expression=exp.Literal.number(1))
        known = [exp.not_(is_null(key)) for key in keys]
        branch = exp.If(
            this=exp.and_(*known, *(test.copy() for test in going), later), true=exp.Literal.number(step.code)
        )
        self._settle(exp.Case(ifs=[branch], default=column(self.ended) if self.ended else None), self._why(ending))

    def _ordered(self, value: exp.Expr, ref: Ref, by: Order) -> exp.Ordered:
        """A column of an ORDER BY; text by code point."""
        if ref.type.kind is Kind.TEXT:
            pattern = template("by_code_point", self.dialect)
            assert pattern is not None  # noqa: S101  # every engine has it
            value = fill(pattern.tree, [value], [])
        return ordered(value, descending=by.descending, nulls_first=by.nulls_first)

    def _join(self, step: Join) -> None:
        """Joins the one matching row and takes columns from it."""
        side = f"{self._name}_lookup_{len(self._joins) + 1}"
        self._joins.append((side, step))
        equal = [self._equal(side, ours, theirs) for ours, theirs in step.on]
        join = exp.Join(this=exp.to_table(side), side="LEFT", on=exp.and_(*equal))
        needs = frozenset(ours.name for ours, _ in step.on)
        taken = [*step.take, (step.matched, step.on[0][1])]
        for name, theirs in dict(taken).items():
            self._items.append(Item(name, _of(side, theirs.name), step.name, join, needs))

    def _equal(self, side: str, ours: Ref, theirs: Ref) -> exp.Expr:
        """Whether our column is equal to one of the joined rows; on Spark in a type that has room for both."""
        ends = _of("t", ours.name), _of(side, theirs.name)
        kept = compared(ours.type, theirs.type) if self.dialect == "spark" else None
        left, right = ends if kept is None else (exp.cast(end, sql_type(kept)) for end in ends)
        return exp.EQ(this=left, expression=right)

    def sides(self) -> list[tuple[str, exp.Select]]:
        """The named SELECTs that joins read; a program that several of them tap is woven once."""
        found: list[tuple[str, exp.Select]] = []
        tapped: dict[str, tuple[Weaver, str]] = {}
        for _, step in self._joins:
            if isinstance(step.rows, Tap) and step.rows.program.rule_set.entity not in tapped:
                selects, weaver, last = self._woven(step.rows.program)
                found += selects
                tapped[step.rows.program.rule_set.entity] = weaver, last
        return found + [(side, self._side(step, tapped)) for side, step in self._joins]

    def _woven(self, program: Program) -> tuple[list[tuple[str, exp.Select]], Weaver, str]:
        """The layers of a program, with every column that joins take from it."""
        name = program.rule_set.entity
        while name in self._names:
            name += "_again"
        self._names.add(name)
        weaver = Weaver(program, self.dialect, name, self._names)
        taps = [step for _, step in self._joins if isinstance(step.rows, Tap) and step.rows.program is program]
        names = [ref.name for step in taps for ref in _theirs(step)]
        layers, last = weaver.layers([*names, *([weaver.ended] if weaver.ended else [])])
        return [*weaver.sides(), *layers], weaver, last

    def _side(self, step: Join, tapped: Mapping[str, tuple[Weaver, str]]) -> exp.Select:
        """The rows to join, one a key."""
        theirs = _theirs(step)
        rows = exp.select(*(column(ref.name) for ref in theirs))
        if isinstance(step.rows, Tap):
            weaver, last = tapped[step.rows.program.rule_set.entity]
            rows = weaver.going_on(rows.from_(last), step.rows.code)
        else:
            rows = rows.from_(table(step.rows))
        return rows if step.is_unique else self._first_of_each(step, rows, theirs)

    def going_on(self, rows: exp.Select, code: int) -> exp.Select:
        """Of the rows of this program's last layer those that no rule up to a code has ended."""
        if self.ended is None:
            return rows
        later = exp.GT(this=column(self.ended), expression=exp.Literal.number(code))
        return rows.where(exp.or_(is_null(column(self.ended)), later))

    def _first_of_each(self, step: Join, rows: exp.Select, theirs: Sequence[Ref]) -> exp.Select:
        """The rows, one for each value of the columns that are matched."""
        keys = [column(ref.name) for _, ref in step.on]
        told = {ref.name for ref, _ in step.order}
        ties = [(ref, Order(ref.name)) for _, ref in step.take if ref.name not in told]
        order = [self._ordered(column(ref.name), ref, by) for ref, by in (*step.order, *ties)]
        window = exp.Window(this=exp.RowNumber(), partition_by=keys, order=exp.Order(expressions=order))
        ranked = rows.select(exp.alias_(window, "_rank", quoted=True))
        first = exp.EQ(this=column("_rank"), expression=exp.Literal.number(1))
        return exp.select(*(column(ref.name) for ref in theirs)).from_(ranked.subquery("ranked")).where(first)


def _enumeration(values: Sequence[str]) -> exp.DataType:
    """The type of one of a few texts."""
    texts = [exp.Literal.string(value) for value in values]
    return exp.DataType(this=exp.DataType.Type.ENUM, expressions=texts, nested=False)


def _theirs(step: Join) -> list[Ref]:
    """The columns of the joined rows that a join reads."""
    refs = (*(ref for _, ref in step.on), *(ref for _, ref in step.take), *(ref for ref, _ in step.order))
    return list(dict.fromkeys(refs))


def _of(side: str, name: str) -> exp.Column:
    """A column of a joined SELECT."""
    return exp.column(exp.to_identifier(name, quoted=True), table=side)
