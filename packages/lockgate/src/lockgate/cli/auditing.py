"""What a command changes is told to the audit: before it is done, and how it went."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lockgate.errors import LockgateError
from lockgate.govern.changes import Told

if TYPE_CHECKING:
    from lockgate.app.access import Access
    from lockgate.core.access import Caller
    from lockgate.core.cutover import PlanResult

logger = logging.getLogger(__name__)

AUDIT_SECONDS = 2.0


def me() -> str:
    """Who types the command, as the system knows them."""
    return getpass.getuser()


def shell_caller() -> Caller:
    """Who types the command, as the audit names them: whoever reaches the project's files may do everything."""
    from lockgate.core.access import Caller, CallerKind, Role

    return Caller(me(), CallerKind.SHELL, frozenset(Role))


class Change:
    """What is told of a change once it is done."""

    def __init__(self) -> None:
        """It went well, as far as is known."""
        self.facts: dict[str, object] = {}
        self.has_failed = self.is_refused = False
        self.is_untold = False

    def tell(self, **facts: object) -> None:
        """Adds facts: names and counts, no secret and no row's value."""
        self.facts.update(facts)

    def came(self, result: PlanResult) -> None:
        """Tells what came of a plan."""
        from lockgate.core.access import AuditOutcome
        from lockgate.govern.auditing import outcome_of_plan

        self.is_refused = outcome_of_plan(result) is AuditOutcome.REFUSED
        self.tell(answer=result.answer, steps=len(result.outcomes))

    def went(self, errors: Iterable[LockgateError]) -> None:
        """Tells what went wrong of it, where it did not end by that."""
        codes = sorted({error.code for error in errors})
        if codes:
            self.has_failed = True
            self.facts["codes"] = ", ".join(codes)


@contextmanager
def changing(access: Access, what: str | Told, subject: str = "", **facts: object) -> Iterator[Change]:
    """While this lasts, a command does something to `subject`: the audit tells who began it, and how it went.

    `what` is an action, or all that is told of a change that other doors make too.

    Raises:
        ControlPlaneUnavailable: that cannot be written; nothing was changed.
    """
    told = what if isinstance(what, Told) else Told(what, subject, facts)
    audit_id, change = access.begin_change(shell_caller(), told.action, told.subject, facts=told.facts), Change()
    try:
        yield change
    except BaseException as error:
        _end(access, audit_id, change, error)
        raise
    _end(access, audit_id, change)


@contextmanager
def told_afterwards(access: Access, told: Told) -> Iterator[Change]:
    """The same for what must not be held up: the audit is told once it is done, if it can be told soon.

    Nothing is told where the block finds that nothing can be: `is_untold`.
    """
    change = Change()
    failed: BaseException | None = None
    try:
        yield change
    except BaseException as error:
        failed = error
        raise
    finally:
        if not change.is_untold:
            _tell_soon(access, told, change, failed)


def _tell_soon(access: Access, told: Told, change: Change, failed: BaseException | None) -> None:
    from lockgate.core.deadline import within

    try:
        with within(AUDIT_SECONDS):
            audit_id = access.begin_change(shell_caller(), told.action, told.subject, facts=told.facts)
            _end(access, audit_id, change, failed)
    except LockgateError as error:
        logger.warning("the audit was not written", extra={"facts": {"action": told.action, "error": error.code}})


def _end(access: Access, audit_id: int, change: Change, error: BaseException | None = None) -> None:
    """Tells how it went; what was done is not undone because that cannot be written."""
    from lockgate.core.access import AuditOutcome
    from lockgate.govern.auditing import outcome_of

    outcome = AuditOutcome.FAILED if change.has_failed else AuditOutcome.DONE
    if change.is_refused:
        outcome = AuditOutcome.REFUSED
    if error is not None:
        outcome = outcome_of(error)
    code = {"code": getattr(error, "code", "") or type(error).__name__} if error else {}
    with suppress(LockgateError):
        access.end_change(audit_id, outcome, {**change.facts, **code})
