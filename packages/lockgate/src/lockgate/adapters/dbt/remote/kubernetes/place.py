"""Jobs that run Lockgate's program: followed by their pod's log, found again by their labels."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from lockgate.adapters.dbt.remote.kubernetes.asking import Cluster, Exists
from lockgate.adapters.dbt.remote.kubernetes.manifests import (
    CONTAINER,
    KubernetesSettings,
    config_map,
    job,
    name_of,
    secret,
)
from lockgate.adapters.dbt.remote.parcel import unpack
from lockgate.adapters.dbt.remote.place import Assignment, RunState, refuse_unknown
from lockgate.adapters.dbt.remote.protocol import lines_of, message_of
from lockgate.adapters.dbt.remote.reach import LABEL, LONGEST_SAID, database_is_here
from lockgate.adapters.registry import require
from lockgate.core.execution import WorkshopAccess
from lockgate.core.legible import cut, legible
from lockgate.errors import CapabilityMissing, ExecutorRefused, ExecutorUnavailable

# Why a container waits that will not begin by waiting longer.
_HOPELESS = frozenset(
    {"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "RunContainerError"}
)
_LOOK_SECONDS = 0.1, 2.0
_PATIENCE_SECONDS = 30.0
_MOST_ARTIFACTS = 512 << 20
_ENDED = frozenset({"Succeeded", "Failed"})


class KubernetesPlace:
    """The jobs of one namespace."""

    def __init__(self, settings: KubernetesSettings, *, reaches_this_machine: bool = False) -> None:
        """Nothing is asked yet. Pods of a cluster on this machine's own network may reach its databases."""
        self.image = settings.image
        self._settings = settings
        self._reaches_this_machine = reaches_this_machine

    def refuse_kind(self, kind: str) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        refuse_unknown(kind)
        if kind == "duckdb":
            hint = "Name a target that is a server the cluster can reach, or another executor."
            raise CapabilityMissing("a pod cannot reach a workshop that is a file of this machine", hint=hint)

    def refuse(self, access: WorkshopAccess) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        require("kubernetes", "the executor 'kubernetes'")
        self.refuse_kind(access.kind)
        host = access.parameters.get("host") or "this machine's socket"
        if database_is_here(access) and not self._reaches_this_machine:
            message = f"the database is at {host}, which in a pod is the pod itself"
            raise CapabilityMissing(message, hint="Name the database by an address that pods reach.")

    def found(self, assignment: Assignment) -> Sequence[KubernetesRun]:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        jobs = Cluster(self._settings).those("jobs", f"{LABEL}/workshop={assignment.workshop}")
        metadata = [each["metadata"] for each in jobs if "deletionTimestamp" not in each["metadata"]]
        return tuple(
            KubernetesRun(self._settings, each["name"], each["labels"].get(f"{LABEL}/key", "")) for each in metadata
        )

    def begin(self, assignment: Assignment) -> KubernetesRun:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`; a second one of a workshop is kept out by its name."""
        cluster = Cluster(self._settings)
        config_map(assignment, self._settings, {"name": "", "uid": ""})  # what is too large begins nothing
        try:
            made = cluster.make("jobs", job(assignment, self._settings))["metadata"]
        except Exists as error:
            message = "another process has just begun to build this workshop there"
            raise ExecutorUnavailable(message, hint="Run it again once that has ended.") from error
        run = KubernetesRun(self._settings, name_of(assignment), assignment.key)
        try:
            cluster.make("configmaps", config_map(assignment, self._settings, made))
            cluster.make("secrets", secret(assignment, self._settings, made))
            cluster.resume(name_of(assignment))
        except BaseException as error:
            with suppress(ExecutorUnavailable, ExecutorRefused):
                run.remove()
            if isinstance(error, Exists):
                message = "what is left of an earlier run of this workshop is still being taken away"
                raise ExecutorUnavailable(message, hint="Run it again in a moment.") from error
            raise
        return run


class KubernetesRun:
    """One job, with its pod."""

    def __init__(self, settings: KubernetesSettings, name: str, key: str) -> None:
        """Nothing is asked yet."""
        self._settings = settings
        self._cluster = Cluster(settings)
        self._name = name
        self._key = key
        self._artifacts: dict[int, str] = {}

    @property
    def key(self) -> str:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`."""
        return self._key

    def lines(self) -> Generator[str, None, None]:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`.

        Raises:
            ExecutorRefused: the pod will never begin, for its image cannot be had.
        """
        pod = self._started()
        if pod is None:
            return
        with closing(self._cluster.log(pod["metadata"]["name"], CONTAINER)) as pieces:
            for line in lines_of(pieces):
                found = message_of(line) if '"artifacts"' in line else None
                if found is not None and found[1]["kind"] == "artifacts":
                    self._take(found[0], str(found[1].get("data", "")))
                yield line

    def state(self) -> RunState:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`; what says nothing any more has ended."""
        found = self._cluster.show("jobs", self._name)
        if found is None or "deletionTimestamp" in found["metadata"]:
            return RunState(is_running=False, said="its job is gone")
        if found["spec"].get("suspend"):
            return RunState(is_running=False, said="it was never begun")
        pod = self._pod()
        ended = (_container_of(pod).get("state") or {}).get("terminated") if pod else None
        if ended:
            more = f"it needed more than {self._settings.memory_mebibytes} MiB of memory"
            said = more if ended.get("reason") == "OOMKilled" else ""
            return RunState(is_running=False, code=int(ended["exitCode"]), said=said)
        failed = next((each for each in (found.get("status") or {}).get("conditions") or () if _is_failure(each)), None)
        if failed:
            return RunState(is_running=False, said=_text(failed))
        if pod and pod["status"].get("phase") in _ENDED:
            return RunState(is_running=False, said=_text(pod["status"]))
        return RunState(is_running=True)

    def fetch(self, folder: Path) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`: they came with the log."""
        if not self._artifacts:
            raise ExecutorUnavailable("the pod's log ended before what dbt left had come")
        try:
            whole = b"".join(b64decode(self._artifacts[number]) for number in sorted(self._artifacts))
        except ValueError as error:
            raise ExecutorRefused("what dbt left came back as no base64") from error
        unpack(whole, folder)

    def stop(self) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`."""
        self._cluster.delete("jobs", self._name)

    def remove(self) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`; returns once no pod is left that could go on building."""
        for kind in ("jobs", "configmaps", "secrets"):
            self._cluster.delete(kind, self._name)
        deadline = time.monotonic() + self._settings.grace_seconds + _PATIENCE_SECONDS
        for wait in _waits():
            if self._pod() is None:
                return
            if time.monotonic() > deadline:
                raise ExecutorUnavailable("a pod whose job was deleted does not end", pod=self._name)
            time.sleep(wait)

    def _take(self, number: int, part: str) -> None:
        """Keeps a part of what dbt left, as long as all are not more than the program would send."""
        self._artifacts[number] = part
        if sum(map(len, self._artifacts.values())) > _MOST_ARTIFACTS:
            raise ExecutorRefused(f"the pod sent back more than {_MOST_ARTIFACTS:,} bytes")

    def _started(self) -> dict[str, Any] | None:
        """The pod, once its container has begun; None where the job is gone, or has ended without one."""
        for wait in _waits():
            pod = self._pod()
            container = _container_of(pod) if pod else {}
            state = container.get("state") or {}
            if pod and ("running" in state or "terminated" in state):
                return pod
            waiting = state.get("waiting") or {}
            if waiting.get("reason") in _HOPELESS:
                hint = "Check `image`, that nodes may fetch it, and `image_pull_secret` under `executors.kubernetes`."
                raise ExecutorRefused(f"the pod does not begin: {_text(waiting)}", hint=hint)
            if not self.state().is_running:
                pod = self._pod()  # it may have begun and ended meanwhile
                return pod if pod and "terminated" in (_container_of(pod).get("state") or {}) else None
            time.sleep(wait)
        return None

    def _pod(self) -> dict[str, Any] | None:
        pods = self._cluster.those("pods", f"job-name={self._name},{LABEL}/key={self._key}")
        return pods[0] if pods else None


def _waits() -> Iterator[float]:
    wait, longest = _LOOK_SECONDS
    while True:
        yield wait
        wait = min(1.5 * wait, longest)


def _container_of(pod: dict[str, Any]) -> dict[str, Any]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((each for each in statuses if each["name"] == CONTAINER), {})


def _is_failure(condition: dict[str, Any]) -> bool:
    return condition.get("type") == "Failed" and condition.get("status") == "True"


def _text(state: dict[str, Any]) -> str:
    """A reason with its message."""
    said = ": ".join(str(state[name]) for name in ("reason", "message") if state.get(name))
    return cut(legible(said), LONGEST_SAID)
