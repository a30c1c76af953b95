"""What is made in a cluster for one invocation: a job, a config map with the project, a secret with the request."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from math import ceil
from typing import Any

from lockgate.adapters.dbt.remote.parcel import Parcel, add_project
from lockgate.adapters.dbt.remote.place import Assignment
from lockgate.adapters.dbt.remote.protocol import ARCHIVE, PROGRAM, QUIET, REQUEST, WORK
from lockgate.adapters.dbt.remote.reach import LABEL, NOBODY
from lockgate.errors import ExecutorRefused

CONTAINER = "dbt"
MOST_BYTES = 1 << 20
_ROOM_FOR_NAMES = 4096
_ONLY_OWNER = 0o400
_READ_ONLY = 0o444

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """Which image, in which namespace of which cluster, with how much of a node.

    A pod that was asked to end has `grace_seconds` to do so; what is left of a job goes after `kept_seconds`.
    """

    image: str
    namespace: str
    kubeconfig: str = ""
    context: str | None = None
    service_account: str = ""
    image_pull_secret: str = ""
    memory_mebibytes: int = 2048
    cpus: float = 1.0
    grace_seconds: int = 10
    kept_seconds: int = 3600
    timeout_seconds: float = 30.0


def name_of(assignment: Assignment) -> str:
    """What everything of a workshop's run is called: a second one is kept out by the name."""
    return f"lockgate-{assignment.workshop[:20]}"


def job(assignment: Assignment, settings: KubernetesSettings) -> Manifest:
    """The job: one pod, once, for so long; it is suspended until what the pod mounts was made, too."""
    labels = _labels(assignment)
    pod: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": settings.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "fsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(settings)],
        "volumes": [
            {"name": "work", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "project", "configMap": {"name": name_of(assignment), "defaultMode": _READ_ONLY}},
            {"name": "request", "secret": {"secretName": name_of(assignment), "defaultMode": _ONLY_OWNER}},
        ],
    }
    if settings.service_account:
        pod["serviceAccountName"] = settings.service_account
    if settings.image_pull_secret:
        pod["imagePullSecrets"] = [{"name": settings.image_pull_secret}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name_of(assignment), "namespace": settings.namespace, "labels": labels},
        "spec": {
            "suspend": True,
            "backoffLimit": 0,
            "activeDeadlineSeconds": ceil(assignment.timeout_seconds) + settings.grace_seconds,
            "ttlSecondsAfterFinished": settings.kept_seconds,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def config_map(assignment: Assignment, settings: KubernetesSettings, owner: Manifest) -> Manifest:
    """The project's files, packed.

    Raises:
        ExecutorRefused: they are more than a config map holds.
    """
    parcel = Parcel(gzip=True)
    add_project(parcel, assignment.project)
    content = parcel.content()
    if len(content) > MOST_BYTES - _ROOM_FOR_NAMES:
        message = f"the dbt project takes {len(content):,} bytes when packed, and a config map holds {MOST_BYTES:,}"
        hint = "Move large seeds into tables, leave packages that are not used away, or choose the executor docker."
        raise ExecutorRefused(message, hint=hint)
    return {
        **_owned("ConfigMap", assignment, settings, owner),
        "immutable": True,
        "binaryData": {ARCHIVE: b64encode(content).decode()},
    }


def secret(assignment: Assignment, settings: KubernetesSettings, owner: Manifest) -> Manifest:
    """The request, which holds the password.

    Raises:
        ExecutorRefused: it is more than a secret holds.
    """
    request = {**assignment.request, "archive": f"../project/{ARCHIVE}", "print_artifacts": True}
    content = json.dumps(request).encode()
    if len(content) > MOST_BYTES - _ROOM_FOR_NAMES:
        raise ExecutorRefused(f"variables and selection take more than the {MOST_BYTES:,} bytes that a secret holds")
    return {
        **_owned("Secret", assignment, settings, owner),
        "type": "Opaque",
        "immutable": True,
        "data": {REQUEST: b64encode(content).decode()},
    }


def _container(settings: KubernetesSettings) -> Manifest:
    amount = {"cpu": f"{round(settings.cpus * 1000)}m", "memory": f"{settings.memory_mebibytes}Mi"}
    return {
        "name": CONTAINER,
        "image": settings.image,
        "command": [*PROGRAM, f"../request/{REQUEST}"],
        "workingDir": str(WORK),
        "env": [{"name": name, "value": value} for name, value in QUIET.items()],
        "resources": {"requests": amount, "limits": amount},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "work", "mountPath": str(WORK)},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the pod's own
            {"name": "project", "mountPath": str(WORK.parent / "project"), "readOnly": True},
            {"name": "request", "mountPath": str(WORK.parent / "request"), "readOnly": True},
        ],
    }


def _labels(assignment: Assignment) -> dict[str, str]:
    facts = {"workshop": assignment.workshop, "key": assignment.key}
    return {"app.kubernetes.io/managed-by": "lockgate", **{f"{LABEL}/{name}": fact for name, fact in facts.items()}}


def _owned(kind: str, assignment: Assignment, settings: KubernetesSettings, owner: Manifest) -> Manifest:
    """What goes when its job goes."""
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": owner["name"], "uid": owner["uid"]}
    metadata = {
        "name": name_of(assignment),
        "namespace": settings.namespace,
        "labels": _labels(assignment),
        "ownerReferences": [reference],
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}
