"""Views, made and replaced only as they were when they were read, so that no late writer is heeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lockgate.adapters.warehouses.bigquery.failures import translated
from lockgate.adapters.warehouses.bigquery.jobs import Jobs
from lockgate.adapters.warehouses.bigquery.names import identifier
from lockgate.adapters.warehouses.editions import Published
from lockgate.adapters.warehouses.state import View
from lockgate.core.bucket import BUCKETS
from lockgate.core.relation import Column, Relation
from lockgate.core.stream import log_of
from lockgate.errors import StatementFailed, TargetBusy

if TYPE_CHECKING:
    from google.cloud.bigquery import Table

_TRIES = 20
Range = tuple[int, int]


class Views:
    """The views of one target."""

    def __init__(self, jobs: Jobs) -> None:
        """Take what asks BigQuery."""
        self._jobs = jobs

    def rewrite(self, relation: Relation, query: Callable[[], str]) -> Table:
        """Makes a view read a query, whatever it read; gives it as it is now.

        `query` is asked for once the view was read, and raises where the caller may not write any more: whoever may
        write after it writes the view first, and then it is not as it was read.

        Raises:
            StatementFailed: something that is not a view has its name.
            TargetBusy: others wrote it each time.
        """
        for _ in range(_TRIES):
            found = self._jobs.table(relation)
            text = query()
            written = self.created(relation, text) if found is None else self.replaced(found, text)
            if written is not None:
                return written
        raise TargetBusy(f"others keep changing the view {relation}")

    def refuse_table(self, relation: Relation) -> None:
        """Refuses a name that something else than a view has.

        Raises:
            StatementFailed: it has.
        """
        found = self._jobs.table(relation)
        if found is not None and found.table_type != "VIEW":
            raise _no_view(relation)

    def replaced(self, found: Table, query: str) -> Table | None:
        """Makes a view read `query`, if it is as it was read; None where it is not any more.

        Raises:
            StatementFailed: it is not a view.
        """
        from google.api_core.exceptions import NotFound, PreconditionFailed

        if found.table_type != "VIEW":
            raise _no_view(Relation(found.dataset_id, found.table_id))
        found.view_query = query
        session = self._jobs.session
        with translated():
            try:
                return session.client.update_table(found, ["view_query"], **session.patience())
            except (NotFound, PreconditionFailed):
                return None

    def created(self, relation: Relation, query: str) -> Table | None:
        """Makes a view that reads `query`; None where something has its name."""
        from google.api_core.exceptions import Conflict
        from google.cloud.bigquery import Table

        self._jobs.create_schema(relation.schema)
        view = Table(self._jobs.names.path(relation))
        view.view_query = query
        session = self._jobs.session
        with translated():
            try:
                return session.client.create_table(view, **session.patience())
            except Conflict:
                return None


def _no_view(relation: Relation) -> StatementFailed:
    hint = "Rename it, or serve the entity elsewhere."
    return StatementFailed(f"{relation} is there already and is not a view", hint=hint)


def raw_query(jobs: Jobs, stream: Relation, columns: Sequence[Column]) -> str:
    """The rows of a stream's pinned loads."""
    return jobs.composed(
        "raw_view",
        columns=", ".join(f"log.{identifier(one.name)}" for one in columns),
        log=jobs.names.quoted(log_of(stream)),
        schema=literal(stream.schema),
        stream=literal(stream.name),
    )


def served_query(jobs: Jobs, entity: str, arms: Sequence[Published], *, turn: str) -> str:
    """The rows of these editions that the table of routes lets through; with another `turn` it is another text."""
    columns = ", ".join(f"edition.{identifier(one.name)}" for one in arms[0].columns)
    selected = [
        jobs.composed(
            "served_arm",
            columns=columns,
            edition=jobs.names.quoted(published.stored),
            entity=literal(entity),
            number=published.edition.number,
        )
        for published in arms
    ]
    return f"-- Lockgate, turn {turn}\n" + "\nUNION ALL\n".join(selected)


def ranges(view: View) -> dict[int, Range]:
    """The buckets that each edition behind a view answers for: from the first one to before the second."""
    numbers = (view.incumbent, view.candidate)
    alone = [number for number in numbers if number]
    if len(alone) == 1:
        return {alone[0]: (0, BUCKETS)}
    split = zip(numbers, ((view.share, BUCKETS), (0, view.share)), strict=True)
    return {number: (low, high) for number, (low, high) in split if number and low < high}


def literal(text: str) -> str:
    """A text in SQL."""
    from sqlglot import exp

    return exp.Literal.string(text).sql("bigquery")
