"""Which columns a place in a query can name, and of which DuckDB type each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from lockgate.sandbox.bigquery_api.refusals import bad_query

Columns = list[tuple[str, str]]


@dataclass(slots=True)
class Scope:
    """The sources of a SELECT by alias, its own aliases, the names of WITH, and whatever is around it."""

    around: Scope | None = None
    sources: dict[str, Columns] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    named: dict[str, Columns] = field(default_factory=dict)

    def inner(self) -> Scope:
        """A scope within this one."""
        return Scope(self)

    def with_name(self, name: str) -> Columns | None:
        """The columns of a common table expression; None where there is none of that name."""
        if name.casefold() in self.named:
            return self.named[name.casefold()]
        return self.around.with_name(name) if self.around else None

    def add(self, alias: str, columns: Columns) -> None:
        """One more source.

        Raises:
            Refusal: the alias is taken.
        """
        if alias.casefold() in self.sources:
            raise bad_query(f"Duplicate table alias {alias} in the same FROM clause")
        self.sources[alias.casefold()] = columns

    def type_of(self, column: exp.Column) -> str | None:
        """The DuckDB type of a column; None where there is no such column."""
        name, table = column.name.casefold(), column.table.casefold()
        for alias, columns in self.sources.items():
            if table and alias != table:
                continue
            for known, kind in columns:
                if known.casefold() == name:
                    return kind
        if not table and name in self.aliases:
            return self.aliases[name]
        if not table and name in self.sources:
            return row_type(self.sources[name])
        return self.around.type_of(column) if self.around else None

    def names_of(self, alias: str) -> Columns:
        """The columns of a source.

        Raises:
            Refusal: there is no such source.
        """
        found = self.sources.get(alias.casefold())
        if found is None:
            raise bad_query(f"Unrecognized name: {alias}")
        return found

    def has_column(self, name: str) -> bool:
        """Whether any source, here or around, has a column of the name."""
        here = any(known.casefold() == name.casefold() for columns in self.sources.values() for known, _ in columns)
        return here or (self.around is not None and self.around.has_column(name))


def row_type(columns: Sequence[tuple[str, str]]) -> str:
    """The type of a row as a whole."""
    inner = ", ".join(f"{exp.to_identifier(name, quoted=True).sql('duckdb')} {kind}" for name, kind in columns)
    return f"STRUCT({inner})"


def position(node: exp.Expr) -> str:
    """Where something stands in the text, as messages say it."""
    for each in node.walk():
        line, end = each.meta.get("line"), each.meta.get("col")
        if line and end:
            return f" at [{line}:{int(end) - len(each.name) + 1}]"
    return ""
