"""Containers that run Lockgate's program: confined, followed by their log, found again by their labels."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.adapters.dbt.remote.docker.asking import ContainerExists, asked
from lockgate.adapters.dbt.remote.docker.settings import MEBIBYTE, DockerSettings
from lockgate.adapters.dbt.remote.parcel import Parcel, add_project, unpack
from lockgate.adapters.dbt.remote.place import Assignment, RunState, refuse_unknown
from lockgate.adapters.dbt.remote.protocol import ARTIFACTS, PROGRAM, PROJECT, QUIET, REQUEST, WORK, lines_of
from lockgate.adapters.dbt.remote.reach import LABEL, database_is_here
from lockgate.adapters.registry import require
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import CapabilityMissing, ExecutorRefused, ExecutorUnavailable

if TYPE_CHECKING:
    from docker import APIClient

_ONLY_OWNER = 0o600
_ENDED = frozenset({"exited", "dead"})


class DockerPlace:
    """The containers of one engine."""

    def __init__(self, settings: DockerSettings) -> None:
        """Nothing is asked yet."""
        self.image = settings.image
        self._settings = settings

    def refuse_kind(self, kind: str) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        refuse_unknown(kind)
        if kind == "duckdb" and not self._settings.is_on_this_machine:
            message = "the workshop is a file of this machine, which containers of another machine's engine do not see"
            raise CapabilityMissing(message, hint="Name an engine of this machine, or a target that is a server.")
        if self._settings.is_in_clear:
            message = (
                f"the engine at {self._settings.url} would be sent passwords in clear, and whoever reaches it is root"
            )
            hint = "Name it by `https://`, or bring its socket here with `ssh -L` and name that by `unix://`."
            raise CapabilityMissing(message, hint=hint)

    def refuse(self, access: WorkshopAccess) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        require("docker", "the executor 'docker'")
        self.refuse_kind(access.kind)
        settings = self._settings
        if access.kind == "postgres" and settings.network != "host" and database_is_here(access):
            host = access.parameters.get("host") or "this machine's socket"
            message = f"the database is at {host}, which in a container is the container itself"
            hint = "Name the database by an address that containers reach, or write `network: host`."
            raise CapabilityMissing(message, hint=hint)

    def found(self, assignment: Assignment) -> Sequence[DockerRun]:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`."""
        with asked(self._settings) as client:
            known = client.containers(all=True, filters={"label": [f"{LABEL}.workshop={assignment.workshop}"]})
        return tuple(DockerRun(self._settings, each["Id"], each["Labels"].get(f"{LABEL}.key", "")) for each in known)

    def begin(self, assignment: Assignment) -> DockerRun:
        """See `lockgate.adapters.dbt.remote.place.RemotePlace`; the engine keeps a second one of a workshop out."""
        try:
            with asked(self._settings) as client:
                made = client.create_container_from_config(
                    self._described(client, assignment), f"lockgate-{assignment.workshop[:20]}"
                )
        except ContainerExists as error:
            message = "another process has just begun to build this workshop there"
            raise ExecutorUnavailable(message, hint="Run it again once that has ended.") from error
        run = DockerRun(self._settings, made["Id"], assignment.key)
        try:
            with asked(self._settings) as client:
                client.put_archive(run.id, str(WORK), self._parcel(assignment))
                client.start(run.id)
        except BaseException:
            with suppress(ExecutorUnavailable, ExecutorRefused):
                run.remove()
            raise
        return run

    def _described(self, client: APIClient, assignment: Assignment) -> Any:
        settings = self._settings
        labels = {"workshop": assignment.workshop, "schema": assignment.schema, "key": assignment.key}
        return client.create_container_config(
            image=settings.image,
            command=[*PROGRAM, REQUEST],
            user=settings.user,
            working_dir=str(WORK),
            environment=QUIET,
            labels={f"{LABEL}.{name}": value for name, value in labels.items()},
            volumes=[str(WORK)],
            stop_signal="SIGTERM",
            host_config=client.create_host_config(
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                read_only=True,
                tmpfs={"/tmp": "rw,noexec,nosuid,size=256m"},  # noqa: S108  the container's own
                network_mode=settings.network,
                mem_limit=settings.memory_mebibytes * MEBIBYTE,
                nano_cpus=int(settings.cpus * 1e9),
                pids_limit=settings.processes,
                binds=_binds(assignment.access),
            ),
        )

    def _parcel(self, assignment: Assignment) -> bytes:
        """What the program needs, as files of its account; the password in one that nobody else may read."""
        owner, group = self._settings.owner
        parcel = Parcel(owner=owner, group=group)
        request = {**assignment.request, "archive": "", "print_artifacts": False}
        parcel.add(REQUEST, json.dumps(request).encode(), _ONLY_OWNER)
        add_project(parcel, assignment.project, below=PROJECT)
        return parcel.content()


class DockerRun:
    """One container."""

    def __init__(self, settings: DockerSettings, container: str, key: str) -> None:
        """Nothing is asked yet."""
        self.id = container
        self._settings = settings
        self._key = key

    @property
    def key(self) -> str:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`."""
        return self._key

    def lines(self) -> Generator[str, None, None]:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`."""
        with asked(self._settings) as client:
            pieces = client.logs(self.id, stdout=True, stderr=True, stream=True, follow=True)
            try:
                yield from lines_of(pieces)
            finally:
                pieces._response.close()  # noqa: SLF001  its own `close` leaves the socket to be collected

    def state(self) -> RunState:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`; one that was made and never begun counts as ended."""
        state: dict[str, Any] = {}
        with asked(self._settings, may_be_gone=True) as client:
            state = client.inspect_container(self.id)["State"]
        if not state:
            return RunState(is_running=False, said="its container is gone")
        if state["Status"] == "created":
            return RunState(is_running=False, code=None, said="it was never started")
        if state["Status"] not in _ENDED:
            return RunState(is_running=True)
        more = f"it needed more than {self._settings.memory_mebibytes} MiB of memory"
        said = more if state.get("OOMKilled") else str(state.get("Error") or "")
        return RunState(is_running=False, code=int(state["ExitCode"]), said=said)

    def fetch(self, folder: Path) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`."""
        with asked(self._settings) as client:
            content, _ = client.get_archive(self.id, str(WORK / ARTIFACTS))
            unpack(content, folder, strip=1)

    def stop(self) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`."""
        with asked(self._settings, may_be_gone=True) as client:
            client.stop(self.id, timeout=self._settings.grace_seconds)

    def remove(self) -> None:
        """See `lockgate.adapters.dbt.remote.place.RemoteRun`."""
        with asked(self._settings, may_be_gone=True) as client:
            client.remove_container(self.id, v=True, force=True)


def _binds(access: WorkshopAccess) -> list[str]:
    """The workshop's own folder, where it is one, under the path that it has here; nothing else of this machine."""
    if access.kind != "duckdb":
        return []
    folder = Path(str(access.parameters["path"])).absolute().parent
    return [f"{folder}:{folder}:rw"]
