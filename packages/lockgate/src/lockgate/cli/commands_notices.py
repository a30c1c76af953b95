"""`notices`: who was told what, and whether it arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.auditing import changing, me
from lockgate.cli.exits import Exit, exit_of
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_error, print_json, print_table, standard_output
from lockgate.core.legible import legible
from lockgate.core.notice import Delivery, DeliveryStatus, Severity

if TYPE_CHECKING:
    from lockgate.app.delivering import Sent

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

notices = typer.Typer(help="Notices of what happened, and whether they arrived.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(notices, name="notices")


@notices.command("list")
def list_notices(
    context: typer.Context,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only notices that stand so.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> int:
    """The newest notices first, one line for each channel."""
    with opened(context) as app:
        found = app.notices.newest(status, limit=limit)
    _tell(found, as_json=as_json)
    return Exit.FINE


@notices.command("send")
def send_notices(context: typer.Context, as_json: Json = False) -> int:
    """Send what is due now, and record what came of each attempt."""
    with opened(context) as app:
        done = app.notices.deliver()
    if as_json:
        print_json(done)
    else:
        _show_sent(done)
    return Exit.FINE


@notices.command("tell")
def tell(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What is to be told.")],
    severity: Annotated[Severity, typer.Option(help="How much it matters.")] = Severity.INFO,
    subject: Annotated[str, typer.Option(help="The subject; else the text's first line.")] = "",
    as_json: Json = False,
) -> int:
    """Put a notice down for the project's channels, and send what is due."""
    if not text.strip():
        raise typer.BadParameter("there is nothing to tell", param_hint="TEXT")
    with opened(context) as app, changing(app.access, "notice.tell", severity=severity.value) as change:
        told = app.notices.tell(text, severity=severity, subject=subject.strip(), by=me())
        change.tell(notice=told.notice.notice_id, channels=", ".join(told.channels))
    if as_json:
        print_json(told)
    elif told.channels:
        _show_sent(told.sent)
    else:
        standard_output().print("nobody is told: no channel of the project takes it", markup=False)
    return Exit.FINE


@notices.command("retry")
def retry_notice(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The notice's number, as `list` shows it.")],
    as_json: Json = False,
) -> int:
    """Let a notice that was set aside be tried again."""
    with opened(context) as app, changing(app.access, "notice.retry", str(number)):
        found = app.notices.retry(number)
    _tell((found,), as_json=as_json)
    return Exit.FINE


@notices.command("test")
def try_channel(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The channel, as `notifications` names it.")],
    as_json: Json = False,
) -> int:
    """Send a test notice over a channel at once, and say what came back."""
    with opened(context) as app:
        tried = app.notices.try_channel(name)
    if as_json:
        print_json(tried)
    elif tried.error is None:
        standard_output().print(f"{name}: {tried.said}", markup=False, soft_wrap=True)
    else:
        print_error(tried.error)
    return exit_of((tried.error,)) if tried.error else Exit.FINE


def _show_sent(done: tuple[Sent, ...]) -> None:
    rows = [(each.channel, each.notice_id, each.status, each.said) for each in done]
    print_table("", ("channel", "notice", "status", "said"), rows)


def _tell(found: tuple[Delivery, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    headings = ("no.", "channel", "severity", "subject", "status", "attempts", "said", "added (UTC)")
    print_table("", headings, [_row(each) for each in found])


def _row(delivery: Delivery) -> tuple[object, ...]:
    notice = delivery.notice
    subject = legible(" ".join(notice.subject.split()))
    counted = (delivery.status, delivery.attempts, delivery.said, delivery.added_at)
    return (delivery.number, delivery.channel, notice.severity, subject, *counted)
