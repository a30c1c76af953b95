"""The console in Debian's Chromium, over a `lockgate serve` process and a project that is really run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from lockgate.app import App
from lockgate.app.service import Service
from lockgate.app.wiring import RUN_LOCK, open_wiring
from lockgate.core.access import Role
from lockgate.core.run import RunRequest
from lockgate.flow import Unwatched

pytestmark = pytest.mark.slow

PASSWORD = "a horse that is correct"
PEOPLE = {"anna": Role.ADMIN, "otto": Role.OPERATOR, "vera": Role.VIEWER}
PATIENCE_SECONDS = 60
NARROW, WIDE = {"width": 320, "height": 640}, {"width": 1440, "height": 900}
LOCKGATE = Path(sys.executable).with_name("lockgate")


class Served:
    """A project that `lockgate serve` serves on a free port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begin()

    def begin(self) -> None:
        """Starts the server, and waits until it answers."""
        environment = {**os.environ, "LOCKGATE_LOG_FORMAT": "json", "LOCKGATE_LOG_LEVEL": "info"}
        command = [str(LOCKGATE), "--project", str(self.folder), "serve", "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        lines = (json.loads(line) for line in self.process.stderr if line.startswith("{"))
        self.url = next(line["address"] for line in lines if line.get("event") == "serving")
        next(line for line in lines if line.get("event") == "Application startup complete.")
        self._reader = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """Ends the server as a power cut does."""
        self._end(signal.SIGKILL)

    def end(self) -> None:
        """Tells the server to stop."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(PATIENCE_SECONDS)
        self._reader.wait(PATIENCE_SECONDS)
        self.process.stderr.close()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Keeps the target from everybody meanwhile, so that what was asked for goes on for as long."""
        wiring = open_wiring(self.folder, None)
        try:
            with wiring.warehouse.lock(RUN_LOCK, wait_seconds=PATIENCE_SECONDS):
                yield
        finally:
            wiring.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        assert program, "`make setup` installs Debian's chromium"
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def prepared_with_people(folder: Path) -> Path:
    with App.open(folder) as app:
        assert app.run(RunRequest(), Unwatched()).success
        for name, role in PEOPLE.items():
            app.access.add_person(name, PASSWORD, frozenset({role}))
    return folder


@pytest.fixture(scope="module")
def ready(tmp_path_factory, writing_project) -> Path:
    """A project whose candidate is right, run once, with people who may sign in."""
    folder = tmp_path_factory.mktemp("ready") / "people"
    writing_project(folder, is_wrong=False)
    return prepared_with_people(folder)


@pytest.fixture
def served(ready, tmp_path) -> Iterator[Served]:
    """The project that is ready, served."""
    served = Served(Path(shutil.copytree(ready, tmp_path / "people")))
    yield served
    served.end()


@pytest.fixture(scope="module")
def full(tmp_path_factory, writing_project, everything) -> Iterator[tuple[Served, list[str]]]:
    """A project with one of everything, served, and the paths of all its pages."""
    folder = tmp_path_factory.mktemp("full") / "people"
    writing_project(folder)
    prepared_with_people(folder)
    with Service.open(folder) as service:
        paths = everything(service)
    served = Served(folder)
    yield served, [path for path in paths if path != "/sign-in"]
    served.end()


@pytest.fixture
def opened(chromium):
    """Opens a window of one's own; whatever it says of errors fails the test."""
    contexts, errors = [], []

    def opened(served: Served, **options) -> Page:
        context = chromium.new_context(base_url=served.url, **{"viewport": WIDE, **options})
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def sign_in(page: Page, name: str = "anna", path: str = "/") -> None:
    page.goto(path)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")


def mark(page: Page) -> None:
    """Leaves something in the page that a reload would take away."""
    page.evaluate("window.wasNotReloaded = true")


def was_not_reloaded(page: Page) -> bool:
    return page.evaluate("window.wasNotReloaded === true")


def is_current(page: Page, text: str) -> None:
    expect(page.locator("main")).to_contain_text(text, timeout=PATIENCE_SECONDS * 1000)


# --- deciding ---------------------------------------------------------------------------------------------------------


def test_a_candidate_is_signed_promoted_step_by_step_and_rolled_back(served, opened):
    page = opened(served)
    sign_in(page)

    page.get_by_role("main").get_by_role("link", name="people", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("people")
    page.goto("/entities/people/gates/signed")
    page.get_by_label("Why").fill("The numbers are right: näh.")
    page.get_by_role("button", name="Sign", exact=True).click()
    is_current(page, "Your signature is recorded.")

    page.goto("/entities/people/plan")
    page.get_by_role("radio", name="promoted").check()
    page.get_by_role("button", name="Make the plan").click()
    page.wait_for_url("**/plans/people-1*")
    with served.busy():
        page.get_by_label("Why").fill("It was right for a month.")
        page.get_by_role("button", name="Promote").click()
        is_current(page, "It is being applied.")
        mark(page)
    is_current(page, "Every step is done.")
    assert was_not_reloaded(page)

    page.goto("/decisions")
    is_current(page, "It was right for a month.")
    page.goto("/entities/people/roll-back")
    page.get_by_label("Why").fill("Somebody complained.")
    page.get_by_role("button", name="Roll back").click()
    is_current(page, "people was rolled back")
    page.goto("/decisions?entity=people")
    is_current(page, "Somebody complained.")
    page.goto("/audit?action=cutover")
    for action in ("cutover.sign", "cutover.plan", "cutover.promote", "cutover.roll-back"):
        is_current(page, action)


def test_a_plan_is_gone_on_with_after_the_server_was_killed(served, opened):
    with App.open(served.folder) as app:
        app.cutovers.roll_back("people", by="anna", reason="from the beginning", off=True)
    page = opened(served)
    sign_in(page, path="/entities/people/plan")
    page.get_by_role("radio", name="canary").check()
    page.get_by_role("button", name="Make the plan").click()
    page.wait_for_url("**/plans/people-1*")

    with served.busy():
        page.get_by_label("Why").fill("A tenth may see it.")
        page.get_by_role("button", name="Apply it").click()
        expect(page.locator(".step.done")).to_have_count(1)
        expect(page.locator(".step.running")).to_contain_text("Cycle")
        served.kill()
    served.begin()

    again = opened(served)
    sign_in(again, path="/plans/people-1")
    is_current(again, "It was left in the middle.")
    again.get_by_label("Why").fill("Go on.")
    again.get_by_role("button", name="Go on with it").click()
    is_current(again, "It was refused at a step; nothing was moved beyond it.")
    is_current(again, "Gate signed refused")


# --- live -------------------------------------------------------------------------------------------------------------


def test_a_job_goes_on_before_ones_eyes(served, opened):
    page = opened(served)
    sign_in(page, "otto", "/jobs")

    with served.busy():
        page.get_by_label("Entity").last.select_option("people")
        page.get_by_label("Execute it though").check()
        page.get_by_role("button", name="Ask for it").click()
        page.wait_for_url(re.compile(r"/jobs/[0-9a-f]+$"))
        is_current(page, "running")
        mark(page)
        listed = page.context.new_page()
        listed.goto("/jobs")
        is_current(listed, "running")
        mark(listed)

    is_current(page, "success")
    is_current(page, "Answered by")
    is_current(listed, "success")
    assert was_not_reloaded(page)
    assert was_not_reloaded(listed)
    assert page.locator("[data-live]").count() == 0


def test_whoever_loses_the_right_to_look_is_shown_the_way_to_sign_in(served, opened):
    page = opened(served)
    sign_in(page, "vera", "/jobs")
    is_current(page, "Nobody has asked for a job yet.")

    with App.open(served.folder) as app:
        app.access.set_enabled("vera", is_enabled=False)

    page.wait_for_url(re.compile("/sign-in"))


# --- who may ----------------------------------------------------------------------------------------------------------


def test_somebody_signs_in_where_they_wanted_to_go_and_out_again(served, opened):
    page = opened(served)
    page.goto("/runs")
    assert "/sign-in?next=/runs" in page.url.replace("%2F", "/")

    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill("not the right one at all")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/runs")
    (cookie,) = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()

    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    is_current(page, "Sign in")
    assert page.context.cookies() == []
    page.goto("/runs")
    assert "/sign-in" in page.url


def test_whoever_may_only_look_is_told_so_where_they_try(served, opened):
    page = opened(served)
    sign_in(page, "vera", "/jobs")

    token = page.locator("form[action='/sign-out'] input[name=csrf]").input_value()
    refused = page.request.post("/jobs", form={"csrf": token, "entity": "people"}, headers={"Accept": "text/html"})
    page.goto("/audit")

    assert page.get_by_role("button", name="Ask for it").count() == 0
    assert refused.status == 403
    is_current(page, "403")


# --- without a mouse, without JavaScript, without room ----------------------------------------------------------------


def test_the_keyboard_is_enough(served, opened):
    page = opened(served)
    page.goto("/sign-in")
    page.get_by_label("Name").focus()
    page.keyboard.type("anna")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("/")
    page.keyboard.type("people_by")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("text=people_by"))
    seen = [focused(page) for _ in range(40)]

    assert "people_by_a_name_as_long_as_it_may_be" in [text for text, _ in seen]
    assert all(is_outlined for _, is_outlined in seen)


def focused(page: Page) -> tuple[str, bool]:
    """What is focused after one more Tab: its text, and whether it is seen to be."""
    page.keyboard.press("Tab")
    return tuple(
        page.evaluate(
            "() => { const at = document.activeElement, style = getComputedStyle(at);"
            " return [at.textContent.trim(), at === document.body || style.outlineStyle !== 'none']; }"
        )
    )


def test_everything_works_without_javascript(served, opened):
    page = opened(served, java_script_enabled=False)
    sign_in(page, "otto", "/jobs")

    with served.busy():
        page.get_by_label("Entity").last.select_option("people")
        page.get_by_label("Execute it though").check()
        page.get_by_role("button", name="Ask for it").click()
        is_current(page, "running")

    is_current(page, "success")
    page.get_by_role("button", name="Sign out").click()
    is_current(page, "Sign in")


def test_the_theme_is_kept(served, opened):
    page = opened(served)
    page.goto("/sign-in")
    toggle = page.get_by_role("button", name=re.compile("Theme"))

    toggle.click()
    toggle.click()
    page.reload()

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    expect(toggle).to_have_text("Theme: dark")


def test_no_page_is_wider_than_a_small_telephone(full, opened):
    served, paths = full
    page = opened(served, viewport=NARROW)
    sign_in(page)

    wide = {}
    for path in paths:
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            wide[path] = width

    assert wide == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("room", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_page_keeps_anybody_out(full, opened, theme, room):
    served, paths = full
    page = opened(served, color_scheme=theme, viewport=room)
    page.goto("/sign-in")
    found = {"/sign-in": violations(page)}
    sign_in(page)

    for path in (*paths, "/nothing-is-here", "/jobs?status=nonsense"):
        page.goto(path)
        found[path] = violations(page)

    assert {path: each for path, each in found.items() if each} == {}


def violations(page: Page) -> list[tuple[str, str, list]]:
    """What axe finds (axe-core, Deque): every rule, every impact."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["impact"], [node["target"] for node in each["nodes"]]) for each in found]


# --- the lineage, walked by keyboard ----------------------------------------------------------------------------------

SHOP = {
    "lockgate.yml": """
project: shop
sources:
  files: {kind: csv, streams: {orders: {path: orders.csv, columns: {id: bigint, state: text}}}}
entities:
  orders:
    key: [id]
    contract: {id: bigint, state: text}
    implementations: {new: {dbt: dbt, model: orders}}
    route: {incumbent: new}
""",
    "orders.csv": "id,state\n1,open\n",
    "dbt/dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\n",
    "dbt/models/all.yml": "sources: [{name: raw, schema: raw, tables: [{name: orders}]}]\n"
    "exposures: [{name: board, type: dashboard, owner: {name: Ann}, depends_on: [ref('orders')]}]\n",
    "dbt/models/orders.sql": "select id, state from {{ source('raw', 'orders') }} where state <> ''\n",
}
WALK = ("source.shop.raw.orders", "model.shop.orders", "exposure.shop.board")


@pytest.fixture
def shop(tmp_path) -> Iterator[Served]:
    """A project with a dashboard, served, of which nothing was run."""
    folder = tmp_path / "shop"
    for name, text in SHOP.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with App.open(folder) as app:
        app.access.add_person("vera", PASSWORD, frozenset({Role.VIEWER}))
    served = Served(folder)
    yield served
    served.end()


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the box of a node in the picture is focused."""
    for _ in range(80):
        page.keyboard.press("Tab")
        script = "() => document.activeElement.closest('svg') && document.activeElement.getAttribute('href')"
        if f"name={name}&" in (page.evaluate(script) or ""):
            return
    raise AssertionError(f"Tab never came to {name}")


@pytest.mark.parametrize(("theme", "room"), [("light", WIDE), ("dark", NARROW)], ids=["light", "dark-narrow"])
def test_the_lineage_is_walked_from_a_stream_to_a_dashboard_by_keyboard(shop, opened, theme, room):
    page = opened(shop, color_scheme=theme, viewport=room)
    sign_in(page, "vera", "/lineage")
    is_current(page, "Nodes of the lineage")  # it may have been worked out meanwhile
    found, wide = {}, {}

    page.goto("/lineage/node?name=stream.shop.files.orders&column=state&up=1&down=1")
    for name in WALK:
        expect(page.get_by_role("heading", level=1)).not_to_contain_text(name)
        found[page.url], wide[page.url] = violations(page), page.evaluate("document.documentElement.scrollWidth")
        tab_to(page, name)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
    found["end"] = violations(page)

    assert {path: each for path, each in found.items() if each} == {}
    assert set(wide.values()) == {room["width"]}
    expect(page.locator("svg.lineage .k-exposure")).to_have_count(1)
