"""Whether a warehouse answers records, and that it says why where it does not."""

from __future__ import annotations

from contextlib import closing

import pyarrow as pa
import pytest

from lockgate.core.ports import Warehouse
from lockgate.errors import CapabilityMissing
from lockgate.testing.warehouses.given import SPEAK_ALIKE


class RecordsConformance:
    """What a warehouse's memory is; `lockgate.testing.records` says what it does."""

    def test_records_are_answered_in_the_targets_own_words_or_not_at_all(self, warehouse: Warehouse) -> None:
        if warehouse.capabilities.dialect not in SPEAK_ALIKE:
            with pytest.raises(CapabilityMissing, match="than a request may wait"):
                warehouse.memory()
            return

        with closing(warehouse.memory()) as memory:
            found = memory.query('SELECT 7 / 2 AS x, a FROM "raw.users"', {"raw.users": pa.table({"a": ["ß"]})})

        means = {"duckdb": 3.5, "postgres": 3}
        assert memory.dialect == warehouse.capabilities.dialect
        assert found.to_pydict() == {"x": [means[memory.dialect]], "a": ["ß"]}
