"""A real Dagster over compiled flows: its web server, its daemon, and what they answer to GraphQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from people import BIN, answered

from lockgate.adapters.processes.supervisor import end, supervised
from lockgate.sandbox.postgres import free_port
from lockgate.testing.waiting import awaited

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError {
    __typename } } } } }"""
LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } } }"""
DRY_RUN = """mutation ($schedule: ScheduleSelector!, $at: Float!) {
    scheduleDryRun(selectorData: $schedule, timestamp: $at) { ... on DryRunInstigationTick { evaluationResult {
    skipReason runRequests { runKey tags { key value } } } } } }"""
RUN = """query ($id: ID!) { runOrError(runId: $id) { ... on Run { status stepStats {
    stepKey status attempts { startTime } } } } }"""
RUNS = """query ($job: String!) { runsOrError(filter: {pipelineName: $job}) { ... on Runs { results {
    runId status tags { key value } } } } }"""
START_SCHEDULE = "mutation ($it: ScheduleSelector!) { startSchedule(scheduleSelector: $it) { __typename } }"
START_SENSOR = "mutation ($it: SensorSelector!) { startSensor(sensorSelector: $it) { __typename } }"
ASSETS = """{ assetNodes { assetKey { path } groupName dependencyKeys { path } assetMaterializations(limit: 1) {
    runId stepKey } } }"""


class Dagster:
    """A server whose code locations are the flows' files, each of the flow's name."""

    def __init__(self, home: Path, flows: Path, environment: Mapping[str, str]) -> None:
        settings = (flows / "dagster.yaml").read_text(encoding="utf-8")
        (home / "dagster.yaml").write_text(f"{settings}\ntelemetry: {{enabled: false}}\n", encoding="utf-8")
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/graphql"
        command = [str(BIN / "dagster"), "dev", "-w", str(flows / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
        self._supervisor = supervised({"dagster": command}, environment=environment, folder=home, grace_seconds=3)
        awaited(self._is_loaded, seconds=240)

    def ask(self, query: str, **variables: object) -> Any:
        """The one thing that was asked for."""
        answer = answered(self._url, data={"query": query, "variables": variables})
        assert "errors" not in answer, answer
        (found,) = answer["data"].values()
        return found

    def launch(self, flow: str, tags: Mapping[str, str] | None = None) -> str:
        """Starts a run, as people do: its id."""
        params = {
            "selector": {**at(flow), "jobName": flow},
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]},
        }
        found = self.ask(LAUNCH, params=params)
        assert found["__typename"] == "LaunchRunSuccess", found
        return found["run"]["runId"]

    def ended(self, run_id: str) -> dict[str, Any]:
        """A run, once it has ended."""
        awaited(lambda: self.ask(RUN, id=run_id)["status"] in ENDED, seconds=240)
        return self.ask(RUN, id=run_id)

    def runs(self, flow: str) -> list[dict[str, Any]]:
        return self.ask(RUNS, job=flow)["results"]

    def stop(self) -> None:
        end(self._supervisor)

    def _is_loaded(self) -> bool:
        entries = self.ask(LOCATIONS)["locationEntries"]
        kinds = {entry["locationOrLoadError"]["__typename"] for entry in entries if entry["locationOrLoadError"]}
        assert kinds <= {"RepositoryLocation"}, entries
        return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)


def at(flow: str) -> dict[str, str]:
    """Where Dagster has what a flow was compiled to."""
    return {"repositoryName": "__repository__", "repositoryLocationName": flow}
