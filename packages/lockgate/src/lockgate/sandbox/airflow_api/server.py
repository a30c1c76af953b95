"""The stand-in's HTTP server, on this machine alone."""

from __future__ import annotations

import json
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import RLock
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from lockgate.sandbox.airflow_api.runs import StandDag, StandRun, StandTaskRun, dag_document, log_document
from lockgate.sandbox.local_server import ApiRequest, LocalServer, write_head

_HANG_SECONDS, _DRIP_SECONDS = 10.0, 0.05
_FIELDS = {
    "dag_run_id", "data_interval_start", "data_interval_end", "logical_date", "run_after", "conf", "note",
    "partition_key",
}  # fmt: skip


class FaultKind(Enum):
    """What may happen in the place of an answer."""

    HANG = auto()  # nothing comes
    DRIP = auto()  # a body that comes byte by byte and does not end
    TRUNCATE = auto()  # half of the body
    LOSE = auto()  # it is done, and the connection ends before the answer
    NO_JSON = auto()  # a page for people


@dataclass(frozen=True, slots=True)
class Fault:
    """A status that is answered in the place of what was asked for."""

    status: int
    document: Any = field(default_factory=lambda: {"detail": "out of order"})
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    document: Any


Faults = Fault | FaultKind


class AirflowApi(LocalServer):
    """A server to be used in a `with` block.

    `faults` are met by the next requests, one each; None lets one through. `requests` are those that came.
    """

    def __init__(
        self,
        dags: Sequence[StandDag] = (),
        *,
        username: str = "admin",
        password: str = "",
        token_seconds: float = 3600.0,
        log_pages: int = 1,
        page: int = 100,
    ) -> None:
        """Know these DAGs and one user, whose tokens are good for so long; a password is made where none is given."""
        super().__init__()
        self.dags = {dag.dag_id: dag for dag in dags}
        self.faults: deque[Faults | None] = deque()
        self.requests: list[ApiRequest] = []
        self.token_seconds = token_seconds
        self.password = password or secrets.token_urlsafe()
        self._username = username
        self._log_pages = log_pages
        self._page = page
        self._tokens: dict[str, float] = {}
        self._lock = RLock()

    def forget_tokens(self) -> None:
        """Takes no token any more that was given so far, as after a restart under another key."""
        self._tokens.clear()

    def begin(self, dag_id: str, run_id: str, *, run_type: str = "scheduled") -> StandRun:
        """Begins a run as Airflow's own scheduler would."""
        dag = self.dags[dag_id]
        dag.runs[run_id] = StandRun(dag_id, run_id, run_type, tuple(StandTaskRun(task) for task in dag.tasks))
        return dag.runs[run_id]

    # --- what is answered ---------------------------------------------------------------------------------------

    def _answer(self, request: ApiRequest) -> _Answer:
        if request.path == "/auth/token":
            return self._login(request)
        refusal = self._unknown_caller(request.headers.get("authorization", ""))
        if refusal is not None:
            return refusal
        for method, pattern, answer in self._routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return answer(request, *(unquote(part) for part in found.groups()))
        return _refused(HTTPStatus.NOT_FOUND, "Not Found")

    def _routes(self) -> tuple[tuple[str, str, Callable[..., _Answer]], ...]:
        dag = "/api/v2/dags/([^/]+)"
        run = f"{dag}/dagRuns/([^/]+)"
        return (
            ("GET", dag, self._show_dag),
            ("GET", f"{dag}/dagRuns", self._list_runs),
            ("POST", f"{dag}/dagRuns", self._trigger),
            ("GET", run, self._show_run),
            ("PATCH", run, self._patch_run),
            ("GET", f"{run}/taskInstances", self._list_tasks),
            ("GET", f"{run}/taskInstances/([^/]+)/logs/([0-9]+)", self._show_log),
        )

    def _login(self, request: ApiRequest) -> _Answer:
        body = _document(request)
        if not isinstance(body, dict) or set(body) != {"username", "password"}:
            return _invalid("body", body)
        if body != {"username": self._username, "password": self.password}:
            return _refused(HTTPStatus.UNAUTHORIZED, "Invalid credentials")
        now = int(time.time())
        claims = {"sub": body["username"], "iat": now, "exp": now + self.token_seconds, "jti": str(uuid4())}
        token = ".".join((_base64({"alg": "HS512", "typ": "JWT"}), _base64(claims), _base64(str(uuid4()))))
        self._tokens[token] = time.monotonic() + self.token_seconds
        return _Answer(HTTPStatus.CREATED, {"access_token": token})

    def _unknown_caller(self, authorization: str) -> _Answer | None:
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer":
            return _refused(HTTPStatus.UNAUTHORIZED, "Not authenticated")
        if token not in self._tokens:
            return _refused(HTTPStatus.FORBIDDEN, "Invalid JWT token")
        if time.monotonic() >= self._tokens[token]:
            return _refused(HTTPStatus.UNAUTHORIZED, "Token Expired")
        return None

    def _show_dag(self, _: ApiRequest, dag_id: str) -> _Answer:
        dag = self.dags.get(dag_id)
        return _Answer(HTTPStatus.OK, dag_document(dag)) if dag else _no_dag(dag_id)

    def _list_runs(self, request: ApiRequest, dag_id: str) -> _Answer:
        if dag_id not in self.dags:
            return _no_dag(dag_id)
        newest = sorted(self.dags[dag_id].runs.values(), key=lambda run: run.run_after, reverse=True)
        shown = newest[: int(dict(request.query).get("limit", "50"))]
        document = {"dag_runs": [run.document() for run in shown], "total_entries": len(newest)}
        return _Answer(HTTPStatus.OK, document)

    def _trigger(self, request: ApiRequest, dag_id: str) -> _Answer:
        body = _document(request)
        if not isinstance(body, dict) or "logical_date" not in body or set(body) - _FIELDS:
            return _invalid("body", body)
        if dag_id not in self.dags:
            return _no_dag(dag_id)
        dag = self.dags[dag_id]
        run_id = str(body.get("dag_run_id") or f"manual__{uuid4()}")
        if run_id.startswith(("scheduled__", "backfill__", "asset_triggered__")):
            reserved = run_id.partition("__")[0]
            said = f"A manual DAG run cannot use ID {run_id!r} since it is reserved for {reserved} runs"
            return _refused(HTTPStatus.BAD_REQUEST, said)
        logical = _moment(body["logical_date"])
        if run_id in dag.runs or (logical and logical in {run.logical_date for run in dag.runs.values()}):
            detail = {"reason": "Unique constraint violation", "statement": "hidden", "orig_error": "hidden"}
            return _Answer(HTTPStatus.CONFLICT, {"detail": detail})
        run = self.begin(dag_id, run_id, run_type="manual")
        run.logical_date = logical
        start, end = _moment(body.get("data_interval_start")), _moment(body.get("data_interval_end"))
        run.interval = (start, end) if logical and start and end else None
        run.run_after = _moment(body.get("run_after")) or run.run_after
        return _Answer(HTTPStatus.OK, run.document())

    def _show_run(self, _: ApiRequest, dag_id: str, run_id: str) -> _Answer:
        run = self._run(dag_id, run_id)
        if run is None:
            return _no_run(dag_id, run_id)
        if not self.dags[dag_id].is_paused:
            run.advance()
        return _Answer(HTTPStatus.OK, run.document())

    def _patch_run(self, request: ApiRequest, dag_id: str, run_id: str) -> _Answer:
        run, body = self._run(dag_id, run_id), _document(request)
        if run is None:
            return _no_run(dag_id, run_id)
        if not isinstance(body, dict) or body.get("state") not in {"queued", "success", "failed", None}:
            return _invalid("body", body)
        if body.get("state") == "failed":
            run.fail()
        return _Answer(HTTPStatus.OK, run.document())

    def _list_tasks(self, request: ApiRequest, dag_id: str, run_id: str) -> _Answer:
        run = self._run(dag_id, run_id)
        if run is None:
            return _no_run(dag_id, run_id)
        query = dict(request.query)
        offset, limit = int(query.get("offset", "0")), min(int(query.get("limit", "50")), self._page)
        shown = run.tasks[offset : offset + limit]
        document = {"task_instances": [task.document(run) for task in shown], "total_entries": len(run.tasks)}
        return _Answer(HTTPStatus.OK, document)

    def _show_log(self, request: ApiRequest, dag_id: str, run_id: str, task_id: str, attempt: str) -> _Answer:
        run = self._run(dag_id, run_id)
        found = [task for task in run.tasks if task.task.task_id == task_id] if run else []
        if not found or not 0 < int(attempt) <= found[0].try_number:
            return _refused(HTTPStatus.NOT_FOUND, "TaskInstance not found")
        page = int(dict(request.query).get("token", "0"))
        return _Answer(HTTPStatus.OK, log_document(found[0], page, self._log_pages))

    def _run(self, dag_id: str, run_id: str) -> StandRun | None:
        dag = self.dags.get(dag_id)
        return dag.runs.get(run_id) if dag else None

    # --- how it goes over the line ------------------------------------------------------------------------------

    def take(self, line: BaseHTTPRequestHandler, request: ApiRequest) -> None:
        """See `LocalServer`."""
        with self._lock:
            fault = self.faults.popleft() if self.faults else None
            is_done = fault in {None, FaultKind.LOSE} if not isinstance(fault, Fault) else False
            answer = self._answer(request) if is_done else _Answer(0, None)
            self.requests.append(replace(request, status=answer.status, answer=answer.document))
        self._write(line, answer, fault)

    def _write(self, line: BaseHTTPRequestHandler, answer: _Answer, fault: Faults | None) -> None:
        match fault:
            case FaultKind.LOSE:
                return
            case FaultKind.HANG:
                self.ended.wait(_HANG_SECONDS)
            case FaultKind.DRIP:
                _head(line, HTTPStatus.OK, 1 << 20, {})
                while not self.ended.wait(_DRIP_SECONDS):
                    line.wfile.write(b" ")
            case FaultKind.TRUNCATE:
                _head(line, HTTPStatus.OK, 100, {})
                line.wfile.write(b'{"dag_id": ')
            case FaultKind.NO_JSON:
                _head(line, HTTPStatus.OK, 6, {"content-type": "text/html"})
                line.wfile.write(b"<html>")
            case Fault(status=status, document=document, headers=headers):
                text = json.dumps(document).encode()
                _head(line, status, len(text), headers)
                line.wfile.write(text)
            case None:
                text = json.dumps(answer.document).encode()
                _head(line, answer.status, len(text), {"content-type": "application/json"})
                line.wfile.write(text)


def _head(line: BaseHTTPRequestHandler, status: int, size: int, headers: Mapping[str, str]) -> None:
    write_head(line, status, {**headers, "content-length": str(size)})


def _document(request: ApiRequest) -> Any:
    try:
        return json.loads(request.body)
    except ValueError:
        return None


def _refused(status: HTTPStatus, said: str) -> _Answer:
    return _Answer(status, {"detail": said})


def _invalid(place: str, given: object) -> _Answer:
    """What a body gets that is none: with what was sent in it, as Airflow does."""
    flaw = {"type": "value_error", "loc": [place], "msg": "Value error, is not what the route takes", "input": given}
    return _Answer(HTTPStatus.UNPROCESSABLE_ENTITY, {"detail": [flaw]})


def _no_dag(dag_id: str) -> _Answer:
    return _refused(HTTPStatus.NOT_FOUND, f"The Dag with ID: `{dag_id}` was not found")


def _no_run(dag_id: str, run_id: str) -> _Answer:
    said = f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"
    return _refused(HTTPStatus.NOT_FOUND, said)


def _moment(written: object) -> datetime | None:
    return datetime.fromisoformat(str(written)) if written else None


def _base64(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
