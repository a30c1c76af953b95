"""What tests start Spark with: a process has one, so that all tests in it have to ask for the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

# Tables that a test makes without saying where; each process has a place of its own.
TABLES = Path(gettempdir()) / f"lockgate-spark-tests-{uuid4().hex}"
MASTER = "local[2]"
# Small statements: what pays for large ones only costs here.
SMALL = {
    "spark.driver.defaultJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.warehouse.dir": str(TABLES),
}
