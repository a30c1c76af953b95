"""What nobody foresaw: one line for people, an error for programs, the trace for whoever asks for it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType

from lockgate.adapters.secrets.redaction import redacted
from lockgate.cli.exits import Exit
from lockgate.cli.output import print_error, print_json
from lockgate.core.disk import is_full
from lockgate.errors import DiskFull, LockgateError

_HINT = "Report it with this line; LOCKGATE_LOG_LEVEL=debug shows the trace. What was finished is kept."
INTERRUPTED = 128 + signal.SIGINT  # as shells count the end of a process that was interrupted


def tell_interrupted(*, as_json: bool) -> None:
    """Tells that Ctrl-C was pressed."""
    message = "interrupted; whatever was finished is kept"
    print(message, file=sys.stderr)
    if as_json:
        print_json({"error": _document("KeyboardInterrupt", message)})


def usage_problem(error: Exception) -> dict[str, object]:
    """What a program reads of a command that was called wrongly."""
    said = getattr(error, "format_message", None)
    return _document("UsageError", str(said() if said else error), "`lockgate --help` shows the verbs and options.")


def _document(name: str, message: str, hint: str = "") -> dict[str, object]:
    return {"code": "", "error": name, "message": message, "hint": hint, "fields": {}}


def tell_unexpected(error: Exception, *, as_json: bool) -> Exit:
    """Tells of an exception that is no error of ours: not its own words, which may hold rows or secrets."""
    if isinstance(error, BrokenPipeError):  # whoever read our output has gone
        _say_nothing_more()
        return Exit.FAILED
    if isinstance(error, OSError) and is_full(error):
        known: LockgateError = DiskFull(f"{error.filename or 'the output'} cannot be written: the disk is full")
        if error.filename is None:
            _say_nothing_more()
            as_json = False
        print_error(known)
        document: object = known
    else:
        what = f"this is a defect in Lockgate: {type(error).__name__} in {_place(error.__traceback__)}"
        print(f"error: {what}\n→ {_HINT}", file=sys.stderr)
        document = _document(type(error).__name__, what, _HINT)
        if _is_debugging():
            _print_trace(error)
    if as_json:
        print_json({"error": document})
    return Exit.FAILED


def _say_nothing_more() -> None:
    """Standard output leads nowhere from now on, or Python would fail again when it flushes it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _place(trace: TracebackType | None) -> str:
    """The innermost place of ours that an exception came through, as `module:line`."""
    return list(_places(trace))[-1]


def _places(trace: TracebackType | None) -> Iterator[str]:
    yield "lockgate"
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if module.split(".", maxsplit=1)[0] == "lockgate":
            yield f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next


def _is_debugging() -> bool:
    from lockgate.settings import read_settings

    with suppress(LockgateError):
        return read_settings().log_level == "debug"
    return False


def _print_trace(error: Exception) -> None:
    from traceback import format_exception

    print(redacted("".join(format_exception(error))), file=sys.stderr)
