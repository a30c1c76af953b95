"""The raw streams as they come: ids are nullable integers, everything else is text."""

from __future__ import annotations

import pyarrow as pa

USERS = pa.schema(
    [
        ("id", pa.int64()),
        ("email", pa.string()),
        ("full_name", pa.string()),
        ("department_code", pa.string()),
        ("status", pa.string()),
        ("hired_on", pa.string()),
        ("created_at", pa.string()),
        ("updated_at", pa.string()),
    ]
)

APPLICATIONS = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("category", pa.string()),
        ("criticality", pa.string()),
        ("monthly_cost", pa.string()),
        ("owner_id", pa.int64()),
        ("launched_on", pa.string()),
        ("updated_at", pa.string()),
    ]
)
