"""A small project that is made by rules and by dbt, promoted to dbt."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from lockgate.app.access import Access
from lockgate.app.wiring import open_wiring
from lockgate.testing.credentials import PASSWORD, QuickPasswords

FILES = {
    "lockgate.yml": """
project: people
sources:
  files:
    kind: csv
    streams:
      people: {path: people.csv, columns: {id: bigint}}
entities:
  people:
    key: [person_id]
    contract: {person_id: bigint, name: text}
    implementations:
      rules: {rules: rules/people.yml}
      dbt: {dbt: dbt, model: people}
    route: {incumbent: rules, candidate: dbt, stage: promoted}
""",
    "rules/people.yml": """
entity: people
from: raw.people
rules:
  - rename: {id: person_id}
output: [person_id, name]
""",
    "dbt/dbt_project.yml": "name: people\nversion: '1.0'\nprofile: none\nmodel-paths: [models]\n",
    "dbt/models/sources.yml": "sources: [{name: raw, schema: raw, tables: [{name: people}]}]\n",
    "dbt/models/people.sql": "{{ config(materialized='table') }}\n"
    "select id as person_id, name from {{ source('raw', 'people') }}\n",
    "people.csv": "id,name\n1,Ada\n2,Łukasz\n",
}


@pytest.fixture
def project(tmp_path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


# --- cutovers ---------------------------------------------------------------------------------------------------------

ROWS = 300
_ENTITY = """
  {name}:
    key: [person_id]
    contract: {{person_id: bigint, name: text, made_by: text}}
    implementations:
      one: {{rules: rules/{name}_one.yml}}
      two: {{rules: rules/{name}_two.yml}}
    route: {{incumbent: one, candidate: two, stage: shadow, gates: [parity], policy: steady}}
    compare: {{exclude: [made_by]}}
    {group}
"""
_RULES = """
entity: {name}
from: raw.people
rules:
  - rename: {{id: person_id}}
  - derive: {{made_by: "'{marker}'"{more}}}
output: [person_id, name, made_by]
"""


class CutoverProject:
    """A project of one entity or of a group of two, each made by two rule sets that tell who made a row."""

    def __init__(self, folder: Path, *, url: str = "", names: tuple[str, ...] = ("people",)) -> None:
        self.folder, self.url, self.names = folder, url, names
        (folder / "rules").mkdir(parents=True)
        secrets = folder / ".lockgate/secrets"
        secrets.mkdir(parents=True, mode=0o700)
        (secrets / "warehouse").write_text(url, encoding="utf-8")
        (secrets / "warehouse").chmod(0o600)
        self.deliver(ROWS)
        self.extra = ""
        self.declare()
        for name in names:
            self.write_rules(name, "one", "one")
        self.make("two")

    def deliver(self, count: int) -> None:
        """Has the source bring so many people from the next load on."""
        rows = "".join(f"{number},name {number}\n" for number in range(count))
        (self.folder / "people.csv").write_text(f"id,name\n{rows}", encoding="utf-8")

    def declare(self, *, advance: str = "manual", gate: str = "unexplained_differences: 0") -> None:
        target = "{kind: postgres, url: secret://warehouse}" if self.url else "{kind: duckdb}"
        group = "group: all\n    bucket_by: person_id" if len(self.names) > 1 else ""
        text = f"""
project: people
targets: {{main: {target}}}
sources:
  files: {{kind: csv, streams: {{people: {{path: people.csv, columns: {{id: bigint}}}}}}}}
gates: {{parity: {{{gate}}}}}
policies: {{steady: {{advance: {advance}, shares: [10%]}}}}
roles: {{owner: [anna]}}
entities:
{"".join(_ENTITY.format(name=name, group=group) for name in self.names)}
{self.extra}
"""
        (self.folder / "lockgate.yml").write_text(text, encoding="utf-8")

    def write_rules(self, name: str, implementation: str, marker: str, *, wrong: bool = False) -> None:
        more = ', name: "upper(name)"' if wrong else ""
        text = _RULES.format(name=name, marker=marker, more=more)
        (self.folder / f"rules/{name}_{implementation}.yml").write_text(text, encoding="utf-8")

    def make(self, marker: str, *, wrong: bool = False) -> None:
        """Has the candidates of all entities write this marker from the next run on."""
        for name in self.names:
            self.write_rules(name, "two", marker, wrong=wrong)

    def shown(self, name: str = "people") -> dict[str, int]:
        """The rows that a consumer reads now, by who made them; each key must be there once."""
        query = f"select made_by, count(*), count(distinct person_id) from analytics.{name} group by 1"
        if self.url:
            import psycopg

            with psycopg.connect(self.url) as connection:
                rows = connection.execute(query).fetchall()
        else:
            import duckdb

            with duckdb.connect(str(self.folder / "warehouse/catalog.duckdb"), read_only=True) as connection:
                rows = connection.execute(query).fetchall()
        assert all(count == keys for _, count, keys in rows)
        return {marker: count for marker, count, _ in rows}


@pytest.fixture
def cutover_project(tmp_path):
    """Makes a project of such entities."""

    def made(**options) -> CutoverProject:
        return CutoverProject(tmp_path / "project", **options)

    return made


@pytest.fixture
def opened(request):
    """Opens a project's wiring, until the test ends."""

    def opened(project):
        wiring = open_wiring(project.folder, None)
        request.addfinalizer(wiring.close)
        return wiring

    return opened


class Commands:
    """A process that has imported everything, and forks commands of a project."""

    def __init__(self, project: CutoverProject, folder: Path) -> None:
        self._project, self._modules = project, folder / "modules"
        script = Path(__file__).with_name("warm_commands.py")
        command = [sys.executable, str(script), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request) -> list[dict]:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def _command(self, words: tuple[str, ...], options: dict) -> dict:
        return {"argv": ["--project", str(self._project.folder), *words], **options}

    def __call__(self, *words: str, codes: tuple[int, ...] = (0,), **options) -> dict:
        """What came of one command; unless it is to be killed or stopped, its exit code is one of `codes`."""
        (done,) = self.ask(commands=[self._command(words, options)])
        if not options:
            assert done["code"] in codes, done
        return done

    def at_once(self, *commands: tuple[str, ...]) -> list[dict]:
        """What came of commands that are begun together."""
        return self.ask(commands=[self._command(words, {}) for words in commands])

    def plan(self, *words: str) -> str:
        """The name of a plan that is made."""
        said = self("cutover", "plan", "people", *words, "--json")["said"]
        return json.loads(said[said.index("{") :])["plan_id"]

    def warm(self) -> None:
        """Loads and runs once, and imports what that imported."""
        self("run", modules=str(self._modules))
        self.ask(**{"import": self._modules.read_text(encoding="utf-8").splitlines()})


@pytest.fixture
def commands(tmp_path):
    """Commands of a project, in forks of a warm process."""
    begun: list[Commands] = []

    def commands(project: CutoverProject) -> Commands:
        folder = tmp_path / "commands"
        folder.mkdir()
        begun.append(Commands(project, folder))
        begun[-1].warm()
        return begun[-1]

    yield commands
    for one in begun:
        one.process.stdin.close()
        one.process.wait(timeout=30)
        one.process.stdout.close()


class Reader:
    """A consumer that reads whole tables all the while, and remembers what it saw."""

    def __init__(self, project: CutoverProject) -> None:
        self._project = project
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.seen: list[dict[str, int]] = []
        self.errors: list[BaseException] = []

    def _read(self) -> None:
        while not self._stop.is_set():
            for name in self._project.names:
                try:
                    self.seen.append(self._project.shown(name))
                except BaseException as error:  # noqa: BLE001  (whatever it is, a consumer must not see it)
                    self.errors.append(error)
            time.sleep(0.03)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def reader():
    """What reads a project as consumers do, until the test ends."""
    going: list[Reader] = []

    def reader(project: CutoverProject) -> Reader:
        going.append(Reader(project))
        return going[-1].__enter__()

    yield reader
    for one in going:
        one.__exit__()


SHOP = """
project: shop
sources:
  files:
    kind: csv
    streams:
      orders: {path: orders.csv}
      items: {path: items.csv}
entities:
  orders:
    key: [id]
    contract: {id: text, title: text}
    implementations: {rules: {rules: orders.yml}}
"""


@pytest.fixture
def shop(tmp_path) -> Path:
    """A project of orders, whose rules and items are for the test to write."""
    (tmp_path / "lockgate.yml").write_text(SHOP, encoding="utf-8")
    (tmp_path / "orders.csv").write_text("id,item\nx,y\n", encoding="utf-8")
    return tmp_path


# --- who may ----------------------------------------------------------------------------------------------------------


class Now:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 2, 28, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Now:
    return Now()


@pytest.fixture
def wiring(tmp_path, clock):
    """A project of nothing, at a clock of its own."""
    folder = tmp_path / "governed"
    folder.mkdir()
    (folder / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")
    wiring = open_wiring(folder, None)
    wiring.clock = clock
    yield wiring
    wiring.close()


@pytest.fixture
def passwords() -> QuickPasswords:
    return QuickPasswords()


@pytest.fixture
def access(wiring, passwords) -> Access:
    """Its front door, with ada as its admin."""
    found = Access(wiring, passwords)
    found.add_person("ada", PASSWORD, ["admin"])
    return found
