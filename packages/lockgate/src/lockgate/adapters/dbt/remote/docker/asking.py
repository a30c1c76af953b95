"""Asking a Docker engine, and what comes of its refusals."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from lockgate.adapters.dbt.remote.docker.settings import DockerSettings
from lockgate.adapters.dbt.remote.reach import LONGEST_SAID
from lockgate.adapters.exchange import BUSY
from lockgate.core.legible import cut, legible
from lockgate.errors import ExecutorRefused, ExecutorUnavailable

if TYPE_CHECKING:
    from docker import APIClient
    from docker.errors import APIError


class ContainerExists(Exception):
    """There is a container of that name."""


@contextmanager
def asked(settings: DockerSettings, *, may_be_gone: bool = False) -> Iterator[APIClient]:
    """A client of the engine while the block runs; where `may_be_gone`, a container that is not there is no error.

    Raises:
        ContainerExists: a container of that name is there.
        ExecutorRefused: the engine refuses.
        ExecutorUnavailable: it does not answer, or not now.
    """
    import docker

    try:
        client = docker.APIClient(base_url=settings.url, version="auto", timeout=settings.timeout_seconds)
        answers: list[Any] = []
        client.hooks["response"].append(lambda answer, **_: answers.append(answer))
        try:
            yield client
        finally:
            for answer in answers:  # one that was to be streamed may be open still
                answer.close()
            client.close()
    except docker.errors.APIError as error:
        if not (may_be_gone and error.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}):
            raise _refusal(error, settings) from error
    except (docker.errors.DockerException, OSError, struct.error) as error:  # its library raises OSErrors, too
        said = f"the Docker engine at {settings.url} does not answer: {type(error).__name__}"
        hint = "Start it, check `url` under `executors.docker`, and that this account may use its socket."
        raise ExecutorUnavailable(said, hint=hint) from error


def _refusal(error: APIError, settings: DockerSettings) -> Exception:
    status = int(error.status_code or 0)
    said = cut(legible(str(error.explanation or "")), LONGEST_SAID)
    if status == HTTPStatus.NOT_FOUND and "image" in said.lower():
        hint = f"Bring it there: `docker pull {settings.image}`, or build it; docs/howto/executors.md has the file."
        return ExecutorRefused(f"the Docker engine has no image {settings.image}", hint=hint, status=status)
    if status == HTTPStatus.CONFLICT and "name" in said:
        return ContainerExists(said)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        hint = "Give this account the right to make containers there; an authorisation plug-in may say which."
        return ExecutorRefused(f"the Docker engine does not allow it: {said}", hint=hint, status=status)
    if status in BUSY:
        return ExecutorUnavailable(f"the Docker engine answered {status}: {said}", status=status)
    return ExecutorRefused(f"the Docker engine answered {status}: {said}", status=status)
