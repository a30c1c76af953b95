"""Files that Lockgate leaves for people: whole or not at all, never through a link or over somebody's own."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from lockgate.core.disk import is_full
from lockgate.errors import AccessRefused, DiskFull, LockgateError, Problem, ProjectInvalid, UnknownName

_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_PAGES = (b"<!doctype html", b"<svg", b"<?xml")
_ELSEWHERE = "Name a place that can be written, or change its rights."


def is_writable(place: Path) -> bool:
    """Whether a folder can be written, or made where it is missing."""
    there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    return os.access(there, os.W_OK)


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turns what the operating system refuses while `what` is written into errors of ours.

    Raises:
        DiskFull: there is no room.
        AccessRefused: it may not be written.
        UnknownName: it cannot be written there.
    """
    try:
        yield
    except OSError as error:
        raise _refusal(what, error) from error


def _refusal(what: str, error: OSError) -> LockgateError:
    message = f"{what} cannot be written: {(error.strerror or type(error).__name__).lower()}"
    if is_full(error):
        return DiskFull(message)
    return (AccessRefused if error.errno in _FORBIDDEN else UnknownName)(message, hint=_ELSEWHERE)


def write_new(texts: Mapping[Path, str], *, beside: Path, private: Collection[Path] = ()) -> None:
    """Writes new files and the folders they need, all or none; only their owner may read those that are `private`.

    Raises:
        ProjectInvalid: naming every file that is in the way, below `beside`; nothing was written.
        DiskFull: there is no room; nothing was left behind.
        AccessRefused, UnknownName: they cannot be written there; nothing was left behind.
    """
    refuse_overwriting(texts, beside)
    left: list[Path] = []
    try:
        with writing(str(beside)):
            for path, text in texts.items():
                _write_one(path, text, 0o600 if path in private else 0o666, left)
    except BaseException:
        for path in reversed(left):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise


def refuse_overwriting(paths: Collection[Path], beside: Path) -> None:
    """Refuses to write where something lies already.

    Raises:
        ProjectInvalid: naming every file that is in the way, below `beside`.
    """
    remedy = "Move it away, or name another folder."
    problems = tuple(
        Problem("this file is there already; nothing was written", os.path.relpath(path, beside), 1, remedy)
        for path in paths
        if os.path.lexists(path)
    )
    if problems:
        raise ProjectInvalid(problems)


def _write_one(path: Path, text: str, mode: int, left: list[Path]) -> None:
    """Writes one file that is not there; `left` gets all that it takes to take this back, in order."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        left.append(folder)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    left.append(path)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def write_over(path: Path, text: str) -> None:
    """Writes a file in the place of one that may be there: aside first, so that it is never seen half.

    Raises:
        DiskFull, AccessRefused, UnknownName: it cannot be written; what was there is there still.
    """
    with writing(str(path)):
        place = path.resolve()
        if place.exists() and not place.is_file():  # such as /dev/stdout
            place.write_text(text, encoding="utf-8")
            return
        aside = place.with_name(f".{place.name}.{token_hex(4)}")
        try:
            _write_one(aside, text, 0o666, [])
            aside.replace(place)
        finally:
            aside.unlink(missing_ok=True)


def write_page(path: Path, page: str) -> None:
    """Writes a report or a picture, in the place of one that may be there.

    Raises:
        ProjectInvalid: a file of something else is in the way; nothing was written.
        DiskFull, AccessRefused, UnknownName: it cannot be written; what was there is there still.
    """
    if path.is_file():
        with writing(str(path)), path.open("rb") as file:
            beginning = file.read(64).lstrip().lower()
        if beginning and not beginning.startswith(_PAGES):
            remedy = "Name another file, or move this one away."
            raise ProjectInvalid((Problem("this file is no report; nothing was written", str(path), 1, remedy),))
    write_over(path, page)
