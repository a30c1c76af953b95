"""Spark as a target: Parquet in a folder, read and written by a Spark inside this process's reach."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.adapters.warehouses.spark.warehouse import SparkWarehouse
    from lockgate.core.ports import Clock

__all__ = ["open_spark"]


def open_spark(
    name: str,
    path: str | Path,
    *,
    clock: Clock,
    master: str = "local[*]",
    conf: Mapping[str, str] | None = None,
    dbt: Mapping[str, object] | None = None,
) -> SparkWarehouse:
    """The target in the folder `path`; no Spark is started before a statement needs one.

    `master` and `conf` are Spark's own settings; `dbt` says how dbt reaches a Spark, where not by a session of its own.
    """
    from lockgate.adapters.warehouses.folder.layout import Layout
    from lockgate.adapters.warehouses.spark.engine import Engine
    from lockgate.adapters.warehouses.spark.warehouse import SparkWarehouse

    layout = Layout(Path(path).absolute())
    return SparkWarehouse(name, layout, Engine(master, tuple(sorted((conf or {}).items()))), clock, dbt or {})
