"""`lineage events | send | retry`: what is told of lineage, and whether it arrived."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.auditing import changing
from lockgate.cli.exits import Exit
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_table
from lockgate.core.notice import DeliveryStatus

if TYPE_CHECKING:
    from lockgate.core.lineage_event import EventDelivery

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def events(
    context: typer.Context,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only events that stand so.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> int:
    """The newest OpenLineage events first, and whether they have arrived; as JSON each as it is sent."""
    with opened(context) as app:
        found = app.lineage_events.events(status, limit=limit)
    _tell(found, as_json=as_json)
    return Exit.FINE


def send(context: typer.Context, as_json: Json = False) -> int:
    """Send the OpenLineage events that are due, in their order, and record what came of each attempt."""
    with opened(context) as app:
        done = app.lineage_events.deliver()
    if as_json:
        print_json([{"event": one.notice_id, "status": one.status, "said": one.said} for one in done])
    else:
        print_table("", ("event", "status", "said"), [(one.notice_id, one.status, one.said) for one in done])
    return Exit.FINE


def retry(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(min=1, max=2**63 - 1, help="The event's number, as `lineage events` shows it.")
    ],
    as_json: Json = False,
) -> int:
    """Let an OpenLineage event that was set aside be tried again."""
    with opened(context) as app, changing(app.access, "lineage.retry", str(number)):
        found = app.lineage_events.retry(number)
    _tell((found,), as_json=as_json)
    return Exit.FINE


def _tell(found: Iterable[EventDelivery], *, as_json: bool) -> None:
    if as_json:
        print_json(list(found))
        return
    headings = ("no.", "event", "job", "status", "attempts", "said", "added (UTC)")
    print_table("", headings, [_row(each) for each in found])


def _row(delivery: EventDelivery) -> tuple[object, ...]:
    document = delivery.event.document
    job = document.get("job")
    name = job.get("name", "") if isinstance(job, dict) else ""
    counted = (delivery.status, delivery.attempts, delivery.said, delivery.added_at)
    return (delivery.number, document.get("eventType", ""), name, *counted)
