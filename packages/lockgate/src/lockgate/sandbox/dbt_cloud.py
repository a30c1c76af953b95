"""A stand-in for dbt Cloud: it speaks the part of the Administrative API v2 that Lockgate uses, on this machine alone.

It is ours, not dbt Labs'. A run is a clone of the job's repository at a commit, and dbt itself in a process of this
machine with the environment's own connection; the schema is what the run's override says. There are no deferrals, no
docs, no caches, and no queue but for a moment.

Source: docs.getdbt.com, "dbt Cloud Administrative API v2": operations, status codes, and artifacts.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any

from lockgate.sandbox.local_api import ApiAnswer, LocalApi, Route
from lockgate.sandbox.local_server import ApiRequest
from lockgate.sandbox.machine_process import MachineProcess, Runner, RunningProcess

QUEUED, RUNNING, SUCCESS, ERROR, CANCELLED = 1, 3, 10, 20, 30
COMPLETE = frozenset({SUCCESS, ERROR, CANCELLED})
GRACE_SECONDS = 3.0
_HUMAN = {QUEUED: "Queued", RUNNING: "Running", SUCCESS: "Success", ERROR: "Error", CANCELLED: "Cancelled"}


@dataclass(slots=True)
class CloudJob:
    """A job: its repository, where in it the dbt project is, and the connection of its environment, in dbt's words."""

    repository: Path
    connection: Mapping[str, object]
    subdirectory: str = "."


@dataclass(slots=True)
class StandRun:
    """A run, as it was asked for and as it stands."""

    id: int
    job: int
    asked: dict[str, Any]
    folder: Path
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: int = QUEUED
    status_message: str = ""
    output: bytes = b""
    process: RunningProcess | None = None
    is_cancelled: bool = False


class DbtCloud(LocalApi):
    """A server to be used in a `with` block; `runs` are those that were begun, by id."""

    def __init__(
        self, jobs: Mapping[int, CloudJob], *, account: int, token: str, port: int = 0, run: Runner = MachineProcess
    ) -> None:
        """Know one account with these jobs; commands are run by `run`."""
        super().__init__(port=port)
        self.jobs = dict(jobs)
        self.runs: dict[int, StandRun] = {}
        self._account = account
        self._token = token
        self._run = run
        self._folder = Path(mkdtemp(prefix="lockgate-cloud-"))
        self._lock = threading.RLock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends every run, and stops it."""
        for run in list(self.runs.values()):
            if run.process is not None:
                run.process.kill()
        super().__exit__(kind, error, trace)
        shutil.rmtree(self._folder, ignore_errors=True)

    def refused(self, status: int, said: str) -> ApiAnswer:
        """A refusal in dbt Cloud's envelope."""
        return ApiAnswer(status, {"status": _status(status, said), "data": None})

    def turned_away(self, request: ApiRequest) -> ApiAnswer | None:
        """401 where the token is not the account's."""
        given = request.headers.get("authorization", "").partition(" ")
        known = given[0] in {"Token", "Bearer"} and given[2] == self._token
        return None if known else self.refused(401, "Invalid token")

    def routes(self) -> tuple[Route, ...]:
        """The operations that it knows."""
        account = f"/api/v2/accounts/{self._account}"
        run = f"{account}/runs/([0-9]+)/"
        return (
            ("POST", f"{account}/jobs/([0-9]+)/run/", self._trigger),
            ("GET", f"{account}/runs/", self._list),
            ("GET", run, self._show),
            ("POST", f"{run}cancel/", self._cancel),
            ("GET", f"{run}artifacts/", self._artifacts),
            ("GET", f"{run}artifacts/(.+)", self._artifact),
        )

    # --- answers ------------------------------------------------------------------------------------------------

    def _trigger(self, request: ApiRequest, job: str) -> ApiAnswer:
        if int(job) not in self.jobs:
            return self.refused(404, "The requested resource was not found.")
        asked = request.document()
        with self._lock:
            number = 1 + max(self.runs, default=70_000_000)
            run = StandRun(number, int(job), asked, Path(mkdtemp(dir=self._folder)))
            self.runs[number] = run
        threading.Thread(target=self._work, args=(run,), daemon=True).start()
        return _answered(self._document(run, ()))

    def _list(self, request: ApiRequest) -> ApiAnswer:
        wanted = request.asks("job_definition_id")
        runs = [run for run in self.runs.values() if wanted in {"", str(run.job)}]
        if request.asks("order_by") == "-id":
            runs.reverse()
        first, count = int(request.asks("offset", "0")), int(request.asks("limit", "100"))
        related = _related(request)
        shown = [self._document(run, related) for run in runs[first : first + count]]
        pagination = {"count": len(shown), "total_count": len(runs)}
        extra = {"filters": {}, "order_by": request.asks("order_by", "id"), "pagination": pagination}
        return ApiAnswer(200, {"data": shown, "extra": extra, "status": _status(200, "Success!")})

    def _show(self, request: ApiRequest, number: str) -> ApiAnswer:
        run = self.runs.get(int(number))
        return _answered(self._document(run, _related(request))) if run else self._missing()

    def _cancel(self, _request: ApiRequest, number: str) -> ApiAnswer:
        run = self.runs.get(int(number))
        if run is None:
            return self._missing()
        if run.status in COMPLETE:
            return self.refused(400, "Cannot cancel a run that has completed")
        run.is_cancelled = True
        if run.process is not None:
            threading.Thread(target=run.process.ask_to_end, args=(GRACE_SECONDS,), daemon=True).start()
        return _answered(self._document(run, ()))

    def _artifacts(self, _request: ApiRequest, number: str) -> ApiAnswer:
        run = self.runs.get(int(number))
        if run is None:
            return self._missing()
        target = self._target(run)
        names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
        return _answered(names)

    def _artifact(self, _request: ApiRequest, number: str, name: str) -> ApiAnswer:
        run = self.runs.get(int(number))
        path = self._target(run) / name if run else None
        if run is None or path is None or run.status not in COMPLETE or not path.is_file():
            return self._missing()
        return ApiAnswer(200, content=path.read_bytes(), content_type="application/octet-stream")

    def _missing(self) -> ApiAnswer:
        return self.refused(404, "The requested resource was not found.")

    # --- runs ---------------------------------------------------------------------------------------------------

    def _work(self, run: StandRun) -> None:
        job = self.jobs[run.job]
        source = run.folder / "repository"
        commands = (
            ["git", "clone", "--quiet", str(job.repository), str(source)],
            ["git", "-C", str(source), "checkout", "--quiet", str(run.asked.get("git_sha") or "HEAD")],
        )
        for command in commands:
            if subprocess.run(command, capture_output=True, check=False).returncode:
                run.status_message, run.status = "Failed to clone the git repository", ERROR
                return
        self._write_profile(run, job)
        for step in run.asked.get("steps_override") or ():
            code = self._step(run, job, step)
            if run.is_cancelled or code:
                run.status = CANCELLED if run.is_cancelled else ERROR
                return
        run.status = SUCCESS

    def _step(self, run: StandRun, job: CloudJob, step: str) -> int:
        words = shlex.split(step)
        if words[0] != "dbt" or run.is_cancelled:
            return 1
        command = [*words, "--profiles-dir", str(run.folder), "--profile", "user"]
        folder = run.folder / "repository" / job.subdirectory
        home = {"HOME": str(run.folder), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "TZ": "UTC"}
        run.process = self._run(command, folder, home)
        run.status = RUNNING
        code = run.process.wait()
        run.output = run.process.output
        return code

    def _write_profile(self, run: StandRun, job: CloudJob) -> None:
        output = {"schema": run.asked.get("schema_override") or "dbt", "threads": 4, **job.connection}
        output["password"] = "{% raw %}" + str(output.get("password", "")) + "{% endraw %}"
        profile = {"user": {"target": "default", "outputs": {"default": output}}}
        (run.folder / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")

    def _target(self, run: StandRun) -> Path:
        return run.folder / "repository" / self.jobs[run.job].subdirectory / "target"

    def _document(self, run: StandRun, related: tuple[str, ...]) -> dict[str, Any]:
        moment = run.created.isoformat()
        document: dict[str, Any] = {
            "id": run.id,
            "account_id": self._account,
            "job_definition_id": run.job,
            "status": run.status,
            "status_humanized": _HUMAN[run.status],
            "status_message": run.status_message,
            "git_sha": str(run.asked.get("git_sha") or ""),
            "in_progress": run.status not in COMPLETE,
            "is_complete": run.status in COMPLETE,
            "is_success": run.status == SUCCESS,
            "is_error": run.status == ERROR,
            "is_cancelled": run.status == CANCELLED,
            "created_at": moment,
            "updated_at": moment,
        }
        if "trigger" in related:
            document["trigger"] = {"id": run.id, "cause": run.asked["cause"], "created_at": moment}
        if "run_steps" in related:
            document["run_steps"] = self._steps(run)
        return document

    def _steps(self, run: StandRun) -> list[dict[str, Any]]:
        output = run.process.output if run.process is not None and run.status not in COMPLETE else run.output
        names = [
            "Clone git repository",
            *(f"Invoke dbt with `{step}`" for step in run.asked.get("steps_override") or ()),
        ]
        logs = ["Cloning the repository\n", output.decode("utf-8", "replace")]
        return [
            {"id": place, "index": place, "name": name, "status": run.status, "logs": log}
            for place, (name, log) in enumerate(zip(names, logs, strict=False), start=1)
        ]


def _related(request: ApiRequest) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", request.asks("include_related")))


def _answered(data: Any) -> ApiAnswer:
    return ApiAnswer(200, {"data": data, "status": _status(200, "Success!")})


def _status(code: int, said: str) -> dict[str, Any]:
    return {"code": code, "is_success": code < 400, "user_message": said, "developer_message": ""}  # noqa: PLR2004
