"""What every error is: a message, what to do, and the facts a program may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a project's files: where it is, what it is, what to do."""

    message: str
    file: str
    line: int
    remedy: str = ""

    def __str__(self) -> str:
        """The problem as one line, `file:line: message (remedy)`."""
        tail = f" ({self.remedy})" if self.remedy else ""
        return f"{self.file}:{self.line}: {self.message}{tail}"


class LockgateError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = ""
    hint: ClassVar[str] = ""

    def __init__(self, message: str | None = None, *, hint: str | None = None, **fields: object) -> None:
        """Say what happened; `fields` are the facts a program may read, never row values or secrets."""
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.remedy = type(self).hint if hint is None else hint
        self.fields = fields
        super().__init__(self.message)


class FatalError(LockgateError):
    """Trying again will not help."""


class RetryableError(LockgateError):
    """The same call may succeed later."""
