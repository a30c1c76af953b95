"""Asking a cluster, and what comes of its refusals."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.adapters.dbt.remote.kubernetes.manifests import KubernetesSettings
from lockgate.adapters.dbt.remote.reach import LONGEST_SAID
from lockgate.adapters.exchange import BUSY
from lockgate.core.legible import cut, legible
from lockgate.errors import ExecutorRefused, ExecutorUnavailable

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from kubernetes.client.exceptions import ApiException

_OWN_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_AUTH = ["BearerToken"]


class Exists(Exception):
    """There is something of that name."""


class Cluster:
    """A namespace of a cluster, as its API shows it."""

    def __init__(self, settings: KubernetesSettings) -> None:
        """Nothing is asked yet."""
        self._settings = settings

    def make(self, kind: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Makes what a manifest says; the answer is the whole of it."""
        return self._asked("POST", kind, "", body=manifest)

    def show(self, kind: str, name: str) -> dict[str, Any] | None:
        """One of a kind; None where there is none."""
        return self._asked("GET", kind, f"/{name}", may_be_gone=True) or None

    def those(self, kind: str, selector: str) -> list[dict[str, Any]]:
        """Those of a kind that have the labels."""
        found: list[dict[str, Any]] = self._asked("GET", kind, "", query=[("labelSelector", selector)])["items"]
        return found

    def resume(self, job: str) -> None:
        """Has a job begin that was made suspended."""
        self._asked("PATCH", "jobs", f"/{job}", body={"spec": {"suspend": False}})

    def delete(self, kind: str, name: str) -> None:
        """Takes one away, with all that it owns; nothing is wrong where it is gone."""
        query = [("propagationPolicy", "Background")]
        self._asked("DELETE", kind, f"/{name}", query=query, may_be_gone=True)

    def log(self, pod: str, container: str) -> Generator[bytes, None, None]:
        """What a container prints, from its beginning to its end."""
        with _told(self._settings), _client(self._settings) as client:
            answer = _sent(
                client,
                "GET",
                f"{_place('pods', self._settings)}/{pod}/log",
                query=[("container", container), ("follow", "true")],
                timeout=(self._settings.timeout_seconds, None),
            )
            try:
                yield from answer.stream(decode_content=True)
            finally:
                answer.close()

    def _asked(
        self,
        method: str,
        kind: str,
        name: str,
        *,
        body: dict[str, Any] | None = None,
        query: list[tuple[str, str]] | None = None,
        may_be_gone: bool = False,
    ) -> dict[str, Any]:
        from kubernetes.client.exceptions import ApiException

        path, timeout = f"{_place(kind, self._settings)}{name}", self._settings.timeout_seconds
        with _told(self._settings, makes=method == "POST"), _client(self._settings) as client:
            try:
                answer = _sent(client, method, path, body=body, query=query, timeout=timeout)
            except ApiException as error:
                if may_be_gone and error.status == HTTPStatus.NOT_FOUND:
                    return {}
                raise
            document: dict[str, Any] = json.loads(answer.data)
        return document


def _place(kind: str, settings: KubernetesSettings) -> str:
    group = "/apis/batch/v1" if kind == "jobs" else "/api/v1"
    return f"{group}/namespaces/{settings.namespace}/{kind}"


def _sent(
    client: ApiClient,
    method: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    query: list[tuple[str, str]] | None = None,
    timeout: float | tuple[float, float | None],
) -> Any:
    """The answer, whose content is still to be read."""
    content = "application/merge-patch+json" if method == "PATCH" else "application/json"
    sent = client.param_serialize(
        method,
        path,
        query_params=query or [],
        header_params={"Accept": "application/json, */*", "Content-Type": content},
        body=body,
        auth_settings=_AUTH,
    )
    answer = client.call_api(*sent, _request_timeout=timeout)
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        from kubernetes.client.exceptions import ApiException

        said: str = answer.response.data.decode("utf-8", "replace")
        raise ApiException(http_resp=answer, body=said, data=None)
    return answer.response


@contextmanager
def _client(settings: KubernetesSettings) -> Iterator[ApiClient]:
    """A client that knows where the cluster is, and as whom to ask."""
    from kubernetes import config
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration()
    if settings.kubeconfig or not _OWN_ACCOUNT.exists():
        place = {"config_file": settings.kubeconfig} if settings.kubeconfig else {}
        load: Any = config.load_kube_config
        load(**place, context=settings.context, client_configuration=configuration, persist_config=False)
    else:
        load = config.load_incluster_config
        load(client_configuration=configuration)
    client = ApiClient(configuration)
    try:
        yield client
    finally:
        client.rest_client.pool_manager.clear()


@contextmanager
def _told(settings: KubernetesSettings, *, makes: bool = False) -> Iterator[None]:
    """The client's errors as ours.

    Raises:
        Exists: there is something of that name.
        ExecutorRefused: the cluster refuses.
        ExecutorUnavailable: it does not answer, or not now.
    """
    from urllib3.exceptions import HTTPError

    from kubernetes.client.exceptions import ApiException
    from kubernetes.config import ConfigException

    try:
        yield
    except ConfigException as error:
        hint = "Name the file and context under `executors.kubernetes`, or run Lockgate in a pod of the cluster."
        raise ExecutorRefused(f"nothing says where the cluster is: {legible(str(error))}", hint=hint) from error
    except ApiException as error:
        raise _refusal(error, settings, makes=makes) from error
    except (HTTPError, OSError) as error:
        raise ExecutorUnavailable(f"the cluster's API does not answer: {type(error).__name__}") from error


def _refusal(error: ApiException, settings: KubernetesSettings, *, makes: bool) -> Exception:
    status = int(error.status or 0)
    said = _said(error)
    told = f"the cluster answered {status}: {said}"
    if status == HTTPStatus.CONFLICT:
        return Exists(said) if makes else ExecutorUnavailable(told, status=status)
    if status in BUSY:
        return ExecutorUnavailable(told, status=status)
    if "exceeded quota" in said:
        hint = "Ask for less memory and fewer processors under `executors.kubernetes`, or have the quota raised."
        return ExecutorRefused(told, hint=hint, status=status)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        rights = "jobs, config maps, secrets and pods, and may change jobs and read pods' logs"
        hint = f"Give the account a role in {settings.namespace} that makes, lists and deletes {rights}."
        return ExecutorRefused(told, hint=hint, status=status)
    return ExecutorRefused(told, status=status)


def _said(error: ApiException) -> str:
    try:
        message = json.loads(error.body or "")["message"]
    except (ValueError, LookupError, TypeError):
        message = error.reason or ""
    return cut(legible(str(message)), LONGEST_SAID)
