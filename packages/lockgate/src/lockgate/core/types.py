"""The logical column types that contracts, rules and raw streams are written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A type's family, under the name PostgreSQL gives it."""

    BOOLEAN = "boolean"
    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    REAL = "real"
    DOUBLE = "double"
    TEXT = "text"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    UUID = "uuid"
    JSON = "json"
    BYTES = "bytes"


INTEGERS = frozenset({Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT})
NUMBERS = INTEGERS | {Kind.NUMERIC, Kind.REAL, Kind.DOUBLE}
MAX_PRECISION = 38
DEFAULT_SCALE = 9

_ALIASES = {
    "bool": Kind.BOOLEAN,
    "int2": Kind.SMALLINT,
    "int": Kind.INTEGER,
    "int4": Kind.INTEGER,
    "int8": Kind.BIGINT,
    "decimal": Kind.NUMERIC,
    "float": Kind.DOUBLE,
    "float8": Kind.DOUBLE,
    "double precision": Kind.DOUBLE,
    "float4": Kind.REAL,
    "varchar": Kind.TEXT,
    "string": Kind.TEXT,
    "character varying": Kind.TEXT,
    "timestamp with time zone": Kind.TIMESTAMPTZ,
    "timestamp without time zone": Kind.TIMESTAMP,
    "datetime": Kind.TIMESTAMP,
    "jsonb": Kind.JSON,
    "bytea": Kind.BYTES,
    "blob": Kind.BYTES,
}
_WRITTEN = re.compile(r"^\s*([a-z][a-z0-9 ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$", re.IGNORECASE | re.ASCII)


_WIDER = {
    Kind.SMALLINT: (Kind.INTEGER, Kind.BIGINT),
    Kind.INTEGER: (Kind.BIGINT,),
    Kind.REAL: (Kind.DOUBLE,),
}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A kind, with precision and scale where the kind is numeric."""

    kind: Kind
    precision: int | None = None
    scale: int | None = None

    @classmethod
    def parse(cls, written: str) -> ColumnType:
        """The type that `written` names: `bigint`, `numeric(12, 2)`, or a usual alias such as `varchar`.

        Raises:
            ValueError: no type has that name, or its precision is out of bounds (1 to 38).
        """
        match = _WRITTEN.match(written)
        if not match:
            raise ValueError(f"{written!r} is not a type")
        name, precision, scale = match[1].lower(), match[2], match[3]
        kind = _ALIASES.get(name) or (Kind(name) if name in set(Kind) else None)
        if kind is None:
            raise ValueError(f"there is no type {name!r}; there are {', '.join(Kind)}")
        if kind is not Kind.NUMERIC:
            if precision and kind is not Kind.TEXT:
                raise ValueError(f"{name} takes no precision")
            return cls(kind)
        if precision is None:
            return cls(kind)
        digits, decimals = int(precision), int(scale or 0)
        if not 1 <= digits <= MAX_PRECISION or decimals > digits:
            raise ValueError(f"numeric({digits},{decimals}): precision is 1 to {MAX_PRECISION}, scale at most that")
        return cls(kind, digits, decimals)

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers."""
        return self.kind in INTEGERS

    @property
    def is_number(self) -> bool:
        """Whether values can be added."""
        return self.kind in NUMBERS

    def holds(self, other: ColumnType) -> bool:
        """Whether every value of `other` is a value of this type, and means the same."""
        if Kind.NUMERIC is self.kind is other.kind:
            (precision, scale), (other_precision, other_scale) = digits(self), digits(other)
            return scale >= other_scale and precision - scale >= other_precision - other_scale
        return self.kind is other.kind or self.kind in _WIDER.get(other.kind, ())

    def __str__(self) -> str:
        """The type as it is written in a project file."""
        if self.kind is Kind.NUMERIC and self.precision is not None:
            return f"numeric({self.precision},{self.scale})"
        return str(self.kind)


def digits(type_: ColumnType) -> tuple[int, int]:
    """Precision and scale of a numeric type; 38 and 9 where it states none."""
    if type_.precision is None:
        return MAX_PRECISION, DEFAULT_SCALE
    return type_.precision, type_.scale or 0
