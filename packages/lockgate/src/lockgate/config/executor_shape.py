"""The shape of what a project says about the places where dbt may run besides this machine."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from lockgate.config.grammar import Shape, Text
from lockgate.config.notification_shape import HttpAddress, SecretReference

Mebibytes: TypeAlias = Annotated[int, Field(ge=256, le=1 << 20)]
Processors: TypeAlias = Annotated[float, Field(gt=0, le=256)]
Number: TypeAlias = Annotated[int, Field(ge=1)]


class DockerExecutor(Shape):
    """Containers of a Docker engine."""

    image: Text = Field(description="The image, with Lockgate's extra `dbt` in it; best by digest, `name@sha256:…`.")
    url: Annotated[str, Field(pattern=r"^(unix|tcp|https?)://\S+$")] = Field(
        "unix:///var/run/docker.sock", description="The engine's address."
    )
    network: Text = Field("bridge", description="The network that containers join; `host` for a database of this host.")
    user: Annotated[str, Field(pattern=r"^[1-9][0-9]*(:[0-9]+)?$")] | None = Field(
        None, description="`uid:gid` of the containers; else whoever runs Lockgate, and 65532 where that is root."
    )
    memory_mebibytes: Mebibytes = Field(4096, description="How much memory one container may use.")
    cpus: Processors = Field(2.0, description="How many processors one container may use.")


class KubernetesExecutor(Shape):
    """Jobs of a Kubernetes cluster."""

    image: Text = Field(description="The image, with Lockgate's extra `dbt` in it; best by digest, `name@sha256:…`.")
    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = Field(
        description="The namespace of the jobs."
    )
    kubeconfig: Text | None = Field(
        None, description="The file that says where the cluster is; else `~/.kube/config`, or the pod's own account."
    )
    context: Text | None = Field(None, description="The context of that file; else its current one.")
    service_account: Text | None = Field(None, description="The account of the pods; else `default`.")
    image_pull_secret: Text | None = Field(None, description="The secret with which nodes fetch the image.")
    memory_mebibytes: Mebibytes = Field(2048, description="How much memory one pod is given, and may use.")
    cpus: Processors = Field(1.0, description="How many processors one pod is given, and may use.")


class CloudExecutor(Shape):
    """Runs of a job of dbt Cloud, by its Administrative API v2."""

    url: HttpAddress = Field(description="The address of its region, such as `https://cloud.getdbt.com`.")
    account: Number = Field(description="The account's number.")
    job: Number = Field(description="The number of the job whose steps are replaced.")
    token: SecretReference = Field(description="`secret://name` of a service token that may run and read the job.")
    first_wait_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        2.0, description="How long is waited before a run is looked at again; up to ten times as long later."
    )


class ExecutorsShape(Shape):
    """Where dbt may run besides this machine."""

    docker: DockerExecutor | None = Field(None, description="For `executor: docker`.")
    kubernetes: KubernetesExecutor | None = Field(None, description="For `executor: kubernetes`.")
    cloud: CloudExecutor | None = Field(None, description="For `executor: cloud`.")
