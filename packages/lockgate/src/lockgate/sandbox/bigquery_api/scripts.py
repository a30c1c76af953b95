"""GoogleSQL text as statements: what a job runs one after the other, with blocks and branches.

Source: cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from lockgate.sandbox.bigquery_api.grammar import GoogleSql, Words
from lockgate.sandbox.bigquery_api.refusals import Refusal, bad_query, unknown

_ENDS = frozenset({"END", "EXCEPTION", "ELSE", "ELSEIF"})


@dataclass(frozen=True, slots=True)
class Plain:
    """A statement of SQL, or DECLARE, SET and the three of transactions."""

    tree: exp.Expr
    text: str


@dataclass(frozen=True, slots=True)
class Assert:
    """ASSERT: an expression and what is said where it is not true."""

    condition: exp.Expr
    said: str


@dataclass(frozen=True, slots=True)
class Raise:
    """RAISE, anew where nothing is said."""

    said: exp.Expr | None


@dataclass(frozen=True, slots=True)
class Block:
    """BEGIN … END, with what is done in the case of an error."""

    body: tuple[Statement, ...]
    handler: tuple[Statement, ...] | None


@dataclass(frozen=True, slots=True)
class Branch:
    """IF: conditions with their statements; the last may have none."""

    arms: tuple[tuple[exp.Expr | None, tuple[Statement, ...]], ...]


Statement = Plain | Assert | Raise | Block | Branch


def script(text: str) -> tuple[Statement, ...]:
    """The statements of a query.

    Raises:
        Refusal: it is no GoogleSQL, with the position.
    """
    try:
        tokens = Words().tokenize(text)
    except TokenError as error:
        raise bad_query(f"Syntax error: {error}") from None
    reader = _Reader(text, tokens)
    found = reader.statements()
    if not reader.at_end:
        raise reader.unexpected()
    if not found:
        raise bad_query("Syntax error: Unexpected end of statement")
    return found


class _Reader:
    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def _word(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place].text.upper() if place < len(self._tokens) else ""

    def unexpected(self) -> Refusal:
        if self.at_end:
            return bad_query("Syntax error: Unexpected end of script")
        token = self._tokens[self._at]
        return bad_query(f"Syntax error: Unexpected {token.text!r} at [{token.line}:{_column(token)}]")

    def _take(self, *words: str) -> None:
        for word in words:
            if self._word() != word:
                raise self.unexpected()
            self._at += 1

    def statements(self) -> tuple[Statement, ...]:
        found: list[Statement] = []
        while not self.at_end and self._word() not in _ENDS:
            if self._tokens[self._at].token_type is TokenType.SEMICOLON:
                self._at += 1
                continue
            found.append(self._statement())
            if self._word() not in _ENDS | {""}:
                self._take(";")
        return tuple(found)

    def _statement(self) -> Statement:
        word, following = self._word(), self._word(1)
        if word == "BEGIN" and following not in {"TRANSACTION", ";", ""}:
            return self._block()
        if word == "IF":
            return self._branch()
        if word in {"LOOP", "WHILE", "REPEAT", "FOR", "CALL", "EXECUTE", "CASE"}:
            raise unknown(f"the statement {word}")
        if word == "ASSERT":
            return self._assert()
        if word == "RAISE":
            return self._raise()
        text = self._until(";")
        return Plain(_parsed(text, self._text), text.strip())

    def _block(self) -> Block:
        self._take("BEGIN")
        body, handler = self.statements(), None
        if self._word() == "EXCEPTION":
            self._take("EXCEPTION", "WHEN", "ERROR", "THEN")
            handler = self.statements()
        self._take("END")
        return Block(body, handler)

    def _branch(self) -> Branch:
        arms: list[tuple[exp.Expr | None, tuple[Statement, ...]]] = []
        while self._word() in {"IF", "ELSEIF"}:
            self._at += 1
            condition = _expression(self._until("THEN"), self._text)
            self._take("THEN")
            arms.append((condition, self.statements()))
        if self._word() == "ELSE":
            self._at += 1
            arms.append((None, self.statements()))
        self._take("END", "IF")
        return Branch(tuple(arms))

    def _assert(self) -> Assert:
        self._take("ASSERT")
        tokens = self._tokens[self._at :]
        ends = next((n for n, token in enumerate(tokens) if token.text == ";"), len(tokens))
        said = ends > 1 and tokens[ends - 2].text.upper() == "AS" and tokens[ends - 1].token_type is TokenType.STRING
        message = tokens[ends - 1].text if said else "Assertion failed"
        condition = self._span(self._at, self._at + ends - (2 if said else 0))
        self._at += ends
        return Assert(_expression(condition, self._text), message)

    def _raise(self) -> Raise:
        self._take("RAISE")
        if self._word() != "USING":
            return Raise(None)
        self._take("USING", "MESSAGE", "=")
        return Raise(_expression(self._until(";"), self._text))

    def _until(self, word: str) -> str:
        first, depth = self._at, 0
        while not self.at_end and (depth or self._word() != word):
            depth += {"CASE": 1, "END": -1}.get(self._word(), 0) if word == "THEN" else 0
            self._at += 1
        return self._span(first, self._at)

    def _span(self, first: int, last: int) -> str:
        """The text of tokens, where it stood: what is before it is blank, so that positions hold."""
        if first >= last:
            raise self.unexpected()
        start, end = self._tokens[first].start, self._tokens[last - 1].end + 1
        blank = "".join(letter if letter == "\n" else " " for letter in self._text[:start])
        return blank + self._text[start:end]


def _column(token: Token) -> int:
    return int(token.col) - len(token.text) + 1


def _parsed(text: str, whole: str) -> exp.Expr:
    del whole
    try:
        found = sqlglot.parse(text, dialect=GoogleSql)
    except (ParseError, TokenError) as error:
        place = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
        described = place.get("description") or str(error)
        where = f" at [{place['line']}:{place['col']}]" if place.get("line") else ""
        raise bad_query(f"Syntax error: {described}{where}") from None
    tree = found[0] if found else None
    if tree is None:
        raise bad_query("Syntax error: Unexpected end of statement")
    if isinstance(tree, exp.Command):
        raise unknown(f"the statement {' '.join(text.split())[:80]}")
    if not isinstance(tree, _STATEMENTS):
        raise bad_query(f"Syntax error: Unexpected {text.split(maxsplit=1)[0]!r}")
    return tree


def _expression(text: str, whole: str) -> exp.Expr:
    query = _parsed(f"SELECT {text.lstrip()}", whole)
    if not isinstance(query, exp.Select) or len(query.expressions) != 1:
        raise bad_query(f"Syntax error: {text.strip()} is no expression")
    found: exp.Expr = query.expressions[0]
    return found


def expression(text: str) -> exp.Expr:
    """An expression by itself.

    Raises:
        Refusal: it is none.
    """
    return _expression(text, text)


_STATEMENTS = (
    exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable, exp.Create, exp.Drop, exp.Alter,
    exp.Transaction, exp.Commit, exp.Rollback, exp.Declare, exp.Set,
)  # fmt: skip
