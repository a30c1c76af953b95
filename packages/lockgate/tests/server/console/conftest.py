"""A console over a small real project: rules on both sides, a run that found differences and set a record aside."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import contextmanager
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import event

from lockgate.app import App
from lockgate.app.service import Service
from lockgate.core.execution import Execution, NodeResult, NodeStatus
from lockgate.core.job import Failure, Inputs, JobResult, RoutedBy, Submission, TransformRequest
from lockgate.core.load import Pin
from lockgate.core.relation import Relation
from lockgate.core.route import Stage
from lockgate.core.run import RunRequest
from lockgate.flow import Unwatched
from lockgate.server.console.page_table import PAGES
from lockgate.testing.alerts import HOSTILE
from lockgate.testing.jobs import NOON

NAMES = ("people", "people_by_a_name_as_long_as_it_may_be")
FILE = """
project: people
sources:
  files: {kind: csv, streams: {people: {path: people.csv, columns: {id: bigint}}}}
gates:
  parity: {unexplained_differences: 0}
  signed: {sign_off: {roles: [owner], people: 1}}
roles: {owner: [anna]}
entities:
"""
ENTITY = """
  NAME:
    key: [person_id]
    contract: {person_id: bigint, name: text, made_by: text}
    implementations:
      one: {rules: rules/one_NUMBER.yml}
      two: {rules: rules/two_NUMBER.yml}
    route: {incumbent: one, candidate: two, stage: shadow, gates: [parity, signed]}
    compare: {exclude: [made_by]}
"""
RULES = """
entity: NAME
from: raw.people
rules:
  - rename: {id: person_id}
  - derive: {made_by: "'MARKER'", name: "VALUE"}
output: [person_id, name, made_by]
"""
WRONG = "case when person_id % 10 = 0 then upper(name) else name end"


def write_project(folder: Path, names: tuple[str, ...] = NAMES, *, is_wrong: bool = True) -> None:
    """A project whose first entity's candidate may be wrong for every tenth row; one record's id is no number."""
    (folder / "rules").mkdir(parents=True)
    rows = "".join(f"{number},name {number}\n" for number in range(1, 41))
    (folder / "people.csv").write_text(f"id,name\n{rows}x,nobody\n", encoding="utf-8")
    text = FILE
    for number, name in enumerate(names):
        text += ENTITY.replace("NAME", name).replace("NUMBER", str(number))
        for side in ("one", "two"):
            value = WRONG if is_wrong and side == "two" and number == 0 else "name"
            rules = RULES.replace("NAME", name).replace("MARKER", side).replace("VALUE", value)
            (folder / f"rules/{side}_{number}.yml").write_text(rules, encoding="utf-8")
    (folder / "lockgate.yml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def writing_project():
    """Writes such a project."""
    return write_project


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """A project that was run once."""
    folder = tmp_path_factory.mktemp("console") / "people"
    write_project(folder)
    with App.open(folder) as app:
        assert app.run(RunRequest(), Unwatched()).success
    return folder


@pytest.fixture
def folder(prepared, tmp_path) -> Path:
    """A copy of the project that was run once, of one's own."""
    return Path(shutil.copytree(prepared, tmp_path / "people"))


class Console(Service):
    """The project's service, which executes nothing by itself."""

    def start(self) -> None:
        """Leaves jobs where they are."""


@pytest.fixture
def service(folder):
    opened = Console.open(folder)
    yield opened
    opened.close()


@pytest.fixture
def store(service):
    """The control plane, to put things down."""
    return service._wiring.store


VOID = {"meta", "link", "input", "br", "hr", "img", "col"}


class Seen(HTMLParser):
    """A page as a reader of markup sees it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.forms: list[dict[str, object]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], self._open

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "form":
            self.forms.append({**attributes, "fields": {}, "has_button": False})
        if tag == "button" and "form" in self._open:
            self.forms[-1]["has_button"] = True
        if tag in {"input", "select", "textarea", "button"} and "name" in attributes and "form" in self._open:
            self.forms[-1]["fields"][attributes["name"]] = attributes.get("value")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open, tag
        assert self._open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if "script" not in self._open and "style" not in self._open:
            self.text += f"{data} "

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    @property
    def links(self) -> set[str]:
        return {attributes["href"] for tag, attributes in self.tags if tag == "a"}

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.tags if each == tag]

    def flaws(self) -> list[str]:
        """What no page of ours may have."""
        found = []
        if len(self.of("h1")) != 1:
            found.append("not one h1")
        levels = [int(tag[1]) for tag, _ in self.tags if tag in {"h1", "h2", "h3", "h4"}]
        if any(later - earlier > 1 for earlier, later in pairwise(levels)):
            found.append(f"headings out of order: {levels}")
        for tag, attributes in self.tags:
            inline = [name for name in attributes if name == "style" or name.startswith("on")]
            found += [f"{tag} has {name}" for name in inline]
            if tag == "script" and not attributes.get("src"):
                found.append("a script stands in the page")
            if tag == "style":
                found.append("a style stands in the page")
        ids = Counter(attributes["id"] for _, attributes in self.tags if attributes.get("id"))
        found += [f"id {name} stands there twice" for name, times in ids.items() if times > 1]
        named = {each for _, attributes in self.tags for each in (attributes.get("aria-labelledby") or "").split()}
        described = {each for _, attributes in self.tags for each in (attributes.get("aria-describedby") or "").split()}
        targets = {attributes["for"] for attributes in self.of("label") if attributes.get("for")}
        found += [f"nothing has the id {name}" for name in (named | described | targets) - set(ids)]
        posting = [form for form in self.forms if form.get("method") == "post"]
        found += [f"the form to {form['action']} has no csrf" for form in posting if "csrf" not in form["fields"]]
        tables, captions = len(self.of("table")), len(self.of("caption"))
        if tables != captions:
            found.append("a table without a caption")
        return found


@pytest.fixture
def seen():
    """Reads markup."""
    return Seen


@pytest.fixture
def look(client):
    """Looks at a page of the console, which must be one without flaws."""

    def look(path: str, status: int = 200) -> Seen:
        answer = client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = Seen(answer.text)
        assert page.flaws() == []
        return page

    return look


@pytest.fixture
def client(running):
    return running()[1]


@pytest.fixture
def sent(client):
    """Sends a form of the console."""

    def sent(path: str, status: int = 303, **fields: str):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        answer = client.post(path, content=urlencode(fields), headers={**headers, "Accept": "text/html"})
        assert answer.status_code == status, answer.text
        return answer

    return sent


@pytest.fixture
def statements(store):
    """Counts what the control plane is asked meanwhile."""

    @contextmanager
    def statements():
        asked: list[str] = []

        def note(_connection, _cursor, statement, *_more):
            is_of_admission = "access_epoch" in statement  # now and then, whatever is looked at
            if not statement.startswith(("BEGIN", "PRAGMA")) and not is_of_admission:
                asked.append(statement)

        engine = store.database._engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield asked
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return statements


def put_down_everything(service: Service) -> dict[str, object]:
    """Puts down one of everything that has a page, and jobs in each state: what the paths of pages name."""
    store, archive = service._wiring.store, service.archive
    inputs = Inputs("two", "sha256:0123456789abcdef", (Pin(Relation("raw", "people"), 3, 3),))
    asked = [TransformRequest("people", variables={"state": state}) for state in ("queued", "done", "failed", "gone")]
    jobs = store.jobs.submit([Submission(each, "Zoë Ångström, 人", inputs) for each in asked], NOON)
    nodes = (NodeResult("model.people.stg_people", NodeStatus.SUCCESS, 0.25, rows=40, file="models/stg_people.sql"),)
    done = Execution("people", "two", Relation("analytics__two", "people"), 40, 1.5, nodes=nodes)
    fallen_back = Failure("LG501", "DbtFailed", "The model <people> broke: " + "a long story " * 20, "Mend it.")
    for job, outcome in ((jobs[1], JobResult(done, inputs, RoutedBy.ROUTE, fallen_back)), (jobs[2], fallen_back)):
        claim = store.jobs.claim(job.execution_id, "worker", NOON)
        store.jobs.begun(claim, inputs, NOON)
        store.jobs.finish(claim, outcome, NOON)
    store.jobs.cancel(jobs[3].job_id, NOON)
    store.notices.add(HOSTILE, ["team"])
    plan = service.console.plan("people", Stage.CANARY, by="anna", share=None, candidate=None)
    service.roll_back(NAMES[1], by="anna", reason="Zoë says: näh", off=True)
    return {
        "name": "people",
        "gate": "signed",
        "plan_id": plan.plan_id,
        "decision_id": store.cutovers.decisions(limit=1)[0].decision_id,
        "comparison_id": archive.comparisons()[-1].comparison_id,
        "job_id": jobs[1].job_id,
        "run_id": archive.runs()[0].run_id,
        "load_id": archive.loads()[0].load_id,
    }


def paths_of(named: dict[str, object]) -> list[str]:
    """The path of every page, of one of each kind where there are several."""
    paths = [page.path for page in PAGES if page.method == "GET" and not page.path.startswith("/static")]
    found = [path.format(**named) for path in paths if not path.endswith("/live")]
    return [*found, "/lineage/node?name=served.people.people&column=name&up=4&down=4"]


@pytest.fixture(scope="session")
def everything():
    """Puts down one of everything in a service: the paths of all pages that there are then."""
    return lambda service: paths_of(put_down_everything(service))
