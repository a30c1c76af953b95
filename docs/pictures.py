"""Takes the pictures of the console for the how-to pages: `make demo`, then `.venv/bin/python docs/pictures.py`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from lockgate.app import App
from lockgate.app.archive import Archive
from lockgate.app.wiring import open_wiring
from lockgate.core.access import Role

DOCS = Path(__file__).parent
DEMO = DOCS.parent / "solutions" / "inventory" / ".lockgate" / "demo"
PICTURES = DOCS / "pictures"
WHO, PASSWORD = "ada", "a sentence nobody else would think of"
WIDTH, HEIGHT = 1200, 800
MOST_BYTES = 150 * 1024
PATIENCE = 60_000
_SERVING = re.compile(r"address=(http://[0-9.:]+)")


def main() -> int:
    """Takes every picture: 0, or 1 where one is too large to be kept."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO
    if not (folder / "lockgate.yml").exists():
        sys.stderr.write(f"there is no project in {folder}: `make demo` makes one\n")
        return 1
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        project = Path(shutil.copytree(folder, Path(place) / "inventory"))
        with App.open(project) as app:
            app.access.add_person(WHO, PASSWORD, frozenset({Role.ADMIN}))
        with served(project) as url, chromium() as browser:
            take(browser, url, named(project))
    large = [path.name for path in PICTURES.glob("*.png") if path.stat().st_size > MOST_BYTES]
    sys.stdout.write(f"{len(list(PICTURES.glob('*.png')))} pictures; too large: {', '.join(large) or 'none'}\n")
    return 1 if large else 0


def named(project: Path) -> dict[str, str]:
    """The paths of what the demo left: the comparison that failed, the run that rolled back, the newest load."""
    wiring = open_wiring(project, None)
    try:
        archive = Archive(wiring)
        return {
            "comparison": f"/comparisons/{archive.comparisons(limit=1)[0].comparison_id}",
            "run": f"/runs/{archive.runs(limit=1)[0].run_id}",
            "decision": f"/decisions/{wiring.store.cutovers.decisions(limit=1)[0].decision_id}",
        }
    finally:
        wiring.close()


def take(browser: Browser, url: str, paths: dict[str, str]) -> None:
    """Every picture, of pages as an admin sees them."""
    context = browser.new_context(base_url=url, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/sign-in")
    keep(page, "sign-in", height=460)
    sign_in(page)
    keep(page, "overview")
    pages = {
        "entity": "/entities/users",
        "plan": "/plans/users-3",
        "gate": "/entities/users/gates/parity",
        "plan-form": "/entities/applications/plan",
        "lineage": "/lineage/node?name=model.inventory_transforms.fct_users&column=department&up=1",
        "audit": "/audit",
        **paths,
    }
    for name, path in pages.items():
        page.goto(path)
        if name == "lineage":  # it may be worked out first
            page.locator("svg.lineage").wait_for()
        keep(page, name, height=HEIGHT if name == "lineage" else 1000)
    job(page)
    context.close()
    for name, scheme, width in (("overview-dark", "dark", WIDTH), ("entity-narrow", "light", 360)):
        other = browser.new_context(base_url=url, viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
        page = other.new_page()
        page.goto("/sign-in")
        sign_in(page)
        page.goto("/" if name.startswith("overview") else "/entities/users")
        keep(page, name, height=HEIGHT)
        other.close()


def sign_in(page: Page) -> None:
    """Signs in, and waits for the overview."""
    page.get_by_label("Name").fill(WHO)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"//[^/]+/$"))


def job(page: Page) -> None:
    """A job by dbt: while it goes on, then done."""
    page.goto("/jobs")
    page.locator("#s-entity").select_option("users")
    page.locator("#s-engine").select_option("dbt")
    page.get_by_label("Execute it though").check()
    page.get_by_role("button", name="Ask for it").click()
    page.get_by_text("nodes have ended").wait_for()
    keep(page, "job-live", height=HEIGHT)
    page.get_by_text("Answered by").wait_for()
    keep(page, "job")


def keep(page: Page, name: str, *, height: int = 1000) -> None:
    """A picture of the page from its top, as high as it is up to `height`."""
    width = page.viewport_size["width"] if page.viewport_size else WIDTH
    whole = int(page.evaluate("document.documentElement.scrollHeight"))
    area = {"x": 0, "y": 0, "width": width, "height": min(whole, height)}
    page.screenshot(path=str(PICTURES / f"{name}.png"), clip=area, full_page=True, animations="disabled")


@contextmanager
def served(project: Path) -> Iterator[str]:
    """The address at which a project is served meanwhile."""
    log = project / "serve.log"
    command = [str(Path(sys.executable).with_name("lockgate")), "--project", str(project), "serve", "--port", "0"]
    with log.open("w") as written:
        process = subprocess.Popen(command, stderr=written)
    try:
        yield address_in(log)
    finally:
        process.terminate()
        process.wait()


def address_in(log: Path) -> str:
    """The address that a server says it listens on, once it does."""
    for _ in range(PATIENCE // 100):
        if found := _SERVING.search(log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.1)
    raise TimeoutError(log.read_text(encoding="utf-8"))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
