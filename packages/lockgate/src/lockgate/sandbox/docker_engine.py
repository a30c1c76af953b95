"""A stand-in for a Docker engine: it speaks the part of the Engine API 1.41 that Lockgate uses, on this machine alone.

It is ours, not Docker's. A container is a folder and a process of this machine, so what it does is real; there is no
image (names count as present or not), no other account, no limit, no network of its own, and nothing is read-only but
by refusal: archives go only into volumes, and a bind is taken only under the path that it has on this machine.

Source: github.com/moby/moby, `api/swagger.yaml`; answers of `logs` are its "Stream format".
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import tarfile
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any
from uuid import uuid4

from lockgate.sandbox.local_api import ApiAnswer, LocalApi, Route
from lockgate.sandbox.local_server import ApiRequest
from lockgate.sandbox.machine_process import MachineProcess, Runner, RunningProcess

API_VERSION = "1.41"
_NEVER = "0001-01-01T00:00:00Z"
_STDOUT = 1
_GRACE_SECONDS = 10
_ID = "([^/]+)"


@dataclass(slots=True)
class Container:
    """One container: what it was made of, its folder, and its process once it was started."""

    id: str
    name: str
    config: dict[str, Any]
    folder: Path
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    process: RunningProcess | None = None

    @property
    def status(self) -> str:
        """Docker's word for how it stands."""
        if self.process is None:
            return "created"
        return "running" if self.process.code is None else "exited"

    def place(self, path: str) -> Path:
        """Where a path of it is on this machine."""
        return self.folder / path.lstrip("/")


class DockerEngine(LocalApi):
    """A server to be used in a `with` block; `containers` are those that there are, by id.

    Where `are_short_of_memory`, containers that ended are said to have needed more than they may.
    """

    def __init__(
        self, images: Collection[str], *, port: int = 0, run: Runner = MachineProcess, program: Sequence[str] = ()
    ) -> None:
        """These images count as present; commands that begin as `program` does are run by `run`, others refused."""
        super().__init__(port=port)
        self.are_short_of_memory = False
        self._run = run
        self._program = tuple(program)
        self.containers: dict[str, Container] = {}
        self._images = set(images)
        self._folder = Path(mkdtemp(prefix="lockgate-engine-"))
        self._lock = threading.RLock()

    @property
    def address(self) -> str:
        """Its address as Docker writes it."""
        return f"tcp://127.0.0.1:{self.port}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends every container, and stops it."""
        for container in list(self.containers.values()):
            self._taken_away(container)
        super().__exit__(kind, error, trace)
        shutil.rmtree(self._folder, ignore_errors=True)

    def refused(self, status: int, said: str) -> ApiAnswer:
        """An `ErrorResponse`."""
        return ApiAnswer(status, {"message": said})

    def turned_away(self, request: ApiRequest) -> ApiAnswer | None:
        """403 for what a browser sends, be it by another name of this machine: whoever asks has commands run."""
        known = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        if request.headers.get("host") in known and "origin" not in request.headers:
            return None
        return self.refused(403, "this stand-in is asked by its own address alone, and by no page of a browser")

    def routes(self) -> tuple[Route, ...]:
        """The operations that it knows."""
        api = f"/v{API_VERSION}/containers"
        return (
            ("GET", "/version", self._version),
            ("GET", f"{api}/json", self._list),
            ("POST", f"{api}/create", self._create),
            ("GET", f"{api}/{_ID}/json", self._inspect),
            ("PUT", f"{api}/{_ID}/archive", self._put),
            ("GET", f"{api}/{_ID}/archive", self._get),
            ("POST", f"{api}/{_ID}/start", self._start),
            ("GET", f"{api}/{_ID}/logs", self._logs),
            ("POST", f"{api}/{_ID}/stop", self._stop),
            ("DELETE", f"{api}/{_ID}", self._remove),
        )

    # --- answers ------------------------------------------------------------------------------------------------

    def _version(self, _request: ApiRequest) -> ApiAnswer:
        facts = {"Version": "20.10.24", "ApiVersion": API_VERSION, "MinAPIVersion": "1.12", "Os": "linux"}
        return ApiAnswer(200, {**facts, "Arch": "amd64", "Platform": {"Name": "Lockgate's stand-in"}})

    def _list(self, request: ApiRequest) -> ApiAnswer:
        wanted = json.loads(request.asks("filters", "{}")).get("label", [])
        everyone = request.asks("all") in {"1", "true", "True"}
        shown = [
            _summary(each)
            for each in self.containers.values()
            if (everyone or each.status == "running") and _has_labels(each, wanted)
        ]
        return ApiAnswer(200, shown)

    def _create(self, request: ApiRequest) -> ApiAnswer:
        config = request.document()
        name = request.asks("name") or f"lockgate_{uuid4().hex[:8]}"
        if config["Image"] not in self._images:
            return self.refused(404, f"No such image: {config['Image']}")
        command = (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))
        if command[: len(self._program)] != self._program:
            return self.refused(403, f"this stand-in runs nothing but {' '.join(self._program)}")
        for bind in config.get("HostConfig", {}).get("Binds") or ():
            here, there = bind.split(":")[:2]
            if here != there or not Path(here).is_dir():
                return self.refused(400, f"this stand-in binds folders under their own path only: {bind}")
        with self._lock:
            taken = next((each for each in self.containers.values() if each.name == name), None)
            if taken is not None:
                said = f'Conflict. The container name "/{name}" is already in use by container "{taken.id}".'
                return self.refused(409, said)
            container = Container(uuid4().hex * 2, name, config, Path(mkdtemp(dir=self._folder)))
            self.containers[container.id] = container
        for path in (config.get("WorkingDir") or "/", *_volumes(config), "/tmp"):  # noqa: S108
            container.place(path).mkdir(parents=True, exist_ok=True)
        return ApiAnswer(201, {"Id": container.id, "Warnings": []})

    def _inspect(self, _request: ApiRequest, name: str) -> ApiAnswer:
        container = self.containers.get(name)
        if container is None:
            return self._missing(name)
        return ApiAnswer(200, _document(container, is_short_of_memory=self.are_short_of_memory))

    def _put(self, request: ApiRequest, name: str) -> ApiAnswer:
        container = self.containers.get(name)
        path = request.asks("path")
        if container is None:
            return self._missing(name)
        if not any(path == each or path.startswith(f"{each}/") for each in _volumes(container.config)):
            return self.refused(403, "container rootfs is marked read-only")
        with tarfile.open(fileobj=io.BytesIO(request.body)) as tar:
            tar.extractall(container.place(path), filter="data")
        return ApiAnswer(200, content=b"")

    def _get(self, request: ApiRequest, name: str) -> ApiAnswer:
        container = self.containers.get(name)
        path = request.asks("path")
        if container is None:
            return self._missing(name)
        if not container.place(path).exists():
            return self.refused(404, f"Could not find the file {path} in container {name}")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(container.place(path), arcname=Path(path).name)
        stat = "eyJuYW1lIjoiIn0="  # {"name":""} in base64
        headers = {"X-Docker-Container-Path-Stat": stat}
        return ApiAnswer(200, content=packed.getvalue(), headers=headers, content_type="application/x-tar")

    def _start(self, _request: ApiRequest, name: str) -> ApiAnswer:
        container = self.containers.get(name)
        if container is None:
            return self._missing(name)
        if container.process is not None:
            return ApiAnswer(304)
        command = [*(container.config.get("Entrypoint") or ()), *(container.config.get("Cmd") or ())]
        environment = dict(each.split("=", 1) for each in container.config.get("Env") or ())
        folder = container.place(container.config.get("WorkingDir") or "/")
        try:
            container.process = self._run(command, folder, environment)
        except OSError as error:
            return self.refused(400, f"failed to create task: exec: {command[0]}: {error.strerror}")
        return ApiAnswer(204)

    def _logs(self, request: ApiRequest, name: str) -> ApiAnswer:
        container = self.containers.get(name)
        if container is None:
            return self._missing(name)
        process = container.process
        follows = request.asks("follow") in {"1", "true", "True"}
        pieces: Iterator[bytes] = iter(())
        if process is not None:
            pieces = process.followed() if follows else iter((process.output,))
        return ApiAnswer(200, pieces=map(_framed, pieces), content_type="application/vnd.docker.raw-stream")

    def _stop(self, request: ApiRequest, name: str) -> ApiAnswer:
        container = self.containers.get(name)
        if container is None:
            return self._missing(name)
        if container.status != "running" or container.process is None:
            return ApiAnswer(304)
        container.process.ask_to_end(float(request.asks("t", str(_GRACE_SECONDS))))
        return ApiAnswer(204)

    def _remove(self, request: ApiRequest, name: str) -> ApiAnswer:
        container = self.containers.get(name)
        if container is None:
            return self._missing(name)
        if container.status == "running" and request.asks("force") not in {"1", "true", "True"}:
            return self.refused(409, f"You cannot remove a running container {name}. Stop it, or force its removal.")
        self._taken_away(container)
        return ApiAnswer(204)

    def _taken_away(self, container: Container) -> None:
        if container.process is not None:
            container.process.kill()
        shutil.rmtree(container.folder, ignore_errors=True)
        self.containers.pop(container.id, None)

    def _missing(self, name: str) -> ApiAnswer:
        return self.refused(404, f"No such container: {name}")


def _volumes(config: dict[str, Any]) -> tuple[str, ...]:
    return tuple(config.get("Volumes") or ())


def _has_labels(container: Container, wanted: list[str]) -> bool:
    labels = container.config.get("Labels") or {}
    return all(labels.get(name) == value for name, _, value in (each.partition("=") for each in wanted))


def _framed(piece: bytes) -> bytes:
    """A piece of output with the header that says whose it is and how long."""
    return struct.pack(">BxxxL", _STDOUT, len(piece)) + piece


def _summary(container: Container) -> dict[str, Any]:
    return {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": container.config["Image"],
        "Created": int(container.created.timestamp()),
        "Labels": container.config.get("Labels") or {},
        "State": container.status,
        "Status": container.status,
    }


def _document(container: Container, *, is_short_of_memory: bool) -> dict[str, Any]:
    process = container.process
    state = {
        "Status": container.status,
        "Running": container.status == "running",
        "Paused": False,
        "Restarting": False,
        "OOMKilled": is_short_of_memory,
        "Dead": False,
        "Pid": 0,
        "ExitCode": process.code or 0 if process else 0,
        "Error": "",
        "StartedAt": _NEVER,
        "FinishedAt": _NEVER,
    }
    return {
        "Id": container.id,
        "Created": container.created.isoformat(),
        "Name": f"/{container.name}",
        "State": state,
        "Image": container.config["Image"],
        "Config": {key: container.config.get(key) for key in ("Tty", "Labels", "Cmd", "WorkingDir", "Image", "User")},
    }
