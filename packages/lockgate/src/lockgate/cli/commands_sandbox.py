"""`sandbox up` and `sandbox receive`: local servers to try a project against."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.cli.exits import Exit
from lockgate.cli.output import print_text, standard_error

if TYPE_CHECKING:
    from lockgate.sandbox.alerts.receiver import Protocol


class Server(StrEnum):
    """What `sandbox up` starts."""

    POSTGRES = "postgres"
    DOCKER = "docker"


class ReceiverKind(StrEnum):
    """Whom a receiver plays."""

    PAGERDUTY = "pagerduty"
    SLACK = "slack"
    WEBHOOK = "webhook"


sandbox = typer.Typer(help="Local servers to try a project against.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    application.add_typer(sandbox, name="sandbox")


@sandbox.command("up")
def up(
    server: Annotated[
        Server, typer.Argument(help="postgres: a real one; docker: a stand-in for an engine that runs processes.")
    ] = Server.POSTGRES,
    folder: Annotated[Path, typer.Option(help="Where PostgreSQL keeps its data.")] = Path(".lockgate/postgres"),
    image: Annotated[str, typer.Option(help="The image that the stand-in for Docker has.")] = "lockgate-dbt",
    port: Annotated[int, typer.Option(help="Where the stand-in listens.", min=0, max=65_535)] = 0,
) -> int:
    """Start a server, print its address, and keep it until interrupted."""
    if server is Server.DOCKER:
        _stand_in_for_docker(image, port)
        return Exit.FINE
    from lockgate.sandbox.postgres import start_postgres

    running = start_postgres(folder)
    print_text(running.url)
    try:
        _wait()
    finally:
        running.stop()
    return Exit.FINE


def _stand_in_for_docker(image: str, port: int) -> None:
    from lockgate.adapters.dbt.remote.protocol import PROGRAM
    from lockgate.sandbox.docker_engine import DockerEngine

    with DockerEngine([image], port=port, program=PROGRAM) as engine:
        print_text(engine.address)
        _wait()


def _wait() -> None:
    from signal import SIGINT, SIGTERM, sigwait

    standard_error().print("running; press Ctrl-C to stop")
    sigwait({SIGINT, SIGTERM})


@sandbox.command("receive")
def receive(
    kind: Annotated[ReceiverKind, typer.Argument(help="Whom it plays: pagerduty, slack or webhook.")],
    key_file: Annotated[Path, typer.Option(help="The file of the secret that it knows the sender by.")],
    port: Annotated[int, typer.Option(help="Where it listens, on this machine alone.", min=0, max=65_535)] = 8099,
) -> int:
    """Take notices as the vendor's documentation says, print each as one line of JSON, until interrupted."""
    from signal import SIGINT, SIGTERM, sigwait

    from lockgate.sandbox.alerts import Receiver

    protocol = _protocol(kind, key_file.read_text(encoding="utf-8").strip())
    with Receiver(protocol, port=port, told=lambda request: print(request.body.decode(), flush=True)) as receiver:
        standard_error().print(f"listening at {receiver.url}; press Ctrl-C to stop")
        sigwait({SIGINT, SIGTERM})
    return Exit.FINE


def _protocol(kind: ReceiverKind, key: str) -> Protocol:
    """A stand-in of ours for a vendor; that of Slack knows the path of the webhook's address."""
    from urllib.parse import urlsplit

    from lockgate.sandbox import alerts

    if kind is ReceiverKind.PAGERDUTY:
        return alerts.pagerduty(key)
    return alerts.slack(urlsplit(key).path) if kind is ReceiverKind.SLACK else alerts.webhook("/hooks", key)
