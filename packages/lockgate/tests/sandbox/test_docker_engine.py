"""Whom the stand-in for a Docker engine lets have commands run, and which."""

from __future__ import annotations

import httpx
import pytest

from lockgate.sandbox.docker_engine import DockerEngine

CREATE = "/v1.41/containers/create"
PROGRAM = ("python", "-P", "-m", "ours")


@pytest.fixture
def engine():
    with DockerEngine(["image"], program=PROGRAM) as engine:
        yield engine


def asked(engine: DockerEngine, *command: str, **headers: str) -> int:
    body = {"Image": "image", "Cmd": list(command)}
    return httpx.post(f"{engine.url}{CREATE}", json=body, headers=headers).status_code


def test_the_program_is_begun_for_whoever_asks_by_the_address(engine) -> None:
    assert asked(engine, *PROGRAM, "request.json") == 201
    assert asked(engine, *PROGRAM, "request.json", host=f"localhost:{engine.port}") == 201


@pytest.mark.parametrize(
    "headers",
    [{"host": "rebound.example"}, {"host": "127.0.0.1:1"}, {"origin": "https://page.example"}, {"origin": "null"}],
)
def test_what_a_page_of_a_browser_may_send_is_refused(engine, headers) -> None:
    assert asked(engine, *PROGRAM, "request.json", **headers) == 403
    assert engine.containers == {}


@pytest.mark.parametrize("command", [("sh", "-c", "true"), PROGRAM[:-1], ()])
def test_any_other_command_is_refused(engine, command) -> None:
    assert asked(engine, *command) == 403
    assert engine.containers == {}
