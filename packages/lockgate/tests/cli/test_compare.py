"""`compare` as a person or a script calls it: exit codes, the JSON of the contract, every option and kind of name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args
from uuid import uuid4

import duckdb
import psycopg
import pytest

from lockgate.adapters.secrets.redaction import redact_with
from lockgate.cli.commands_compare import TRANSFORMS, MethodName
from lockgate.cli.entrypoint import run
from lockgate.core.comparison import Method, Transform

PASSWORD = "hunter2secret"
OLD = """id,name,team,amount,at
1,Ada,e,1.00,2026-01-31T05:00:00
2, Grace ,s,20.50,2026-01-31T06:00:00
3,Łukasz 漢,s,30.00,2026-01-31T07:00:00
4,,e,40.00,2026-01-31T08:00:00
5,Eve,e,50.00,2026-01-31T09:00:00
"""
# 1 is as it was; 2 has other blanks and a cent more; 3 is three seconds late; 4 has got a name; 5 is gone; 6 is new.
NEW = """id,name,team,amount,at
1,Ada,e,1.00,2026-01-31T05:00:00
2,Grace,s,20.51,2026-01-31T06:00:00
3,Łukasz 漢,s,30.00,2026-01-31T07:00:03
4,Zoë,e,40.00,2026-01-31T08:00:00
6,Mallory,x,60.00,2026-01-31T10:00:00
"""


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch) -> Path:
    """A folder without a project."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.csv").write_text(OLD, encoding="utf-8")
    (tmp_path / "new.csv").write_text(NEW, encoding="utf-8")
    yield tmp_path
    redact_with(str)


@pytest.fixture
def compare(capsys):
    """Runs `compare`: exit code, standard output (read as JSON after `--json`), standard error."""

    def compare(*arguments: str):
        code = run(["compare", *arguments])
        written = capsys.readouterr()
        return code, json.loads(written.out) if "--json" in arguments else written.out, written.err

    return compare


@pytest.fixture
def found(compare):
    """The document of comparing the two files by id."""

    def found(*options: str, code: int = 1):
        actual, document, _ = compare("old.csv", "new.csv", "--key", "id", "--json", *options)
        assert (actual, document.get("error")) == (code, None)
        return document

    return found


def changed(document) -> dict[str, int]:
    """The columns with changed values, and how many there are."""
    return {name: column["changed"] for name, column in document["columns"].items() if column["changed"]}


def counts(document) -> tuple[int, ...]:
    return tuple(document["rows"][name] for name in ("left", "right", "matched", "missing", "extra", "changed"))


def test_the_document_has_the_fields_of_the_contract(found) -> None:
    document = found()

    assert list(document) == [
        "left", "right", "key", "verdict", "reasons", "rows", "columns", "schema", "samples", "causes", "groups",
        "explained", "unexplained", "unexplained_in", "touches", "method", "why_method", "rows_moved", "seconds",
        "pins", "editions",
    ]  # fmt: skip
    assert document["unexplained_in"] == {"columns": {"name": 2, "amount": 1, "at": 1}, "missing": 1, "extra": 1}
    assert document["touches"] is None
    assert (document["verdict"], document["method"], document["unexplained"]) == ("FAIL", "join", 5)
    assert document["rows"] == {"left": 5, "right": 5, "matched": 1, "missing": 1, "extra": 1, "changed": 3}
    assert document["columns"]["amount"] == {
        "changed": 1, "type_left": "double", "type_right": "double", "largest": pytest.approx(0.01), "noisy": False,
    }  # fmt: skip
    assert changed(document) == {"name": 2, "amount": 1, "at": 1}
    assert document["schema"] == {"added": [], "removed": [], "type_changed": {}, "reordered": False}
    assert document["reasons"] == [
        "missing on the right: 1 row",
        "extra on the right: 1 row",
        "changed values in 3 rows: name 2, amount 1, at 1",
    ]
    assert (document["key"], document["pins"], document["editions"]) == (["id"], [], {"left": [], "right": []})
    assert isinstance(document["seconds"], float)


def test_samples_locate_by_key_and_hide_values_but_not_their_absence(found) -> None:
    samples = found()["samples"]

    assert [(each["status"], each["key"], each["column"]) for each in samples] == [
        ("missing", {"id": 5}, None),
        ("extra", {"id": 6}, None),
        ("changed", {"id": 2}, "name"),
        ("changed", {"id": 4}, "name"),
        ("changed", {"id": 2}, "amount"),
        ("changed", {"id": 3}, "at"),
    ]
    assert [(each["left"], each["right"]) for each in samples[2:4]] == [("***", "***"), (None, "***")]


def test_values_are_shown_where_they_are_asked_for(found) -> None:
    samples = found("--show-values")["samples"]

    assert [(each["left"], each["right"]) for each in samples[2:5]] == [
        (" Grace ", "Grace"), (None, "Zoë"), ("20.50", "20.51"),
    ]  # fmt: skip


def test_no_value_is_told_unless_it_is_asked_for(compare) -> None:
    _, document, told = compare("old.csv", "new.csv", "--key", "id", "--json")
    _, shown, _ = compare("old.csv", "new.csv", "--key", "id", "--report", "report.html")

    every = json.dumps(document, ensure_ascii=False) + told + shown + Path("report.html").read_text(encoding="utf-8")
    assert [value for value in ("Grace", "Zoë", "20.5", "Mallory") if value in every] == []


@pytest.mark.parametrize(
    ("options", "columns", "rows"),
    [
        (["--tolerance", "0.01"], {"name": 2, "at": 1}, (5, 5, 1, 1, 1, 3)),
        (["--tolerance", "0.009"], {"name": 2, "amount": 1, "at": 1}, (5, 5, 1, 1, 1, 3)),
        (["--tolerance", "1%"], {"name": 2, "at": 1}, (5, 5, 1, 1, 1, 3)),
        (["--tolerance", "3s"], {"name": 2, "amount": 1}, (5, 5, 2, 1, 1, 2)),
        (["--column-tolerance", "amount=0.01"], {"name": 2, "at": 1}, (5, 5, 1, 1, 1, 3)),
        (["--column-tolerance", "amount=1%", "--column-tolerance", "at=3s"], {"name": 2}, (5, 5, 2, 1, 1, 2)),
        (["--transform", "name=trim"], {"name": 1, "amount": 1, "at": 1}, (5, 5, 1, 1, 1, 3)),
        (["--transform", "name=trim", "--transform", "at=date"], {"name": 1, "amount": 1}, (5, 5, 2, 1, 1, 2)),
        (["--transform", "name=trim,upper"], {"name": 1, "amount": 1, "at": 1}, (5, 5, 1, 1, 1, 3)),
        (["--transform", "amount=whole"], {"name": 2, "at": 1}, (5, 5, 1, 1, 1, 3)),
        (["--transform", "at=date"], {"name": 2, "amount": 1}, (5, 5, 2, 1, 1, 2)),
        (["--exclude", "name"], {"amount": 1, "at": 1}, (5, 5, 2, 1, 1, 2)),
        (["--exclude", "name,amount,at"], {}, (5, 5, 4, 1, 1, 0)),
        (["--exclude", "name", "--exclude", "at"], {"amount": 1}, (5, 5, 3, 1, 1, 1)),
        (["--where", "team = 's'"], {"name": 1, "amount": 1, "at": 1}, (2, 2, 0, 0, 0, 2)),
        (["--where", "id > 2 and id <= 5"], {"name": 1, "at": 1}, (3, 2, 0, 1, 0, 2)),
        (["--where", "amount >= 40"], {"name": 1}, (2, 2, 0, 1, 1, 1)),
        (["--where", "at < '2026-01-31 07:00:00'"], {"name": 1, "amount": 1}, (2, 2, 1, 0, 0, 1)),
        (["--method", "stream"], {"name": 2, "amount": 1, "at": 1}, (5, 5, 1, 1, 1, 3)),
        (["--sample", "1000"], {"name": 2, "amount": 1, "at": 1}, (5, 5, 1, 1, 1, 3)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_each_option_does_what_it_says(found, options, columns, rows) -> None:
    document = found(*options)

    assert changed(document) == columns
    assert counts(document) == rows


def test_a_column_may_have_another_name_on_the_right(compare) -> None:
    Path("new.csv").write_text("number,who\n1,Ada\n", encoding="utf-8")
    Path("old.csv").write_text("id,name\n1,Ada\n", encoding="utf-8")

    code, document, _ = compare(
        "old.csv", "new.csv", "--key", "id", "--map", "id=number", "--map", "name=who", "--json"
    )

    assert (code, document["verdict"], counts(document)) == (0, "PASS", (1, 1, 1, 0, 0, 0))


def test_a_key_may_have_several_columns_and_names_with_commas(compare) -> None:
    text = '"a,b",c,v\n1,1,x\n1,2,y\n'
    for name in ("old.csv", "new.csv"):
        Path(name).write_text(text, encoding="utf-8")

    listed = compare("old.csv", "new.csv", "--key", '"a,b",c', "--json")
    repeated = compare("old.csv", "new.csv", "--key", '"a,b"', "--key", "c", "--json")

    for code, document, _ in (listed, repeated):
        assert (code, document["key"], document["rows"]["matched"]) == (0, ["a,b", "c"], 2)


def test_rows_are_counted_by_group(found) -> None:
    groups = found("--group-by", "team")["groups"]

    assert [(group["values"], counts({"rows": group["rows"]})) for group in groups] == [
        ({"team": "e"}, (3, 2, 1, 1, 0, 1)),
        ({"team": "s"}, (2, 2, 0, 0, 0, 2)),
        ({"team": "x"}, (0, 1, 0, 0, 1, 0)),
    ]


@pytest.mark.parametrize(("many", "left"), [("0", 0), ("1", 5), ("2", 6)])
def test_so_many_samples_of_each_column_are_told(found, many, left) -> None:
    assert len(found("--samples", many)["samples"]) == left


def test_a_sample_of_rows_is_compared_and_said_so(compare) -> None:
    rows = "".join(f"{number},{number}\n" for number in range(4000))
    Path("old.csv").write_text(f"id,v\n{rows}", encoding="utf-8")

    code, document, _ = compare("old.csv", "old.csv", "--key", "id", "--sample", "1000", "--json")

    assert code == 0
    assert document["reasons"] == ["a sample of some 1,000 of 4,000 rows was compared"]
    assert 900 < document["rows"]["left"] < 1100
    assert document["rows"]["matched"] == document["rows"]["left"]


def test_equal_sides_pass(compare) -> None:
    code, shown, _ = compare("old.csv", "old.csv", "--key", "id")

    assert code == 0
    assert shown.startswith("PASS  old.csv ↔ old.csv\n")


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("id,v\n", (), "both sides are empty"),
        ("id,v\n1,a\n", ("--min-rows", "2"), "there are fewer than 2 rows"),
        ("id,v\n1,a\n1,a\n", (), "in 1 row of the left side the key is there already"),
        ("id,v\n1,a\n,b\n", (), "the key is NULL in 1 row of the left side"),
    ],
)
def test_what_proves_nothing_is_inconclusive(compare, text, options, reason) -> None:
    Path("old.csv").write_text(text, encoding="utf-8")

    code, document, _ = compare("old.csv", "old.csv", "--key", "id", "--json", *options)

    assert (code, document["verdict"], document["reasons"][0]) == (3, "INCONCLUSIVE", reason)


def test_standard_output_holds_the_document_and_nothing_else(compare) -> None:
    _, document, told = compare("old.csv", "new.csv", "--key", "id", "--json", "--report", "report.html")

    assert document["verdict"] == "FAIL"
    assert [line for line in told.splitlines() if "opening" in line] == ["opening old.csv", "opening new.csv"]
    assert "report: report.html" in told


def test_a_report_is_written_beside_the_verdict(compare) -> None:
    code, _, _ = compare("old.csv", "new.csv", "--key", "id", "--report", "report.html")

    page = Path("report.html").read_text(encoding="utf-8")
    assert code == 1
    assert "The two sides differ." in page


def test_the_verdict_is_told_also_where_the_report_cannot_be_written(compare) -> None:
    code, document, told = compare("old.csv", "old.csv", "--key", "id", "--json", "--report", "old.csv/report.html")

    assert code == 2
    assert document["verdict"] == "PASS"
    assert document["errors"]["report"]["code"] in {"LG102", "LG406"}
    assert "cannot be written" in told


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (["absent-people.csv", "new.csv", "--key", "id"], "there is no file absent-people.csv", "--project"),
        (["odl.csv", "new.csv", "--key", "id"], "there is no file odl.csv", "Did you mean 'old.csv'?"),
        ([".", "new.csv", "--key", "id"], ". is a folder", "Name a CSV or Parquet file in it."),
        (["old.csv", "new.csv"], "no key was named", "`--key id` would do"),
        (["old.csv", "new.csv", "--key", "ID"], "has no column 'ID'; did you mean 'id'?", ""),
        (["old.csv", "new.csv", "--key", "id", "--tolerance", "much"], "'much' is not a tolerance", "0.01"),
        (["old.csv", "new.csv", "--key", "id", "--column-tolerance", "amount"], "is not column=value", "amount=0.01"),
        (["old.csv", "new.csv", "--key", "id", "--transform", "name=trimm"], "did you mean 'trim'?", ""),
        (["old.csv", "new.csv", "--key", "id", "--map", "id=name", "--map", "id=at"], "is mapped already", "once"),
        (["old.csv", "new.csv", "--key", "id", "--group-by", "tem"], "has no column 'tem'; did you mean 'team'?", ""),
        (["w.duckdb::main.t", "new.csv", "--key", "id"], "there is no database file w.duckdb", "Check the path."),
        (["mysql://h/db::t", "new.csv", "--key", "id"], "mysql:// is not read", "postgresql://"),
        (["postgresql://h/db", "new.csv", "--key", "id"], "a database alone is no relation", "::schema.table"),
        (["secret://nope::t", "new.csv", "--key", "id"], "the secret 'nope' is not set", "LOCKGATE_SECRET_"),
        (["people", "new.csv", "--key", "id"], "there is no file people", "--project"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_wrong_use_is_told_with_what_to_do(compare, arguments, message, remedy) -> None:
    code, document, told = compare(*arguments, "--json")

    assert code == 2
    assert message in document["error"]["message"]
    assert remedy in document["error"]["hint"]
    assert message in " ".join(told.split())


@pytest.mark.parametrize("name", ["broken.parquet", "empty.csv", "cut.csv", "table.txt"])
def test_a_file_that_cannot_be_read_is_a_failure_that_names_it(compare, name) -> None:
    Path("broken.parquet").write_bytes(b"PAR1 this is not Parquet PAR1")
    Path("empty.csv").write_bytes(b"")
    Path("cut.csv").write_text("id,name\n1,Ada,too,many\n", encoding="utf-8")
    Path("table.txt").write_text("id\n1\n", encoding="utf-8")

    code, document, _ = compare(name, "new.csv", "--key", "id", "--json")

    assert code == 2
    assert name in document["error"]["message"]
    assert document["error"]["hint"]
    assert "Ada" not in json.dumps(document)


def test_tables_of_a_database_file_are_compared_and_misnamed_ones_told(compare) -> None:
    with duckdb.connect("w.duckdb") as connection:
        connection.execute("create schema s; create table s.a as select range as id, 'x' as v from range(3)")
        connection.execute("create view s.b as select id, case when id = 1 then 'y' else v end as v from s.a")

    code, document, _ = compare("w.duckdb::s.a", "w.duckdb::s.b", "--key", "id", "--json")
    wrong, told, _ = compare("w.duckdb::s.a", "w.duckdb::s.bb", "--key", "id", "--json")

    assert (code, counts(document), document["method"]) == (1, (3, 3, 2, 0, 0, 1), "join")
    assert document["samples"][0]["key"] == {"id": 1}
    assert (wrong, told["error"]["message"]) == (2, "w.duckdb has no table s.bb; did you mean 's.b'?")


def test_a_file_that_is_no_database_is_told(compare) -> None:
    Path("w.duckdb").write_bytes(b"no database")

    for name in ("w.duckdb", "new.csv"):
        code, document, _ = compare(f"{name}::t", "new.csv", "--key", "id", "--json")

        assert (code, document["error"]["message"]) == (2, f"{name} is not a DuckDB database")


def test_parquet_is_compared_with_csv_by_value(compare) -> None:
    duckdb.sql("copy (select * replace (cast(id as integer) as id) from 'old.csv') to 'old.parquet' (format parquet)")

    code, document, _ = compare("old.csv", "old.parquet", "--key", "id", "--exclude", "name", "--json")

    assert (code, counts(document)) == (0, (5, 5, 5, 0, 0, 0))


@pytest.fixture
def people(postgres_url) -> str:
    """The address, with a password in it, of a database with two tables."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table people (id bigint primary key, name text, team text, amount numeric(9, 2))")
        connection.execute("insert into people select n, 'N' || n, 'e', n from generate_series(1, 5) as n")
        connection.execute("create schema s")
        connection.execute("create table s.other as select * from people where id <> 5")
        connection.execute("update s.other set amount = amount + 0.5 where id = 2")
        role = f"reader_{uuid4().hex[:8]}"
        connection.execute(f"create role {role} superuser login password '{PASSWORD}'")
    host = postgres_url.partition("://")[2].rpartition("@")[2]
    return f"postgresql://{role}:{PASSWORD}@{host}"


def test_tables_of_one_database_are_joined_there_and_its_password_is_told_nowhere(compare, people) -> None:
    left, right = f"{people}::people", f"{people}::s.other"

    code, document, told = compare(left, right, "--key", "id", "--report", "report.html", "--json")
    _, shown, _ = compare(left, right, "--key", "id")

    assert (code, counts(document), document["method"], document["rows_moved"]) == (1, (5, 4, 3, 1, 0, 1), "join", 0)
    assert document["left"].startswith("postgresql://")
    assert document["left"].endswith("::people")
    everything = json.dumps(document) + told + shown + Path("report.html").read_text(encoding="utf-8")
    assert PASSWORD not in everything


def test_a_table_is_streamed_to_be_held_against_a_file(compare, people) -> None:
    with psycopg.connect(people) as connection:
        connection.execute("update people set name = 'Ada' where id = 1")
    Path("some.csv").write_text("id,name,team,amount\n1,Ada,e,1.00\n2,N2,e,2\n3,N3,e,3.0\n", encoding="utf-8")

    code, document, told = compare(f"{people}::people", "some.csv", "--key", "id", "--json")

    assert (code, counts(document), document["method"]) == (1, (5, 3, 3, 2, 0, 0), "stream")
    assert "reading postgresql://" in told


def test_a_secret_is_looked_for_in_the_environment_where_there_is_no_project(compare, people, monkeypatch) -> None:
    monkeypatch.setenv("LOCKGATE_SECRET_OLD_URL", people)

    code, document, told = compare("secret://old-url::people", "secret://old-url::s.other", "--key", "id", "--json")

    assert (code, counts(document)) == (1, (5, 4, 3, 1, 0, 1))
    assert (document["left"], document["right"]) == ("secret://old-url::people", "secret://old-url::s.other")
    assert PASSWORD not in told


@pytest.mark.parametrize(
    ("change", "table", "said"),
    [
        (lambda url: url, "peopel", "did you mean 'public.people'?"),
        (lambda _: f"postgresql://someone:{PASSWORD}@127.0.0.1:1/db", "people", "refused"),
        (lambda url: url.rpartition("/")[0] + "/no_such_database", "people", "does not exist"),
        (lambda _: f"postgresql://someone:{PASSWORD}@127.0.0.1:port/db", "people", "invalid integer"),
    ],
)
def test_a_database_that_does_not_answer_or_has_no_such_table_is_told(compare, people, change, table, said) -> None:
    code, document, told = compare(f"{change(people)}::{table}", "new.csv", "--key", "id", "--json")

    assert code == 2
    assert said in document["error"]["message"]
    assert PASSWORD not in json.dumps(document) + told


def test_the_help_names_every_method_and_transform() -> None:
    assert tuple(Transform) == TRANSFORMS
    assert get_args(MethodName) == tuple(Method)


@pytest.fixture
def lists(tmp_path):
    """Two Parquet files of one row that differ in a list."""
    for name, value in (("a", 1), ("b", 2)):
        duckdb.sql(f"select 1 as id, [{value}] as v").write_parquet(str(tmp_path / f"{name}.parquet"))
    return [str(tmp_path / f"{name}.parquet") for name in "ab"]


def test_values_that_are_lists_are_reported(lists, tmp_path, capsys):
    report = tmp_path / "r.html"

    assert run(["compare", *lists, "--key", "id", "--show-values", "--report", str(report)]) == 1
    assert "[2]" in report.read_text(encoding="utf-8")


def test_a_report_never_takes_the_place_of_what_is_compared(lists, capsys):
    before = Path(lists[0]).read_bytes()

    assert run(["compare", *lists, "--key", "id", "--report", lists[0]]) == 2
    assert "which is compared" in capsys.readouterr().err
    assert Path(lists[0]).read_bytes() == before


def test_a_file_that_is_replaced_while_it_is_read_is_refused(lists, tmp_path, capsys, monkeypatch):
    from lockgate.app import comparing

    whole = comparing.compare

    def compare(*given, **named):
        found = whole(*given, **named)
        duckdb.sql("select 1 as id, [1] as v union all select 2, [2]").write_parquet(lists[0])
        return found

    monkeypatch.setattr(comparing, "compare", compare)

    assert run(["compare", *lists, "--key", "id"]) == 2
    assert "a.parquet was changed while it was read" in capsys.readouterr().err
