"""Which edition consumers read most of."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from lockgate.app.entity_states import Stood
from lockgate.core.route import Arm, Edition, Route, Stage

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)
OLD, NEW = (Edition("users", number, name, 9, NOON) for number, name in ((1, "rules"), (2, "dbt")))
BOTH = {1: Arm.INCUMBENT, 2: Arm.CANDIDATE}


@pytest.mark.parametrize(
    ("share", "shown", "number"),
    [
        (0, BOTH, 1),
        (500, BOTH, 1),
        (10_000, BOTH, 2),
        (10_000, {1: Arm.INCUMBENT}, 1),
        (0, {2: Arm.CANDIDATE}, 2),
        (0, {}, None),
    ],
)
def test_consumers_read_the_side_that_answers_or_the_only_one_that_is_shown(share, shown, number):
    stood = Stood(SimpleNamespace(), Route("users", "rules", "dbt", Stage.CANARY, share, 3), (OLD, NEW), shown)

    assert (stood.read.number if stood.read else None) == number
