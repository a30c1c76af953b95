"""Rules compiled to one SQL query: what a rule set says, what it means, and how it runs."""

from __future__ import annotations

from lockgate.transform.rules.binding import check_rule_set, source_relations
from lockgate.transform.rules.cases import CaseResult, test_cases
from lockgate.transform.rules.dbt_model import export
from lockgate.transform.rules.engine import RuleEngine
from lockgate.transform.rules.explain import explain
from lockgate.transform.rules.language.functions import DIALECTS
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import outcomes_query, refusals
from lockgate.transform.rules.record_program import RecordProgram, stand_alone
from lockgate.transform.rules.records import transform_records
from lockgate.transform.rules.rule_set import RuleSet

__all__ = [
    "CaseResult",
    "Catalog",
    "DIALECTS",
    "RecordProgram",
    "RuleEngine",
    "RuleSet",
    "check_rule_set",
    "explain",
    "export",
    "outcomes_query",
    "refusals",
    "source_relations",
    "stand_alone",
    "test_cases",
    "transform_records",
]
