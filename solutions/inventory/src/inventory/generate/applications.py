"""The applications stream."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from inventory.generate import mess
from inventory.generate.chance import Chance
from inventory.generate.versions import Delivered, Versions, deliver, versions
from inventory.schema import APPLICATIONS

_NAMES = (
    "Atlas",
    "Beacon",
    "Cobalt",
    "Drift",
    "Ember",
    "Überwachung",
    "数据平台",
    "تقارير",
    "Señales",
    "🚀 Launchpad",
    "Straße",
)
_CATEGORIES = ("crm", "analytics", "finance", "people", "security", "infrastructure")
_STRANGE_CATEGORIES = ("Ops & Support", "n/a")
_CRITICALITIES = ("low", "medium", "high")
_STRANGE_CRITICALITIES = ("critical", "P1", "0")
_BROKEN_COSTS = ("n/a", "TBD", "12,50", "1.2.3", "€40", "1e3", "NaN", "--5", "123456789012.00")
_NEGATIVE_COSTS = ("-12.50", "-0.01", " -300")
_BROKEN_DATES = ("2024-02-30", "31/06/2023", "00/10/2020", "29/02/2100", "tomorrow", "2024.01.05", "5/6/2024")
_DEAREST_CENTS = 2_000_000
_FIRST_LAUNCH = 14_610  # 2010-01-01, in days since 1970
_LAUNCHING_DAYS = 5_800


def applications(seed: int, count: int, owners: int, until: datetime) -> Delivered:
    """`count` applications, each in one to six versions, as a rule owned by one of the users 1 to `owners`."""
    chance = Chance(seed, "applications")
    made = versions(chance, count, until)
    launched = _FIRST_LAUNCH + chance.below("launched", count, _LAUNCHING_DAYS)
    columns = {
        "id": pa.array(made.thing + 1),
        "name": _names(chance, made, count),
        "category": mess.codes(chance, "category", len(made), _CATEGORIES, strange=_STRANGE_CATEGORIES),
        "criticality": mess.codes(chance, "criticality", len(made), _CRITICALITIES, strange=_STRANGE_CRITICALITIES),
        "monthly_cost": _costs(chance, len(made)),
        "owner_id": _owners(chance, len(made), owners),
        "launched_on": mess.dates(chance, "launched_on", launched[made.thing], broken=_BROKEN_DATES),
        "updated_at": mess.instants(made.stamp),
    }
    return deliver(chance, pa.table(columns, schema=APPLICATIONS), made)


def _names(chance: Chance, made: Versions, count: int) -> pa.Array:
    word = chance.pick("name", count, _NAMES).take(pa.array(made.thing))
    text = pc.binary_join_element_wise(word, pc.cast(pa.array(made.thing + 1), pa.string()), " ")
    padded, missing = chance.deal("name.mess", len(made), [0.03, 0.01])
    return mess.plant(mess.blank_noise(text, padded), missing, mess.NOTHING)


def _costs(chance: Chance, count: int) -> pa.Array:
    """Costs: 5 % in another layout, 3 % with blanks, 2 % blank or NULL, 1.5 % no number, 1 % signed, 1 % negative."""
    cents = chance.below("cost", count, _DEAREST_CENTS)
    whole, rest = (pc.cast(pa.array(part), pa.string()) for part in (cents // 100, cents % 100))
    text = pc.binary_join_element_wise(whole, pc.utf8_lpad(rest, 2, "0"), ".")
    hands = chance.deal("cost.mess", count, [0.05, 0.01, 0.03, 0.02, 0.015, 0.01])
    round_, signed, padded, missing, broken, negative = hands
    text = mess.prefix(mess.blank_noise(text, padded), signed, "+")
    text = mess.plant(text, round_, ("0", "100", "2500", "0.00", "-0.00", "007.5"))
    text = mess.plant(mess.plant(text, missing, mess.NOTHING), broken, _BROKEN_COSTS)
    return mess.plant(text, negative, _NEGATIVE_COSTS)


def _owners(chance: Chance, count: int, owners: int) -> pa.Array:
    """The owner of each version: 3 % an id that no user has, 3 % NULL."""
    ids = 1 + chance.below("owner", count, owners)
    orphans, missing = chance.deal("owner.mess", count, [0.03, 0.03])
    ids[orphans] += owners
    return pc.if_else(pa.array(np.isin(np.arange(count), missing)), None, pa.array(ids))
