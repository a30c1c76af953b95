"""The file system's errors as Lockgate's."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from lockgate.core.disk import is_full
from lockgate.errors import AccessRefused, DiskFull

_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def on_disk() -> Iterator[None]:
    """Turns what the operating system raises about a target's folder into Lockgate's errors, chained."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull from error
        if error.errno in _FORBIDDEN:
            said = f"{error.filename} cannot be written: {(error.strerror or '').lower()}"
            raise AccessRefused(said, hint="Change the rights of the target's folder, or name another one.") from error
        raise
