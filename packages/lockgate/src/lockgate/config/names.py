"""Which names a project may use: safe in every target, on the command line, and where Lockgate lengthens them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import count

from lockgate.core.nearness import nearest

SEPARATOR = "__"
LONGEST_NAME = 40
LONGEST_IDENTIFIER_BYTES = 63  # PostgreSQL cuts longer ones off
NAME_PATTERN = "^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$"
PROJECT_PATTERN = "^[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*$"
OWN_COLUMNS = frozenset({"_bucket", "_load_id", "_row"})
OWN_SCHEMAS = frozenset({"information_schema", "lockgate"})
OWN_SUFFIXES = frozenset({"editions", "log"})  # of schemas: analytics__editions, raw__log


def name_fault(name: str, pattern: str = NAME_PATTERN) -> str | None:
    """What is wrong with the name of a target, entity, stream and so on; None where nothing is."""
    if len(name) > LONGEST_NAME:
        return f"the name has {len(name)} characters; it may have {LONGEST_NAME}"
    if SEPARATOR in name:
        return f"the name {name!r} holds '__', which Lockgate itself puts between names"
    if not re.match(pattern, name) or name.endswith("\n"):
        return f"the name {name!r} is not made of lower-case letters, digits and single underscores"
    return None


def schema_fault(name: str) -> str | None:
    """What is wrong with the name of a schema; None where nothing is."""
    if name in OWN_SCHEMAS or name.startswith("pg_"):
        return f"the schema {name!r} belongs to Lockgate or to the database"
    return name_fault(name)


def column_fault(name: str) -> str | None:
    """What is wrong with a column's name, which may otherwise be any text; None where nothing is."""
    if not name.strip() or any(unicodedata.category(letter) == "Cc" for letter in name):
        return "a column's name is text without control characters, and not blank"
    size = len(name.encode())
    if size > LONGEST_IDENTIFIER_BYTES:
        return f"the column's name takes {size} bytes; databases keep {LONGEST_IDENTIFIER_BYTES}"
    return f"the column name {name!r} belongs to Lockgate" if name.lower() in OWN_COLUMNS else None


def suggestion(wrong: str, known: Iterable[str], what: str = "known here") -> str:
    """The nearest known name as a question, or all of them where none is near."""
    names = [name for name in known if name != wrong]
    near = nearest(wrong, names)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"{what.capitalize()}: {', '.join(sorted(names))}." if names else "There are none."


def same_but_for_case(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that databases take for one: the first, and a later one that differs in case only."""
    seen: dict[str, str] = {}
    pairs = []
    for name in names:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            pairs.append((first, name))
    return pairs


def safe_name(text: str, taken: Iterable[str], *, instead: str) -> str:
    """A usable name made of any text, different from those taken; `instead` where no letter of it is usable.

    Letters are written in lower case without their accents (`Größe` becomes `grosse`); the rest becomes `_`.
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or instead
    name = (name if name[0].isalpha() else f"{instead}_{name}")[:LONGEST_NAME].strip("_")
    used = set(taken)
    if name not in used:
        return name
    numbered = (f"{name[: LONGEST_NAME - 5].strip('_')}_{number}" for number in count(2))
    return next(candidate for candidate in numbered if candidate not in used)
