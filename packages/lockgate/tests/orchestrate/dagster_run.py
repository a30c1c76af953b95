"""Runs the job of a flow's file in Dagster, in this process: `dagster_run.py FILE`; how it ended and what it said."""

from __future__ import annotations

import json
import runpy
import sys

import dagster as dg

repository = runpy.run_path(sys.argv[1])["defs"].get_repository_def()
(job,) = (each for each in repository.get_all_jobs() if not each.name.startswith("__"))
with dg.DagsterInstance.ephemeral() as instance:
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    said = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.dagster_event is None]
failures = [event.step_failure_data for event in result.all_node_events if event.is_step_failure]
why = [each.user_failure_data.description if each.user_failure_data else str(each.error) for each in failures]
print(json.dumps({"is_success": result.success, "said": said, "failures": why}))
