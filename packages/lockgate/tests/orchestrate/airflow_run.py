"""Runs the one task of a DAG as Airflow does, its command filled in: `airflow_run.py FILE`."""

from __future__ import annotations

import sys

from airflow.dag_processing.dagbag import DagBag

bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
(task,) = dag.tasks


class Run:
    """As much of a run as a command without an interval asks for."""

    data_interval_start = data_interval_end = None
    run_after = dag.start_date


context = {"dag": dag, "task": task, "run_id": "manual__1", "dag_run": Run()}
task.render_template_fields(context)
environment = task.env | {"PATH": "/usr/bin:/bin"}
task.subprocess_hook.run_command(["bash", "-c", task.bash_command], env=environment, cwd=task.cwd)
