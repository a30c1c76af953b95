"""The shape of what a project says about runtimes that run somewhere else."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lockgate.config.grammar import Shape, Text
from lockgate.config.notification_shape import HttpAddress, SecretReference


class AirflowRuntime(Shape):
    """A running Airflow 3, by its REST API v2; a flow is the DAG of its name, compiled for it."""

    kind: Literal["airflow"] = Field(description="`airflow`.")
    url: HttpAddress = Field(
        description="The address of its API server, without `/api/v2`; or `secret://name` of that address."
    )
    username: Text = Field(description="A user of it who may begin and end runs of DAGs and read their logs.")
    password: SecretReference = Field(description="`secret://name` of the user's password.")
