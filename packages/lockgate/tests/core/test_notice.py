"""Who hears of a notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockgate.core.notice import Notice, NotificationDeclaration, Severity

NOTICE = Notice("id", "kind", Severity.WARNING, "subject", "text", datetime(2026, 1, 31, tzinfo=UTC), entity="users")
ALL = NotificationDeclaration("chat", "slack")


@pytest.mark.parametrize(
    ("least", "goes"), [(Severity.INFO, True), (Severity.WARNING, True), (Severity.CRITICAL, False)]
)
def test_a_notice_goes_where_it_is_grave_enough(least, goes):
    assert replace(ALL, severity=least).wants(NOTICE) is goes


@pytest.mark.parametrize(
    ("entities", "entity", "goes"),
    [((), "users", True), (("users",), "users", True), (("teams",), "users", False), (("teams",), "", True)],
)
def test_a_notice_goes_to_those_who_care_for_its_entity(entities, entity, goes):
    assert replace(ALL, entities=entities).wants(replace(NOTICE, entity=entity)) is goes


def test_what_ends_a_matter_is_about_the_same():
    over = replace(NOTICE, notice_id="over", about="id", is_recovery=True)

    assert NOTICE.matter == over.matter == "id"
