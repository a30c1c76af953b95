"""What the audit calls a change that can be made by more than one door: alike by the command line, the API and pages.

What is known only once a change is done, each door adds in the same words: `plan`, `token`, `answer`, `steps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

EVERY_ENTITY = "*"


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a change before it is made: its action, what it is done to, and facts of it."""

    action: str
    subject: str
    facts: Mapping[str, object] = field(default_factory=dict)


def beginning_flow(flow: str) -> Told:
    """A run of a flow is begun; `run` is told once it has its number."""
    return Told("flow.run", flow)


def cancelling_flow(number: int) -> Told:
    """A run of a flow is cancelled."""
    return Told("flow.cancel", str(number))


def planning(entity: str, to: str, share: int | None, candidate: str | None) -> Told:
    """A plan is made; the share is in buckets."""
    return Told("cutover.plan", entity, {"to": to, "share": share, "candidate": candidate})


def applying(plan_id: str, reason: str = "") -> Told:
    """A plan to shadow or canary is applied."""
    return Told("cutover.apply", plan_id, {"reason": reason} if reason else {})


def promoting(entities: Iterable[str], reason: str = "") -> Told:
    """The candidate is to answer for everything; `plan` is told once there is one."""
    return Told("cutover.promote", ", ".join(entities), {"reason": reason} if reason else {})


def rolling_back(entity: str, reason: str, *, off: bool) -> Told:
    """Everything is given back to the incumbent; `off` where nothing of the candidate is built any more."""
    return Told("cutover.roll-back", entity, {"reason": reason, "off": off})


def retiring(entity: str, reason: str) -> Told:
    """A cutover ends: the candidate is the incumbent."""
    return Told("cutover.retire", entity, {"reason": reason})


def signing(entity: str, gate: str, role: str, reason: str) -> Told:
    """Somebody signs a gate."""
    return Told("cutover.sign", entity, {"gate": gate, "role": role, "reason": reason})


def switching(entity: str | None, *, enabled: bool) -> Told:
    """Dbt is switched on or off, for one entity or for all."""
    return Told("dbt.switch", entity or EVERY_ENTITY, {"enabled": enabled})


def adding_person(name: str, roles: Iterable[str]) -> Told:
    """Somebody gets an account."""
    return Told("person.add", name, {"roles": sorted(roles)})


def setting_roles(name: str, roles: Iterable[str]) -> Told:
    """Somebody gets these roles and no others."""
    return Told("person.set-roles", name, {"roles": sorted(roles)})


def adding_token(name: str, roles: Iterable[str], days: int | None) -> Told:
    """A machine gets a token."""
    return Told("token.add", name, {"roles": sorted(roles), "days": days})
