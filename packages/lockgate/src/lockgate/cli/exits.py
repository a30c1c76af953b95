"""What the process's exit code means, and which errors are the data's own answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from lockgate.errors import ContractBroken, DbtTestFailed, LockgateError, OutputInvalid, RuleCaseFailed

if TYPE_CHECKING:
    from lockgate.core.comparison import Verdict
    from lockgate.core.gate import Answer


class Exit(IntEnum):
    """0 fine · 1 the data said no · 2 wrong use, configuration or a failure · 3 not enough evidence."""

    FINE = 0
    DATA_SAID_NO = 1
    FAILED = 2
    INCONCLUSIVE = 3


_OF_VERDICT = {
    "PASS": Exit.FINE,
    "FAIL": Exit.DATA_SAID_NO,
    "INCONCLUSIVE": Exit.INCONCLUSIVE,
}
_THE_WORST_FIRST = (Exit.FAILED, Exit.DATA_SAID_NO, Exit.INCONCLUSIVE, Exit.FINE)
DATA_ERRORS = (ContractBroken, DbtTestFailed, OutputInvalid, RuleCaseFailed)


def exit_of(errors: tuple[LockgateError, ...]) -> Exit:
    """The exit code for what went wrong: a failure of ours or of a system outweighs the data's no."""
    if not errors:
        return Exit.FINE
    only_data = all(isinstance(error, DATA_ERRORS) for error in errors)
    return Exit.DATA_SAID_NO if only_data else Exit.FAILED


def exit_of_answer(answers: Sequence[Answer]) -> Exit:
    """The exit code for what gates say: a no-go outweighs evidence that is missing."""
    found = {answer.value for answer in answers}
    if "no-go" in found:
        return Exit.DATA_SAID_NO
    return Exit.INCONCLUSIVE if "not enough evidence" in found else Exit.FINE


def worst_of(codes: Iterable[Exit]) -> Exit:
    """The exit code for several answers: a failure outweighs the data's no, and that evidence that is missing."""
    return min(codes, key=_THE_WORST_FIRST.index, default=Exit.FINE)


def exit_of_verdict(verdict: Verdict) -> Exit:
    """The exit code for what a comparison means."""
    return _OF_VERDICT[verdict]
