"""What reading a request and writing an answer cost by each JSON library that could do it: why it is Python's own.

Ours reads as strictly as strangers deserve (RFC 8259 and I-JSON: no key twice, no lone surrogate, depth, sizes, digits)
and writes decimals, dates and times as they are. The peers read and write alone: they stand for what could be gained.
"""

from __future__ import annotations

import json

import msgspec
import orjson

from harness import Case, Contender, main
from lockgate.app.record_desk import RecordsAnswer
from lockgate.server import Options
from lockgate.server.json_body import parse
from lockgate.server.rendering import records_text

TIMES = 2_000
USER = {
    "id": 51, "email": " Łucja.Ångström@Example.COM ", "full_name": "Łucja Ångström", "department_code": "ENG",
    "status": "Active", "hired_on": "2020-02-29", "created_at": "2026-01-31 05:00:00",
    "updated_at": "2026-01-31 05:00:00",
}  # fmt: skip
REQUEST = json.dumps({"entityType": "users", "records": [USER] * 10}, ensure_ascii=False).encode()
OUTCOMES = [{"index": n, "engine": "dbt", "status": "ok", "reason": None, "output": USER} for n in range(10)]
ANSWER = RecordsAnswer("users", "dbt", {"dbt": 10}, "row", OUTCOMES)
DOCUMENT = json.loads(records_text(ANSWER))


def repeated(call):  # noqa: ANN001, ANN201  any call without arguments
    """Calls it so many times: what the last call gave."""

    def run() -> object:
        for _ in range(TIMES - 1):
            call()
        return call()

    return run


def cases() -> list[Case]:
    """Reading and writing."""
    read = (
        Contender("lockgate", "json", repeated(lambda: parse(REQUEST, Options())), lambda found: found),
        Contender("json.loads", "3.11", repeated(lambda: json.loads(REQUEST)), lambda found: found),
        Contender("orjson", orjson.__version__, repeated(lambda: orjson.loads(REQUEST)), lambda found: found),
        Contender("msgspec", msgspec.__version__, repeated(lambda: msgspec.json.decode(REQUEST)), lambda found: found),
    )
    write = (
        Contender("lockgate", "json", repeated(lambda: records_text(ANSWER)), json.loads),
        Contender("orjson", orjson.__version__, repeated(lambda: orjson.dumps(DOCUMENT)), json.loads),
        Contender("msgspec", msgspec.__version__, repeated(lambda: msgspec.json.encode(DOCUMENT)), json.loads),
    )
    return [
        Case(f"{TIMES:,} requests of ten records read", read),
        Case(f"{TIMES:,} answers about ten records written", write),
    ]


if __name__ == "__main__":
    raise SystemExit(main("json_parts", cases()))
