"""Prints the graph of a flow as Dagster has it: `dagster_graph.py FILE`."""

from __future__ import annotations

import json
import runpy
import sys

repository = runpy.run_path(sys.argv[1])["defs"].get_repository_def()
(job,) = (each for each in repository.get_all_jobs() if not each.name.startswith("__"))
schedule = next(iter(repository.schedule_defs), None)


def step(name: str) -> str:
    return job.get_node_named(name).definition.tags["lockgate/step"]


nodes = {}
for node in job.nodes:
    policy = node.definition.retry_policy
    before = job.dependency_structure.input_to_upstream_outputs_for_node(node.name)
    nodes[step(node.name)] = {
        "needs": sorted(step(output.node_name) for outputs in before.values() for output in outputs),
        "retries": policy.max_retries if policy else 0,
    }
graph = {
    "cron": schedule.cron_schedule if schedule else None,
    "timezone": schedule.execution_timezone if schedule else None,
    "nodes": nodes,
}
print(json.dumps({"name": job.name, "graph": graph, "has_lockgate": "lockgate" in sys.modules}))
