"""The flow `entity_transformation_dag` as a DAG of Airflow 3.

Each task calls a command, in the project's folder.

Written by `lockgate flow compile --to airflow`: change lockgate.yml, and compile it again.
"""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

PROJECT = Path(os.environ.get("LOCKGATE_PROJECT") or Path(__file__).resolve().parents[2])
CRON = "0 6 * * *"
TIMEZONE = "America/New_York"

# The run's interval, filled in for each run; one that people start without a date is about its own moment.
START = "{{ (dag_run.data_interval_start or dag_run.run_after).isoformat() }}"
END = "{{ (dag_run.data_interval_end or dag_run.run_after).isoformat() }}"


def tell_people(severity, sentence):
    """Tells the project's channels."""
    command = ["lockgate", "notices", "tell", "--severity", severity, sentence]
    subprocess.run(command, cwd=PROJECT, check=True, timeout=300)


def tell_failed(context):
    """Tells that a run has failed."""
    sentence = f"the flow entity_transformation_dag failed on Airflow, run {context['run_id']}"
    tell_people("critical", sentence)


with DAG(
    dag_id="entity_transformation_dag",
    description="Extracts from the discovery service, stages by dbt, transforms on Spark, validates by dbt's tests.",
    schedule=CronDataIntervalTimetable(CRON, timezone=TIMEZONE),
    start_date=pendulum.datetime(2020, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    on_failure_callback=tell_failed,
    tags=["lockgate"],
    default_args={
        "cwd": str(PROJECT),
        "append_env": True,
        "env": {
            "LOCKGATE_FLOW_STEP": "entity_transformation_dag/{{ task.task_id }}",
            "LOCKGATE_FLOW_RUN": "airflow/{{ run_id }}",
            "LOCKGATE_FLOW_INTERVAL": f"{START}/{END}",
        },
        "skip_on_exit_code": None,
        "weight_rule": "absolute",
    },
) as dag:
    extract = BashOperator(
        task_id="extract",
        bash_command="lockgate --target spark load discovery < /dev/null",
        retries=2,
        retry_delay=timedelta(minutes=1),
        execution_timeout=timedelta(minutes=20),
        pool="warehouse",
    )
    stage = BashOperator(
        task_id="stage",
        bash_command=(
            "lockgate --target spark dbt build users --select +stg_users --select +stg_applications < /dev/null"
        ),
        retries=0,
        execution_timeout=timedelta(hours=4),
        pool="warehouse",
    )
    transform = BashOperator(
        task_id="transform",
        bash_command="lockgate --target spark run --skip-load --hold --select users --select applications < /dev/null",
        retries=0,
        execution_timeout=timedelta(hours=4),
        pool="warehouse",
    )
    validate = BashOperator(
        task_id="validate",
        bash_command="lockgate --target spark test users applications < /dev/null",
        retries=0,
        execution_timeout=timedelta(hours=4),
        pool="warehouse",
    )
    compare = BashOperator(
        task_id="compare",
        bash_command="lockgate --target spark cutover compare users applications < /dev/null",
        retries=0,
        execution_timeout=timedelta(hours=4),
    )
    publish = BashOperator(
        task_id="publish",
        bash_command="lockgate --target spark publish users applications < /dev/null",
        retries=0,
        execution_timeout=timedelta(hours=4),
        pool="warehouse",
    )

    extract >> stage
    stage >> transform
    transform >> validate
    transform >> compare
    [validate, compare] >> publish
