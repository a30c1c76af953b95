"""Whether other runtimes read a cron expression as the embedded one does.

Airflow and Dagster read it by croniter, Luigi's runs are begun by cron itself; the embedded runtime reads it as
Debian's cron does, and knows `L`, `LW` and `#` besides.
"""

from __future__ import annotations

import re

from lockgate.core.flow import FlowDeclaration, Runtime
from lockgate.errors import CapabilityMissing

_DAY, _WEEKDAY = 2, 4
_LAST = (59, 23, 31, 12, 7)
_NAMES = {
    3: ("", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    _WEEKDAY: ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
}
_TERM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")
_OTHERS = "or compile the other flows by their names."


def refuse_foreign_cron(flow: FlowDeclaration, runtime: Runtime) -> None:
    """Refuses a flow whose schedule would mean other times on a runtime, or none.

    Raises:
        CapabilityMissing: naming what the runtime does not understand so.
    """
    if flow.schedule is None:
        return
    fields = [field.split(",") for field in flow.schedule.cron.upper().split()]
    foreign = next((term for place, terms in enumerate(fields) for term in _foreign(place, terms, runtime)), None)
    said = f"the schedule of {flow.name}, {flow.schedule.cron!r}: {runtime}"
    if foreign is not None:
        hint = f"Write numbers, names and ranges from a lower to a higher one, {_OTHERS}"
        raise CapabilityMissing(f"{said} does not read {foreign!r} as Lockgate does", hint=hint)
    if runtime is not Runtime.LUIGI and _needs_both(fields[_DAY], fields[_WEEKDAY]):
        hint = f"Give the flow a calendar of the weekdays, and its schedule the days of the month alone; {_OTHERS}"
        raise CapabilityMissing(
            f"{said} runs it on days of the month and on weekdays, not where both are so", hint=hint
        )


def _foreign(place: int, terms: list[str], runtime: Runtime) -> list[str]:
    """The terms of a field that a runtime does not read in the same way."""
    if runtime is Runtime.LUIGI:
        return [term for term in terms if re.search("#|[LW]$", term) and place in {_DAY, _WEEKDAY}]
    if place == _WEEKDAY and all("#" in term for term in terms):
        return []
    return [term for term in terms if not _is_common(place, term)]


def _is_common(place: int, term: str) -> bool:
    found = _TERM.fullmatch(term)
    if found is None:
        return False
    if found["first"] == "*" or (place == _DAY and term == "L"):
        return True
    first = _number(place, found["first"])
    if first is None:
        return False
    if found["last"] is not None:
        last = _number(place, found["last"])
        return last is not None and first < last
    # A weekday's steps go on to 6 or to 7.
    return found["step"] is None or (place != _WEEKDAY and first < _LAST[place])


def _number(place: int, written: str) -> int | None:
    names = _NAMES.get(place, ())
    if written.isdigit():
        return int(written)
    return names.index(written) if written in names else None


def _needs_both(days: list[str], weekdays: list[str]) -> bool:
    """Whether a day has to be of both fields, which it has to where one of them is a star with something more.

    croniter takes such a field for any other, and never finds a day of the month that is a weekday's second.
    """
    if days == ["*"] or weekdays == ["*"]:
        return False
    return any("*" in term or "#" in term for term in (*days, *weekdays))
