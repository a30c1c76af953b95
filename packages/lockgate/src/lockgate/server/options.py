"""How the API is served: who may call, and every limit, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lockgate.app.record_desk import RecordLimits
from lockgate.core.deadline import ANSWER_SECONDS
from lockgate.settings import Network

MIB = 1024 * 1024


class Mode(StrEnum):
    """Whether callers of this machine are believed while nobody has an account (`development`), or never."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that a server may be told; the limits hold for each process.

    `token` is the one that callers share; `trusted_proxies` are believed when they say who called them. `wait_seconds`
    is how long a transformation is waited for unless the caller prefers otherwise, up to `longest_wait_seconds`. A body
    must have arrived after `body_seconds`, a head after `head_seconds`, an answer that waits for no job must be there
    after `answer_seconds`. What control plane and target are asked on the way must be answered after
    `database_seconds`, and what a runtime of flows is asked after `outside_seconds`. A server that stops leaves clients
    `drain_seconds` to send once more on connections that they keep. `streams` parts of pages are watched live at once,
    `streams_a_caller` by one caller. Of several processes, one that does not answer its supervisor for
    `worker_seconds`, its imports included, is replaced. A process begins to import dbt `warm_seconds` after it began to
    answer. What waits to be transformed as records, and how long it may, is bounded by `record_limits`.
    """

    mode: Mode = Mode.DEVELOPMENT
    token: str | None = field(default=None, repr=False)
    trusted_proxies: tuple[Network, ...] = ()
    wait_seconds: int = 30
    longest_wait_seconds: int = 300
    body_bytes: int = 8 * MIB
    small_body_bytes: int = 64 * 1024
    head_bytes: int = 32 * 1024
    records: int = 10_000
    fields_a_record: int = 1_000
    depth: int = 32
    containers: int = 100_000
    number_digits: int = 400
    head_seconds: int = 15
    body_seconds: float = 30.0
    answer_seconds: float = 60.0
    database_seconds: float = ANSWER_SECONDS
    outside_seconds: float = 30.0
    requests: int = 5_000
    streams: int = 100
    streams_a_caller: int = 12
    threads: int = 8
    calls_waiting: int = 512
    replay_bytes: int = 64 * MIB
    replay_seconds: float = 24 * 3600.0
    drain_seconds: float = 5.0
    stop_seconds: int = 30
    worker_seconds: int = 120
    warm_seconds: float = 2.0
    record_limits: RecordLimits = field(default_factory=RecordLimits)

    def __post_init__(self) -> None:
        """Refuse a token that anybody would guess.

        Raises:
            ValueError: the token is blank.
        """
        if self.token is not None and not self.token.strip():
            raise ValueError("a token is not blank")
