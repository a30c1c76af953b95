"""One run of dbt Cloud, told as Lockgate's own program would tell it: from its steps' logs and its artifacts."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from time import sleep
from typing import Any

from sqlglot import exp

from lockgate.adapters.dbt.command import LONGEST_TEXT
from lockgate.adapters.dbt.invoking import RUN_RESULTS, result_facts
from lockgate.adapters.dbt.redaction import LOG
from lockgate.adapters.dbt.remote.cloud.exchange import CloudExchange
from lockgate.adapters.dbt.remote.cloud.manifest import Nodes
from lockgate.adapters.dbt.remote.place import Assignment, RunState
from lockgate.adapters.dbt.remote.protocol import PROTOCOL, line_of
from lockgate.adapters.dbt.remote.reach import LONGEST_SAID
from lockgate.adapters.dbt.wire import Message
from lockgate.core.legible import cut, legible
from lockgate.errors import ExecutorRefused, ExecutorUnavailable

SUCCESS, ERROR, CANCELLED = 10, 20, 30
COMPLETE = frozenset({SUCCESS, ERROR, CANCELLED})
MOST_ARTIFACTS = 2000
_TOLD = frozenset({"info", "warn", "error"})


def is_complete(run: Mapping[str, Any]) -> bool:
    """Whether a run has ended, by its status."""
    return int(run["status"]) in COMPLETE


class CloudRun:
    """One run of the job."""

    def __init__(self, exchange: CloudExchange, run: int, key: str, assignment: Assignment, note: Path) -> None:
        """`note` is a file that is there as long as the run's result was not taken."""
        self._exchange = exchange
        self._path = f"runs/{run}/"
        self._key = key
        self._assignment = assignment
        self._note = note
        self._log: list[str] = []

    @property
    def key(self) -> str:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`."""
        return self._key

    def lines(self) -> Generator[str, None, None]:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`: nodes as they end, then what the artifacts say of all."""
        for number, message in enumerate(self._messages()):
            yield line_of(message, number)

    def state(self) -> RunState:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`; a failed run ends with 1, as dbt does."""
        try:
            run = self._exchange.data("GET", self._path)
        except ExecutorRefused as error:
            if error.fields.get("status") != HTTPStatus.NOT_FOUND:
                raise
            return RunState(is_running=False, said="dbt Cloud has the run no longer")
        if not is_complete(run):
            return RunState(is_running=True)
        said = cut(legible(str(run.get("status_message") or "")), LONGEST_SAID)
        if run["status"] == CANCELLED:
            return RunState(is_running=False, said=said or "dbt Cloud says that it was cancelled")
        return RunState(is_running=False, code=0 if run["status"] == SUCCESS else 1, said=said)

    def fetch(self, folder: Path) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`: results, compiled SQL, and the log."""
        (folder / LOG).write_text("\n".join([*self._log, ""]), encoding="utf-8")
        for name in self._exchange.data("GET", f"{self._path}artifacts/")[:MOST_ARTIFACTS]:
            parts = PurePosixPath(name).parts
            is_wanted = name == RUN_RESULTS or parts[0] == "compiled"
            if is_wanted and ".." not in parts:
                place = folder.joinpath(*parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(self._exchange.content("GET", f"{self._path}artifacts/{name}"))

    def stop(self) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`; one that has just ended cannot be cancelled any more."""
        with suppress(ExecutorRefused):
            self._exchange.data("POST", f"{self._path}cancel/")

    def remove(self) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`: it is ended, and stays in dbt Cloud's list."""
        if self.state().is_running:
            self.stop()
            self._wait_for_its_end()
        with suppress(OSError):
            self._note.unlink()

    def _wait_for_its_end(self) -> None:
        settings = self._exchange.settings
        for _ in range(30):
            if not self.state().is_running:
                return
            sleep(settings.first_wait_seconds)
        raise ExecutorUnavailable("dbt Cloud was asked to cancel a run, and it goes on")

    # --- what it tells ------------------------------------------------------------------------------------------

    def _messages(self) -> Iterator[Message]:
        assignment = self._assignment
        nodes = Nodes(assignment.manifest, assignment.project)
        folder = str(assignment.manifest.parent)
        yield {"kind": "hello", "protocol": PROTOCOL, "project": str(assignment.project), "folder": folder}
        yield {"kind": "started"}
        if assignment.request["tests_only"]:
            yield from nodes.upstreams(assignment.request["models"])
        told: set[str] = set()
        broken = ""
        for event in self._events():
            if event["info"]["name"] == "NodeFinished":
                name = event["data"]["node_info"]["unique_id"]
                told.add(name)
                yield {"kind": "node", **nodes.facts(name, folder), **_told(name, event["data"]["run_result"])}
            elif event["info"].get("level") == "error":
                broken = str(event["info"].get("msg", ""))
        yield from self._results(nodes, told, folder, broken)

    def _results(self, nodes: Nodes, told: set[str], folder: str, broken: str) -> Iterator[Message]:
        """What the results say of nodes that no event told of, and of the whole; else what was said."""
        try:
            results = json.loads(self._exchange.content("GET", f"{self._path}artifacts/{RUN_RESULTS}"))
        except ExecutorRefused:
            if broken:
                yield {"kind": "broken", "message": broken[:LONGEST_TEXT]}
            return
        for result in results["results"]:
            if result["unique_id"] not in told:
                name = result["unique_id"]
                facts = {**result, "num_failures": result.get("failures")}
                yield {"kind": "node", **nodes.facts(name, folder), **result_facts(name.partition(".")[0], facts)}
        strayed = self._strayed(results["results"])
        if strayed:
            yield {"kind": "strayed", "nodes": list(strayed), "places": sorted(set(strayed.values()))}
            return
        seconds, invocation = results["elapsed_time"], results["metadata"]["invocation_id"]
        yield {"kind": "done", "seconds": seconds, "invocation_id": invocation}

    def _strayed(self, results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The nodes that were built elsewhere than the workshop, each with where: dbt Cloud's profile is not ours."""
        request = self._assignment.request
        wanted = (request["database"], request["schema"])
        built = (one for one in results if one["status"] == "success" and one.get("relation_name"))
        places = {one["unique_id"]: exp.to_table(one["relation_name"], dialect="postgres") for one in built}
        return {node: f"{at.catalog}.{at.db}" for node, at in places.items() if (at.catalog, at.db) != wanted}

    def _events(self) -> Iterator[dict[str, Any]]:
        """Dbt's events, as the steps' logs get longer, up to the run's end."""
        settings = self._exchange.settings
        wait, place = settings.first_wait_seconds, 0
        related = {"include_related": json.dumps(["run_steps"])}
        self._log.clear()
        while True:
            run = self._exchange.data("GET", self._path, parameters=related)
            has_ended = is_complete(run)
            whole = "".join(str(step.get("logs") or "") for step in run.get("run_steps") or ())
            end = len(whole) if has_ended else whole.rfind("\n") + 1
            for line in whole[place:end].splitlines():
                event = _event(line)
                if event is not None:
                    self._note_down(event)
                    yield event
            place = max(place, end)
            if has_ended:
                return
            sleep(wait)
            wait = min(1.5 * wait, settings.longest_wait_seconds)

    def _note_down(self, event: Mapping[str, Any]) -> None:
        if event["info"].get("level") in _TOLD:
            self._log.append(f"{event['info'].get('ts', '')} {event['info'].get('msg', '')}")


def _event(line: str) -> dict[str, Any] | None:
    """A line of dbt's log as its event; None for what dbt Cloud writes between."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_one = isinstance(event, dict) and isinstance(event.get("info"), dict) and isinstance(event.get("data"), dict)
    return event if is_one and "name" in event["info"] else None


def _told(name: str, result: Mapping[str, Any]) -> dict[str, object]:
    """The result in an event, whose empty parts JSON leaves out."""
    whole = {
        "status": result.get("status", "error"),
        "execution_time": result.get("execution_time", 0.0),
        "num_failures": result.get("num_failures", 0),
        "message": result.get("message", ""),
        "adapter_response": result.get("adapter_response") or {},
    }
    return result_facts(name.partition(".")[0], whole)
