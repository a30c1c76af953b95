"""What is Spark's own: names, types, words, a state file, the one process that runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlglot import exp, parse_one

from lockgate.adapters.warehouses.spark import open_spark
from lockgate.adapters.warehouses.spark.building import Building, plain
from lockgate.adapters.warehouses.spark.built import Built, Raw, Table, View, read_built, write_built
from lockgate.adapters.warehouses.spark.engine import Engine
from lockgate.adapters.warehouses.spark.failures import without_values
from lockgate.adapters.warehouses.spark.names import identifier, spark_sql
from lockgate.adapters.warehouses.spark.sources import duckdb_query
from lockgate.adapters.warehouses.spark.types import logical_type, schema_of, spark_type
from lockgate.core.load import Pin
from lockgate.core.relation import Relation
from lockgate.core.route import Route, Stage
from lockgate.core.sql import sql_type, table
from lockgate.core.types import ColumnType
from lockgate.errors import CapabilityMissing
from lockgate.testing.spark import MASTER, SMALL
from lockgate.testing.warehouses.given import ENTITY, RAW_USERS, SERVED, land, publish, staged, users

ADA = {"id": 1, "name": "Ada"}


def clock():
    return datetime.now(UTC)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ware [house]"


@pytest.fixture
def warehouse(folder):
    warehouse = open_spark("main", folder, clock=clock, master=MASTER, conf=SMALL)
    warehouse.prepare()
    return warehouse


# --- without Spark ----------------------------------------------------------------------------------------------


def test_landing_pins_and_routes_start_no_spark(tmp_path):
    code = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from lockgate.adapters.warehouses.spark import open_spark
from lockgate.core.route import Route, Stage
from lockgate.testing.spark import MASTER, SMALL
from lockgate.testing.warehouses.given import RAW_USERS, land, staged
warehouse = open_spark("main", Path(sys.argv[1]) / "warehouse", clock=lambda: datetime.now(UTC))
warehouse.prepare()
land(warehouse, staged(Path(sys.argv[1]), 1, [{"id": 1, "name": "Ada"}]))
warehouse.set_route(Route("users", "rules", None, Stage.OFF, 0, 0))
with warehouse.workshop("analytics__dbt") as workshop:
    print([column.name for column in workshop.columns(RAW_USERS)], "pyspark" in sys.modules)
"""

    said = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True).stdout

    assert said == "['_load_id', '_row', 'id', 'name'] False\n"


def test_the_state_is_one_file_that_counts_its_changes(warehouse, folder, tmp_path):
    warehouse.land(staged(tmp_path, 1, [ADA]))
    warehouse.move_pins([Pin(RAW_USERS, 1, 1)])
    warehouse.set_route(Route(ENTITY, "rules", None, Stage.OFF, 0, 0))

    told = json.loads((folder / "state.json").read_text(encoding="utf-8"))

    assert told["generation"] == 4
    assert told["pins"] == [["raw", "users", 1, 1]]
    assert told["routes"][ENTITY]["token"] == 1
    assert sorted(path.name for path in folder.iterdir()) == ["locks", "raw__log", "state.json"]


def test_a_workshops_note_comes_back_as_it_was_written(tmp_path):
    columns = [("größe", "decimal(9,2)"), ("x", "array<int>")]
    built = Built(
        3,
        {"fct": Table("tables/3/fct", columns, "orc", ["x"])},
        {"stg": View("select 1", columns)},
        [Raw("raw", "users", "raw/0", columns)],
    )

    write_built(tmp_path, built)

    assert read_built(tmp_path) == built
    assert read_built(tmp_path / "elsewhere") == Built()


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("tinyint", "smallint"),
        ("int", "integer"),
        ("decimal(38,0)", "numeric(38,0)"),
        ("float", "real"),
        ("string", "text"),
        ("void", "text"),
        ("interval day to second", "text"),
        ("time(6)", "time"),
        ("timestamp", "timestamptz"),
        ("timestamp_ntz", "timestamp"),
        ("binary", "bytes"),
        ("variant", "json"),
        ("array<int>", "json"),
        ("struct<a:int>", "json"),
        ("map<string,int>", "json"),
    ],
)
def test_types_by_sparks_names(name, type_):
    assert str(logical_type(name)) == type_


def test_types_are_written_in_sparks_names():
    names = ["timestamp", "timestamptz", "time", "numeric", "uuid", "json"]

    assert [spark_type(ColumnType.parse(name)) for name in names] == [
        "timestamp_ntz", "timestamp", "time(6)", "decimal(38,9)", "string", "string"
    ]  # fmt: skip
    assert schema_of([("a `b`", "int")]) == "`a ``b``` int"
    assert identifier("a", "b`") == "`a`.`b```"


def test_trees_are_printed_with_the_types_that_they_mean():
    kinds = ("timestamp", "timestamptz", "time", "uuid", "json")
    casts = [exp.cast(exp.column("x"), sql_type(ColumnType.parse(kind))) for kind in kinds]

    assert spark_sql(exp.select(*casts)) == (
        "SELECT CAST(x AS TIMESTAMP_NTZ), CAST(x AS TIMESTAMP), CAST(x AS TIME), CAST(x AS STRING), CAST(x AS STRING)"
    )
    assert spark_sql(parse_one("SELECT CAST(x AS TIMESTAMP)", dialect="spark")) == "SELECT CAST(x AS TIMESTAMP)"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            """[CAST_INVALID_INPUT] The value 'o'sec"ret' of "STRING" cannot be cast to "INT". SQLSTATE: 22018""",
            '[CAST_INVALID_INPUT] The value … of "STRING" cannot be cast to "INT".',
        ),
        (
            'Error in x\n  [CAST_OVERFLOW] The value 32768 of the type "INT" cannot be cast to "SMALLINT"\nsecret',
            'Error in x\n  [CAST_OVERFLOW] The value … of the type "INT" cannot be cast to "SMALLINT"',
        ),
        ("[USER_RAISED_EXCEPTION] secret", "[USER_RAISED_EXCEPTION] …"),
        (
            "[UNRESOLVED_COLUMN.WITH_SUGGESTION] `nowhere` cannot be resolved",
            "[UNRESOLVED_COLUMN.WITH_SUGGESTION] `nowhere` cannot be resolved",
        ),
    ],
)
def test_errors_are_told_without_the_values_of_rows(said, told):
    assert without_values(said) == told


def test_what_results_depend_on_cannot_be_set():
    with pytest.raises(CapabilityMissing, match=r"spark\.sql\.ansi\.enabled cannot be set"):
        _ = Engine("local[1]", (("spark.sql.ansi.enabled", "false"),)).settings


def test_a_path_with_marks_of_patterns_is_reached_by_a_link(tmp_path):
    odd, plainly = tmp_path / "a [b]", tmp_path / "a b"
    odd.mkdir()

    assert plain(plainly) == plainly
    assert plain(odd).resolve() == odd.resolve()
    assert not set(str(plain(odd))) & set("[]{}*?\\")


# --- with Spark -------------------------------------------------------------------------------------------------

STARTS = """
import sys, time
from lockgate.adapters.warehouses.spark.engine import Engine
spark = Engine("local[1]").session()
print(spark.sparkContext._gateway.proc.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_java_ends_with_a_process_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE, text=True) as process:
        java = int(process.stdout.readline())
        assert Path(f"/proc/{java}").exists()
        watch = os.pidfd_open(java)
        process.send_signal(signal.SIGKILL)
        ended = select_ended(watch)

    assert ended


def select_ended(watch):
    import select

    poll = select.poll()
    poll.register(watch, select.POLLIN)
    return bool(poll.poll(60_000))


@pytest.mark.slow
def test_what_a_process_builds_is_found_by_the_next_one(warehouse, tmp_path):
    land(warehouse, staged(tmp_path, 1, [ADA]))
    with warehouse.workshop("analytics__dbt") as workshop:
        access = workshop.access().parameters
        building = Building(Path(access["folder"]), "analytics__dbt", access["master"], access["conf"])
        spark = building.spark
        spark.sql("CREATE VIEW analytics__dbt.stg AS SELECT id AS user_id, name AS label FROM raw.users")
        spark.sql("CREATE TABLE analytics__dbt.fct AS SELECT * FROM analytics__dbt.stg")
        spark.sql(
            "CREATE TABLE analytics__dbt.part USING parquet PARTITIONED BY (label) AS SELECT * FROM raw.users, "
            "(SELECT 'x' AS label)"
        )
        building.keep()

        found = {
            name: workshop.query(exp.select("label").from_(table(Relation("analytics__dbt", name)))).to_pylist()
            for name in ("stg", "fct", "part")
        }

    assert found == {"stg": [{"label": "Ada"}], "fct": [{"label": "Ada"}], "part": [{"label": "x"}]}


@pytest.mark.slow
def test_duckdb_reads_what_spark_serves(warehouse, folder, tmp_path):
    import duckdb

    land(warehouse, staged(tmp_path, 1, [ADA]))
    publish(warehouse, "rules", users(3, "rules"))

    served, raw, nothing = (
        duckdb_query(folder, one) for one in (SERVED, RAW_USERS, Relation("analytics", "unheard_of"))
    )

    assert nothing is None
    assert sorted(duckdb.sql(served.sql("duckdb")).fetchall()) == [(1, "rules"), (2, "rules"), (3, "rules")]
    assert duckdb.sql(raw.sql("duckdb")).fetchall() == [(1, 1, 1, "Ada")]


@pytest.mark.slow
def test_a_process_has_one_spark(warehouse):
    warehouse.query(exp.select("1"))

    with pytest.raises(CapabilityMissing, match="a process has one Spark"):
        open_spark("other", "elsewhere", clock=clock, master="local[1]").query(exp.select("1"))


DIES = """
import sys
from datetime import UTC, datetime
from pyspark import SparkContext
from sqlglot import parse_one
from lockgate.adapters.warehouses.spark import open_spark
from lockgate.errors import WarehouseUnavailable
from lockgate.testing.spark import MASTER, SMALL
warehouse = open_spark("main", sys.argv[1], clock=lambda: datetime.now(UTC), master=MASTER, conf=SMALL)
warehouse.prepare()
said = []
for number in range(3):
    if number == 1:
        SparkContext._gateway.proc.kill()
        SparkContext._gateway.proc.wait()
    try:
        said.append(warehouse.query(parse_one(f"SELECT {number} AS n")).to_pylist()[0]["n"])
    except WarehouseUnavailable:
        said.append("unavailable")
print(said)
"""


@pytest.mark.slow
def test_a_spark_that_has_died_is_replaced(tmp_path):
    said = subprocess.run([sys.executable, "-c", DIES, tmp_path], capture_output=True, text=True, check=False)

    assert said.stdout == "[0, 1, 2]\n", said.stderr[-2000:]


@pytest.mark.slow
def test_what_stands_on_a_table_stays_on_it(warehouse, tmp_path):
    land(warehouse, staged(tmp_path, 1, [{"id": number, "name": "x"} for number in range(1_000)]))

    few = warehouse.query(parse_one("SELECT count(*) AS n FROM raw.users TABLESAMPLE (0 ROWS)", dialect="spark"))

    assert few.to_pylist() == [{"n": 0}]
