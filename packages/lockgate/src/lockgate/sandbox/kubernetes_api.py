"""A stand-in for a Kubernetes cluster: it speaks the part of the API that Lockgate uses, on this machine alone.

It is ours, not Kubernetes'. A job's pod is a folder and a process of this machine, its volumes are folders in that, so
what it does is real; there is no image (names count as present or not), no node, no other account, no limit of memory
or processors. It keeps deadlines, grace, owners, and the order in which a pod waits for what it mounts.

Source: github.com/kubernetes/kubernetes, `api/openapi-spec/swagger.json`, and the reference of batch/v1 Job.
"""

from __future__ import annotations

import shutil
import threading
import time
from base64 import b64decode
from collections.abc import Collection, Iterator
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

_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "AlreadyExists"}
_LOOK_SECONDS = 0.05
_KINDS = {"configmaps": "ConfigMap", "secrets": "Secret", "jobs": "Job"}
_SIGKILLED = 137

Manifest = dict[str, Any]


@dataclass(slots=True)
class StandPod:
    """A pod of a job."""

    name: str
    job: Manifest
    folder: Path
    process: RunningProcess | None = None
    waiting: str = "ContainerCreating"
    is_leaving: bool = False
    uid: str = field(default_factory=lambda: str(uuid4()))

    @property
    def template(self) -> Manifest:
        """What the job says of its pod."""
        template: Manifest = self.job["spec"]["template"]
        return template

    @property
    def phase(self) -> str:
        """Kubernetes' word for how it stands."""
        if self.process is None:
            return "Pending"
        if self.process.code is None:
            return "Running"
        return "Failed" if self.process.code else "Succeeded"


class KubernetesApi(LocalApi):
    """A server to be used in a `with` block; `objects` are those that there are, by kind and name, `pods` by name.

    Where `are_short_of_memory`, containers that ended with 137 are said to have needed more than they may.
    `holding_up` is why containers wait that do not begin.
    """

    def __init__(
        self, images: Collection[str], *, namespace: str, token: str, port: int = 0, run: Runner = MachineProcess
    ) -> None:
        """These images count as present, in a cluster of one namespace; commands are run by `run`."""
        super().__init__(port=port)
        self.holding_up = ""
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.pods: dict[str, StandPod] = {}
        self.are_short_of_memory = False
        self._images = set(images)
        self._namespace = namespace
        self._token = token
        self._run = run
        self._folder = Path(mkdtemp(prefix="lockgate-cluster-"))
        self._lock = threading.RLock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends every pod, and stops it."""
        for pod in list(self.pods.values()):
            pod.is_leaving = True
            if pod.process is not None:
                pod.process.kill()
        super().__exit__(kind, error, trace)
        shutil.rmtree(self._folder, ignore_errors=True)

    def kubeconfig(self) -> Manifest:
        """What a client needs to ask it."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "stand-in",
            "clusters": [{"name": "stand-in", "cluster": {"server": self.url}}],
            "users": [{"name": "lockgate", "user": {"token": self._token}}],
            "contexts": [{"name": "stand-in", "context": {"cluster": "stand-in", "user": "lockgate"}}],
        }

    def refused(self, status: int, said: str) -> ApiAnswer:
        """A `Status`."""
        facts = {"status": "Failure", "message": said, "reason": _REASONS.get(status, "Unknown"), "code": status}
        return ApiAnswer(status, {"kind": "Status", "apiVersion": "v1", "metadata": {}, **facts})

    def turned_away(self, request: ApiRequest) -> ApiAnswer | None:
        """401 where the token is not known."""
        known = request.headers.get("authorization") == f"Bearer {self._token}"
        return None if known else self.refused(401, "Unauthorized")

    def routes(self) -> tuple[Route, ...]:
        """The operations that it knows."""
        core = f"/api/v1/namespaces/{self._namespace}"
        batch = f"/apis/batch/v1/namespaces/{self._namespace}"
        name = "([^/]+)"
        return (
            ("POST", f"{batch}/(jobs)", self._make),
            ("GET", f"{batch}/(jobs)", self._list),
            ("GET", f"{batch}/(jobs)/{name}", self._show),
            ("PATCH", f"{batch}/(jobs)/{name}", self._patch),
            ("DELETE", f"{batch}/(jobs)/{name}", self._delete),
            ("POST", f"{core}/(configmaps|secrets)", self._make),
            ("DELETE", f"{core}/(configmaps|secrets)/{name}", self._delete),
            ("GET", f"{core}/pods", self._list_pods),
            ("GET", f"{core}/pods/{name}/log", self._log),
        )

    # --- answers ------------------------------------------------------------------------------------------------

    def _make(self, request: ApiRequest, kind: str) -> ApiAnswer:
        manifest = request.document()
        name = manifest["metadata"]["name"]
        with self._lock:
            if (kind, name) in self.objects:
                return self.refused(409, f'{kind} "{name}" already exists')
            moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            more = {"uid": str(uuid4()), "creationTimestamp": moment, "resourceVersion": "1"}
            made = {**manifest, "metadata": {**manifest["metadata"], **more}}
            if kind == "jobs":
                made["status"] = {}
            self.objects[kind, name] = made
        if kind == "jobs":
            threading.Thread(target=self._control, args=(made,), daemon=True).start()
        return ApiAnswer(201, made)

    def _list(self, request: ApiRequest, kind: str) -> ApiAnswer:
        wanted = request.asks("labelSelector")
        found = [each for (of, _), each in self.objects.items() if of == kind and _matches(each["metadata"], wanted)]
        return ApiAnswer(200, {"kind": "JobList", "apiVersion": "batch/v1", "metadata": {}, "items": found})

    def _show(self, _request: ApiRequest, kind: str, name: str) -> ApiAnswer:
        found = self.objects.get((kind, name))
        return ApiAnswer(200, found) if found else self._missing(kind, name)

    def _patch(self, request: ApiRequest, kind: str, name: str) -> ApiAnswer:
        """A merge patch, of whether a job is suspended alone."""
        if request.headers.get("content-type") != "application/merge-patch+json":
            return self.refused(415, "the body of the request was in an unknown format")
        found = self.objects.get((kind, name))
        if found is None:
            return self._missing(kind, name)
        found["spec"]["suspend"] = request.document()["spec"]["suspend"]
        return ApiAnswer(200, found)

    def _delete(self, _request: ApiRequest, kind: str, name: str) -> ApiAnswer:
        with self._lock:
            gone = self.objects.pop((kind, name), None)
        if gone is None:
            return self._missing(kind, name)
        if kind == "jobs":
            self._collect(gone)
        facts = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return ApiAnswer(200, {**facts, "details": {"name": name, "kind": kind, "uid": gone["metadata"]["uid"]}})

    def _list_pods(self, request: ApiRequest) -> ApiAnswer:
        pods = [self._document(pod) for pod in list(self.pods.values())]
        found = [each for each in pods if _matches(each["metadata"], request.asks("labelSelector"))]
        return ApiAnswer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": found})

    def _log(self, request: ApiRequest, name: str) -> ApiAnswer:
        pod = self.pods.get(name)
        if pod is None:
            return self._missing("pods", name)
        if pod.process is None:
            return self.refused(400, f'container "dbt" in pod "{name}" is waiting to start: {pod.waiting}')
        follows = request.asks("follow") == "true"
        pieces: Iterator[bytes] = pod.process.followed() if follows else iter((pod.process.output,))
        return ApiAnswer(200, pieces=pieces, content_type="text/plain")

    def _missing(self, kind: str, name: str) -> ApiAnswer:
        return self.refused(404, f'{kind} "{name}" not found')

    # --- what goes on in the cluster ----------------------------------------------------------------------------

    def _control(self, job: Manifest) -> None:
        """A job's life: once it is not suspended, a pod that waits for what it mounts, runs, and is counted."""
        name = job["metadata"]["name"]
        while job["spec"].get("suspend"):
            if self.objects.get(("jobs", name)) is not job or self.ended.wait(_LOOK_SECONDS):
                return
        pod = StandPod(f"{name}-{uuid4().hex[:5]}", job, Path(mkdtemp(dir=self._folder)))
        self.pods[pod.name] = pod
        deadline = time.monotonic() + job["spec"].get("activeDeadlineSeconds", 1e9)
        spec = pod.template["spec"]
        container = spec["containers"][0]
        if container["image"] not in self._images:
            pod.waiting = "ImagePullBackOff"
        pod.waiting = self.holding_up or pod.waiting
        while not (pod.is_leaving or (self._mounted(pod) and pod.waiting == "ContainerCreating")):
            time.sleep(_LOOK_SECONDS)
        if not pod.is_leaving:
            environment = {each["name"]: each["value"] for each in container.get("env", ())}
            folder = _inside(pod, container["workingDir"])
            pod.process = self._run(container["command"], folder, environment)
            while pod.process.code is None and time.monotonic() < deadline:
                time.sleep(_LOOK_SECONDS)
            if pod.process.code is None:
                said = "Job was active longer than specified deadline"
                condition = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": said}
                job["status"] = {"failed": 1, "conditions": [condition]}
                self._leave(pod)

    def _mounted(self, pod: StandPod) -> bool:
        """Whether the pod's volumes are there; they are put into its folder."""
        spec = pod.template["spec"]
        volumes = {each["name"]: each for each in spec.get("volumes", ())}
        for mount in spec["containers"][0].get("volumeMounts", ()):
            volume, place = volumes[mount["name"]], _inside(pod, mount["mountPath"])
            place.mkdir(parents=True, exist_ok=True)
            content = self._content(volume)
            if content is None:
                return False
            for file, data in content.items():
                (place / file).write_bytes(data)
        return True

    def _content(self, volume: Manifest) -> dict[str, bytes] | None:
        """A volume's files; None where what it names is not there yet."""
        if "configMap" in volume:
            found = self.objects.get(("configmaps", volume["configMap"]["name"]))
            packed = (found or {}).get("binaryData", {})
        elif "secret" in volume:
            found = self.objects.get(("secrets", volume["secret"]["secretName"]))
            packed = (found or {}).get("data", {})
        else:
            return {}
        return None if found is None else {name: b64decode(data) for name, data in packed.items()}

    def _collect(self, job: Manifest) -> None:
        """What a deleted job owned goes too."""
        uid = job["metadata"]["uid"]
        for key, each in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", ())):
                self.objects.pop(key, None)
        for pod in list(self.pods.values()):
            if pod.job["metadata"]["uid"] == uid:
                pod.is_leaving = True
                threading.Thread(target=self._leave, args=(pod,), daemon=True).start()

    def _leave(self, pod: StandPod) -> None:
        """A pod ends within its grace, and is gone."""
        pod.is_leaving = True
        if pod.process is not None and pod.process.code is None:
            pod.process.ask_to_end(pod.template["spec"].get("terminationGracePeriodSeconds", 30))
        self.pods.pop(pod.name, None)
        shutil.rmtree(pod.folder, ignore_errors=True)

    def _document(self, pod: StandPod) -> Manifest:
        name = pod.job["metadata"]["name"]
        labels = {**pod.template["metadata"].get("labels", {}), "job-name": name}
        container = pod.template["spec"]["containers"][0]
        status = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
        status |= {"ready": pod.phase == "Running", "state": self._state(pod), "lastState": {}}
        return {
            "metadata": {"name": pod.name, "namespace": self._namespace, "uid": pod.uid, "labels": labels},
            "spec": pod.template["spec"],
            "status": {"phase": pod.phase, "containerStatuses": [status]},
        }

    def _state(self, pod: StandPod) -> Manifest:
        if pod.process is None:
            said = f"Back-off pulling image {pod.template['spec']['containers'][0]['image']}"
            more = {"message": said} if pod.waiting == "ImagePullBackOff" else {}
            return {"waiting": {"reason": pod.waiting, **more}}
        code = pod.process.code
        if code is None:
            return {"running": {}}
        short = self.are_short_of_memory and code == _SIGKILLED
        reason = "OOMKilled" if short else "Error" if code else "Completed"
        return {"terminated": {"exitCode": code, "reason": reason}}


def _inside(pod: StandPod, path: str) -> Path:
    """Where a path of a pod is on this machine."""
    return pod.folder / path.lstrip("/")


def _matches(metadata: Manifest, selector: str) -> bool:
    labels = metadata.get("labels", {})
    wanted = (each.partition("=") for each in selector.split(",") if each)
    return all(labels.get(name) == value for name, _, value in wanted)
