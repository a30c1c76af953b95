"""What tests start Spark with: a process has one, so that all tests in it have to ask for the same."""

from __future__ import annotations

MASTER = "local[2]"
# Small statements: what pays for large ones only costs here.
SMALL = {
    "spark.driver.defaultJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "1",
}
