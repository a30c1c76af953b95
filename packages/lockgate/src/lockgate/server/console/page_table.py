"""Every page of the console in one table: path, method, who may, what answers, and what it changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from lockgate.server.access import ADMINS, ANYONE, APPROVERS, DECIDERS, OPERATORS, READERS, Allowed
from lockgate.server.console import (
    account,
    comparisons,
    decisions,
    entities,
    gates,
    jobs,
    lineage,
    loads,
    moving,
    people,
    runs,
    sign_in,
    tokens,
    told,
)
from lockgate.server.console.assets import PATH as STATIC
from lockgate.server.console.assets import static_file
from lockgate.server.console.overview import overview_page

Handler = Callable[..., Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One page; see `lockgate.server.route_table.ApiRoute` for `allowed` and `change`."""

    method: str
    path: str
    allowed: Allowed
    handler: Handler
    change: str = ""


DOORS: tuple[PageRoute, ...] = (
    PageRoute("GET", "/sign-in", ANYONE, sign_in.sign_in_page),
    PageRoute("POST", "/sign-in", ANYONE, sign_in.sign_in, "session.begin"),
    PageRoute("POST", "/sign-out", READERS, sign_in.sign_out, "session.end"),
    PageRoute("GET", "/account", READERS, account.account_page),
    PageRoute("POST", "/account", READERS, account.change_password, "person.change-password"),
    PageRoute("POST", "/account/sessions/{session_id}/end", READERS, account.end_own_session, "session.end"),
    PageRoute("GET", "/people", ADMINS, people.people_page),
    PageRoute("POST", "/people", ADMINS, people.add_person, "person.add"),
    PageRoute("POST", "/people/{name}/roles", ADMINS, people.set_roles, "person.set-roles"),
    PageRoute("POST", "/people/{name}/password", ADMINS, people.set_password, "person.set-password"),
    PageRoute("POST", "/people/{name}/disable", ADMINS, people.disable_person, "person.disable"),
    PageRoute("POST", "/people/{name}/enable", ADMINS, people.enable_person, "person.enable"),
    PageRoute("POST", "/people/{name}/unlock", ADMINS, people.unlock_person, "person.unlock"),
    PageRoute("POST", "/people/{name}/remove", ADMINS, people.remove_person, "person.remove"),
    PageRoute("GET", "/tokens", ADMINS, tokens.tokens_page),
    PageRoute("POST", "/tokens", ADMINS, tokens.add_token, "token.add"),
    PageRoute("POST", "/tokens/{token_id}/revoke", ADMINS, tokens.revoke_token, "token.revoke"),
)
"""Signing in and out, and who may."""
CUTOVERS: tuple[PageRoute, ...] = (
    PageRoute("GET", "/", READERS, overview_page),
    PageRoute("GET", "/dbt", READERS, entities.switch_all_form),
    PageRoute("POST", "/dbt", OPERATORS, entities.switch_all, "dbt.switch"),
    PageRoute("GET", "/entities/{name}", READERS, entities.entity_page),
    PageRoute("GET", "/entities/{name}/dbt", READERS, entities.switch_form),
    PageRoute("POST", "/entities/{name}/dbt", OPERATORS, entities.switch_entity, "dbt.switch"),
    PageRoute("POST", "/entities/{name}/run", OPERATORS, entities.run_now, "job.submit"),
    PageRoute("GET", "/entities/{name}/plan", READERS, moving.plan_form),
    PageRoute("POST", "/entities/{name}/plan", DECIDERS, moving.make_plan, "cutover.plan"),
    PageRoute("GET", "/entities/{name}/roll-back", READERS, moving.roll_back_form),
    PageRoute("POST", "/entities/{name}/roll-back", DECIDERS, moving.roll_back, "cutover.roll-back"),
    PageRoute("GET", "/entities/{name}/retire", READERS, moving.retire_form),
    PageRoute("POST", "/entities/{name}/retire", APPROVERS, moving.retire, "cutover.retire"),
    PageRoute("GET", "/plans/{plan_id}", READERS, moving.plan_page),
    PageRoute("GET", "/plans/{plan_id}/live", READERS, moving.plan_live),
    PageRoute("POST", "/plans/{plan_id}/apply", OPERATORS, moving.apply_plan, "cutover.apply"),
    PageRoute("POST", "/plans/{plan_id}/promote", APPROVERS, moving.promote, "cutover.promote"),
    PageRoute("GET", "/gates", READERS, gates.gates_page),
    PageRoute("GET", "/entities/{name}/gates/{gate}", READERS, gates.gate_page),
    PageRoute("POST", "/entities/{name}/gates/{gate}/sign", APPROVERS, gates.sign, "cutover.sign"),
    PageRoute("GET", "/decisions", READERS, decisions.decisions_page),
    PageRoute("GET", "/decisions/{decision_id}", READERS, decisions.decision_page),
)
"""Entities, and whatever moves them."""
KEPT: tuple[PageRoute, ...] = (
    PageRoute("GET", "/comparisons", READERS, comparisons.comparisons_page),
    PageRoute("GET", "/comparisons/{comparison_id}", READERS, comparisons.comparison_page),
    PageRoute("GET", "/comparisons/{comparison_id}/rows", DECIDERS, comparisons.differing_rows),
    PageRoute("GET", "/lineage", READERS, lineage.lineage_page),
    PageRoute("GET", "/lineage/node", READERS, lineage.node_page),
    PageRoute("GET", "/lineage/unresolved", READERS, lineage.unresolved_page),
    PageRoute("GET", "/lineage/live", READERS, lineage.lineage_live),
    PageRoute("GET", "/jobs", READERS, jobs.jobs_page),
    PageRoute("POST", "/jobs", OPERATORS, jobs.submit_job, "job.submit"),
    PageRoute("GET", "/jobs/live", READERS, jobs.jobs_live),
    PageRoute("GET", "/jobs/{job_id}", READERS, jobs.job_page),
    PageRoute("GET", "/jobs/{job_id}/live", READERS, jobs.job_live),
    PageRoute("POST", "/jobs/{job_id}/cancel", OPERATORS, jobs.cancel_job, "job.cancel"),
    PageRoute("POST", "/jobs/{job_id}/retry", OPERATORS, jobs.retry_job, "job.retry"),
    PageRoute("GET", "/runs", READERS, runs.runs_page),
    PageRoute("GET", "/runs/{run_id}", READERS, runs.run_page),
    PageRoute("GET", "/runs/{run_id}/live", READERS, runs.run_live),
    PageRoute("GET", "/loads", READERS, loads.loads_page),
    PageRoute("GET", "/loads/{load_id}", READERS, loads.load_page),
    PageRoute("GET", "/quarantine", READERS, loads.quarantine_page),
    PageRoute("GET", "/notices", READERS, told.notices_page),
    PageRoute("GET", "/audit", APPROVERS, told.audit_page),
)
"""What was found, done and told."""
PAGES: tuple[PageRoute, ...] = (
    PageRoute("GET", f"{STATIC}/{{name}}", ANYONE, static_file),
    *DOORS,
    *CUTOVERS,
    *KEPT,
)
