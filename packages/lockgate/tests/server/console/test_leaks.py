"""Secrets that were planted everywhere: no output shows any of them."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, urlencode

import pytest
import structlog

from lockgate.app.service import Service
from lockgate.server.bodies import TokenBody
from lockgate.server.options import Options
from lockgate.server.route_table import ROUTES

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SETTINGS = (
    "api-token",
    "db-password",
    "db-url",
    "warehouse-key",
    "webhook-url",
    "smtp-password",
    "vault-token",
    "salt",
)


def canary(number: int) -> str:
    """A secret that nothing else looks like, long enough for any use."""
    return f"kanarienvogel-{number:02d}-{'zqxjkv'[number % 6] * 3}{number * 7919:x}-im-schacht"


class Planted:
    """The secrets by what they are; `told` are outputs in which none of them may stand."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.told: dict[str, str] = {}

    def new(self, name: str) -> str:
        return self.keep(name, canary(len(self.secrets)))

    def keep(self, name: str, value: str) -> str:
        self.secrets[name] = value
        return value

    def leaks(self) -> list[tuple[str, str]]:
        found = []
        for name, secret in self.secrets.items():
            raw = secret.encode()
            forms = {secret, quote(secret, safe=""), b64encode(raw).decode().rstrip("="), raw.hex(), repr(raw)[2:-1]}
            found += [(name, where) for where, text in self.told.items() if any(form in text for form in forms)]
        return found


@pytest.fixture
def planted():
    return Planted()


@pytest.fixture
def service(folder, planted, monkeypatch):
    """A real project whose surroundings hold secrets; it executes nothing by itself."""
    for name in SETTINGS:
        value = planted.new(f"secret {name}")
        if name == "db-url":
            value = planted.keep(f"secret {name}", f"postgresql://reader:{value}@db.example/erp")
        monkeypatch.setenv(f"LOCKGATE_SECRET_{name.upper().replace('-', '_')}", value)
    for name in ("old", "new"):
        raw = canary(len(planted.secrets)).encode()
        planted.keep(f"signing key {name}", urlsafe_b64encode(raw).rstrip(b"=").decode())
    keys = "\n".join(value for name, value in planted.secrets.items() if name.startswith("signing key"))
    monkeypatch.setenv("LOCKGATE_SECRET_SIGNING_KEY", keys)
    monkeypatch.setenv("LOCKGATE_LOG_LEVEL", "debug")
    monkeypatch.setenv("LOCKGATE_LOG_FORMAT", "json")
    monkeypatch.setattr(Service, "start", lambda self: None)
    opened = Service.open(folder)
    for name in SETTINGS:
        opened._wiring.secrets.resolve(f"secret://{name}")
    yield opened
    opened.close()


@pytest.fixture
def quiet():
    """Logs go where a server sends them."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def asked(running, service, planted):
    """Sends a request, and keeps the answer among what was told, but for a cookie that it hands out."""
    server, client = running(token=planted.secrets["secret api-token"])

    def asked(method: str, path: str, *, is_kept: bool = True, **more):
        more["headers"] = {"Accept": "text/html", "Origin": server.url, **more.get("headers", {})}
        with client.stream(method, path, **more) as answer:
            is_endless = answer.headers.get("content-type", "").startswith("text/event-stream")
            text = "" if is_endless else answer.read().decode("utf-8", "replace")
        client.cookies.clear()
        if is_kept:
            planted.told[f"{len(planted.told)} {method} {path[:60]} {answer.status_code}"] = f"{answer.headers}\n{text}"
        return answer

    asked.server = server
    return asked


def let_people_in(service, planted) -> dict[str, dict[str, str]]:
    """People and machines of each kind, and what they send to be known."""
    access, sent = service.access, {"nobody": {}}
    for role in ("viewer", "admin"):
        password = planted.new(f"password of {role}")
        access.add_person(role, password, [role])
        by_page, by_api = access.sign_in(role, password), access.sign_in(role, password)
        planted.keep(f"cookie of {role}", by_page.secret)
        planted.keep(f"token of {role}", by_api.token)
        sent[f"{role} by cookie"] = {"Cookie": f"lockgate={by_page.secret}"}
        sent[f"{role} by token"] = {"Authorization": f"Bearer {by_api.token}"}
    for role in ("operator", "admin"):
        _, text = access.add_token(f"machine-{role}", [role], by="admin")
        planted.keep(f"token of machine {role}", text)
        sent[f"machine {role}"] = {"Authorization": f"Bearer {text}"}
    return sent


def type_secrets(asked, planted, admin) -> None:
    """What people type into the wrong place, and what clients send that is not right."""
    new = planted.new
    typed = (
        ("admin", new("wrong password")),
        (new("password typed as name"), "x"),
        ("nobody", new("of somebody else")),
    )
    for name, password in typed:
        asked("POST", "/api/token", json={"name": name, "password": password})
    for number in range(3):
        fields = {"name": "viewer", "password": new(f"wrong password {number} in a form"), "next": "/"}
        asked("POST", "/sign-in", content=urlencode(fields), headers=FORM)
    asked("POST", "/api/token", json={"name": ["x"], "password": [new("password in a list")]})
    asked("POST", "/api/token", content=new("password as body").encode())
    for shape in ("Bearer {}", "Basic {}", "{}", "Bearer {} {}", "Digest username={}"):
        secret = new(f"header {shape}")
        asked("GET", "/api/jobs", headers={"Authorization": shape.format(secret, secret)})
    asked("GET", "/api/jobs", headers={"Cookie": f"lockgate={new('cookie')}; sid={new('other cookie')}"})
    asked("GET", f"/api/jobs?token={new('token in a query')}&access_token={new('another')}", headers=admin)
    asked("GET", f"/?password={new('password in a page query')}", headers=admin)
    asked("GET", f"/sign-in?next=https://x:{new('password in an address')}@evil.example/")
    asked(
        "POST",
        "/account",
        content=urlencode({"old": new("old"), "new": new("new"), "again": "x"}),
        headers=FORM | admin,
    )
    fields = {"name": "bea", "password": new("first password"), "role-viewer": "yes"}
    asked("POST", "/people", content=urlencode(fields), headers=FORM | admin)
    asked("POST", "/people", content=urlencode(fields | {"name": "a b"}), headers=FORM | admin)
    asked("POST", "/people/viewer/password", content=urlencode({"password": new("set password")}), headers=FORM | admin)
    asked("POST", "/people/nobody/password", content=urlencode({"password": new("of nobody")}), headers=FORM | admin)
    asked("POST", "/api/jobs", json={"entityType": "people"}, headers={"Authorization": f"Bearer {new('x')}", **FORM})


def break_things(asked, service, planted, admin) -> None:
    """What nobody foresaw, with a secret in its words."""
    secret = planted.secrets["secret db-url"]

    def failing(*given, **named):
        raise RuntimeError(f"connection to {secret} failed")

    for name in ("jobs", "entities", "submit"):
        setattr(service, name, failing)
    service.access.list_people = failing
    for method, path in (("GET", "/api/jobs"), ("GET", "/api/entities"), ("GET", "/people"), ("GET", "/jobs")):
        asked(method, path, headers=admin)
    asked("POST", "/api/jobs", json={"entityType": "people"}, headers=admin)


@pytest.mark.slow
def test_no_output_shows_a_secret(asked, service, planted, capfd):
    sent = let_people_in(service, planted)
    admin = sent["machine admin"]
    type_secrets(asked, planted, admin)
    for headers in sent.values():
        for route in ROUTES:
            if route.method == "GET":
                asked("GET", re.sub(r"{\w+}", "people", route.path), headers=headers)
    break_things(asked, service, planted, admin)
    desk = asked.server.desk

    planted.told["audit"] = str(service.access.audit(limit=1000))
    planted.told["control plane"] = everything_kept(service)
    planted.told["log"] = "".join(capfd.readouterr())
    secret = planted.secrets["wrong password"]
    shown = [
        Options(token=planted.secrets["secret api-token"]), desk, desk.options, desk.known_callers,
        desk.known_callers._known, service.access, service.access.known(), service._wiring.secrets,
        TokenBody(name="x", password=secret),
    ]  # fmt: skip
    planted.told["repr"] = " ".join(map(repr, shown))
    assert planted.leaks() == []
    assert len(planted.secrets) >= 40
    assert len(planted.told) >= 200
    assert planted.told["log"].count('"event": "request"') >= 200
    assert "a request failed" in planted.told["log"]


def everything_kept(service) -> str:
    """Every row of the control plane."""
    with service._wiring.store.database.reading() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        return str([list(connection.exec_driver_sql(f'SELECT * FROM "{table}"')) for table in tables])


def test_a_leak_would_be_seen(planted):
    secret = planted.new("x")
    planted.told["here"] = f"... {quote(secret)} ..."

    assert planted.leaks() == [("x", "here")]
