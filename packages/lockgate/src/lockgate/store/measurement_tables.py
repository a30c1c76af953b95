"""The table of measurements."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Table

from lockgate.store.columns import Number, instant_column, metadata, scope_columns, text_column, truth_column

measurement = Table(
    "measurement",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    *scope_columns(),
    text_column("entity"),
    text_column("implementation"),
    text_column("metric"),
    text_column("column_name"),
    Column("value", Float, nullable=False),
    instant_column("measured_at"),
    Column("run_id", Number),
    Column("execution_id", Number),
    truth_column("is_exact"),
    Index(
        "ix_measurement_series",
        *("project", "target", "entity", "implementation", "metric", "column_name", "measured_at"),
    ),
    Index(None, "project", "target", "measured_at"),
    sqlite_autoincrement=True,
)
