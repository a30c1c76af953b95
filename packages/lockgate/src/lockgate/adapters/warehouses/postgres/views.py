"""Served views in PostgreSQL: one arm or two over editions, replaced under what consumers have built on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lockgate.adapters.warehouses.arms import Shown
from lockgate.adapters.warehouses.postgres.landing import create_schema
from lockgate.adapters.warehouses.postgres.sessions import Connection, composed, identifier, relation_name, statement
from lockgate.core.bucket import BUCKETS
from lockgate.core.relation import Relation
from lockgate.errors import DependentsInTheWay, StatementFailed

if TYPE_CHECKING:
    from psycopg import sql

Grant: TypeAlias = "tuple[str | None, str, str, bool, bool]"

_VIEW = "v"


@dataclass(frozen=True, slots=True)
class _Standing:
    """A view as it stands, with what must outlive its replacement."""

    oid: int
    owner: str
    comment: str | None
    options: list[str] | None
    columns: tuple[tuple[str, str, str | None], ...]

    @property
    def shape(self) -> list[tuple[str, str]]:
        """The columns' names and types, in order."""
        return [(name, type_) for name, type_, _ in self.columns]


def show(connection: Connection, entity: str, served: Relation, shown: Shown) -> None:
    """Makes the view read exactly these editions, within the caller's transaction; it waits for the view's readers.

    Raises:
        DependentsInTheWay: columns would change under objects that depend on the view.
        StatementFailed: something that is not a view has its name.
    """
    create_schema(connection, served.schema)
    standing = _standing(connection, served)
    definition = _definition(entity, shown)
    if standing is None or _shape(connection, shown)[: len(standing.columns)] == standing.shape:
        connection.execute(_with_name("CREATE OR REPLACE VIEW {view} AS {definition}", served, definition=definition))
    else:
        _recreate(connection, served, standing, definition)
    if standing:
        _let_owner_read(connection, standing.owner, shown)
    incumbent, candidate = shown.numbers
    words = {"entity": entity, **_names(served), "incumbent": incumbent, "candidate": candidate}
    connection.execute(statement("set_shown"), words)


def _with_name(template: str, served: Relation, **parts: sql.Composable) -> sql.Composed:
    from psycopg import sql

    return sql.SQL(template).format(view=relation_name(served), **parts)


def _definition(entity: str, shown: Shown) -> sql.Composed:
    from psycopg import sql

    columns = sql.SQL(", ").join(identifier(column.name) for column in shown.columns)
    arms = []
    for arm, published in shown.arms:
        words = {"edition": relation_name(published.stored), "columns": columns}
        words |= {"entity": sql.Literal(entity), "buckets": sql.Literal(BUCKETS)}
        arms.append(composed(f"{arm}_arm" if len(shown.arms) > 1 else "only_arm", **words))
    return sql.SQL(" UNION ALL ").join(arms)


def _shape(connection: Connection, shown: Shown) -> list[tuple[str, str]]:
    rows = connection.execute(statement("edition_columns"), _names(shown.arms[0][1].stored))
    return [(name, type_) for name, type_ in rows]


def _standing(connection: Connection, served: Relation) -> _Standing | None:
    row = connection.execute(statement("find_view"), _names(served)).fetchone()
    if row is None:
        return None
    oid, kind, owner, comment, options = row
    if kind != _VIEW:
        raise StatementFailed(
            f"{served} is there already and is not a view", hint="Rename it, or serve the entity elsewhere."
        )
    columns = connection.execute(statement("view_columns"), {"view": oid}).fetchall()
    return _Standing(oid, owner, comment, options, tuple((name, type_, told) for name, type_, told in columns))


def _recreate(connection: Connection, served: Relation, standing: _Standing, definition: sql.Composed) -> None:
    """Drops the view and makes it anew, with its options, comments, grants and owner as they were."""
    found = connection.execute(statement("dependents"), {"view": standing.oid}).fetchall()
    if dependents := [name for (name,) in found]:
        told = ", ".join(dependents)
        raise DependentsInTheWay(f"{served} has other columns now, and {told} read it", dependents=dependents)
    grants: list[Any] = connection.execute(statement("grants"), {"view": standing.oid}).fetchall()
    connection.execute(_with_name("DROP VIEW {view}", served))
    connection.execute(_with_name("CREATE VIEW {view} AS {definition}", served, definition=definition))
    present = {row[0] for row in connection.execute(statement("column_names"), _names(served))}
    for restored in (*_comments(served, standing, present), *_grants(served, grants, present)):
        connection.execute(restored)
    for option in standing.options or []:
        connection.execute(_option(served, option))
    connection.execute(_with_name("ALTER VIEW {view} OWNER TO {owner}", served, owner=identifier(standing.owner)))


def _let_owner_read(connection: Connection, owner: str, shown: Shown) -> None:
    """A view reads with its owner's rights: an owner that is not us needs them on what stands behind the view."""
    from psycopg import sql

    if connection.info.user == owner:
        return
    relations = [Relation("lockgate", "route"), *(published.stored for _, published in shown.arms)]
    for relation in relations:
        words = {"schema": identifier(relation.schema), "relation": relation_name(relation), "owner": identifier(owner)}
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {owner}").format(**words))
        connection.execute(sql.SQL("GRANT SELECT ON {relation} TO {owner}").format(**words))


def _names(relation: Relation) -> dict[str, str]:
    return {"schema": relation.schema, "name": relation.name}


def _comments(served: Relation, standing: _Standing, present: set[str]) -> list[sql.Composed]:
    from psycopg import sql

    comments = []
    if standing.comment:
        comments.append(_with_name("COMMENT ON VIEW {view} IS {text}", served, text=sql.Literal(standing.comment)))
    for name, _, told in standing.columns:
        if told and name in present:
            column = identifier(served.schema, served.name, name)
            comments.append(
                _with_name("COMMENT ON COLUMN {column} IS {text}", served, column=column, text=sql.Literal(told))
            )
    return comments


def _grants(served: Relation, grants: list[Grant], present: set[str]) -> list[sql.Composed]:
    from psycopg import sql

    restored = []
    for column, privilege, grantee, is_public, is_grantable in grants:
        if column is not None and column not in present:
            continue
        words = {
            "privilege": sql.SQL(privilege),
            "columns": sql.SQL("({})").format(identifier(column)) if column else sql.SQL(""),
            "grantee": sql.SQL("PUBLIC") if is_public else identifier(grantee),
            "option": sql.SQL("WITH GRANT OPTION" if is_grantable else ""),
        }
        restored.append(_with_name("GRANT {privilege} {columns} ON {view} TO {grantee} {option}", served, **words))
    return restored


def _option(served: Relation, option: str) -> sql.Composed:
    from psycopg import sql

    name, _, value = option.partition("=")
    return _with_name(
        "ALTER VIEW {view} SET ({name} = {value})", served, name=identifier(name), value=sql.Literal(value)
    )
