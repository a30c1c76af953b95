"""Records of `transform --records`: JSON lines read one by one, and what became of each."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from tempfile import SpooledTemporaryFile

from lockgate.cli.output import standard_error
from lockgate.core.plain import json_text
from lockgate.errors import RuleSetInvalid

IN_MEMORY_BYTES = 1 << 20

Outcome = Mapping[str, object]


def read_lines(stream: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """JSON lines as records, each read when it is asked for; blank lines are left out.

    Raises:
        RuleSetInvalid: a line is not a JSON object, or no UTF-8.
    """
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise _unreadable(number, f"is not UTF-8 at byte {error.start + 1}") from error
        except json.JSONDecodeError as error:
            raise _unreadable(number, f"is not JSON: {error}") from error
        except (ValueError, RecursionError) as error:
            raise _unreadable(number, "is not JSON that can be read: a number too long, or nested too deep") from error
        if not isinstance(record, dict):
            raise _unreadable(number, "is not a JSON object")
        yield record


def _unreadable(number: int, why: str) -> RuleSetInvalid:
    hint = "Write one JSON object a line, in UTF-8."
    return RuleSetInvalid(f"line {number} of the records {why}", hint=hint, line=number)


def print_outcomes(outcomes: Iterable[Outcome]) -> int:
    """What came out as JSON lines on standard output; what did not, and why, on standard error: how many did not."""
    bad = 0
    for outcome in outcomes:
        if outcome["status"] == "ok":
            print(json_text(outcome["output"]))
        else:
            bad += 1
            said = f"record {outcome['index']}: {outcome['status']}: {outcome['reason']}"
            standard_error().print(said, markup=False, soft_wrap=True)
    return bad


def print_envelope(entity: str, outcomes: Iterable[Outcome]) -> int:
    """All outcomes in one JSON document, printed once it is whole: how many records did not come out."""
    bad = 0
    with SpooledTemporaryFile(IN_MEMORY_BYTES, "w+", encoding="utf-8") as spool:
        spool.write(f'{{"entity": {json_text(entity)}, "outcomes": [')
        for place, outcome in enumerate(outcomes):
            spool.write(f"{',' if place else ''}\n  {json_text(outcome)}")
            bad += outcome["status"] != "ok"
        spool.write("\n]}\n")
        spool.seek(0)
        shutil.copyfileobj(spool, sys.stdout)
    return bad
