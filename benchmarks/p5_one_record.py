"""P5: one record over HTTP, from somebody who has signed in, by roles and with the audit on.

Ours is `lockgate serve` in production over a copy of the inventory solution in which rules alone answer. The peers do
the same to the record by a few lines of Python, and know neither callers nor rules: bare ASGI with msgspec, and FastAPI
with pydantic, each in one process of the same server with the same settings. Bare ASGI stands there once more with
uvicorn's quickest parts. A round is so many requests over so many connections, each of which sends one request at a
time; their answers are compared beforehand.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from harness import Case, Contender, Goal, main
from inventory.expected import expected
from inventory.schema import APPLICATIONS, USERS
from load.exchange import request
from load.prepared import SINGLES, by_themselves, delivered
from load.pump import pump
from load.questions import PATH
from load.served import HOST, Server, free_port, loaded, running, serving

CONNECTIONS = 64
REQUESTS = 4_000
PEER = Path(__file__).parent / "peers" / "one_record.py"
OURS, BARE, FASTAPI, QUICKEST = (
    "lockgate",
    "bare ASGI + msgspec",
    "FastAPI + pydantic",
    "bare ASGI on httptools and uvloop",
)


def asked(token: str) -> list[bytes]:
    """The requests: one user each, whose values can be read, as the peers take for granted."""
    nobody = pa.Table.from_pylist([], APPLICATIONS)

    def is_fine(user: object) -> bool:
        return expected(pa.Table.from_pylist([user], USERS), nobody).users.num_rows == 1

    users = [one for one in by_themselves(delivered()["users"], 3 * SINGLES) if is_fine(one)][:SINGLES]
    return [request("POST", PATH, token=token, document={"entityType": "users", "records": [one]}) for one in users]


def contender(name: str, made_by: str, port: int, messages: Sequence[bytes], busy: dict[str, float]) -> Contender:
    """A server, asked by the pump; how busy the clients were with it is kept by its name."""

    def run() -> list[bytes]:
        worked, began = time.process_time(), time.perf_counter()
        bodies = pump(HOST, port, messages, CONNECTIONS, REQUESTS)
        busy[name] = (time.process_time() - worked) / (time.perf_counter() - began)
        return bodies

    return Contender(name, version(made_by), run, _outcomes)


def _outcomes(bodies: object) -> object:
    """What is compared: what came of each record."""
    assert isinstance(bodies, list)  # noqa: S101
    found = [json.loads(body)["outcomes"] for body in bodies]
    return [[(one["status"], one["output"]) for one in outcomes] for outcomes in found]


@contextmanager
def ours(scratch: Path) -> Iterator[Server]:
    """`lockgate serve` after a run, with one implementation that answers: programs are kept once loads are pinned."""
    with loaded(scratch, stage="off") as project:
        project.lockgate("run", fine=(0, 1))
        with serving(project, scratch / "serve.log") as server:
            yield server


@contextmanager
def peer(scratch: Path, *kind: str) -> Iterator[int]:
    """A peer's port."""
    port = free_port()
    command = [sys.executable, str(PEER), kind[0], str(port), *kind[1:]]
    with running(command, f"http://{HOST}:{port}/", scratch / f"{'-'.join(kind)}.log"):
        yield port


def case(server: Server, ports: Sequence[int], busy: dict[str, float]) -> Case:
    """All contenders."""
    messages = asked(server.token)  # peers get the token, too, and take no notice of it
    contenders = (
        contender(OURS, "lockgate", server.port, messages, busy),
        contender(BARE, "msgspec", ports[0], messages, busy),
        contender(FASTAPI, "fastapi", ports[1], messages, busy),
        contender(QUICKEST, "msgspec", ports[2], messages, busy),
    )
    goals = (Goal(BARE, at_least=0.5), Goal(FASTAPI, at_least=2))
    return Case(f"{REQUESTS:,} requests of one record, {CONNECTIONS} connections", contenders, goals)


if __name__ == "__main__":
    with TemporaryDirectory() as folder, ExitStack() as stack:
        scratch, busy = Path(folder), dict[str, float]()
        server = stack.enter_context(ours(scratch))
        kinds = (("bare",), ("fastapi",), ("bare", "quickest"))
        ports = [stack.enter_context(peer(scratch, *kind)) for kind in kinds]
        code = main("p5_one_record", [case(server, ports, busy)])
        told = ", ".join(f"{share:.2f} with {name}" for name, share in busy.items())
        print(f"  cores that the clients took: {told}", file=sys.stderr)
    raise SystemExit(code)
