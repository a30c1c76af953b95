"""The HTML report of a run: complete, self-contained, escaped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

from lockgate.adapters.reports import render_run
from lockgate.adapters.reports.charts import PLOT_WIDTH, bar_chart
from lockgate.adapters.secrets.redaction import redact_with
from lockgate.core.execution import Execution, RuleCount
from lockgate.core.relation import Relation
from lockgate.core.run import Breakdown, RunResult
from lockgate.errors import SourceUnavailable

START = datetime(2026, 1, 31, 5, tzinfo=UTC)


def result(**changes: object) -> RunResult:
    executions = (
        Execution("users", "rules", Relation("analytics__rules", "users"), 970, 0.5,
                  rules=(RuleCount("email <valid>", "rejected", 12, "no @"),)),
        Execution("users", "dbt", Relation("analytics__dbt", "fct_users"), 970, 1.5),
    )  # fmt: skip
    facts = {"executions": executions, **changes}
    return RunResult(7, "inventory", "main", START, START + timedelta(seconds=2.5), **facts)


class Reader(HTMLParser):
    """Collects a page's text, tags and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_an_error_is_told_without_secrets() -> None:
    redact_with(lambda text: text.replace("canary-7f3a", "***"))
    error = SourceUnavailable("no answer from canary-7f3a", hint="ask canary-7f3a")

    page = render_run(result(errors={"load a.b": error}), [])

    redact_with(str)
    assert "canary-7f3a" not in page
    assert "no answer from *** (LG601)" in read(page).text


def test_both_implementations_stand_side_by_side_with_their_counts() -> None:
    breakdown = Breakdown("users", "department", {"rules": {"Sales": 400, None: 570}, "dbt": {"Sales": 400, None: 570}})

    page = read(render_run(result(), [breakdown]))

    assert page.text.count("970") == 4  # a table cell and a bar for each implementation
    assert page.text.count("400") == 2
    assert "(empty)" in page.text
    assert page.tags.count("svg") == 2


def test_the_page_fetches_nothing_and_escapes_what_it_shows() -> None:
    page = render_run(result(), [])

    assert "email &lt;valid&gt;" in page
    assert read(page).addresses == []
    assert "<script" not in page


def test_a_failed_step_is_told_with_its_remedy() -> None:
    error = SourceUnavailable("the discovery service answered 500 six times")

    page = render_run(result(errors={"load discovery.users": error}), [])

    assert "the discovery service answered 500 six times (LG601)" in page
    assert error.remedy in page
    assert "1 of the steps failed" in page


def test_bars_are_as_long_as_their_numbers() -> None:
    chart = bar_chart("Rows", ["a", "b"], {"rules": {"a": 200, "b": 50}, "dbt": {"a": 100}})

    lengths = [[bar.width for bar in group.bars] for group in chart.groups]

    assert lengths == [[PLOT_WIDTH, PLOT_WIDTH / 2], [PLOT_WIDTH / 4, 0]]


def test_an_empty_chart_divides_by_nothing() -> None:
    assert bar_chart("Rows", ["rows"], {"rules": {"rows": 0}}).groups[0].bars[0].width == 0
