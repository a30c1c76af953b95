"""What PostgreSQL reads in a dbt graph's queries: views of them that nobody sees, over empty tables of a session."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from lockgate.adapters.records.postgres_tree import (
    Meanings,
    called_in,
    constants_in,
    looks_names_up,
    moments_read_in,
    nodes_in,
    plain,
    takes_whole_rows,
    tree_of,
)
from lockgate.adapters.warehouses.postgres.catalog import column_sql
from lockgate.adapters.warehouses.postgres.failures import translation
from lockgate.adapters.warehouses.postgres.guest import bound, undone
from lockgate.adapters.warehouses.postgres.sessions import Connection, composed, identifier, statement
from lockgate.core.compiled import CompiledQuery, Obstacle
from lockgate.core.relation import Column, Relation
from lockgate.errors import CapabilityMissing

_CLOCKS = re.compile(r"\b(now|today|tomorrow|yesterday)\b", re.IGNORECASE)
# In the order of PostgreSQL's SQLValueFunctionOp.
_KEYWORDS = (
    "current_date", "current_time", "current_time", "current_timestamp", "current_timestamp", "localtime", "localtime",
    "localtimestamp", "localtimestamp", "current_role", "current_user", "user", "session_user", "current_catalog",
    "current_schema",
)  # fmt: skip
_BRING = "Let the records bring the value as a column, or leave it to the batch."
# SQLSTATEs of a server that does not answer, or not in time.
_UNANSWERED = ("08", "53", "57")


class PostgresReading:
    """One transaction of a guest's session, which is undone."""

    def __init__(self, connection: Connection) -> None:
        """Take a session that is in no transaction."""
        self._connection = connection
        self._numbers = count()
        self._stand_ins: dict[Relation, str] = {}

    def obstacles(
        self, queries: Sequence[CompiledQuery], columns: Mapping[Relation, Sequence[Column]]
    ) -> Mapping[Relation, tuple[Obstacle, ...]]:
        """See `lockgate.core.ports.Memory.obstacles`; what comes after a query that does not run is not told of."""
        found: dict[Relation, tuple[Obstacle, ...]] = {}
        with undone(self._connection):
            self._connection.execute("BEGIN READ WRITE")
            bound(self._connection)
            self._connection.execute(statement("as_models_see"))
            for relation, own in columns.items():
                self._stand_ins[relation] = self._table(own)
            for query in queries:
                found[query.relation] = self._of(query)
                if query.relation not in self._stand_ins:
                    break
            self._connection.execute("ROLLBACK")
        return found

    def _of(self, query: CompiledQuery) -> tuple[Obstacle, ...]:
        """What is found of one query; where it runs, others can read its rows afterwards."""
        import psycopg

        try:
            views = self._views(query)
            if views is None:
                return (Obstacle("it reads two relations of one name", "Read one of them in a model of its own."),)
            self._stand_ins[query.relation] = self._cast(views[0], query.columns)
        except (psycopg.Error, CapabilityMissing) as error:
            if (getattr(error, "sqlstate", None) or "").startswith(_UNANSWERED):
                raise
            told = error if isinstance(error, CapabilityMissing) else translation(error)
            reason = f"the query does not run over the columns of what it reads: {told.message}"
            return (Obstacle(reason, "Declare the columns of its sources as they are."),)
        first, second = (self._tree(view) for view in views)
        meanings, moving = self._functions(called_in(first) | called_in(second))
        if reasons := dict.fromkeys(_moving(first, query.sql, moving)):
            return tuple(Obstacle(reason, _BRING) for reason in reasons)
        if any(node.get(":hasTargetSRFs") == ["true"] for node in nodes_in(first)):
            reason = "a function in its select list makes several rows of one"
            return (Obstacle(reason, "Call it in the FROM clause."),)
        return _unlike(first, second, meanings)

    def _views(self, query: CompiledQuery) -> tuple[str, str] | None:
        """Views of the query as it was compiled and as it was written; None if names of what it reads do not differ."""
        sql, read = over_stand_ins(query.sql, self._stand_ins)
        written, read_again = over_stand_ins(query.written, self._stand_ins)
        read |= read_again
        if len({one.name for one in read}) < len(read):
            return None
        for relation in read:
            self._do("stand_in", view=identifier(relation.name), table=identifier(self._stand_ins[relation]))
        views = self._view(sql), self._view(written)
        for relation in read:
            self._do("stand_aside", view=identifier(relation.name), aside=identifier(self._name()))
        return views

    def _name(self) -> str:
        return f"_lockgate_read_{next(self._numbers)}"

    def _do(self, what: str, **parts: Any) -> None:
        self._connection.execute(composed(what, **parts))

    def _table(self, columns: Iterable[Column]) -> str:
        from psycopg import sql

        name = self._name()
        typed = [sql.SQL("{} {}").format(identifier(one.name), sql.SQL(column_sql(one.type))) for one in columns]
        self._do("empty_table", table=identifier(name), columns=sql.SQL(", ").join(typed))
        return name

    def _view(self, query: str) -> str:
        """A view of a query, which is one statement: the server is told that it is."""
        name = self._name()
        head = composed("view_of", view=identifier(name)).as_bytes(self._connection)
        self._connection.execute(head + b"\n" + query.strip().rstrip(";").encode(), binary=True)
        return name

    def _cast(self, view: str, columns: Mapping[str, str] | None) -> str:
        """The view with the types of the model's contract, where dbt casts to them."""
        if columns is None:
            return view
        from psycopg import sql

        casts = [
            sql.SQL("CAST({name} AS {type}) AS {name}").format(name=identifier(name), type=sql.SQL(type_))
            for name, type_ in columns.items()
        ]
        selected = sql.SQL("SELECT {} FROM pg_temp.{}").format(sql.SQL(", ").join(casts), identifier(view))
        return self._view(selected.as_string(self._connection))

    def _tree(self, view: str) -> Any:
        (text,) = self._connection.execute(statement("tree_of_view"), {"name": view}).fetchone() or ("",)
        return tree_of(text)

    def _functions(self, oids: frozenset[int]) -> tuple[Meanings, dict[int, str]]:
        """What functions are, and why some may give something else at another call."""
        rows = self._connection.execute(statement("functions"), {"oids": sorted(oids)}).fetchall()
        moving = {oid: f"{name}() gives something else at another call" for oid, name, _, moves, _ in rows if moves}
        others = ((oid, name) for oid, name, _, moves, is_own in rows if not moves and not is_own)
        moving |= {oid: f"{name}() is not PostgreSQL's own" for oid, name in others}
        names, sources = {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows}
        denials = self._connection.execute(statement("negators")).fetchall()
        return Meanings(names, sources, {one: (other, function) for one, other, function in denials}), moving


def _unlike(first: Any, second: Any, meanings: Meanings) -> tuple[Obstacle, ...]:
    if plain(first, meanings) == plain(second, meanings):
        return ()
    changed = sorted({meanings.names[one] for one in called_in(first) ^ called_in(second)})
    told = f": {', '.join(changed)}" if changed else ""
    remedy = "Write it in other words; the difference is in how sqlglot writes PostgreSQL's SQL."
    return (Obstacle(f"its SQL does not mean the same once it is written again{told}", remedy),)


def over_stand_ins(query: str, known: Mapping[Relation, str]) -> tuple[str, set[Relation]]:
    """A query with its relations read as temporary ones of their names, and these; all else stays as it is written."""
    from sqlglot import tokenize
    from sqlglot.tokenizer_core import TokenType

    tokens = tokenize(query, dialect="postgres")
    names = [_name_of(query[one.start : one.end + 1]) for one in tokens]
    dots = [one.token_type is TokenType.DOT for one in tokens]
    made, done, read, place = [], 0, set(), 0
    while place < len(tokens):
        for length in (5, 3):
            end = place + length
            if end > len(tokens) or not all(dots[place + 1 : end : 2]) or (place and dots[place - 1]):
                continue
            relation = Relation(names[end - 3], names[end - 1])
            if relation in known:
                read.add(relation)
                name = relation.name.replace('"', '""')
                made += [query[done : tokens[place].start], f'pg_temp."{name}"']
                done, place = tokens[end - 1].end + 1, end - 1
                break
        place += 1
    return "".join((*made, query[done:])), read


def _name_of(word: str) -> str:
    """A name as PostgreSQL knows it."""
    return word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()


def _moving(tree: Any, query: str, functions: Mapping[int, str]) -> Iterator[str]:
    """Why a query may give something else at another call."""
    yield from (functions[oid] for oid in sorted(called_in(tree)) if oid in functions)
    for node in nodes_in(tree):
        if "SQLVALUEFUNCTION" in node[""]:
            yield f"{_KEYWORDS[int(node[':op'][0])]} is something else at another call"
        if "TABLESAMPLECLAUSE" in node[""]:
            yield "a sample is another one at every call"
    if looks_names_up(tree):
        yield "it looks names up in the database's catalog"
    if takes_whole_rows(tree):
        yield "it takes a row for one value, with columns that a record does not have"
    # A text that is taken for a moment when the query is read is gone from the tree.
    left = Counter(constants_in(tree)) - Counter(moments_read_in(tree))
    for text, times in Counter(_clock_words(query)).items():
        if left[text] < times:
            yield f"'{text}' is something else at another call"


def _clock_words(query: str) -> Iterator[str]:
    """The texts written down in a query that name a day or a moment by the clock."""
    from sqlglot import tokenize

    for token in tokenize(query, dialect="postgres"):
        if token.token_type.name.endswith("STRING") and _CLOCKS.search(token.text):
            yield token.text
