"""What a person reads where a page refuses."""

from __future__ import annotations

import pytest


def test_a_refusal_is_a_page_with_its_code_and_the_id_of_the_request(browse, service):
    browser = browse().as_one("viewer")

    answer = browser.get("/people", **{"X-Correlation-Id": "order-51"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert [text in answer.text for text in ("LG754", "order-51", "this takes one of the roles admin")] == [True] * 3
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")


def test_a_page_that_there_is_not_is_told_by_one_to_browsers_and_by_a_problem_to_others(browse):
    browser = browse()

    as_page = browser.get("/nowhere")
    as_problem = browser.client.get("/nowhere", headers={"Accept": "application/json"})
    of_the_api = browser.get("/api/nowhere")

    assert (as_page.status_code, as_page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert [each.headers["Content-Type"] for each in (as_problem, of_the_api)] == ["application/problem+json"] * 2


def test_a_form_of_whoever_is_not_signed_in_any_more_is_told_by_a_page(browse, service):
    browser = browse().as_one("admin")
    service.access.sign_out(service.access.sessions()[0].session_id)
    browser.get("/nowhere")

    answer = browser.client.post("/people", data={"name": "x"}, headers={"Origin": browser.url})

    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert "Your session has ended" in answer.text
    assert "token" not in answer.text.partition("<main")[2]
    assert 'href="/sign-in?next=/people"' in answer.text


@pytest.mark.parametrize(
    ("path", "sender", "back"),
    [
        ("/people", "/people?name=b%26a&before=bea", "/people%3Fname%3Db%2526a%26before%3Dbea"),
        ("/people/bea/roles", "/people/bea/roles", "/people"),
        ("/people/bea/roles", "", "/people"),
        ("/jobs/j1/cancel", "/jobs/j1", "/jobs/j1"),
        ("/jobs/j1/cancel", "", "/jobs/j1"),
        ("/entities/a%20b/plan", "/entities/a%20b/plan?to=canary", "/entities/a%2520b/plan%3Fto%3Dcanary"),
        ("/people", "https://elsewhere.example/jobs", "/people"),
        ("/people", "/api/jobs", "/people"),
        ("/people", "/nowhere", "/people"),
        ("/people", "http://[", "/people"),
    ],
)
def test_whose_session_ended_signs_in_and_comes_back_to_the_form(browse, service, path, sender, back):
    service.access.add_person("ada", "eleven grey herons at dawn", ["admin"])
    browser = browse()
    referer = {"Referer": sender if "//" in sender else f"{browser.url}{sender}"} if sender else {}

    answer = browser.client.post(path, data={"name": "x"}, headers={"Origin": browser.url, **referer})

    assert answer.status_code == 401
    assert f'href="/sign-in?next={back}"' in answer.text


def test_a_wrong_token_is_still_told_as_one(browse):
    browser = browse()

    answer = browser.client.post("/people", data={"name": "x"}, headers={"Authorization": "Bearer wrong"})

    assert answer.status_code == 401
    assert "A token is needed" in answer.text
    assert "Your session has ended" not in answer.text


@pytest.mark.parametrize("path", ["/<script>alert(1)</script>", "/%3Cscript%3Ealert(1)%3C/script%3E", "/\"onload='x'"])
def test_nothing_of_the_address_is_written_as_markup(browse, path):
    answer = browse().get(path)

    assert answer.status_code == 404
    assert "<script>alert" not in answer.text
    assert "onload='x'" not in answer.text


def test_what_failed_unforeseen_tells_a_page_where_to_look_and_nothing_else(browse, service):
    def failing():
        raise RuntimeError("password secret-51")

    browser = browse()
    service.access.list_people = failing

    answer = browser.get("/people")

    assert answer.status_code == 500
    assert "LG811" in answer.text
    assert "secret-51" not in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/people", "/nowhere", "/static/lockgate.css", "/api/health", "/docs"]
)
def test_no_answer_lets_itself_be_framed_read_elsewhere_or_taken_for_something_else(browse, path):
    headers = browse().get(path).headers

    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers
    assert "Server" not in headers
