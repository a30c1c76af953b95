"""The shape of `lockgate.yml`, key by key; the reference page and the editors' JSON Schema are printed from it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, model_validator

from lockgate.config.comparison_shape import CompareShape
from lockgate.config.cost_shape import CostsShape
from lockgate.config.cutover_shape import GateShape, PolicyShape
from lockgate.config.executor_shape import ExecutorsShape
from lockgate.config.flow_shape import CalendarShape, FlowShape
from lockgate.config.grammar import (
    Address,
    ColumnName,
    Duration,
    Files,
    Name,
    ProjectName,
    Revision,
    Scalar,
    SchemaName,
    Shape,
    Text,
    Type,
    fault,
)
from lockgate.config.lineage_shape import LineageShape
from lockgate.config.notification_shape import AnyNotification
from lockgate.config.quality_shape import QualityShape
from lockgate.config.runtime_shape import AirflowRuntime

# --- targets ----------------------------------------------------------------------------------------------------


class DuckDBTarget(Shape):
    """A warehouse of files in a folder, run inside Lockgate."""

    kind: Literal["duckdb"] = Field(description="`duckdb`.")
    path: Text = Field("warehouse/", description="The folder that holds it.")


class PostgresTarget(Shape):
    """A PostgreSQL database."""

    kind: Literal["postgres"] = Field(description="`postgres`.")
    url: Address = Field(description="`secret://name`, or an address without a password.")


class SparkTarget(Shape):
    """A warehouse of Parquet files in a folder, read and written by Spark."""

    kind: Literal["spark"] = Field(description="`spark`.")
    path: Text = Field("warehouse/", description="The folder that holds it.")
    master: Annotated[str, Field(pattern=r"^local(\[(\*|\d+)(,\d+)?\])?$")] = Field(
        "local[*]", description="On how many of this machine's cores Spark runs: `local[2]`, or `local[*]` for all."
    )
    conf: dict[str, Scalar] = Field(
        default_factory=dict, description="More of Spark's own settings, by their names; none that is a secret."
    )
    method: Literal["session", "thrift"] = Field(
        "session", description="How dbt reaches a Spark: by a session of its own, or a Thrift server."
    )
    host: Text | None = Field(None, description="The Thrift server's name or address.")
    port: int | None = Field(None, ge=1, le=65535, description="The port that the Thrift server listens on.")
    user: Text | None = Field(None, description="The user to appear as at the Thrift server.")
    password: Address | None = Field(None, description="`secret://name`, for the Thrift server.")

    @model_validator(mode="after")
    def _nothing_is_shown(self) -> SparkTarget:
        """Settings stand in the command line of Java, which every account of the machine can read."""
        hidden = [
            name for name in self.conf if re.search(r"secret|password|token|credential|\bkey\b", name, re.IGNORECASE)
        ]
        if hidden:
            raise fault(f"{hidden[0]} would be seen by everybody on this machine", "Let Spark read it from a file.")
        return self

    @model_validator(mode="after")
    def _server_is_named(self) -> SparkTarget:
        if self.method == "thrift" and not self.host:
            raise fault("a Thrift server needs a host", "Write `host:` with the server's name.")
        return self


class BigQueryTarget(Shape):
    """Datasets of one Google Cloud project."""

    kind: Literal["bigquery"] = Field(description="`bigquery`.")
    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9.:-]{4,61}[a-z0-9]$")] = Field(description="The project's id.")
    location: Text = Field(description="Where its datasets are: `EU`, `US`, or a region such as `europe-west3`.")
    credentials: Address | None = Field(
        None,
        description="`secret://name` of a service account's key, a JSON document; else the machine's own credentials.",
    )
    datasets_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]*$")] = Field(
        "", description="What the names of all its datasets begin with."
    )
    maximum_bytes_billed: int | None = Field(
        None, ge=1, description="The bytes that one job may be billed for; one that needs more fails and costs nothing."
    )
    job_timeout: Duration = Field(timedelta(minutes=30), description="How long one job may take.")
    lease: Duration = Field(
        timedelta(seconds=60), description="How long a lock outlives a process that dies or loses its connection."
    )
    api_endpoint: Text | None = Field(None, description="The address of the interface; else Google's own.")

    @model_validator(mode="after")
    def _endpoint_is_an_address(self) -> BigQueryTarget:
        if self.api_endpoint and not re.match(r"^https?://[^\s/@]+", self.api_endpoint):
            raise fault(f"{self.api_endpoint!r} is no address", "Write `https://` and the host's name.")
        return self


TargetShape: TypeAlias = Annotated[
    BigQueryTarget | DuckDBTarget | PostgresTarget | SparkTarget, Field(discriminator="kind")
]


# --- sources ----------------------------------------------------------------------------------------------------


class ColumnShape(Shape):
    """A column; its type alone may stand in its place."""

    type: Type = Field(description="Its type, such as `bigint`, `text` or `numeric(12,2)`.")
    description: str = Field("", description="What it means.")


def _type_alone(value: object) -> object:
    """`bigint` is short for `{type: bigint}`."""
    return {"type": value} if isinstance(value, str) else value


Columns: TypeAlias = dict[
    ColumnName, Annotated[ColumnShape, BeforeValidator(_type_alone, json_schema_input_type=ColumnShape | Type)]
]


class StreamShape(Shape):
    """One table of a source."""

    key: list[ColumnName] = Field(default_factory=list, description="The columns that make a record one record.")
    cursor: ColumnName | None = Field(
        None, description="The column that grows as records change; without it every load is full."
    )
    lookback: Duration = Field(timedelta(), description="How far before the highest cursor value a load reads again.")
    columns: Columns = Field(default_factory=dict, description="Types that are declared instead of inferred.")
    on_new_column: Literal["evolve", "freeze", "discard_row", "discard_value"] = Field(
        "evolve", description="What happens when a column comes that is not among `columns`."
    )


class FileStream(StreamShape):
    """A file, or many of one form."""

    path: Text | None = Field(
        None, description="The file, or a pattern such as `orders/*.csv`; else the stream's name."
    )


Encoding: TypeAlias = Literal["utf-8", "latin-1", "windows-1252", "utf-16"]


class CsvStream(FileStream):
    """A CSV file, or many of one form."""

    delimiter: Text | None = Field(None, description="Between values; found out where it is not given.")
    header: bool | None = Field(None, description="`false` where the first line does not name the columns.")
    infer: bool | None = Field(None, description="`false` where columns that are not declared are text.")
    null: list[str] = Field(default_factory=lambda: [""], description="Texts that mean NULL.")
    encoding: Encoding | None = Field(None, description="How text is written; else as the source says.")


class HttpStream(StreamShape):
    """Pages of JSON records."""

    path: Text | None = Field(None, description="The path below the source's address; else the stream's name.")
    params: dict[str, Scalar] = Field(default_factory=dict, description="Query parameters sent with every page.")


class TableStream(StreamShape):
    """A table or view of a database."""

    table: Text | None = Field(None, description="`schema.table`; else the stream's name in the search path.")


class DltStream(StreamShape):
    """A resource of a dlt source."""

    resource: Text | None = Field(None, description="The resource; else the stream's name.")


class SourceShape(Shape):
    """A system that data comes from."""

    schema_: SchemaName = Field("raw", alias="schema", description="The schema in which its streams appear.")


class CsvSource(SourceShape):
    """CSV files."""

    kind: Literal["csv"] = Field(description="`csv`.")
    path: Text = Field(".", description="The folder of the files.")
    encoding: Encoding | None = Field(None, description="How text is written; `utf-8` where it is not given.")
    streams: dict[Name, CsvStream] = Field(min_length=1, description="Its streams, by name.")


class ParquetSource(SourceShape):
    """Parquet files."""

    kind: Literal["parquet"] = Field(description="`parquet`.")
    path: Text = Field(".", description="The folder of the files.")
    streams: dict[Name, FileStream] = Field(min_length=1, description="Its streams, by name.")


class NdjsonSource(SourceShape):
    """Files with one JSON object a line."""

    kind: Literal["ndjson"] = Field(description="`ndjson`.")
    path: Text = Field(".", description="The folder of the files.")
    streams: dict[Name, FileStream] = Field(min_length=1, description="Its streams, by name.")


class HttpSource(SourceShape):
    """A service that answers pages of JSON records."""

    kind: Literal["http"] = Field(description="`http`.")
    url: Address = Field(description="Its address.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Headers of every request; values may be `secret://name`."
    )
    page_size: int = Field(1000, ge=1, le=100_000, description="Records asked for at once.")
    deadline: Duration | None = Field(None, description="How long one answer may take; 5m where it is not given.")
    streams: dict[Name, HttpStream] = Field(min_length=1, description="Its streams, by name.")


class PostgresSource(SourceShape):
    """Tables of a PostgreSQL database."""

    kind: Literal["postgres"] = Field(description="`postgres`.")
    url: Address = Field(description="`secret://name`, or an address without a password.")
    streams: dict[Name, TableStream] = Field(min_length=1, description="Its streams, by name.")


class DltSource(SourceShape):
    """A source that dlt reads."""

    kind: Literal["dlt"] = Field(description="`dlt`.")
    source: Text = Field(description="Where the dlt source is: `module:function`.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="What the function is called with.")
    streams: dict[Name, DltStream] = Field(min_length=1, description="Its streams, by name.")


AnySource: TypeAlias = Annotated[
    CsvSource | DltSource | HttpSource | NdjsonSource | ParquetSource | PostgresSource, Field(discriminator="kind")
]


# --- entities ---------------------------------------------------------------------------------------------------


class ServeShape(Shape):
    """Where consumers read the entity."""

    target: Name | None = Field(None, description="The target; else the first one of the project.")
    schema_: SchemaName = Field("analytics", alias="schema", description="The schema of the view that consumers read.")


class ImplementationShape(Shape):
    """A way to produce the entity: by a rule set or by a dbt model."""

    rules: Text | None = Field(None, description="The file of a rule set.")
    dbt: Text | None = Field(None, description="The folder of a dbt project.")
    model: Text | None = Field(None, description="The dbt model that is the entity.")
    executor: Literal["local", "docker", "kubernetes", "cloud"] | None = Field(
        None, description="Where dbt runs: `local`, else a place under `executors`."
    )
    timeout: Duration | None = Field(None, description="How long dbt may run; 30m where it is not given.")
    vars: dict[str, Any] | None = Field(None, description="Variables for dbt.")
    online: bool | None = Field(None, description="Whether dbt answers records: it must, never does; else if it can.")
    revision: Revision | None = Field(
        None, description="A branch, tag or commit of the project's git repository; else the files as they lie there."
    )


class DbtSwitchShape(Shape):
    """Whether dbt may answer; `lockgate dbt enable|disable` goes before it."""

    enabled: bool = Field(
        True,
        validation_alias=AliasChoices("enabled", "Enabled"),
        description="`false` sends every request to the rule engine, at once.",
    )


class TransformationShape(Shape):
    """What holds for every entity; the keys may begin with capitals, as in `Transformation.Dbt.Enabled`."""

    dbt: DbtSwitchShape = Field(
        default_factory=DbtSwitchShape,
        validation_alias=AliasChoices("dbt", "Dbt"),
        description="Whether dbt may answer for any entity.",
    )


class RouteShape(Shape):
    """Who answers for the entity until somebody decides otherwise."""

    incumbent: Name = Field(description="The implementation that consumers see.")
    candidate: Name | None = Field(None, description="The implementation that may take its place.")
    stage: Literal["off", "shadow", "promoted"] = Field(
        "off", description="How far the candidate has come: `shadow` builds it too, `promoted` lets it answer."
    )
    gates: list[Name] = Field(default_factory=list, description="The gates that it passes before it answers more.")
    policy: Name | None = Field(None, description="How it moves by itself; else only people move it forwards.")


class EntityShape(Shape):
    """A business thing with a key and a contract."""

    key: list[ColumnName] = Field(min_length=1, description="The columns of the contract that make a row one row.")
    contract: Columns = Field(
        min_length=1, description="The columns that consumers may rely on, in order, with their types."
    )
    serve: ServeShape = Field(default_factory=ServeShape, description="Where consumers read it.")
    implementations: dict[Name, ImplementationShape] = Field(
        min_length=1, description="The ways to produce it, by name."
    )
    route: RouteShape | None = Field(None, description="Needed where there are several implementations.")
    dbt: DbtSwitchShape = Field(default_factory=DbtSwitchShape, description="Whether dbt may answer for this entity.")
    compare: CompareShape = Field(
        default_factory=CompareShape, description="How its implementations are held against each other."
    )
    group: Name | None = Field(None, description="Entities of one group move together.")
    quality: QualityShape = Field(
        default_factory=QualityShape, description="What is measured of its editions, and how that is judged."
    )
    bucket_by: ColumnName | None = Field(None, description="The column whose bucket decides for the whole group.")


# --- the whole file ----------------------------------------------------------------------------------------------


class ProjectShape(Shape):
    """A project: everything one `lockgate.yml` declares."""

    model_config = ConfigDict(title="Lockgate project")

    project: ProjectName = Field(description="The project's name.")
    targets: dict[Name, TargetShape] = Field(
        default_factory=dict,
        description="Warehouses, by name; the first is the default. Without any: `main`, DuckDB in `warehouse/`.",
    )
    sources: dict[Name, AnySource] = Field(default_factory=dict, description="Systems that data comes from, by name.")
    entities: dict[Name, EntityShape] = Field(
        default_factory=dict, description="What transformation produces, by name."
    )
    rule_sets: Files | None = Field(
        None,
        description="Rule sets, `rules/*.yml`: each that has a `contract` is an entity of its own, by lying there.",
    )
    transformation: TransformationShape = Field(
        default_factory=TransformationShape,
        validation_alias=AliasChoices("transformation", "Transformation"),
        description="What holds for every entity.",
    )
    gates: dict[Name, GateShape] = Field(default_factory=dict, description="Conditions over evidence, by name.")
    policies: dict[Name, PolicyShape] = Field(
        default_factory=dict, description="How routes move by themselves, by name."
    )
    roles: dict[Name, list[Text]] = Field(
        default_factory=dict, description="Who has which role where a gate wants signatures: login names, by role."
    )
    flows: dict[Name, FlowShape] = Field(default_factory=dict, description="Steps that run together, by name.")
    calendars: dict[Name, CalendarShape] = Field(
        default_factory=dict, description="The days on which flows run, by name of the calendar."
    )
    pools: dict[Name, Annotated[int, Field(ge=1, le=1000)]] = Field(
        default_factory=dict, description="How many steps run at a time, by name of the pool they share."
    )
    runtimes: dict[Name, AirflowRuntime] = Field(
        default_factory=dict, description="What runs flows somewhere else, by name."
    )
    executors: ExecutorsShape = Field(
        default_factory=ExecutorsShape, description="Where dbt may run besides this machine."
    )
    notifications: dict[Name, AnyNotification] = Field(
        default_factory=dict, description="Who is told what happens, by name of the channel."
    )
    lineage: LineageShape = Field(default_factory=LineageShape, description="Who is told of lineage.")
    costs: CostsShape | None = Field(None, description="Prices, so that `lockgate cost` tells savings in money too.")
