"""The page of who may call what, from the table of routes."""

from __future__ import annotations

from lockgate.server.access_table import Access, access_table

HEAD = """# Who may call what

Every route of the server, and the roles of which a caller has one; an admin may everything. *Any role* is whoever is
known at all. What changes something is an entry of the audit under the name in the last column, also where it was
refused or failed. `lockgate govern access` prints the same table. This page is generated from
`lockgate/server/route_table.py`; tests send every route as every kind of caller and compare.

`HEAD` takes the roles of `GET`. `OPTIONS`, and a method that a path does not have, are answered to any role; on routes
that are open to anybody, to anybody. A path without a route is told to any role, and to nobody else.
"""


def access_page() -> str:
    """The routes of the API, then the console's."""
    rows = access_table()
    api, pages = (_table([row for row in rows if row.is_page is is_page]) for is_page in (False, True))
    return "\n".join([HEAD, "## The API", "", *api, "", "## The console", "", *pages]) + "\n"


def _table(rows: list[Access]) -> list[str]:
    lines = [f"| `{row.method} {row.path}` | {row.who} | {f'`{row.change}`' if row.change else ''} |" for row in rows]
    return ["| route | who | in the audit |", "| --- | --- | --- |", *lines]
