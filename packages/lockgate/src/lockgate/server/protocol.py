"""HTTP/1.1 as uvicorn speaks it by h11, with patience for slow heads bounded and bad requests told as problems."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from lockgate.server.desk import Desk
from lockgate.server.problems import Fault, Refusal, head_too_large, refusal_of


class PatientProtocol(H11Protocol):
    """One connection. Its requests' heads must be there `timeout_keep_alive` seconds after they began."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._desk.connections.add(self)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Takes bytes in; the clock runs while a head is incomplete."""
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle  # there is none before the first head
        if cycle is not None and not cycle.response_complete:
            self._stop_timer()
        elif self._head_timer is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the clock."""
        self._desk.connections.discard(self)
        self._stop_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's own words
        """Answers what is no HTTP with a problem, and closes."""
        limit = self._desk.options.head_bytes
        is_too_large = len(self.conn.trailing_data[0]) > limit
        refusal = (
            head_too_large(limit) if is_too_large else Refusal(Fault.HEADER_INVALID, "the request is not HTTP/1.1")
        )
        response = refusal_of(refusal)
        head = [(b"connection", b"close"), *(each for each in response.raw_headers if each[0] != b"connection")]
        status = HTTPStatus(response.status_code)
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}".encode(),
            *(name + b": " + value for name, value in head),
            b"",
            response.body,
        ]
        self.transport.write(b"\r\n".join(bytes(line) for line in lines))
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Says nothing: a request to speak something else is answered as if it had not been made (RFC 9110, 7.8)."""

    @property
    def _desk(self) -> Desk:
        """What the API keeps for this process, as it said when it started (the lifespan's state)."""
        desk: Desk = self.app_state["desk"]
        return desk

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
