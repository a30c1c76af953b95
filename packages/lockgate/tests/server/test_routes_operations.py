"""Health, readiness, figures and documentation."""

from __future__ import annotations

import re

from lockgate.errors import ControlPlaneUnavailable


def test_a_server_is_alive_though_its_databases_are_not(client, service):
    service.fails_with = ControlPlaneUnavailable()

    response = client.get("/api/health")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_server_is_ready_while_its_databases_answer(client, service):
    assert client.get("/api/ready").json() == {"status": "ready"}
    service.fails_with = ControlPlaneUnavailable()
    gone = client.get("/api/ready")

    assert (gone.status_code, gone.headers["Retry-After"], gone.json()["code"]) == (503, "5", "LG605")


def test_a_server_that_stops_is_not_ready_and_asks_to_hang_up(running):
    server, client = running()
    server.tell_to_stop()

    response = client.get("/api/ready")

    assert (response.status_code, response.headers["Connection"]) == (503, "close")
    assert response.json()["detail"] == "the server is stopping"


def test_head_is_get_without_a_body(client):
    got, head = client.get("/api/health"), client.head("/api/health")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == "15"


def test_options_tells_the_methods(client):
    response = client.options("/api/jobs")

    assert (response.status_code, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


def test_a_method_that_a_route_does_not_know_is_told_which_it_knows(client):
    response = client.delete("/api/jobs")

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert (response.json()["code"], response.json()["instance"]) == ("LG808", "/api/jobs")


def test_an_unknown_path_is_a_problem(client):
    for path in ("/", "/api", "/api/jobs/", "/api/%00", "/api/%ff%fe"):
        response = client.get(path)

        assert (response.status_code, response.json()["code"]) == (404, "LG807")


def test_the_documentation_needs_nothing_from_elsewhere(client):
    page = client.get("/docs")
    linked = re.findall(r'(?:href|src)="([^"#]+)"', page.text)

    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert sorted(set(linked)) == ["/docs/docs.css", "/openapi.json"]
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert [client.get(path).status_code for path in linked] == [200] * len(linked)


def test_the_documentation_has_every_route(client):
    page, document = client.get("/docs").text, client.get("/openapi.json").json()

    assert [path for path in document["paths"] if f"<code>{path}</code>" not in page] == []
    assert document["info"]["title"] == "Lockgate"


def test_every_answer_is_kept_from_caches_frames_and_guesses(client):
    for response in (client.get("/api/health"), client.get("/nowhere"), client.get("/docs")):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert "server" not in response.headers
        assert not [name for name in response.headers if name.startswith("access-control-")]
