"""What was compared is listed, laid out whole, and its rows are looked for anew by whoever may decide."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from lockgate.app.archive import Archive
from lockgate.app.service import Service
from lockgate.server.console.listing import ROWS


@pytest.fixture
def numbers(service):
    """The numbers of the two comparisons that the run made: the one that failed, and the one that passed."""
    found = {record.verdict.value: record.comparison_id for record in service.archive.comparisons()}
    return found["FAIL"], found["PASS"]


def test_every_comparison_is_listed_with_its_verdict(look, numbers):
    page = look("/comparisons")

    assert "FAIL people people@one people@two 40 4 4" in page.words
    assert {f"/comparisons/{number}" for number in numbers} <= page.links


@pytest.mark.parametrize(("query", "shown"), [("verdict=FAIL", 0), ("verdict=PASS", 1), ("entity=people&verdict=", 0)])
def test_the_list_is_filtered_by_its_address(look, numbers, query, shown):
    page = look(f"/comparisons?{query}")

    assert {link for link in page.links if link.startswith("/comparisons/")} == {f"/comparisons/{numbers[shown]}"}


def test_a_filter_that_finds_nothing_says_so(look):
    assert "No comparison is like that." in look("/comparisons?entity=nobody").words


def test_a_filter_that_is_not_known_is_refused_on_a_page(look):
    page = look("/comparisons?verdict=MAYBE&colour=red", status=422)

    assert "The request is not what the route takes" in page.words
    assert "colour is not known; there are entity, verdict, before" in page.words


def test_a_long_list_goes_on_behind_its_last_row(look, store, service, numbers):
    kept = service.archive.comparison(numbers[1])
    for _ in range(ROWS):
        store.comparisons.add_comparison("people", kept.request, kept.comparison, kept.record.compared_at)

    first = look("/comparisons?entity=people")
    (older,) = (link for link in first.links if "before" in link)
    rest = look(older)

    assert len([link for link in first.links if link.startswith("/comparisons/")]) == ROWS
    assert older.startswith("/comparisons?entity=people&before=")
    assert {link for link in rest.links if link.startswith("/comparisons/")} == {f"/comparisons/{numbers[0]}"}


def test_a_comparison_tells_its_verdict_reasons_counts_and_editions(look, numbers):
    page = look(f"/comparisons/{numbers[0]}")

    assert "FAIL The two sides differ." in page.words
    assert "rows are told apart by person_id" in page.words
    assert "changed values in 4 rows: name 4" in page.words
    assert "Left Right Matched Changed Only left Only right 40 40 36 4 0 0" in page.words
    assert "1 of 2 compared columns have changed values." in page.words
    assert "Columns left out made_by" in page.words
    assert f"/comparisons/{numbers[0]}/rows" in page.links


def test_a_comparison_that_passed_offers_no_rows(look, numbers):
    page = look(f"/comparisons/{numbers[1]}")

    assert "PASS The two sides are equal." in page.words
    assert f"/comparisons/{numbers[1]}/rows" not in page.links


def test_rows_that_differ_are_shown_by_key_and_with_values_where_asked(look, numbers):
    hidden = look(f"/comparisons/{numbers[0]}/rows")
    shown = look(f"/comparisons/{numbers[0]}/rows?values=true")

    assert "Changed values of name" in hidden.words
    assert "person_id = 10 *** ***" in hidden.words
    assert "person_id = 10 'name 10' 'NAME 10'" in shown.words


def test_who_looks_at_rows_takes_no_thread_of_those_who_sign_in_or_send_bodies(running, service, numbers, monkeypatch):
    server, client = running(threads=1)
    looking, look_on, found = threading.Event(), threading.Event(), Archive.differing_rows

    def slow(*given, **named):
        looking.set()
        assert look_on.wait(20)
        return found(*given, **named)

    monkeypatch.setattr(Archive, "differing_rows", slow)
    with ThreadPoolExecutor(2) as pool:
        rows = [pool.submit(httpx.get, f"{server.url}/comparisons/{numbers[0]}/rows", timeout=20) for _ in range(2)]
        assert looking.wait(20)
        sent = client.post("/api/jobs", json={"entityType": "nobody"})
        look_on.set()
        answers = [each.result().status_code for each in rows]

    assert (sent.status_code, answers) == (404, [200, 200])


@pytest.mark.parametrize("path", ["/comparisons/99", "/comparisons/99/rows"])
def test_a_comparison_that_is_not_there_is_a_page_too(look, path):
    assert "there is no comparison 99" in look(path, status=404).words


def test_a_page_asks_the_control_plane_as_often_whatever_it_shows(client, store, service, numbers, statements):
    kept = service.archive.comparison(numbers[1])
    with statements() as few:
        client.get("/comparisons")
    for _ in range(20):
        store.comparisons.add_comparison("people", kept.request, kept.comparison, kept.record.compared_at)

    with statements() as many:
        client.get("/comparisons")
    with statements() as one:
        client.get(f"/comparisons/{numbers[0]}")

    assert len([each for each in few if "comparison" in each]) == 1
    assert len(many) <= len(few)
    assert len([each for each in one if "comparison" in each]) == 1


class TestWhereLineageHasADefect:
    """What a comparison found is shown, whatever is the matter with lineage."""

    @pytest.fixture
    def service(self, folder):
        class Broken:
            def found(self):
                raise RuntimeError("nobody thought of this")

        class WithoutLineage(Service):
            lineage = Broken()

        opened = WithoutLineage.open(folder)
        yield opened
        opened.close()

    def test_the_page_says_so_in_its_place(self, look, numbers):
        page = look(f"/comparisons/{numbers[0]}")

        assert "FAIL The two sides differ." in page.words
        assert "working out the lineage failed (RuntimeError)" in page.words
