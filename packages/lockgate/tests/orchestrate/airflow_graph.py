"""Prints the graph of a flow as Airflow has it: `airflow_graph.py FILE`, run by the Python that has Airflow."""

from __future__ import annotations

import importlib.util
import json
import sys

from airflow.dag_processing.dagbag import DagBag
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable

bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
((name, dag),) = bag.dags.items()
graph = {
    "cron": getattr(dag.timetable, "expression", None),
    "timezone": str(dag.timetable.timezone) if hasattr(dag.timetable, "timezone") else None,
    "nodes": {task.task_id: {"needs": sorted(task.upstream_task_ids), "retries": task.retries} for task in dag.tasks},
}
has_lockgate = importlib.util.find_spec("lockgate") is not None
told = {task.task_id: [task.pool, task.priority_weight] for task in dag.tasks}
first = None
if graph["cron"]:
    scheduler = CronDataIntervalTimetable(graph["cron"], timezone=dag.timetable.timezone)
    since = TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup)
    run = scheduler.next_dagrun_info(last_automated_data_interval=None, restriction=since)
    first = [run.data_interval.start.isoformat(), run.data_interval.end.isoformat()]
print(json.dumps({"name": name, "graph": graph, "has_lockgate": has_lockgate, "told": told, "first": first}))
