"""The rule set that the page on rules shows is one that works."""

from __future__ import annotations

from lockgate.adapters.records.duckdb import DuckDBMemory
from lockgate.config.rules import parse_rule_set
from lockgate.core.relation import Column, Relation
from lockgate.core.types import ColumnType, Kind
from lockgate.transform.rules import CaseResult, Catalog, test_cases


def test_the_rule_set_that_the_page_shows_passes_its_case(root):
    page = (root / "docs/explanation/rules.md").read_text(encoding="utf-8")
    shown = page.split("```yaml\n")[1].split("```")[0]
    text = ColumnType(Kind.TEXT)
    columns = (
        Column("id", ColumnType(Kind.BIGINT)),
        Column("code", text),
        Column("price", text),
        Column("placed", text),
    )

    results = test_cases(
        parse_rule_set(shown, file="rules.md"), Catalog(((Relation("raw", "orders"), columns),)), DuckDBMemory()
    )

    assert results == (CaseResult("codes become kinds", passed=True),)
