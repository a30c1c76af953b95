"""The page of errors, from the error tree."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.errors import LockgateError, RetryableError


def errors_page() -> str:
    """One heading an error code, in the order of the codes: its message, what to do, whether trying again helps."""
    leaves = sorted(coded(LockgateError), key=lambda error: error.code)
    head = [
        "# Errors",
        "",
        "Every failure has a code; the command line prints it first and exits with 2.",
        "This page is generated from `lockgate/errors/`.",
    ]
    return "\n".join([*head, *(line for error in leaves for line in error_section(error))]) + "\n"


def coded(error: type[LockgateError]) -> Iterator[type[LockgateError]]:
    """The errors of the tree that carry a code, from this one down."""
    if "code" in vars(error) and error.code:
        yield error
    for branch in error.__subclasses__():
        yield from coded(branch)


def error_section(error: type[LockgateError]) -> list[str]:
    """The lines that document one error."""
    meaning = (error.__doc__ or "").strip()
    again = "may succeed later" if issubclass(error, RetryableError) else "does not help"
    remedy = f"{error.hint.replace('<', '&lt;')} Trying the same again {again}."
    return ["", f"## {error.code} {error.__name__}", "", meaning, "", f"**What to do.** {remedy}"]
