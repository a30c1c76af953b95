"""The users stream."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from inventory.generate import mess
from inventory.generate.chance import Chance, Integers
from inventory.generate.versions import Delivered, Versions, deliver, versions
from inventory.schema import USERS

_LOCALS = ("ada", "grace.h", "linus", "barbara", "e.w", "radia", "ken", "fran", "don", "peña", "weiß", "小明")
_FIRST = [
    "Ada",
    "Grace",
    "Linus",
    "Barbara",
    "Edsger",
    "Radia",
    "Ken",
    "Frances",
    "Donald",
    "Margaret",
    "Tony",
    "Hedy",
    "Alan",
    "Joan",
]
_LAST = [
    "Lovelace",
    "Hopper",
    "Torvalds",
    "Liskov",
    "Dijkstra",
    "Perlman",
    "Thompson",
    "Allen",
    "Knuth",
    "Hamilton",
    "Hoare",
    "Lamarr",
]
_WORLD = (
    "José Peña",
    "Jose\u0301 Pen\u0303a",  # the same name, letters and marks apart
    "Groß Weiß",
    "محمد عبد الله",
    "王小明",
    "Zoë 🦊 Fuchs",
    "Łukasz Żółć",
    "\u00a0Åsa Öberg",  # begins with a no-break space
    "Nguyễn Thị Hoà",
    'O\'Neil "Shaq"; DROP',
)
_DOMAINS = ("example.com", "corp.example.org", "mail.example.net", "peña.example", "例子.example")
_DEPARTMENTS = ("ENG", "FIN", "HR", "MKT", "OPS", "SAL", "LEG", "ITS")
_STRANGE_DEPARTMENTS = ("XYZ", "R&D", "eng-2", "??", "Ñ")
_STATUSES = ("active", "active", "active", "inactive")
_STRANGE_STATUSES = ("on leave", "blocked", "aktiv")
_BROKEN_EMAILS = ("no-at-sign.example.com", "two@at@example.com", "@example.com", "nobody@", "@")
_BROKEN_DATES = ("2023-02-30", "31/04/2022", "2021-13-01", "29/02/2023", "soon", "2024/01/05", "1/2/2024", "0000-01-01")
_FIRST_HIRE = 12_784  # 2005-01-01, in days since 1970
_HIRING_DAYS = 7_300
_TWINS = 0.03


def users(seed: int, count: int, until: datetime) -> Delivered:
    """`count` users, each in one to six versions, with the mess of real systems."""
    chance = Chance(seed, "users")
    made = versions(chance, count, until)
    columns = {
        "id": pa.array(made.thing + 1),
        "email": _emails(chance, made, count),
        "full_name": _names(chance, made, count),
        "department_code": mess.codes(chance, "department", len(made), _DEPARTMENTS, strange=_STRANGE_DEPARTMENTS),
        "status": mess.codes(chance, "status", len(made), _STATUSES, strange=_STRANGE_STATUSES),
        "hired_on": _hired(chance, made, count),
        "created_at": _created(made, count),
        "updated_at": mess.instants(made.stamp),
    }
    return deliver(chance, pa.table(columns, schema=USERS), made)


def _emails(chance: Chance, made: Versions, count: int) -> pa.Array:
    """The e-mail of each version; of 3 % of the users it is another user's, told apart by case and blanks only."""
    person, twins = _persons(chance, count)
    rows = len(made)
    changed, noisy, missing, broken = chance.deal("email.mess", rows, [0.01, 0.04, 0.02, 0.01])
    owner = pa.array(person[made.thing])
    local = chance.pick("local", count, _LOCALS).take(owner)
    domain = chance.pick("domain", count, _DOMAINS).take(owner)
    text = pc.binary_join_element_wise(local, ".", pc.cast(pc.add(owner, 1), pa.string()), "@", domain, "")
    text = mess.prefix(text, changed, "new.")
    text = mess.code_noise(text, np.union1d(noisy, np.flatnonzero(np.isin(made.thing, twins))))
    return mess.plant(mess.plant(text, missing, mess.NOTHING), broken, _BROKEN_EMAILS)


def _persons(chance: Chance, count: int) -> tuple[Integers, Integers]:
    """For each user the user whose e-mail is theirs too; and the users for whom that is somebody else."""
    twins, others = chance.deal("twins", count, [_TWINS, _TWINS])
    twins = twins[: len(others)]
    person = np.arange(count)
    person[twins] = others
    return person, twins


def _names(chance: Chance, made: Versions, count: int) -> pa.Array:
    """The name of each version: as good as constant for a user, a seventh of them not ASCII."""
    plain = [f"{first} {last}" for first in _FIRST for last in _LAST]
    worldly = _WORLD * (len(plain) // (6 * len(_WORLD)))
    text = chance.pick("name", count, [*plain, *worldly]).take(pa.array(made.thing))
    padded, missing = chance.deal("name.mess", len(made), [0.03, 0.01])
    return mess.plant(mess.blank_noise(text, padded), missing, mess.NOTHING)


def _hired(chance: Chance, made: Versions, count: int) -> pa.Array:
    """The day each user was hired."""
    days = _FIRST_HIRE + chance.below("hired", count, _HIRING_DAYS)
    return mess.dates(chance, "hired_on", days[made.thing], broken=_BROKEN_DATES)


def _created(made: Versions, count: int) -> pa.Array:
    """When each user was created: the stamp of the first version."""
    first = made.stamp[:count]
    return mess.instants(first[made.thing])
