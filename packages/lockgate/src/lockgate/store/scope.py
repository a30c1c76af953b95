"""Whose rows they are: a control plane may serve several projects, and a project several targets."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Table, and_


@dataclass(frozen=True, slots=True)
class Scope:
    """A project on a target."""

    project: str
    target: str

    def of(self, table: Table) -> ColumnElement[bool]:
        """The condition that a row of `table` is ours."""
        return and_(table.c.project == self.project, table.c.target == self.target)

    def values(self) -> dict[str, str]:
        """The columns that make a row ours."""
        return asdict(self)
