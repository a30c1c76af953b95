"""`serve`: runs the API on an address, in one process or several, until it is told to stop."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from lockgate.adapters.logs.first_line import log
from lockgate.adapters.logs.forwarding import forward_log
from lockgate.app.service import Service
from lockgate.errors import ControlPlaneUnavailable, SecretMissing, TargetBusy
from lockgate.server.api import create_api
from lockgate.server.declared import declared_options
from lockgate.server.listening import BACKLOG, give_up, listen, queued, turn_away
from lockgate.server.options import Mode, Options
from lockgate.server.protocol import PatientProtocol
from lockgate.server.stopping import MOMENT_SECONDS, SIGNALS

HOST = "127.0.0.1"
PORT = 5003
# What is made between two looks for garbage. After every 700, as Python does by itself, they took a tenth of the time.
YOUNG_OBJECTS = 100_000

MakeApi = Callable[[Path | None], FastAPI]


@dataclass(frozen=True, slots=True)
class ProjectApi:
    """Makes the API of a project, in whichever process it is called."""

    folder: Path | None
    target: str | None
    options: Options

    def __call__(self, metrics_folder: Path | None) -> FastAPI:
        """The API over a service of the process's own."""
        service = self.open_service()
        _look_for_garbage_seldom()
        forward_log("uvicorn")
        return create_api(service, options=self.options, metrics_folder=metrics_folder)

    def open_service(self) -> Service:
        """The service, where there is anybody who could call it.

        Raises:
            SecretMissing: in production nobody has an account or a token.
        """
        service = Service.open(self.folder, target=self.target, record_limits=self.options.record_limits)
        try:
            if self.options.mode is Mode.PRODUCTION and self.options.token is None:
                _refuse_unreachable(service)
        except BaseException:
            service.close()
            raise
        return service


def _look_for_garbage_seldom() -> None:
    """Spares requests what is there to stay: a thousand at once have made as many objects before one of them ends."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def _refuse_unreachable(service: Service) -> None:
    known = service.access.known()
    if not known.has_people and not known.has_tokens:
        hint = (
            "Make an account, `lockgate govern user add NAME --role admin`, or a token, `lockgate govern token add "
            "NAME`; or set the secret `api-token`."
        )
        raise SecretMissing("in production callers sign in or send a token, and nobody has either", hint=hint)


def serve(
    folder: Path | None = None,
    *,
    target: str | None = None,
    host: str = HOST,
    port: int = PORT,
    workers: int = 1,
    options: Options | None = None,
) -> None:
    """Serves the project in `folder`, or the nearest one, until SIGTERM or SIGINT; then it ends what is under way.

    Raises:
        ProjectInvalid: with all problems of the project's files.
        UnknownName: there is no project, or no target of that name.
        SecretMissing: in production nobody has an account or a token.
        TargetBusy: the address is taken.
        ControlPlaneUnavailable: the control plane does not answer.
    """
    chosen = options or declared_options(folder)
    make = ProjectApi(folder, target, chosen)
    if workers > 1:
        make.open_service().close()  # what is wrong with the project is told once, and here
    run_api(make, host=host, port=port, workers=workers, options=chosen)


def run_api(make: MakeApi, *, host: str, port: int, workers: int, options: Options) -> None:
    """Serves what `make` gives until the process is told to stop; several workers make one each, so it is pickled.

    Raises:
        TargetBusy: the address is taken.
        LockgateError: what kept the service from starting.
    """
    _raise_open_files()
    with _listening(host, port) as listener, _outliving_signals():
        if workers > 1:
            _run_many(make, listener, options, workers)
        else:
            _run_one(make, listener, options)


def _run_one(make: MakeApi, listener: socket.socket, options: Options) -> None:
    api = _made(make, None, listener)
    _tell(listener)
    try:
        uvicorn.Server(configured(lambda: api, options)).run(sockets=[listener])
    except SystemExit as end:
        raise api.state.desk.failure or ControlPlaneUnavailable("the server could not start") from end


def _run_many(make: MakeApi, listener: socket.socket, options: Options, workers: int) -> None:
    with tempfile.TemporaryDirectory(prefix="lockgate-metrics-", ignore_cleanup_errors=True) as folder:
        config = configured(partial(_made, make, Path(folder), listener), options)
        config.workers = workers
        # Only processes that are started from now on see it: prometheus_client reads it when it is imported.
        os.putenv("PROMETHEUS_MULTIPROC_DIR", folder)
        try:
            _tell(listener)
            supervisor = _Supervisor(config, [listener])
            supervisor.run()
        finally:
            os.unsetenv("PROMETHEUS_MULTIPROC_DIR")
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise ControlPlaneUnavailable("a process of the server could not start; its log says why")


def _made(make: MakeApi, metrics_folder: Path | None, listener: socket.socket) -> FastAPI:
    """An API whose desk knows the socket that its process listens on."""
    api = make(metrics_folder)
    api.state.desk.listener = listener
    return api


class _Supervisor(Multiprocess):
    """uvicorn's supervisor, which turns new connections away before it stops its processes."""

    def terminate_all(self) -> None:
        """Tells every process to stop; they accept what is in the queue, and nobody listens once it is empty."""
        for listener in self.sockets:
            turn_away(listener)
        super().terminate_all()
        deadline = time.monotonic() + Options().drain_seconds
        for listener in self.sockets:
            time.sleep(MOMENT_SECONDS)
            while queued(listener) and time.monotonic() < deadline:
                time.sleep(MOMENT_SECONDS / 4)
            give_up(listener)


def configured(make: Callable[[], FastAPI], options: Options) -> uvicorn.Config:
    """How uvicorn serves an API."""
    return uvicorn.Config(
        make,
        factory=True,
        http=PatientProtocol,
        loop="asyncio",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=options.head_bytes,
        timeout_keep_alive=options.head_seconds,
        timeout_graceful_shutdown=options.stop_seconds,
        timeout_worker_healthcheck=options.worker_seconds,
        reset_contextvars=True,
    )


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = listen(host, port)
    except OSError as error:
        hint = "Stop what listens there, or choose another --port."
        raise TargetBusy(f"cannot listen on {host}:{port}: {error.strerror}", hint=hint) from error
    with listener:
        yield listener


@contextlib.contextmanager
def _outliving_signals() -> Iterator[None]:
    """Lets the process go on to its own end after uvicorn, which sends itself the signal again once it has stopped."""

    def ignore(number: int, frame: FrameType | None) -> None:
        """Goes on."""

    before = {number: signal.signal(number, ignore) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_open_files() -> None:
    """Lets the process have as many connections as the machine allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _tell(listener: socket.socket) -> None:
    """Says where the server listens."""
    host, port, *_ = listener.getsockname()
    log().info("serving", address=f"http://{f'[{host}]' if ':' in host else host}:{port}")
