"""Hostile text wherever a caller can put some: the statements that come of it are those of harmless text."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from functools import cache
from urllib.parse import quote, urlencode

import httpx
import pytest
import sqlglot
from sqlalchemy import event
from sqlglot import exp

from lockgate.adapters.warehouses.duckdb import engine as duckdb_engine

PASSWORD = "eleven grey herons at dawn"
FORM = "application/x-www-form-urlencoded"
# Where text of a caller goes: method, path, query, fields of a form or document; `@` is the text.
PLACES = (
    *(("GET", path, {}, None) for path in (
        "/api/jobs/@", "/api/entities/@", "/api/entities/@/cutover", "/jobs/@", "/entities/@", "/entities/@/plan",
        "/static/@",
        "/entities/people/gates/@", "/plans/@", "/decisions/@", "/comparisons/@", "/comparisons/@/rows", "/runs/@",
        "/loads/@",
        "/@", "/entities/@/roll-back", "/entities/@/retire", "/entities/@/dbt",
    )),
    *(("GET", path, {name: "@"}, None) for path, names in {
        "/api/jobs": ("entity", "status", "before", "limit", "@"),
        "/jobs": ("entity", "status", "before", "said"),
        "/": ("stage", "group", "text", "before", "alarms"),
        "/comparisons": ("entity", "verdict", "before"),
        "/decisions": ("entity", "before"),
        "/runs": ("status", "before"),
        "/loads": ("stream", "status", "before"),
        "/quarantine": ("stream", "most"),
        "/notices": ("status", "before"),
        "/audit": ("actor", "action", "subject", "before"),
        "/entities/people/plan": ("to",),
        "/sign-in": ("next", "said"),
        "/people": ("said", "@"),
    }.items() for name in names),
    *(("POST", path, {}, ("json", body)) for path, body in (
        ("/api/jobs", {"entityType": "@"}),
        ("/api/jobs", {"entityType": "people", "engine": "@"}),
        ("/api/jobs", {"entityType": "people", "vars": {"@": "@"}, "again": True}),
        ("/api/transform", {"entityType": "@", "records": [{"id": 1}]}),
        ("/api/transform", {"entityType": "people", "records": [{"id": "@", "name": "@"}]}),
        ("/api/transform", {"entityType": "people", "records": [{"id": 1, "name": "@"}, {"id": 2, "name": "x",
        "@": 1}]}),
        ("/api/jobs/@/cancel", {}),
        ("/api/jobs/@/retry", {}),
        ("/api/entities/@/cutover/rollback", {"reason": "@"}),
        ("/api/token", {"name": "@", "password": "@"}),
    )),
    *(("PUT", path, {}, ("json", {"enabled": True})) for path in ("/api/entities/@/dbt", "/api/entities/people/dbt")),
    *(("POST", path, {}, ("form", fields)) for path, fields in (
        ("/sign-in", {"name": "@", "password": "@", "next": "@"}),
        ("/people", {"name": "@", "password": PASSWORD, "role-viewer": "@"}),
        ("/people", {"name": "@", "password": "@", "role-@": "@"}),
        ("/people/@/roles", {"role-viewer": "@"}),
        ("/people/@/password", {"password": "@"}),
        ("/people/@/disable", {}),
        ("/people/@/enable", {}),
        ("/people/@/unlock", {}),
        ("/people/@/remove", {}),
        ("/tokens", {"name": "@", "days": "@", "role-viewer": "yes"}),
        ("/tokens/@/revoke", {}),
        ("/account/sessions/@/end", {}),
        ("/account", {"old": "@", "new": "@", "again": "@"}),
        ("/jobs", {"entity": "people", "engine": "@"}),
        ("/jobs", {"entity": "@"}),
        ("/jobs/@/cancel", {}),
        ("/jobs/@/retry", {}),
        ("/entities/@/run", {}),
        ("/entities/@/dbt", {"enabled": "true"}),
        ("/entities/people/plan", {"to": "@"}),
        ("/entities/people/plan", {"to": "canary", "share": "@", "candidate": "@"}),
        ("/entities/@/roll-back", {"reason": "@"}),
        ("/entities/@/retire", {"reason": "@"}),
        ("/entities/people/gates/@/sign", {"role": "owner", "reason": "@"}),
        ("/entities/people/gates/signed/sign", {"role": "@", "reason": "@"}),
        ("/plans/@/apply", {"reason": "@"}),
        ("/plans/@/promote", {"reason": "@"}),
    )),
)  # fmt: skip
HEADERS = ("Idempotency-Key", "X-Correlation-Id", "Prefer", "traceparent", "Cookie", "User-Agent", "Accept", "Referer")
HARMLESS = (
    "people",
    "nothing-there",
    "1",
    "7",
    "canary",
    "owner",
    "signed",
    "two",
    "Zoë",
    "true",
    "2026-01-31",
    "a b",
    "raw.people",
    "",
)
HOSTILE = (
    "'", '"', "`", "''", '""', "\\", "\\'", "';--", "' --", "'/*", "*/", "');", '");', "')) --", "]", "[", "%", "_",
    "%27",
    "' OR '1'='1", '" OR "1"="1', "' OR 1=1 --", "1 OR 1=1", "1; DROP TABLE person", "'; DROP TABLE person; --",
    "'; DELETE FROM audit_entry; --", "x'; UPDATE person SET is_enabled = 0; --",
    "' UNION SELECT * FROM machine_token --",
    "1 UNION SELECT sqlite_version()", "'||(SELECT secret FROM session)||'", "'; ATTACH 'x.db' AS x; --",
    "$$;SELECT 1;$$",
    "'; COPY person TO '/tmp/x'; --", "read_csv('/etc/passwd')", "'; PRAGMA writable_schema=1; --", "\\x27 OR 1=1",
    "＇ OR 1=1",
    "ʼ; DROP TABLE person", "'; INSTALL httpfs; LOAD httpfs; --", "people\"; DROP VIEW analytics.people; --",
    "people'--",
    "people;", "people--", "people/**/", "people\"", "raw.people", "people UNION ALL SELECT 1", "(SELECT 1)",
    "{{ 7*7 }}",
    "{% raw %}", "${7*7}", "#{7*7}", "<%= 7*7 %>", ":name", "?", "?1", "$1", "@name", "%s", "%(name)s", "{0}",
    "\u2028", "\u202e",
    "a' AND pg_sleep(10) --", "1) OR (1=1", "NULL", "null", "-1", "1e309", "9" * 40, "0x1F", "'" * 50, "a" * 300,
    "--", "#", ";",
)  # fmt: skip


class Told:
    """A connection whose statements are heard."""

    def __init__(self, inner, hear) -> None:
        self._inner, self._hear = inner, hear

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def __enter__(self):
        return self

    def __exit__(self, *given):
        self._inner.close()

    def cursor(self):
        return Told(self._inner.cursor(), self._hear)

    def execute(self, statement, *given):
        self._hear("duckdb", statement)
        return self._inner.execute(statement, *given)


@cache
def skeleton(dialect: str, statement: str) -> str:
    """The tree of a statement without its literals, and without how long a list of given values, ORs or rows is."""
    text = re.sub(r"\bfile_[0-9a-f]{16}\b", "file_name", statement)
    trees = sqlglot.parse(text, read=dialect)
    return ";".join(repr(tree.transform(blank).transform(once)) for tree in trees if tree is not None)


def blank(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Literal):
        return exp.Literal.string("")
    if isinstance(node, exp.In) and all(isinstance(each, exp.Literal | exp.Placeholder) for each in node.expressions):
        kinds = {type(each): blank(each) for each in node.expressions}
        return exp.In(this=node.this.transform(blank), expressions=list(kinds.values()))
    return node


def once(node: exp.Expr) -> exp.Expr:
    """Of alternatives and of new rows that are the same but for values given apart from the statement, one."""
    if not isinstance(node, exp.Or | exp.Values) or node.find(exp.Literal):
        return node
    terms = node.flatten() if isinstance(node, exp.Or) else node.expressions
    kinds = {repr(each): each.copy() for each in terms}.values()
    return exp.or_(*kinds, copy=False) if isinstance(node, exp.Or) else exp.Values(expressions=list(kinds))


class Attack:
    """Sends text to places, and keeps which statements came of it."""

    def __init__(self, client: httpx.Client, service, in_memory, monkeypatch) -> None:
        self.heard: set[tuple[str, str]] = set()
        access = service.access
        access._passwords = in_memory.access.passwords
        access.add_person("root", PASSWORD, ["admin"])
        _, self._token = access.add_token("attacker", ["admin"], by="root")
        self._client = client
        engine = service._wiring.store.database._engine
        event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_m: self._hear("sqlite", statement))
        instance = duckdb_engine._instance
        monkeypatch.setattr(duckdb_engine, "_instance", lambda: Told(instance(), self._hear))

    def _hear(self, dialect: str, statement: str) -> None:
        self.heard.add((dialect, statement))

    def send(self, place, text: str, header: str | None = None) -> int:
        """Puts the text to a place: the status of the answer."""
        method, path, query, body = place
        put = lambda template, to: template.replace("@", to)  # noqa: E731
        address = put(path, quote(text, safe=""))
        pairs = urlencode({put(name, text): put(value, text) for name, value in query.items()})
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "text/html"}
        if header is not None:
            headers[header] = quote(text, safe=" '\"()*;=/,-|$:@#%+<>[]{}")
        content = None
        if body is not None:
            kind, fields = body
            content = (
                filled(fields, text)
                if kind == "json"
                else urlencode({put(n, text): put(v, text) for n, v in fields.items()})
            )
            headers["Content-Type"] = FORM if kind == "form" else "application/json"
        response = self._client.request(
            method, f"{address}{'?' if pairs else ''}{pairs}", content=content, headers=headers
        )
        return response.status_code

    def trees(self) -> set[str]:
        return {f"{dialect}: {skeleton(dialect, statement)}" for dialect, statement in self.heard}


def filled(document, text: str) -> str:
    return json.dumps(document).replace("@", json.dumps(text)[1:-1])


@pytest.fixture
def attack(client, service, in_memory, monkeypatch):
    return Attack(client, service, in_memory, monkeypatch)


def storm(attack: Attack, store, count: int, seed: int) -> Counter:
    """So many hostile requests, after every harmless one: the statuses of their answers."""
    chance = random.Random(seed)
    for place in (*PLACES, *PLACES):  # what was added in the first round is met in the second
        for text in HARMLESS:
            attack.send(place, text)
        for header in HEADERS:
            attack.send(place, "people", header)
    people, tables = store.people.people(), tables_of(store)
    harmless, attack.heard = attack.trees(), set()
    statuses, sent = Counter(), set()
    for _ in range(count):
        text = "".join(chance.choice(HOSTILE) for _ in range(chance.choice((1, 1, 2, 3))))
        sent.add(text)
        status = attack.send(chance.choice(PLACES), text, chance.choice((None, None, *HEADERS)))
        statuses[status] += 1
    assert attack.trees() - harmless == set()
    assert tables_of(store) == tables
    # An administrator may add accounts, and some of these texts are good names; who was there stays as before.
    after = {person.name: person for person in store.people.people()}
    assert [after.pop(person.name) for person in people] == list(people)
    assert after.keys() <= sent
    return statuses


def tables_of(store) -> list[tuple[object, ...]]:
    with store.database.reading() as connection:
        return [
            tuple(row) for row in connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2")
        ]


@pytest.mark.slow
def test_no_text_changes_what_a_database_is_asked(attack, store):
    statuses = storm(attack, store, 600, seed=4)

    assert max(statuses) < 500, statuses


@pytest.mark.soak
def test_nor_does_any_of_twenty_thousand(attack, store):
    statuses = storm(attack, store, 20_000, seed=44)

    assert max(statuses) < 500, statuses


def test_a_statement_that_text_got_into_would_be_seen():
    good = skeleton("sqlite", "SELECT a FROM t WHERE b = 'people'")

    assert skeleton("sqlite", "SELECT a FROM t WHERE b = 'nothing'") == good
    assert skeleton("sqlite", "SELECT a FROM t WHERE b = '' OR '1'='1'") != good
    assert skeleton("sqlite", "SELECT a FROM t WHERE b = '' OR b = 'x'") != good
    assert skeleton("sqlite", "SELECT a FROM t WHERE b = 'x'; DROP TABLE t") != good
    given = skeleton("sqlite", "SELECT a FROM t WHERE b IN (?, ?) OR b IN (?)")
    assert skeleton("sqlite", "SELECT a FROM t WHERE b IN (?)") == given
    assert skeleton("sqlite", "SELECT a FROM t WHERE b IN (?, '') OR b IN (?)") != given
    rows = skeleton("sqlite", "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)")
    assert skeleton("sqlite", "INSERT INTO t (a, b) VALUES (?, ?)") == rows
    assert skeleton("sqlite", "INSERT INTO t (a, b) VALUES (?, ?), ('', ?)") != rows
