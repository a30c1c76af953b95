r"""What text counts as a value of a type: one regular expression a form, the calendar included.

No engine's own parser decides what is readable: text that matches its form here can be cast on every engine, and
text that does not is unreadable on every engine. Sources: ISO 8601 for dates and instants, RFC 9562 for UUIDs, the
Gregorian calendar for month lengths and leap years, years 0001 to 9999.
"""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.core.types import ColumnType, Kind
from lockgate.transform.rules.language.typed import Mismatch, digits

_MONTH_DAYS = (
    ("(0[13578]|1[02])", "(0[1-9]|[12][0-9]|3[01])"),
    ("(0[469]|11)", "(0[1-9]|[12][0-9]|30)"),
    ("02", "(0[1-9]|1[0-9]|2[0-8])"),
)
_YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_FOURS = "(0[48]|[2468][048]|[13579][26])"
_LEAP_YEAR = f"([0-9]{{2}}{_FOURS}|{_FOURS}00)"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_OFFSET = "[+-](0[0-9]|1[0-4]):[0-5][0-9]"
_HEX = "[0-9A-Fa-f]"

INTEGER = "^[+-]?[0-9]{1,38}$"
DOUBLE = r"^[+-]?[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?([0-9]{1,2}|1[0-9]{2}|2[0-7][0-9]))?$"
UUID = f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$"
TRUE_WORDS = ("true", "t", "yes", "y", "1")
FALSE_WORDS = ("false", "f", "no", "n", "0")
READABLE = frozenset({Kind.BOOLEAN, Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.NUMERIC, Kind.DOUBLE, Kind.DATE})
READABLE |= {Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.UUID, Kind.TEXT}


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a value: its name in `formats:`, the pattern, and where the parts of an ISO text stand.

    `parts` are (first character, length) pairs, counted from 1, or text to put between; empty: the text is ISO.
    """

    name: str
    pattern: str
    parts: tuple[tuple[int, int] | str, ...] = ()


def _days(day: str, whole: str) -> str:
    """The pattern of every day that the calendar has; `day` lays out month and day, `whole` that and the year."""
    days = "|".join(day.format(m=month, d=number) for month, number in _MONTH_DAYS)
    leap = whole.format(day=day.format(m="02", d="29"), y=_LEAP_YEAR)
    return f"({whole.format(day=f'({days})', y=_YEAR)}|{leap})"


_ISO_DAY = _days("{m}-{d}", "{y}-{day}")
_DATES = (
    Form("YYYY-MM-DD", f"^{_ISO_DAY}$"),
    Form("DD/MM/YYYY", f"^{_days('{d}/{m}', '{day}/{y}')}$", ((7, 4), "-", (4, 2), "-", (1, 2))),
    Form("MM/DD/YYYY", f"^{_days('{m}/{d}', '{day}/{y}')}$", ((7, 4), "-", (1, 2), "-", (4, 2))),
    Form("YYYYMMDD", f"^{_days('{m}{d}', '{y}{day}')}$", ((1, 4), "-", (5, 2), "-", (7, 2))),
)
_TIMESTAMPS = (
    Form("YYYY-MM-DDTHH:MM:SS", f"^{_ISO_DAY}T{_TIME}$"),
    Form("YYYY-MM-DD HH:MM:SS", f"^{_ISO_DAY} {_TIME}$"),
)
_INSTANTS = (
    Form("YYYY-MM-DDTHH:MM:SSZ", f"^{_ISO_DAY}T{_TIME}Z$"),
    Form("YYYY-MM-DDTHH:MM:SS+HH:MM", f"^{_ISO_DAY}T{_TIME}{_OFFSET}$"),
)
_FORMS = {Kind.DATE: _DATES, Kind.TIMESTAMP: _TIMESTAMPS, Kind.TIMESTAMPTZ: _INSTANTS}
_DEFAULTS = {
    Kind.DATE: _DATES[:1],
    Kind.TIMESTAMP: (Form("", f"^{_ISO_DAY}[T ]{_TIME}$"),),
    Kind.TIMESTAMPTZ: (Form("", f"^{_ISO_DAY}T{_TIME}(Z|{_OFFSET})$"),),
}


def forms(type_: ColumnType, names: tuple[str, ...]) -> tuple[Form, ...]:
    """The forms of a date, timestamp or instant, in the order in which they are tried; without names the ISO forms.

    Raises:
        Mismatch: the type has no form of a name, or day and month could be taken for each other.
    """
    known = {form.name: form for form in _FORMS.get(type_.kind, ())}
    if names and not known:
        raise Mismatch(f"{type_} takes no formats", "Take `formats` away; dates and timestamps have them.")
    for name in names:
        if name not in known:
            raise Mismatch(f"{type_} has no format {name!r}; it has {', '.join(known)}")
    if {"DD/MM/YYYY", "MM/DD/YYYY"} <= set(names):
        raise Mismatch("DD/MM/YYYY and MM/DD/YYYY cannot be told apart", "Keep one of them.")
    return tuple(known[name] for name in names) or _DEFAULTS.get(type_.kind, ())


def numeric_pattern(type_: ColumnType) -> str:
    """The pattern of a decimal: as many digits before the point as the type has, up to 20 after it."""
    precision, scale = digits(type_)
    return rf"^[+-]?[0-9]{{1,{max(precision - scale, 1)}}}(\.[0-9]{{1,20}})?$"
