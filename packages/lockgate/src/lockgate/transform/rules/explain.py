"""A rule set as SQL that a person can read."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.transform.rules.binding import bound
from lockgate.transform.rules.program import Catalog
from lockgate.transform.rules.query import outcomes_query
from lockgate.transform.rules.rule_set import RuleSet
from lockgate.transform.rules.weaver import BITS, changed_columns


def explain(rule_set: RuleSet, catalog: Catalog, dialect: str) -> str:
    """The one query, formatted: a list of the rules on top, and at every column the rule that made it.

    Raises:
        RuleSetInvalid: the rules have problems, or a function that the engine does not offer.
    """
    query = outcomes_query(rule_set, catalog, dialect).sql(dialect, pretty=True)
    return "\n".join([*_head(rule_set, catalog), query])


def _head(rule_set: RuleSet, catalog: Catalog) -> Iterator[str]:
    """What the rules are, and how to read `_changed`."""
    yield f"-- {rule_set.entity} from {rule_set.source}, by {rule_set.place.file}"
    for number, rule in enumerate(rule_set.rules, 1):
        yield f"--   {number}. {rule.name} ({rule.kind}, line {rule.place.line})"
    program = bound(rule_set, catalog)
    for place, name in enumerate(changed_columns(program)):
        bits = [f"{1 << change.bit % BITS} {change.rule}" for change in program.changes if change.bit // BITS == place]
        if bits:
            yield f"-- {name} adds up: {', '.join(bits)}"
