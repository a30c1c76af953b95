"""The executor `kubernetes` on PostgreSQL: the conformance suite, its manifests, and clusters that refuse."""

from __future__ import annotations

import base64
import json
import socket
from dataclasses import replace

import kubernetes_validate
import pytest

from lockgate.adapters.dbt.remote.kubernetes.place import KubernetesPlace
from lockgate.core.execution import WorkshopAccess
from lockgate.errors import CapabilityMissing, DbtProcessLost, DbtTimedOut, ExecutorRefused, ExecutorUnavailable
from lockgate.sandbox.kubernetes_api import KubernetesApi
from lockgate.sandbox.local_api import ApiAnswer, Hangs
from lockgate.sandbox.machine_process import MachineProcess
from lockgate.testing.executors import SLOW, ExecutorConformance, ProgramConformance, ignore

IMAGE = "lockgate-dbt:test"
HELLO = '{"seq": 0, "kind": "hello", "protocol": 1, "lockgate": "0.0.1", "project": "/p", "folder": "/f"}'
JOBS = "/apis/batch/v1/namespaces/data/jobs"

pytestmark = [pytest.mark.slow, pytest.mark.measured]


@pytest.fixture(scope="module")
def executor(executor_on, kubernetes_place):
    return executor_on(kubernetes_place, outage_seconds=1.0)


class OnPostgres:
    @pytest.fixture
    def access(self, postgres_access) -> WorkshopAccess:
        return postgres_access

    @pytest.fixture
    def slow(self) -> str:
        return "(select 1 from pg_sleep(60))"


class TestConformance(OnPostgres, ExecutorConformance, ProgramConformance):
    """The whole suite."""


def refusal(status: int, said: str) -> ApiAnswer:
    return ApiAnswer(status, {"kind": "Status", "message": said, "code": status})


class TestRequests(OnPostgres):
    write = ExecutorConformance.write
    ask = ExecutorConformance.ask

    @pytest.fixture
    def run(self, executor, write, ask):
        return lambda: executor.execute(ask(write()), ignore)

    @pytest.fixture
    def made(self, cluster, executor, write, ask):
        """The manifests that one invocation makes."""
        before = len(cluster.requests)
        executor.execute(ask(write()), ignore)
        posted = [each.document() for each in cluster.requests[before:] if each.method == "POST"]
        return {each["kind"]: each for each in posted}

    def test_manifests_are_valid_for_old_and_new_clusters(self, made) -> None:
        assert sorted(made) == ["ConfigMap", "Job", "Secret"]
        for manifest in made.values():
            for version in ("1.31", "1.37"):
                kubernetes_validate.validate(manifest, version, strict=True)

    def test_a_pod_may_do_little(self, made) -> None:
        pod = made["Job"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["resources"]["limits"] == {"cpu": "1000m", "memory": "2048Mi"}
        spec = made["Job"]["spec"]
        assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 1803, 3600)

    def test_the_password_is_in_the_secret_alone(self, made, access) -> None:
        password = access.secrets["password"]
        request = json.loads(base64.b64decode(made["Secret"]["data"]["request.json"]))

        assert request["profile"]["password"] == password
        others = json.dumps([made["Job"], made["ConfigMap"]])
        assert json.dumps(password)[1:-1] not in others

    def test_nothing_is_left_in_the_cluster(self, made, cluster) -> None:
        assert (cluster.objects, cluster.pods) == ({}, {})

    def test_a_project_that_no_config_map_holds_is_refused_before_anything_is_made(
        self, cluster, executor, write, ask
    ) -> None:
        import random

        rows = "\n".join(f"{random.Random(number).getrandbits(200):x}" for number in range(40_000))
        before = len(cluster.requests)

        with pytest.raises(ExecutorRefused, match=r"bytes when packed, and a config map holds 1,048,576") as caught:
            executor.execute(ask(write(seeds__big_csv=f"code\n{rows}\n")), ignore)

        assert "Move large seeds into tables" in caught.value.remedy
        assert not any(each.method == "POST" for each in cluster.requests[before:])

    def test_a_log_that_breaks_off_is_read_again_and_each_node_told_once(self, cluster, executor, write, ask) -> None:
        cluster.faults.extend([None] * 6 + [Hangs(), None, Hangs()])

        result = executor.execute(ask(write()), ignore)

        assert [node.node for node in result.nodes] == ["model.small.fct_users"]

    @pytest.mark.parametrize(
        ("fault", "error", "remedy"),
        [
            (refusal(401, "Unauthorized"), ExecutorRefused, "makes, lists and deletes jobs"),
            (
                refusal(403, "jobs.batch is forbidden: exceeded quota: compute"),
                ExecutorRefused,
                "have the quota raised",
            ),
            (refusal(404, 'namespaces "data" not found'), ExecutorRefused, "executors"),
            (refusal(500, "etcdserver: request timed out"), ExecutorUnavailable, "what runs is met"),
        ],
    )
    def test_a_refusal_is_told_with_what_to_do(self, cluster, run, fault, error, remedy):
        cluster.faults.extend([None, fault])

        with pytest.raises(error, match=fault.document["message"].split(":")[0]) as caught:
            run()

        assert remedy in caught.value.remedy
        assert (cluster.objects, cluster.pods) == ({}, {})

    def test_a_conflict_over_what_is_not_made_may_be_tried_again(self, cluster, run) -> None:
        cluster.faults.append(refusal(409, "the object has been modified"))

        with pytest.raises(ExecutorUnavailable, match="the cluster answered 409: the object has been modified"):
            run()

    def test_an_image_that_nodes_cannot_fetch_is_refused(
        self, cluster, executor_on, kubernetes_settings, write, ask
    ) -> None:
        place = KubernetesPlace(replace(kubernetes_settings, image="nobody/has:it"), reaches_this_machine=True)

        with pytest.raises(ExecutorRefused, match="ImagePullBackOff: Back-off pulling image nobody/has:it") as caught:
            executor_on(place).execute(ask(write()), ignore)

        assert "image_pull_secret" in caught.value.remedy
        assert (cluster.objects, cluster.pods) == ({}, {})

    def test_a_container_that_cannot_be_configured_is_refused(self, cluster, run) -> None:
        cluster.holding_up = "CreateContainerConfigError"
        try:
            with pytest.raises(ExecutorRefused, match="the pod does not begin: CreateContainerConfigError"):
                run()
        finally:
            cluster.holding_up = ""

        assert (cluster.objects, cluster.pods) == ({}, {})

    @pytest.mark.parametrize("made", [["jobs"], ["jobs", "configmaps"]], ids=["job", "config map"])
    def test_a_job_that_was_left_half_made_is_made_anew(self, cluster, executor, write, ask, made) -> None:
        asked = replace(ask(write()), inputs="pins 1")
        not_removed = [refusal(500, "etcdserver: request timed out")] if len(made) > 1 else []
        cluster.faults.extend([None] * len(made) + [Hangs(after=True), *not_removed])
        with pytest.raises(ExecutorUnavailable):
            executor.execute(asked, ignore)
        assert sorted(kind for kind, _ in cluster.objects) == sorted(made)
        assert cluster.pods == {}

        result = executor.execute(asked, ignore)

        assert [node.node for node in result.nodes] == ["model.small.fct_users"]
        assert (cluster.objects, cluster.pods) == ({}, {})

    def test_a_cluster_that_is_away_may_answer_later(
        self, executor_on, tmp_path, cluster, kubernetes_settings, write, ask
    ):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            port = listening.getsockname()[1]
        config = tmp_path / "config"
        config.write_text(json.dumps(cluster.kubeconfig()).replace(cluster.url, f"http://127.0.0.1:{port}"))
        place = KubernetesPlace(replace(kubernetes_settings, kubeconfig=str(config)), reaches_this_machine=True)

        with pytest.raises(ExecutorUnavailable, match="the cluster's API does not answer"):
            executor_on(place).execute(ask(write()), ignore)

    def test_a_pod_that_needs_too_much_memory_is_lost_and_told_so(
        self, executor_on, tmp_path, kubernetes_settings, write, ask
    ):
        script = f"import sys; print({HELLO!r}, flush=True); sys.exit(137)"

        def run(command, folder, environment):
            return MachineProcess(["python", "-c", script], folder, environment)

        with KubernetesApi([IMAGE], namespace="data", token="x", run=run) as cluster:
            cluster.are_short_of_memory = True
            config = tmp_path / "config"
            config.write_text(json.dumps(cluster.kubeconfig()))
            place = KubernetesPlace(replace(kubernetes_settings, kubeconfig=str(config)), reaches_this_machine=True)

            with pytest.raises(DbtProcessLost, match=r"exit code 137 .*it needed more than 2048 MiB of memory"):
                executor_on(place).execute(ask(write()), ignore)

    def test_a_job_past_its_time_is_stopped_and_would_be_without_lockgate(
        self, executor, cluster, write, ask, slow
    ) -> None:
        project = write(models__fct_users_sql=SLOW.format(slow))

        with pytest.raises(DbtTimedOut, match="after 4 s"):
            executor.execute(ask(project, timeout_seconds=4.0), ignore)

        made = [each.document() for each in cluster.requests if (each.method, each.path) == ("POST", JOBS)]
        assert made[-1]["spec"]["activeDeadlineSeconds"] == 7

    def test_a_project_for_duckdb_is_refused_where_it_is_checked(self, executor, write) -> None:
        with pytest.raises(CapabilityMissing, match="a pod cannot reach a workshop that is a file"):
            executor.inspect(write(), "duckdb", {})

    def test_a_workshop_that_is_a_file_is_refused(self, executor, write, duckdb_access, ask) -> None:
        with pytest.raises(CapabilityMissing, match="a pod cannot reach a workshop that is a file") as caught:
            executor.execute(replace(ask(write()), access=duckdb_access), ignore)

        assert "a server the cluster can reach" in caught.value.remedy

    def test_a_database_of_this_machine_is_refused(self, executor_on, kubernetes_settings, write, ask) -> None:
        with pytest.raises(CapabilityMissing, match="in a pod is the pod itself"):
            executor_on(KubernetesPlace(kubernetes_settings)).execute(ask(write()), ignore)
