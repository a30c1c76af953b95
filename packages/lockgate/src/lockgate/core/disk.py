"""What the operating system says when there is no room."""

from __future__ import annotations

import errno

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: OSError) -> bool:
    """Whether a write failed for want of room: on the disk, in a quota, in a file."""
    return error.errno in _FULL
