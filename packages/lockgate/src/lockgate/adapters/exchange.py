"""One exchange over HTTP with a service that may be slow, busy or broken: bounded, repeated with care, told apart."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.adapters.deadline import Deadline
from lockgate.adapters.retry_after import seconds_to_wait
from lockgate.errors import LockgateError

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState, Retrying
    from tenacity.stop import stop_base

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take, how often it is repeated, how long to wait between, and how much it may answer.

    `timeout_seconds` bounds each wait for more; `deadline_seconds` the whole, as the client that has it says.
    """

    attempts: int = 6
    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 30.0
    timeout_seconds: float = 60.0
    deadline_seconds: float = 300.0
    body_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True)
class Told:
    """How failures of an exchange are told: `where` it was, and the errors for who is away and who refuses."""

    where: str
    unavailable: type[LockgateError]
    refused: type[LockgateError]
    late_hint: str | None = None

    def busy(self, answer: httpx.Response) -> LockgateError | None:
        """The error, with the wait that is asked for, where a status says that the service is busy."""
        if answer.status_code not in BUSY:
            return None
        wait = seconds_to_wait(answer.headers.get("retry-after", ""))
        return self.unavailable(self._answered(answer), status=answer.status_code, retry_after=wait)

    def refuse(self, answer: httpx.Response) -> None:
        """Lets success pass alone; where redirects are not followed, they are refusals."""
        if not answer.is_success:
            raise self.refused(self._answered(answer), status=answer.status_code)

    def _answered(self, answer: httpx.Response) -> str:
        return f"{self.where} answered {answer.status_code} {answer.reason_phrase}".rstrip()


def exchanged(
    asked: AbstractContextManager[httpx.Response],
    judge: Callable[[httpx.Response], None],
    *,
    deadline: Deadline,
    body_bytes: int,
    told: Told,
) -> tuple[httpx.Response, bytes]:
    """The answer and its whole body, once `judge` let its status pass; the client must trace by `deadline`.

    Raises:
        LockgateError: `told.refused` where there is no asking, or more is answered than may be; `told.unavailable`
            where nothing came in time, or nothing that can be read; what `judge` raises.
    """
    import httpx

    try:
        with deadline.running(), asked as answer:
            if (busy := told.busy(answer)) is not None:
                raise busy
            judge(answer)
            body = _body(answer, body_bytes, told)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise told.refused(f"{told.where} is no address that can be asked: {error}") from error
    except httpx.DecodingError as error:
        raise told.unavailable(f"{told.where} sent a body that cannot be unpacked") from error
    except httpx.TransportError as error:
        _refuse_late(deadline, told)
        raise told.unavailable(f"{told.where} did not answer: {type(error).__name__}: {error}") from error
    _refuse_late(deadline, told)
    return answer, body


def retrying(
    patience: Patience,
    *again: type[LockgateError],
    stop: stop_base | None = None,
    unless: Callable[[LockgateError], bool] = lambda _: False,
) -> Retrying:
    """Repeats what ends by one of the errors: after as long as the service asks for, else exponentially longer.

    The last error is raised after `patience.attempts`, where `stop` says so, or at once where `unless` says so.
    """
    import tenacity

    enough = tenacity.stop_after_attempt(patience.attempts)
    return tenacity.Retrying(
        stop=enough if stop is None else enough | stop,
        wait=lambda state: _wait(state, patience),
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, again) and not unless(error)),
        reraise=True,
    )


def _wait(state: RetryCallState, patience: Patience) -> float:
    import tenacity

    error = state.outcome.exception() if state.outcome else None
    asked = error.fields.get("retry_after") if isinstance(error, LockgateError) else None
    jittered = tenacity.wait_exponential_jitter(
        multiplier=patience.first_wait_seconds, max=patience.longest_wait_seconds, jitter=patience.first_wait_seconds
    )
    wanted = float(asked) if isinstance(asked, int | float) else float(jittered(state))
    return min(wanted, patience.longest_wait_seconds)


def _body(answer: httpx.Response, most: int, told: Told) -> bytes:
    body = bytearray()
    for chunk in answer.iter_bytes(_CHUNK):
        body += chunk
        if len(body) > most:
            raise told.refused(f"{told.where} answers more than {most:,} bytes at once")
    return bytes(body)


def _refuse_late(deadline: Deadline, told: Told) -> None:
    """Refuses what came, or did not, when the exchange was cut off."""
    if deadline.has_passed:
        said = f"{told.where} did not finish one answer within {deadline.seconds:g} s"
        raise told.unavailable(said, hint=told.late_hint)
