"""Stand-ins of the places where dbt runs; every request that they get, and every answer, is held against an OpenAPI."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate.adapters.dbt import DbtConfig, LocalDbtExecutor
from lockgate.adapters.dbt.remote.cloud.exchange import CloudExchange, CloudSettings
from lockgate.adapters.dbt.remote.cloud.place import CloudPlace
from lockgate.adapters.dbt.remote.docker.place import DockerPlace
from lockgate.adapters.dbt.remote.docker.settings import DockerSettings
from lockgate.adapters.dbt.remote.executor import Patience, RemoteDbtExecutor
from lockgate.adapters.dbt.remote.kubernetes.manifests import KubernetesSettings
from lockgate.adapters.dbt.remote.kubernetes.place import KubernetesPlace
from lockgate.core.execution import DbtInvocation
from lockgate.sandbox.dbt_cloud import CloudJob, DbtCloud
from lockgate.sandbox.docker_engine import DockerEngine
from lockgate.sandbox.kubernetes_api import KubernetesApi
from lockgate.sandbox.warm_programs import WarmPrograms

IMAGE = "lockgate-dbt:test"
TOKEN = "dbtc_thirteen grey herons"
OPENAPI = Path(__file__).with_name("openapi")
# What Docker's own client sends, which Docker's document does not have.
BEYOND_DOCKERS = ("trunc_cmd",)


def _documents():
    """The module beside this one, which is in no package."""
    spec = importlib.util.spec_from_file_location("openapi_document", OPENAPI / "document.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def document_of(name: str, **how):
    """A committed extract."""
    return _documents().Document(json.loads((OPENAPI / f"{name}.json").read_text(encoding="utf-8")), **how)


def flaws(api, document) -> list[tuple[str, str, str]]:
    """What was wrong with any request or answer so far."""
    return [(each.method, each.path, flaw) for each in api.requests for flaw in document.flaws(each)]


@pytest.fixture(scope="session")
def documents():
    return _documents()


@pytest.fixture(scope="session")
def warm():
    """Runs programs of dbt without importing it each time."""
    programs = WarmPrograms()
    yield programs
    programs.close()


@pytest.fixture(scope="session")
def docker_document():
    return document_of("docker", base="/v1.41", beyond=BEYOND_DOCKERS, null_is_absent=True)


@pytest.fixture(scope="module")
def engine(warm, docker_document):
    with DockerEngine([IMAGE], run=warm) as engine:
        yield engine
    assert flaws(engine, docker_document) == []


@pytest.fixture(scope="module")
def docker_settings(engine) -> DockerSettings:
    return DockerSettings(IMAGE, "65532:65532", engine.address, network="host", grace_seconds=3)


@pytest.fixture(scope="module")
def reader(cache):
    """What reads the projects of every executor of a module."""
    reader = LocalDbtExecutor(DbtConfig(cache, grace_seconds=2.0))
    reader.warm()
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def executor_on(cache, reader):
    """Makes executors in places."""

    def executor_on(place, **patience) -> RemoteDbtExecutor:
        return RemoteDbtExecutor(DbtConfig(cache), place, Patience(**patience), reader=reader)

    return executor_on


@pytest.fixture(scope="module")
def docker_executor(docker_settings, executor_on):
    return executor_on(DockerPlace(docker_settings))


class Vault(dict):
    """Secrets by reference."""

    def resolve(self, reference: str) -> str:
        return self[reference.removeprefix("secret://")] if reference.startswith("secret://") else reference

    def hide(self, value: str) -> None:
        """Nothing is written here."""


@pytest.fixture
def vault() -> Vault:
    return Vault(dbt_cloud=TOKEN)


@pytest.fixture(scope="session")
def cloud_document():
    return document_of("dbt_cloud")


@pytest.fixture(scope="module")
def cloud(warm, cloud_document, tmp_path_factory):
    """One account; its job 7 is bound to a repository that each test makes anew."""
    job = CloudJob(tmp_path_factory.mktemp("nowhere"), {})
    with DbtCloud({7: job}, account=42, token=TOKEN, run=warm) as cloud:
        yield cloud
    assert flaws(cloud, cloud_document) == []


@pytest.fixture(scope="module")
def cloud_settings(cloud) -> CloudSettings:
    return CloudSettings(cloud.url, 42, 7, "secret://dbt_cloud", first_wait_seconds=0.1)


@pytest.fixture
def cloud_place(cloud_settings, vault, tmp_path) -> CloudPlace:
    return CloudPlace(CloudExchange(cloud_settings, vault), tmp_path / "notes")


@pytest.fixture
def committed(cloud, tmp_path):
    """What commits a project as it lies there, in the repository of the job, whose connection is the workshop's."""

    def committed(project: Path, access) -> None:
        place = {name: access.parameters[name] for name in ("host", "port", "user", "dbname")}
        connection = {"type": "postgres", **place, "password": access.secrets["password"]}
        cloud.jobs[7] = CloudJob(project.parent, connection, project.name)
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
        for words in (
            ("init", "-q"),
            ("add", "-A", project.name),
            (*who, "commit", "-q", "--allow-empty", "-m", "as it is"),
        ):
            subprocess.run(["git", "-C", str(project.parent), *words], check=True, capture_output=True)

    return committed


@pytest.fixture
def ask_committed(committed, access):
    """An invocation of what was committed just now."""

    def ask(project: Path, **changes: object) -> DbtInvocation:
        committed(project, access)
        plain = DbtInvocation(project, ("+fct_users",), access.schema, access, models=("fct_users",))
        return replace(plain, **changes)

    return ask


@pytest.fixture(scope="session")
def kubernetes_document():
    return document_of("kubernetes", refusal="io.k8s.apimachinery.pkg.apis.meta.v1.Status")


@pytest.fixture(scope="module")
def cluster(warm, kubernetes_document):
    with KubernetesApi([IMAGE], namespace="data", token=TOKEN, run=warm) as cluster:
        yield cluster
    assert flaws(cluster, kubernetes_document) == []


@pytest.fixture(scope="module")
def kubernetes_settings(cluster, tmp_path_factory) -> KubernetesSettings:
    kubeconfig = tmp_path_factory.mktemp("kube") / "config"
    kubeconfig.write_text(json.dumps(cluster.kubeconfig()), encoding="utf-8")
    return KubernetesSettings(IMAGE, "data", str(kubeconfig), grace_seconds=3)


@pytest.fixture(scope="module")
def kubernetes_place(kubernetes_settings) -> KubernetesPlace:
    return KubernetesPlace(kubernetes_settings, reaches_this_machine=True)
