"""Texts that an expression or a rule file writes out, read as values once instead of once a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

from lockgate.core.types import INTEGERS, ColumnType, Kind
from lockgate.transform.rules.language import grammar
from lockgate.transform.rules.language.typed import EXACT, Const, Mismatch, Plain, digits

BITS = {Kind.SMALLINT: 15, Kind.INTEGER: 31, Kind.BIGINT: 63}


def literal(text: str, to: ColumnType) -> Const:
    """The value that a text writes.

    Raises:
        Mismatch: the text is not readable as the type.
    """
    if not any(re.search(pattern.replace("$", r"\Z"), text) for pattern in _patterns(to)):
        raise Mismatch(f"{text!r} is not readable as {to}")
    value = _number(text, to) if to.kind in INTEGERS or to.kind is Kind.NUMERIC else _READERS[to.kind](text)
    return Const(value, to)


def _patterns(to: ColumnType) -> tuple[str, ...]:
    """The patterns that text must match, one of them, to be read as a type."""
    if to.kind in INTEGERS:
        return (grammar.INTEGER,)
    if to.kind is Kind.NUMERIC:
        return (grammar.numeric_pattern(to),)
    if to.kind is Kind.BOOLEAN:
        return (f"(?i)^({'|'.join(grammar.TRUE_WORDS + grammar.FALSE_WORDS)})$",)
    if to.kind in {Kind.UUID, Kind.DOUBLE}:
        return (grammar.UUID if to.kind is Kind.UUID else grammar.DOUBLE,)
    return tuple(form.pattern for form in grammar.forms(to, ()))


def _number(text: str, to: ColumnType) -> int | Decimal:
    """A number inside its type.

    Raises:
        Mismatch: it is outside.
    """
    if to.kind in INTEGERS:
        whole = int(text)
        if -(2 ** BITS[to.kind]) <= whole < 2 ** BITS[to.kind]:
            return whole
    else:
        precision, scale = digits(to)
        exact = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, EXACT)
        if abs(exact) < 10 ** (precision - scale):
            return exact
    raise Mismatch(f"{text!r} is not readable as {to}", "The number is too large.")


def _instant(text: str) -> datetime:
    """An instant, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


_READERS: Mapping[Kind, Callable[[str], Plain]] = {
    Kind.BOOLEAN: lambda text: text.lower() in grammar.TRUE_WORDS,
    Kind.DATE: date.fromisoformat,
    Kind.TIMESTAMP: datetime.fromisoformat,
    Kind.TIMESTAMPTZ: _instant,
    Kind.UUID: str.lower,
    Kind.DOUBLE: Decimal,
}
