"""What of JSON every target holds: PostgreSQL's jsonb has no NUL, NaN or infinity, and bounds digits and depth."""

from __future__ import annotations

DEEPEST = 1000
# Numbers that are none, or have more digits than jsonb takes; a value stands between marks, in an array or object.
_ODD = r"(?i)(^|[:,\[])\s*-?(nan|inf(inity)?|[0-9.]+e[+-]?[0-9]{5,})\s*($$|[,}\]])"
_NUL = r"(^|[^\\])(\\\\)*\\u0000"
_BARE = r"""regexp_replace($v, '"([^"\\]|\\.)*"', '""', 'g')"""
# No value nests deeper than it has brackets that open; those that open where one closes do not count.
_OPENING = r"""replace(replace($v, '],[', ''), '},{', '')"""
_BRACKETS = rf"length({_OPENING}) - length(replace(replace({_OPENING}, '[', ''), '{{', ''))"
_DEPTH = rf"""
list_reduce(
    regexp_extract_all({_BARE}, '[\[\]{{}}]'),
    lambda so_far, bracket: case
        when bracket in ('[', '{{')
            then {{'now': so_far.now + 1, 'most': greatest(so_far.most, so_far.now + 1)}}
        else {{'now': so_far.now - 1, 'most': so_far.most}}
    end,
    {{'now': 0, 'most': 0}}
).most
"""

# SQL templates over the JSON text $v: what is true of JSON that is held, and what is quicker and true of most of it.
HELD = (
    f"$v is not null and not regexp_matches($v, '{_NUL}')"
    f" and not case when regexp_matches($v, '{_ODD}') then regexp_matches({_BARE}, '{_ODD}') else false end"
    f" and not case when {_BRACKETS} > {DEEPEST} then {_DEPTH} > {DEEPEST} else false end"
)
MOSTLY_HELD = rf"length($v) <= {DEEPEST} and not contains($v, '\u0000') and not regexp_matches($v, '{_ODD}')"
