"""A server on a free loopback port, over a service in memory."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from pathlib import Path

import httpx
import pytest
import structlog
import uvicorn

from lockgate.server import Options, create_api
from lockgate.server.listening import listen
from lockgate.server.serving import configured


def _beside(name: str):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


memory_service = _beside("memory_service")


class Running:
    """An API that is served from a thread of this process."""

    def __init__(self, service, options: Options) -> None:
        self.service = service
        self.api = create_api(service, options=options)
        self.desk = self.api.state.desk
        self._listener = listen("127.0.0.1", 0)
        self.host, self.port = self._listener.getsockname()
        self.url = f"http://{self.host}:{self.port}"
        self._server = uvicorn.Server(configured(lambda: self.api, options))
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._up.wait(30)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._listener]))
        while not (self._server.started or serving.done()):  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.005)
        self._up.set()
        await serving

    def tell_to_stop(self) -> None:
        """What a signal does first: those that wait are answered."""
        self.loop.call_soon_threadsafe(self.desk.stop)

    def end(self) -> None:
        if self._thread.is_alive():
            self.tell_to_stop()
            self._server.should_exit = True
            self._thread.join(30)
        self._listener.close()


@pytest.fixture(autouse=True)
def quiet():
    """Nothing is printed by the threads that answer."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def service():
    return memory_service.MemoryService()


@pytest.fixture
def running(service):
    """Runs an API over the service, with these options: the server and a client of it."""
    begun = []

    def running(**options):
        server = Running(service, Options(**options))
        client = httpx.Client(base_url=server.url, timeout=20)
        begun.append((server, client))
        return server, client

    yield running
    for server, client in begun:
        client.close()
        server.end()


@pytest.fixture
def server(running):
    return running()[0]


@pytest.fixture
def client(running, service):
    """A client of a server whose jobs end well at once."""
    service.seconds = 0
    return running()[1]
