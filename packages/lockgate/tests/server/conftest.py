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
    """Nothing is printed, nor made ready to be printed, by the threads that answer."""
    structlog.configure(processors=[lambda *_: ""], logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def in_memory():
    """A service in memory, also where others are about a real one."""
    return memory_service.MemoryService()


@pytest.fixture
def service(in_memory):
    return in_memory


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


PASSWORD = "eleven grey herons at dawn"


class Browser:
    """What a browser does of what matters here: it keeps cookies, says where forms come from, and follows nothing."""

    def __init__(self, server, service) -> None:
        self.url = server.url
        self._access = service.access
        self.client = httpx.Client(base_url=server.url, timeout=20, headers={"Accept": "text/html"})

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={"Sec-Fetch-Site": "same-origin", **headers})

    def token(self) -> str:
        """What the forms of this session carry."""
        return self.get("/account").text.partition('name="csrf" value="')[2].partition('"')[0]

    def send(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        """Sends a form of a page of ours, with the session's token unless `fields` has another."""
        given = {"csrf": self.token(), **(fields or {})}
        return self.client.post(path, data=given, headers={"Origin": self.url, **headers})

    def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        data = {"name": name, "password": password, **fields}
        return self.client.post("/sign-in", data=data, headers={"Origin": self.url})

    def as_one(self, *roles: str, name: str = "ada") -> Browser:
        """Somebody with these roles, who has signed in."""
        self._access.add_person(name, PASSWORD, roles)
        assert self.sign_in(name).status_code == 303
        return self


@pytest.fixture
def browse(running, service):
    """A browser of a server with these options."""
    opened = []

    def browse(**options) -> Browser:
        server = running(**options)[0] if options or not opened else opened[0][0]
        opened.append((server, Browser(server, service)))
        return opened[-1][1]

    yield browse
    for _, browser in opened:
        browser.client.close()
