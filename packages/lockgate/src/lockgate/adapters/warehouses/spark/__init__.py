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
    conf: Mapping[str, object] | None = None,
    **dbt: object,
) -> SparkWarehouse:
    """The target in the folder `path`; no Spark is started before a statement needs one.

    `master` and `conf` are Spark's own settings. What else is given says how dbt reaches a Spark: its `method`, and
    `host`, `port`, `user` and `password` of a Thrift server.
    """
    from lockgate.adapters.warehouses.folder.layout import Layout
    from lockgate.adapters.warehouses.spark.engine import Engine
    from lockgate.adapters.warehouses.spark.warehouse import SparkWarehouse

    settings = {key: _written(value) for key, value in (conf or {}).items()}
    layout = Layout(Path(path).absolute())
    return SparkWarehouse(name, layout, Engine(master, tuple(sorted(settings.items()))), clock, dbt)


def _written(value: object) -> str:
    """A setting as Spark writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
