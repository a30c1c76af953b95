"""Who signs on the command line: as long as nobody has an account, who typed it; then, who proves it by a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lockgate.cli.auditing import me
from lockgate.cli.passwords import typed_password
from lockgate.errors import NotAllowed

if TYPE_CHECKING:
    from lockgate.app.access import Access


def proven_signer(access: Access, name: str | None, *, from_stdin: bool) -> str:
    """The account `name`, or that of the login name, once its password was given; the login name while there is none.

    Raises:
        SignInRefused: the password is not right, or the account is locked or disabled.
        NotAllowed: they are neither approver nor admin.
        typer.BadParameter: a name was given and nobody has an account, or there is no terminal.
    """
    from lockgate.core.access import Role

    if not access.people():
        if name is not None and name != me():
            raise typer.BadParameter("nobody has an account yet, so you sign as who you are", param_hint="--as")
        return me()
    signer = name or me()
    password = typed_password(f"Password of {signer}", from_stdin=from_stdin)
    person = access.prove(signer, password)
    if person.roles.isdisjoint({Role.APPROVER, Role.ADMIN}):
        raise NotAllowed(f"{person.name} is neither approver nor admin", name=person.name)
    return person.name
