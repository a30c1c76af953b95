r"""Regular expressions that mean the same in PostgreSQL, RE2 (DuckDB, BigQuery) and Java (Spark).

Allowed: literal characters, `.`, classes such as `[a-z0-9_]` and `[^,]`, groups, `|`, `*`, `+`, `?`, `{m}`, `{m,n}` up
to 255, `^`, `$`, and a backslash before punctuation. Left out: `\d`, `\w`, `\s` and `[:alpha:]` (each engine counts
other characters in), flags, back references, look-around and lazy repetition.
`.` is any character, the line feed too; `$` is the end of the text alone. On Spark a group repeats 255 times at most.
"""

from __future__ import annotations

import re

from lockgate.transform.rules.language.typed import Mismatch

_PUNCTUATION = r"\\[\\.^$*+?()\[\]{}|/\-]"
_CLASS = re.compile(rf"\[\^?(?:{_PUNCTUATION}|[^\\\[\]^])(?:{_PUNCTUATION}|[^\\\[\]])*\]")
_TOKEN = re.compile(
    rf"(?P<class>{_CLASS.pattern})|(?P<escape>{_PUNCTUATION})|(?P<open>\((?:\?:)?)|(?P<close>\))"
    r"|(?P<repeat>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})|(?P<dot>\.)|(?P<start>\^)|(?P<end>\$)|(?P<either>\|)"
    r"|(?P<plain>[^\\\[\](){}*+?|^$.])",
    re.DOTALL,
)
_SPELLING = {
    "postgres": {"dot": ".", "end": "$"},
    "duckdb": {"dot": "(?s:.)", "end": "$"},
    "bigquery": {"dot": "(?s:.)", "end": "$"},
    "spark": {"dot": ".", "end": r"\z"},
}
# Java walks a repeated `(?s:.)` and every alternative by recursion, which ends where its stack ends.
_PREFIX = {"spark": "(?s)"}
_MOST_REPEATS = 255
_REPEATABLE = {"class", "escape", "close", "dot", "plain"}


def check_pattern(pattern: str) -> None:
    """Refuse what is not in the portable subset.

    Raises:
        Mismatch: with the first thing that is not.
    """
    depth, before = 0, "start"
    for kind, text in _tokens(pattern):
        depth += {"open": 1, "close": -1}.get(kind, 0)
        if depth < 0:
            raise Mismatch(f"the pattern {pattern!r} closes a group that is not open")
        if kind == "repeat" and (before not in _REPEATABLE or not _is_small(text)):
            raise Mismatch(f"{text!r} cannot repeat here in the pattern {pattern!r}", "Repeat one character or group.")
        if kind == "class":
            _check_ranges(text, pattern)
        before = kind
    if depth:
        raise Mismatch(f"the pattern {pattern!r} leaves a group open")


def check_replaced(pattern: str) -> None:
    """Refuse patterns of which engines could replace different stretches: one character or class is allowed, or a run.

    Raises:
        Mismatch: it is more than that.
    """
    check_pattern(pattern)
    kinds = [kind for kind, _ in _tokens(pattern)]
    repeated = [text for kind, text in _tokens(pattern) if kind == "repeat"]
    if (
        kinds[:1] not in (["class"], ["escape"], ["plain"])
        or kinds[1:] not in ([], ["repeat"])
        or repeated not in ([], ["+"])
    ):
        remedy = "Replace a character or a class, alone or with `+`."
        raise Mismatch(f"engines do not agree on what {pattern!r} replaces", remedy)


def spelled(pattern: str, dialect: str) -> str:
    """A checked pattern in the spelling of one engine."""
    special, tokens = _SPELLING[dialect], _tokens(pattern)
    prefix = _PREFIX.get(dialect, "") if any(kind == "dot" for kind, _ in tokens) else ""
    return prefix + "".join(special.get(kind, text) for kind, text in tokens)


def check_depth(pattern: str) -> None:
    """Refuse groups that repeat without bound, or more than 255 times one in another: Java's stack has an end.

    Raises:
        Mismatch: there is one.
    """
    most, closed, before = [1], 1, ""
    for kind, text in _tokens(pattern):
        if kind == "open":
            most.append(1)
        elif kind == "close":
            closed = most.pop()
            most[-1] = max(most[-1], closed)
        elif kind == "repeat" and before == "close":
            most[-1] = max(most[-1], closed * _bound(text))
        if most[-1] > _MOST_REPEATS:
            remedy = "Repeat a character or a class instead, or say how often: {0,20}."
            raise Mismatch(f"a group that repeats more than {_MOST_REPEATS} times", remedy)
        before = kind


def _bound(repeat: str) -> int:
    """How often something repeats at most."""
    if repeat == "?":
        return 1
    bounds = re.findall(r"\d+", repeat)
    return int(bounds[-1]) if bounds and not repeat.endswith(",}") else _MOST_REPEATS + 1


def _tokens(pattern: str) -> list[tuple[str, str]]:
    """The pattern in pieces: kind and text.

    Raises:
        Mismatch: something in it is outside the subset.
    """
    tokens, at = [], 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            remedy = "Use [0-9], [A-Za-z] and the like; docs/reference/rules.md has the subset."
            raise Mismatch(
                f"{pattern[at : at + 2]!r} in the pattern {pattern!r} does not mean the same everywhere", remedy
            )
        tokens.append((match.lastgroup or "plain", match[0]))
        at = match.end()
    return tokens


def _is_small(repeat: str) -> bool:
    """Whether the bounds of a repetition are ones that every engine takes."""
    bounds = [int(bound) for bound in re.findall(r"\d+", repeat)]
    return all(bound <= _MOST_REPEATS for bound in bounds) and bounds == sorted(bounds)


def _check_ranges(text: str, pattern: str) -> None:
    """Refuse class ranges that run backwards, `--`, and `&&`, which Java reads as an intersection.

    Raises:
        Mismatch: there is one.
    """
    inner = text.removeprefix("[").removeprefix("^").removesuffix("]")
    if "&&" in inner or "--" in inner:
        raise Mismatch(
            f"{text!r} in the pattern {pattern!r} does not mean the same everywhere", "Escape the character."
        )
    for low, high in re.findall(r"(\\?[^\\])-(\\?[^\\])", inner):
        if low[-1] > high[-1]:
            raise Mismatch(f"the range {low}-{high} in the pattern {pattern!r} runs backwards")
