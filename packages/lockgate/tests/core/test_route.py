"""Which side of a view an implementation stands on."""

from __future__ import annotations

from lockgate.core.route import Arm, Route, Stage


def test_a_route_names_the_arms_of_its_implementations():
    route = Route("users", "rules", "dbt", Stage.OFF, 0, 1)

    assert [route.arm_of(name) for name in ("rules", "dbt", "other")] == [Arm.INCUMBENT, Arm.CANDIDATE, None]


def test_a_route_without_a_candidate_has_one_arm():
    route = Route("users", "rules", None, Stage.RETIRED, 0, 3)

    assert [route.arm_of(name) for name in ("rules", "dbt")] == [Arm.INCUMBENT, None]
