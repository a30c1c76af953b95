"""The flow `nightly` as a DAG of Airflow 3.

Each task calls a command, in the project's folder.

Written by `lockgate flow compile --to airflow`: change lockgate.yml, and compile it again.
"""

from __future__ import annotations

import os
import subprocess
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, DeadlineAlert, DeadlineReference, SyncCallback
from airflow.sdk.exceptions import AirflowSkipException

PROJECT = Path(os.environ.get("LOCKGATE_PROJECT") or Path(__file__).resolve().parents[2])
CRON = "0 5 * * *"
TIMEZONE = "America/New_York"
# The calendar `business`; Monday is 0.
WEEKDAYS = {0, 1, 2, 3, 4}
SKIPPED = {
    date(2026, 12, 25),
}

# The run's interval, filled in for each run; one that people start without a date is about its own moment.
START = "{{ (dag_run.data_interval_start or dag_run.run_after).isoformat() }}"
END = "{{ (dag_run.data_interval_end or dag_run.run_after).isoformat() }}"
DATE = "{{ (dag_run.data_interval_start or dag_run.run_after).astimezone(dag.timezone).date() }}"


def skip_other_days(context):
    """Skips what is scheduled for a day that the calendar does not have."""
    run = context["dag_run"]
    if run.run_type == "manual" or run.data_interval_end is None:
        return
    day = run.data_interval_end.astimezone(ZoneInfo(TIMEZONE)).date()
    if day.weekday() not in WEEKDAYS or day in SKIPPED:
        raise AirflowSkipException(f"{day} is no day of the calendar business")


def tell_people(severity, sentence):
    """Tells the project's channels."""
    command = ["lockgate", "notices", "tell", "--severity", severity, sentence]
    subprocess.run(command, cwd=PROJECT, check=True, timeout=300)


def tell_failed(context):
    """Tells that a run has failed."""
    sentence = f"the flow nightly failed on Airflow, run {context['run_id']}"
    tell_people("critical", sentence)


def tell_late():
    """Tells that a run is not ready in time."""
    tell_people("warning", "the flow nightly is late on Airflow")


with DAG(
    dag_id="nightly",
    description='Loads what "changed" and shows it.',
    schedule=CronDataIntervalTimetable(CRON, timezone=TIMEZONE),
    start_date=pendulum.datetime(2026, 1, 4, 5, 0, tz=TIMEZONE),
    catchup=True,
    max_active_runs=2,
    on_failure_callback=tell_failed,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=1, minutes=30),
        callback=SyncCallback(tell_late),
    ),
    tags=["lockgate"],
    default_args={
        "cwd": str(PROJECT),
        "append_env": True,
        "env": {
            "LOCKGATE_FLOW_STEP": "nightly/{{ task.task_id }}",
            "LOCKGATE_FLOW_RUN": "airflow/{{ run_id }}",
            "LOCKGATE_FLOW_INTERVAL": f"{START}/{END}",
        },
        "skip_on_exit_code": None,
        "weight_rule": "absolute",
        "pre_execute": skip_other_days,
    },
) as dag:
    load = BashOperator(
        task_id="load",
        bash_command="lockgate load files.orders < /dev/null",
        retries=2,
        retry_delay=timedelta(minutes=1),
        execution_timeout=timedelta(hours=4),
        pool="warehouse",
        priority_weight=5,
    )
    since = BashOperator(
        task_id="since",
        bash_command=f"lockgate load files.items --since '{START}' --until '{END}' < /dev/null",
        retries=0,
        execution_timeout=timedelta(hours=4),
    )
    build = BashOperator(
        task_id="build",
        bash_command="lockgate run --skip-load --hold --select orders < /dev/null",
        retries=0,
        execution_timeout=timedelta(minutes=30),
    )
    publish = BashOperator(
        task_id="publish",
        bash_command="lockgate publish orders < /dev/null",
        retries=0,
        execution_timeout=timedelta(hours=4),
    )
    tell = BashOperator(
        task_id="tell",
        bash_command=f"lockgate notices tell 'the orders of {DATE} are here' < /dev/null",
        retries=0,
        execution_timeout=timedelta(hours=4),
    )
    import_ = BashOperator(
        task_id="import",
        bash_command=(
            'bash -c \'echo {{ "{{" }} as it is }}; echo a command that goes on for so long that no line has '
            "room for it all' < /dev/null"
        ),
        retries=0,
        execution_timeout=timedelta(hours=4),
    )

    [load, since] >> build
    build >> publish
    publish >> tell
