"""Relations and the contracts their columns keep."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.core.types import ColumnType


@dataclass(frozen=True, slots=True)
class Column:
    """A name and a logical type."""

    name: str
    type: ColumnType
    description: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A table or view of a target, by schema and name."""

    schema: str
    name: str

    def __str__(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Contract:
    """What consumers may rely on: ordered, typed columns and the key that makes a row one row."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a contract whose key is not among its columns, or that names a column twice."""
        names = self.names
        if len(set(names)) != len(names):
            raise ValueError("a contract names each column once")
        if not self.key or not set(self.key) <= set(names):
            raise ValueError("a contract's key is one or more of its columns")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: the contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
