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
    """What consumers may rely on: ordered, typed columns and the key that makes a row one row.

    `bucket_by` is the column whose bucket decides which side of a route answers for a row; where it is empty, the key
    does. Rows of several entities that have one value there move together.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    bucket_by: str = ""

    def __post_init__(self) -> None:
        """Refuse a contract whose key or bucket column is not among its columns, or that names a column twice."""
        names = self.names
        if len(set(names)) != len(names):
            raise ValueError("a contract names each column once")
        if not self.key or not set(self.key) <= set(names):
            raise ValueError("a contract's key is one or more of its columns")
        if self.bucket_by and self.bucket_by not in names:
            raise ValueError("a contract is bucketed by one of its columns")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def bucketed(self) -> tuple[str, ...]:
        """The columns that decide a row's bucket."""
        return (self.bucket_by,) if self.bucket_by else self.key

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: the contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
