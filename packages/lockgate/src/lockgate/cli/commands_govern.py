"""`govern`: who may call, which machines, and what everybody has changed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lockgate.adapters.registry import require
from lockgate.cli.auditing import changing, me
from lockgate.cli.exits import Exit
from lockgate.cli.invocation import opened
from lockgate.cli.output import print_json, print_table, print_text, standard_error, standard_output
from lockgate.cli.passwords import FromStdin, typed_password
from lockgate.govern.changes import adding_person, adding_token, setting_roles

if TYPE_CHECKING:
    from lockgate.core.access import AuditEntry, MachineToken, Person

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The account.")]
Roles = Annotated[list[str], typer.Option("--role", help="viewer, operator, approver or admin; repeat for more.")]
Limit = Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)]

govern = typer.Typer(help="Who may: people, machines' tokens, and the audit.", no_args_is_help=True)
user = typer.Typer(help="People, who sign in with a password.", no_args_is_help=True)
token = typer.Typer(help="Tokens, by which machines call the API.", no_args_is_help=True)
audit = typer.Typer(help="What was changed, by whom.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Adds the verbs to the command line."""
    govern.add_typer(user, name="user")
    govern.add_typer(token, name="token")
    govern.add_typer(audit, name="audit")
    application.add_typer(govern, name="govern")


@govern.command("access")
def show_access(context: typer.Context, as_json: Json = False) -> int:
    """Every route of `lockgate serve`: who may call it, and what the audit calls it."""
    require("server", "`lockgate govern access`")
    from lockgate.server.access_table import access_table

    rows = access_table()
    if as_json:
        print_json(rows)
    else:
        print_table("", ("route", "who", "audit"), [(f"{row.method} {row.path}", row.who, row.change) for row in rows])
    return Exit.FINE


@user.command("list")
def list_users(context: typer.Context, as_json: Json = False) -> int:
    """Everybody with an account."""
    with opened(context) as app:
        found = app.access.people()
    _show_people(found, as_json=as_json)
    return Exit.FINE


@user.command("add")
def add_user(
    context: typer.Context, name: Name, roles: Roles, from_stdin: FromStdin = False, as_json: Json = False
) -> int:
    """Make an account. From the first one on, everybody signs in."""
    from lockgate.govern.accounts import checked_name, checked_roles

    checked_name(name)
    given = ", ".join(sorted(checked_roles(roles)))
    password = typed_password(f"Password of {name}", from_stdin=from_stdin, twice=True)
    with opened(context) as app, changing(app.access, adding_person(name, roles)):
        made = app.access.add_person(name, password, roles)
    _tell(made, f"{name} may sign in as {given}", as_json=as_json)
    return Exit.FINE


@user.command("passwd")
def set_password(context: typer.Context, name: Name, from_stdin: FromStdin = False, as_json: Json = False) -> int:
    """Set another password. Ends the account's sessions, and a lock-out."""
    password = typed_password(f"New password of {name}", from_stdin=from_stdin, twice=True)
    with opened(context) as app, changing(app.access, "person.set-password", name):
        app.access.set_password(name, password)
    _tell({"name": name}, f"{name} has another password, and signs in anew", as_json=as_json)
    return Exit.FINE


@user.command("roles")
def set_roles(context: typer.Context, name: Name, roles: Roles, as_json: Json = False) -> int:
    """Give an account these roles and no others, in force at once."""
    with opened(context) as app, changing(app.access, setting_roles(name, roles)):
        found = app.access.set_roles(name, roles)
    _tell(found, f"{name} is {', '.join(sorted(found.roles))}", as_json=as_json)
    return Exit.FINE


@user.command("disable")
def disable_user(context: typer.Context, name: Name, as_json: Json = False) -> int:
    """Let an account be used no more, until it is enabled. Its sessions end at once."""
    return _enabled(context, name, is_enabled=False, as_json=as_json)


@user.command("enable")
def enable_user(context: typer.Context, name: Name, as_json: Json = False) -> int:
    """Let an account be used again."""
    return _enabled(context, name, is_enabled=True, as_json=as_json)


def _enabled(context: typer.Context, name: str, *, is_enabled: bool, as_json: bool) -> int:
    action = "person.enable" if is_enabled else "person.disable"
    with opened(context) as app, changing(app.access, action, name):
        found = app.access.set_enabled(name, is_enabled=is_enabled)
    _tell(found, f"{name} is {'enabled' if is_enabled else 'disabled'}", as_json=as_json)
    return Exit.FINE


@user.command("unlock")
def unlock_user(context: typer.Context, name: Name, as_json: Json = False) -> int:
    """End a lock-out after wrong passwords."""
    with opened(context) as app, changing(app.access, "person.unlock", name):
        found = app.access.unlock(name)
    _tell(found, f"{name} may sign in", as_json=as_json)
    return Exit.FINE


@user.command("remove")
def remove_user(context: typer.Context, name: Name, as_json: Json = False) -> int:
    """Take an account away. What it did stays in the audit."""
    with opened(context) as app, changing(app.access, "person.remove", name):
        app.access.remove_person(name)
    _tell({"name": name}, f"{name} has no account any more", as_json=as_json)
    return Exit.FINE


@user.command("sessions")
def list_sessions(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The account; else all of them.")] = None,
    as_json: Json = False,
) -> int:
    """Who is signed in, since when and from where."""
    with opened(context) as app:
        found = app.access.sessions(name)
    if as_json:
        print_json(found)
        return Exit.FINE
    rows = [(one.person, one.address, one.began_at, one.seen_at, one.expires_at) for one in found]
    print_table("", ("person", "from", "since (UTC)", "seen (UTC)", "until (UTC)"), rows)
    return Exit.FINE


@token.command("list")
def list_tokens(context: typer.Context, as_json: Json = False) -> int:
    """Every token that was made, the newest first; the tokens themselves are kept nowhere."""
    with opened(context) as app:
        found = app.access.tokens()
    if as_json:
        print_json(found)
        return Exit.FINE
    headings = ("token", "machine", "roles", "made by", "made (UTC)", "until (UTC)", "revoked (UTC)")
    print_table("", headings, [_token_row(one) for one in found])
    return Exit.FINE


@token.command("add")
def add_token(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The machine that calls.")],
    roles: Roles,
    days: Annotated[int, typer.Option(help="For how many days it is good.", min=1, max=365)] = 90,
    as_json: Json = False,
) -> int:
    """Make a token for a machine, and print it, this once."""
    lifetime = timedelta(days=days)
    with opened(context) as app, changing(app.access, adding_token(name, roles, days)) as change:
        made, text = app.access.add_token(name, roles, lifetime=lifetime, by=me())
        change.tell(token=made.token_id)
    if as_json:
        print_json({"token": made, "text": text})
        return Exit.FINE
    until = f"{made.expires_at:%Y-%m-%d %H:%M} UTC"
    said = f"token {made.token_id} of {name}, good until {until}; it is not shown again:"
    standard_error().print(said, markup=False, soft_wrap=True)
    print_text(text)
    return Exit.FINE


@token.command("revoke")
def revoke_token(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="The token's id, as `list` shows it.")],
    as_json: Json = False,
) -> int:
    """Take a token back; in force within a second."""
    with opened(context) as app, changing(app.access, "token.revoke", token_id):
        found = app.access.revoke_token(token_id)
    _tell(found, f"the token {token_id} of {found.name} is revoked", as_json=as_json)
    return Exit.FINE


@audit.command("list")
def list_audit(
    context: typer.Context,
    actor: Annotated[str | None, typer.Option(help="Only of this person, machine:NAME or login name.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as cutover.promote, or all of cutover.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only about this.")] = None,
    before: Annotated[int | None, typer.Option(help="Only entries before this number.", min=1)] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> int:
    """The newest changes first: who, from where, what, and how it went; answers about records with --action records."""
    with opened(context) as app:
        found = app.access.audit(actor=actor, action=action, subject=subject, before=before, limit=limit)
    if as_json:
        print_json(found)
        return Exit.FINE
    headings = ("no.", "at (UTC)", "who", "as", "action", "subject", "outcome", "facts")
    print_table("", headings, [_audit_row(one) for one in found])
    return Exit.FINE


def _show_people(found: tuple[Person, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    headings = ("name", "roles", "account", "signed in (UTC)", "wrong passwords", "locked until (UTC)")
    rows = [
        (one.name, ", ".join(sorted(one.roles)), "enabled" if one.is_enabled else "disabled", one.signed_in_at,
         one.failures, one.locked_until)
        for one in found
    ]  # fmt: skip
    print_table("", headings, rows)


def _token_row(one: MachineToken) -> tuple[object, ...]:
    roles = ", ".join(sorted(one.roles))
    return one.token_id, one.name, roles, one.created_by, one.created_at, one.expires_at, one.revoked_at


def _audit_row(one: AuditEntry) -> tuple[object, ...]:
    facts = ", ".join(f"{name} {value}" for name, value in one.facts.items() if value not in (None, ""))
    whence = f"{one.kind} at {one.address}" if one.address else one.kind
    return str(one.audit_id), one.at, one.actor, whence, one.action, one.subject, one.outcome, facts


def _tell(found: object, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        standard_output().print(said, markup=False, soft_wrap=True)
