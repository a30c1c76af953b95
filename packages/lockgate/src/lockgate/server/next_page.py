"""Where a browser is sent to after signing in: a page of ours, and nowhere else."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

START = "/"
LONGEST = 2_000
SIGN_IN = "/sign-in"
_NO_PAGES = (SIGN_IN, "/sign-out", "/api/")
# Browsers drop controls from an address, and read a backslash as a slash (WHATWG, URL Standard, 4.4).
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def next_page(wanted: str) -> str:
    """The page that somebody wanted to see, where it is a path on this very server; else the first one."""
    if len(wanted) > LONGEST or not _PATH.fullmatch(wanted):
        return START
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return START
    is_ours = not parts.scheme and not parts.netloc and not parts.path.startswith(_NO_PAGES)
    return wanted if is_ours else START


def sign_in_path(path: str, query: str) -> str:
    """Where somebody signs in who wanted to see a page."""
    wanted = next_page(f"{quote(path)}{f'?{query}' if query else ''}")
    return SIGN_IN if wanted == START else f"{SIGN_IN}?next={quote(wanted, safe='/')}"
