"""A project file becomes a project, or every problem of it at once, each on its line."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from lockgate.config import find_project, load_project
from lockgate.core.comparison import ColumnRule, Status, Tolerance, Transform
from lockgate.core.cost import Prices
from lockgate.core.entity import DbtExecutionMode, Engine, Implementation, RouteDeclaration
from lockgate.core.flow import FlowDeclaration, Schedule, StepDeclaration, StepKind
from lockgate.core.gate import GateDeclaration
from lockgate.core.lineage_event import EventsDeclaration
from lockgate.core.notice import NotificationDeclaration, Severity
from lockgate.core.project import Target
from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.stream import NewColumnPolicy, Stream
from lockgate.core.types import ColumnType, Kind
from lockgate.errors import ProjectInvalid, UnknownName

BIGINT, TEXT = ColumnType(Kind.BIGINT), ColumnType(Kind.TEXT)


def test_everything_written_is_in_the_project(write):
    folder = write()

    project = load_project(folder)

    assert (project.name, project.folder, project.default_target) == ("inventory", folder, "main")
    assert project.targets == {
        "main": Target("main", "duckdb", {"path": str(folder / "warehouse")}),
        "postgres": Target("postgres", "postgres", {"url": "secret://warehouse-url"}),
    }
    assert project.gates == {"parity": GateDeclaration("parity", unexplained_differences=0, runs=3)}
    assert project.relations() == (
        Relation("raw", "users"),
        Relation("raw", "applications"),
        Relation("raw_files", "people"),
    )


def test_channels_know_who_hears_of_what_and_where_secrets_are(write):
    project = load_project(write())

    assert project.notifications == {
        "team": NotificationDeclaration(
            "team",
            "email",
            options={"server": "secret://smtp-url", "from_": "lockgate@example.com", "to": ["data@example.com"]},
        ),
        "chat": NotificationDeclaration("chat", "slack", Severity.WARNING, (), {"url": "secret://slack-webhook"}),
        "pager": NotificationDeclaration(
            "pager",
            "pagerduty",
            entities=("users",),
            options={"key": "secret://pagerduty-key", "url": "https://events.pagerduty.com/v2/enqueue"},
        ),
        "hook": NotificationDeclaration(
            "hook", "webhook", options={"url": "https://example.com/hooks", "secret": "secret://hook-secret"}
        ),
    }


@pytest.mark.parametrize(
    ("events", "declared"),
    [
        ("{file: told/events.ndjson}", {"file": "told/events.ndjson"}),
        (
            "{url: 'https://lineage.example.com', api_key: secret://lineage-key, namespace: prod}",
            {
                "url": "https://lineage.example.com",
                "endpoint": "api/v1/lineage",
                "api_key": "secret://lineage-key",
                "namespace": "prod",
            },
        ),
        ("{url: secret://lineage-url, endpoint: events}", {"url": "secret://lineage-url", "endpoint": "events"}),
        (
            "{url: 'http://127.0.0.1:5000', api_key: secret://k}",
            {"url": "http://127.0.0.1:5000", "endpoint": "api/v1/lineage", "api_key": "secret://k"},
        ),
    ],
)
def test_who_is_told_of_lineage_is_known(write, events, declared):
    folder = write(f"project: small\nlineage: {{events: {events}}}\n")

    if "file" in declared:
        declared = {"file": str(folder / declared["file"])}
    assert load_project(folder).lineage_events == EventsDeclaration(**declared)


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ("{}", "events go to one place"),
        ("{file: a, url: 'https://example.com'}", "events go to one place"),
        ("{file: a, api_key: secret://k}", "a file wants no key"),
        ("{url: 'http://example.com', api_key: secret://k}", "the key would be readable on the way"),
        ("{url: 'https://ada@example.com'}", "a user stands in the address"),
        ("{url: 'ftp://example.com'}", "is neither a secret nor an address with https:// or http://"),
        ("{url: 'https://example.com', api_key: hunter2}", "must be a reference to a secret"),
        ("{url: 'https://example.com', endpoint: 'a b'}", "endpoint"),
    ],
)
def test_what_cannot_be_told_of_lineage_is_refused(write, events, says):
    with pytest.raises(ProjectInvalid) as refused:
        load_project(write(f"project: small\nlineage: {{events: {events}}}\n"))

    (problem,) = refused.value.problems
    assert problem.line == 2
    assert says in str(problem)
    assert "hunter2" not in str(problem)


def test_streams_know_their_key_cursor_columns_and_what_their_kind_needs(write):
    project = load_project(write())

    users, applications = project.sources["discovery"].streams
    (people,) = project.sources["files"].streams
    assert users == Stream("users", ("id",), "updated_at", timedelta(minutes=10), options={"params": {}})
    assert applications.columns == (
        Column("id", BIGINT),
        Column("cost", ColumnType(Kind.NUMERIC, 12, 2), "A month."),
    )
    assert applications.on_new_column is NewColumnPolicy.DISCARD_VALUE
    assert people.options == {"path": "people/*.csv", "delimiter": ";", "null": [""]}
    assert project.sources["files"].options == {"path": str(project.folder / "data")}
    assert project.sources["discovery"].options["url"] == "http://127.0.0.1:5004"


def test_an_entity_has_its_contract_implementations_and_route(write):
    folder = write()

    users = load_project(folder).entities["users"]

    assert users.contract == Contract(
        (Column("user_id", BIGINT), Column("email", TEXT), Column("department", TEXT)), ("user_id",), "user_id"
    )
    assert users.served == Relation("analytics", "users")
    assert users.implementations == {
        "rules": Implementation("rules", Engine.RULES, folder / "rules/users.yml"),
        "dbt": Implementation(
            "dbt",
            Engine.DBT,
            folder / "dbt",
            "fct_users",
            DbtExecutionMode.LOCAL,
            timedelta(minutes=90),
            {"day": "2024-01-31"},
        ),
    }
    assert users.route == RouteDeclaration("rules", "dbt", ("parity",))
    assert (users.group, users.bucket_by) == ("people", "user_id")
    assert users.contract.bucketed == ("user_id",)


def test_a_step_needs_the_one_before_unless_it_says_otherwise(write):
    project = load_project(write())

    assert project.flows == {
        "nightly": FlowDeclaration(
            "nightly",
            (
                StepDeclaration("load", StepKind.RUN, ("load", "discovery")),
                StepDeclaration("build", StepKind.RUN, ("run", "--skip-load"), ("load",), 2),
                StepDeclaration(
                    "check",
                    StepKind.RUN,
                    ("compare", "users@rules", "users@dbt", "--key", "user_id"),
                    ("load", "build"),
                ),
            ),
            schedule=Schedule("0 5 * * *", "America/New_York"),
        )
    }


def test_a_project_with_a_name_alone_has_an_embedded_target(write):
    folder = write("project: small\n")

    project = load_project(folder)

    assert project.targets == {"main": Target("main", "duckdb", {"path": str(folder / "warehouse")})}
    assert (project.default_target, project.sources, project.entities) == ("main", {}, {})


def test_a_bigquery_target_has_its_settings_and_a_key_by_reference(write):
    little = "{kind: bigquery, project: my-project, location: EU}"
    much = (
        "{kind: bigquery, project: my-project, location: EU, credentials: 'secret://key', datasets_prefix: test_, "
        "maximum_bytes_billed: 5000, job_timeout: 10m, lease: 30s, api_endpoint: 'https://bigquery.example'}"
    )

    targets = load_project(write(f"project: p\ntargets: {{little: {little}, much: {much}}}\n")).targets

    half_an_hour, minute = timedelta(minutes=30), timedelta(minutes=1)
    common = {"project": "my-project", "location": "EU"}
    assert targets["little"].options == common | {"datasets_prefix": "", "job_timeout": half_an_hour, "lease": minute}
    assert targets["much"].options == common | {
        "credentials": "secret://key",
        "datasets_prefix": "test_",
        "maximum_bytes_billed": 5000,
        "job_timeout": timedelta(minutes=10),
        "lease": timedelta(seconds=30),
        "api_endpoint": "https://bigquery.example",
    }


def test_a_spark_target_has_its_settings_and_where_dbt_reaches_another_spark(write):
    lake = "{kind: spark, path: lake, conf: {spark.driver.memory: 4g, spark.sql.shuffle.partitions: 4}}"
    far = "{kind: spark, method: thrift, host: spark.example, port: 10000, password: 'secret://thrift'}"
    folder = write(f"project: p\ntargets:\n  lake: {lake}\n  far: {far}\n")

    lake_options, far_options = (target.options for target in load_project(folder).targets.values())

    assert lake_options == {
        "path": str(folder / "lake"),
        "master": "local[*]",
        "conf": {"spark.driver.memory": "4g", "spark.sql.shuffle.partitions": 4},
        "method": "session",
    }
    assert {name: far_options[name] for name in ("method", "host", "port", "password")} == {
        "method": "thrift",
        "host": "spark.example",
        "port": 10000,
        "password": "secret://thrift",
    }


def test_an_entity_of_one_implementation_needs_no_route_and_is_served_by_default(write):
    text = (
        "project: p\nentities:\n  users: {key: [id], contract: {id: int}, implementations: {dbt: {dbt: dbt, model: u}}}"
    )

    users = load_project(write(text)).entities["users"]

    assert (users.target, users.schema, users.route) == ("main", "analytics", RouteDeclaration("dbt"))
    assert users.implementations["dbt"].timeout == timedelta(minutes=30)


def test_entities_of_the_default_target_follow_another_choice(write):
    project = load_project(write())

    moved = project.at_target("postgres")

    assert (moved.default_target, moved.entities["users"].target) == ("postgres", "postgres")
    assert project.entities["users"].target == "main"
    with pytest.raises(UnknownName, match=r"no target 'x'; the project declares main, postgres"):
        project.at_target("x")


def test_the_project_is_found_from_a_folder_inside_it(write):
    folder = write()
    (folder / "dbt/models").mkdir()

    assert find_project(folder / "dbt/models") == folder


def test_where_there_is_no_project_it_says_so(tmp_path):
    with pytest.raises(UnknownName, match=r"there is no lockgate\.yml in") as caught:
        find_project(tmp_path)

    assert "lockgate init" in caught.value.remedy


@pytest.mark.parametrize("text", ["", "[]", "just text", "5"])
def test_a_file_that_is_no_mapping_is_one_problem(problems, text):
    (problem,) = problems(text)

    assert (problem.line, problem.message) == (1, "must be a mapping of keys to values")


def test_problems_of_every_sort_come_at_once_in_the_order_of_the_file(problems):
    text = """\
project: Inventory
targets:
  main: {kind: duckbd}
entities:
  users:
    key: [user_idd]
    contract: {user_id: bigit, email: text}
    implementations:
      rules: {rules: rules/users.yml}
      dbt: {dbt: dbt, model: fct_users, excutor: local}
    route: {incumbent: rule, candidate: dbt, gates: [parity]}
"""

    assert [str(problem) for problem in problems(text)] == [
        (
            "lockgate.yml:1: project: the name 'Inventory' is not made of lower-case letters, digits"
            " and single underscores (Choose a name such as daily-orders.)"
        ),
        "lockgate.yml:3: targets.main.kind: there is no 'duckbd' here (Did you mean 'duckdb'?)",
        "lockgate.yml:6: entities.users.key.0: the contract has no column 'user_idd' (Did you mean 'user_id'?)",
        "lockgate.yml:7: entities.users.contract.user_id: there is no type 'bigit' (Did you mean 'bigint'?)",
        "lockgate.yml:10: entities.users.implementations.dbt.excutor: unknown key (Did you mean 'executor'?)",
        "lockgate.yml:11: entities.users.route.incumbent: there is no implementation 'rule' (Did you mean 'rules'?)",
        "lockgate.yml:11: entities.users.route.gates.0: there is no gate 'parity' (There are none.)",
    ]


def test_a_missing_file_is_a_problem(tmp_path):
    with pytest.raises(ProjectInvalid, match=r"lockgate\.yml:1: the file cannot be read: No such file"):
        load_project(tmp_path)


@pytest.mark.parametrize(
    "written", ["transformation: {dbt: {enabled: false}}", "Transformation: {Dbt: {Enabled: false}}"]
)
def test_dbt_is_switched_off_for_all_under_the_key_that_teams_know(tmp_path, written):
    (tmp_path / "lockgate.yml").write_text(f"project: inventory\n{written}\n", encoding="utf-8")

    assert load_project(tmp_path).dbt_enabled is False


def test_a_key_that_stands_twice_hides_no_other_problem(tmp_path):
    text = "project: shop\ntargts: {}\nentities:\n  users:\n    key: [id]\n    key: [id]\n    contract: {id: bigintt}\n"
    (tmp_path / "lockgate.yml").write_text(text, encoding="utf-8")

    with pytest.raises(ProjectInvalid) as refused:
        load_project(tmp_path)

    told = [(problem.line, problem.message.split(":")[0]) for problem in refused.value.problems]
    assert [line for line, _ in told] == [2, 4, 6, 7]
    assert told[2] == (6, "the key 'key' stands twice")


def test_how_an_entity_is_compared_is_read(write, full):
    declared = """    group: people
    compare:
      exclude: [department]
      tolerance: {email: 2s}
      transform: {email: [trim, lower]}
      expected:
        moved: {owner: ada@example.com, reason: they moved, expires: 2027-01-31, rows: 3, status: missing}
"""

    comparison = load_project(write(full.replace("    group: people\n", declared))).entities["users"].comparison

    assert comparison.excluded == {"department"}
    assert comparison.rules == {"email": ColumnRule(Tolerance(seconds=Decimal(2)), (Transform.TRIM, Transform.LOWER))}
    (expected,) = comparison.expected
    assert (expected.name, expected.owner, expected.expires) == ("moved", "ada@example.com", date(2027, 1, 31))
    assert (expected.most_rows, expected.status) == (3, Status.MISSING)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("project: My_Project", "project"),
        ("project: my-project, api_endpoint: bigquery.example", "'bigquery.example' is no address"),
        ("project: my-project, datasets_prefix: 'a-b'", "datasets_prefix"),
        ("project: my-project, maximum_bytes_billed: 0", "maximum_bytes_billed"),
        ("project: my-project, job_timeout: 10", "job_timeout"),
    ],
)
def test_what_a_bigquery_target_cannot_be_is_told(tmp_path, options, said):
    target = f"{{kind: bigquery, location: EU, {options}}}"
    (tmp_path / "lockgate.yml").write_text(f"project: p\ntargets: {{main: {target}}}\n")

    with pytest.raises(ProjectInvalid, match=said):
        load_project(tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("master: 'spark://cluster:7077'", "master"),
        ("conf: {spark.hadoop.fs.s3a.secret.key: x}", "would be seen by everybody on this machine"),
        ("method: thrift", "a Thrift server needs a host"),
    ],
)
def test_what_a_spark_target_cannot_be_is_told(tmp_path, options, said):
    (tmp_path / "lockgate.yml").write_text(f"project: p\ntargets: {{main: {{kind: spark, path: w/, {options}}}}}\n")

    with pytest.raises(ProjectInvalid, match=said):
        load_project(tmp_path)


PRICED = "project: shop\ncosts: {{currency: {currency}, second: {second}, terabyte: 6.25}}\n"


def test_prices_are_exact(tmp_path):
    (tmp_path / "lockgate.yml").write_text(PRICED.format(currency="EUR", second=0.1), encoding="utf-8")

    assert load_project(tmp_path).prices == Prices("EUR", Decimal("0.1"), Decimal("6.25"))


def test_without_prices_there_are_none(tmp_path):
    (tmp_path / "lockgate.yml").write_text("project: shop\n", encoding="utf-8")

    assert load_project(tmp_path).prices == Prices()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"currency": "euro"}, "currency"),
        ({"second": -1}, "-1 is no price"),
        ({"second": "much"}, "'much' is no price"),
        ({"second": "true"}, "True is no price"),
        ({"second": ".inf"}, "is no price"),
        ({"second": 1000001}, "1000001 is no price"),
    ],
)
def test_what_is_no_price_is_told(tmp_path, changed, says):
    text = PRICED.format(**{"currency": "EUR", "second": 1, **changed})
    (tmp_path / "lockgate.yml").write_text(text, encoding="utf-8")

    with pytest.raises(ProjectInvalid) as refused:
        load_project(tmp_path)

    assert says in str(refused.value)
