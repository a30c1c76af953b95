"""When a schedule fires: cron in a time zone, as Debian's cron keeps it where clocks are put forward and back.

A job at a fixed time fires once on the night on which that time comes twice, and at once after the hour that is left
out (cron(8), "Daylight Saving Time and other time changes").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from lockgate.core.flow import Interval, Schedule

# No cron expression that ever fires is silent for longer: 29 February, over a century year that is no leap year.
LONGEST_SILENCE = timedelta(days=366 * 9)


def ticks(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants at which a schedule fires after `after` and not after `until`, both in any zone, oldest first."""
    for moment in _fired(schedule, after):
        if moment > until:
            return
        if _is_day(schedule, moment):
            yield moment


def next_tick(schedule: Schedule, after: datetime) -> datetime | None:
    """The first instant after `after` at which a schedule fires; None where its calendar has no such day for years."""
    return next(ticks(schedule, after, after + LONGEST_SILENCE), None)


def newest_tick(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """The last of `ticks`, found from the end; None where there is none, or none for years."""
    after = max(after, until - LONGEST_SILENCE)
    length = timedelta(hours=1)
    while until - length > after:
        if found := deque(ticks(schedule, until - length, until), maxlen=1):
            return found[0]
        length *= 8
    return next(iter(deque(ticks(schedule, after, until), maxlen=1)), None)


def last_tick(schedule: Schedule, at: datetime) -> datetime | None:
    """The newest instant not after `at` at which a schedule fired; None where it has not yet, or not for years."""
    from cronsim import CronSim

    here = at.astimezone(ZoneInfo(schedule.timezone)) + timedelta(seconds=1)
    for moment in CronSim(schedule.cron, here, reverse=True):
        if moment < at - LONGEST_SILENCE or (schedule.start is not None and moment.date() < schedule.start):
            return None
        if moment <= at and _is_day(schedule, moment):
            return moment
    return None


def interval_of(schedule: Schedule, tick: datetime) -> Interval:
    """What the run of a tick is about: from the tick before it, on whatever day that was, to itself."""
    return Interval(_before(schedule, tick), tick)


def _fired(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """What the cron expression alone says; in an hour that comes twice, it may begin with a time before `after`."""
    from cronsim import CronSim, CronSimError

    zone = ZoneInfo(schedule.timezone)
    first = datetime.combine(schedule.start, time(), zone) - timedelta(seconds=1) if schedule.start else after
    begin = max(after, first).astimezone(zone)
    try:
        yield from (moment for moment in CronSim(schedule.cron, begin) if moment > after)
    except CronSimError:  # it never fires again
        return


def _is_day(schedule: Schedule, moment: datetime) -> bool:
    return schedule.calendar is None or schedule.calendar.has(moment.date())


def _before(schedule: Schedule, tick: datetime) -> datetime:
    from cronsim import CronSim

    here = tick.astimezone(ZoneInfo(schedule.timezone))
    return next((moment for moment in CronSim(schedule.cron, here, reverse=True) if moment < tick), here)
