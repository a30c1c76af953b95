"""Records on the command line: each line judged by itself, few held at a time, numbered as they came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.cli.entrypoint import run
from lockgate.cli.records import read_lines
from lockgate.errors import RuleSetInvalid

PROJECT = """
project: people
sources:
  files:
    kind: csv
    streams:
      people: {path: people.csv, columns: {id: bigint, name: text, team: text}}
entities:
  people:
    key: [id]
    contract: {id: bigint, name: text}
    implementations:
      rules: {rules: rules/people.yml}
    route: {incumbent: rules}
"""
RULES = """
entity: people
from: raw.people
rules:
  - name: named
    validate: {that: name is not null, reason: there is no name}
output: [id, name]
"""


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "lockgate.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "rules/people.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "people.csv").write_text("id,name,team\n1,Ada,e\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def transform(project, capsys):
    """Transforms lines: exit code, standard output, standard error."""

    def transform(content: bytes, *options: str):
        (project / "records.jsonl").write_bytes(content)
        code = run(
            ["--project", str(project), "transform", "people", "--records", str(project / "records.jsonl"), *options]
        )
        written = capsys.readouterr()
        return code, written.out, written.err

    return transform


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": 2, "name": "\xff"}', "line 3 of the records is not UTF-8 at byte 20"),
        (b'{"id": 2', "line 3 of the records is not JSON"),
        (b"[2]", "line 3 of the records is not a JSON object"),
        (b'{"id": ' + b"9" * 5000 + b"}", "line 3 of the records is not JSON that can be read"),
        (b"[" * 100_000, "line 3 of the records is not JSON that can be read"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line, said) -> None:
    lines = [b'{"id": 1, "name": "Ada"}\n', b"\n", line]

    with pytest.raises(RuleSetInvalid) as caught:
        list(read_lines(lines))

    assert caught.value.message.startswith(said)
    assert caught.value.fields == {"line": 3}


def test_input_that_is_not_utf_8_is_our_callers_fault_and_not_the_datas_no(transform) -> None:
    code, out, err = transform(b'{"id": 1, "name": "\xe9"}\n', "--json")

    assert code == 2
    assert json.loads(out)["error"]["code"] == "LG201"
    assert "line 1 of the records is not UTF-8" in err


def test_what_is_told_of_records_goes_on_over_batches(transform, monkeypatch) -> None:
    monkeypatch.setattr("lockgate.app.rules.TOGETHER", 2)
    names = ["Ada", None, "Bob", "Cy", None]
    lines = "\n".join(json.dumps({"id": number, "name": name}) for number, name in enumerate(names))

    code, out, _ = transform(lines.encode(), "--json")

    outcomes = json.loads(out)["outcomes"]
    assert code == 1
    assert [outcome["index"] for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert [outcome["status"] for outcome in outcomes] == ["ok", "rejected", "ok", "ok", "rejected"]
    assert outcomes[3]["output"] == {"id": 3, "name": "Cy"}


def test_duplicates_are_found_across_batches(transform, project, monkeypatch) -> None:
    monkeypatch.setattr("lockgate.app.rules.TOGETHER", 2)
    once = RULES.replace("output:", "  - deduplicate: {key: [id], order: [name]}\noutput:")
    (project / "rules/people.yml").write_text(once, encoding="utf-8")
    lines = b'{"id": 1, "name": "b"}\n{"id": 2, "name": "x"}\n{"id": 1, "name": "a"}\n'

    _, out, _ = transform(lines, "--json")

    assert [outcome["status"] for outcome in json.loads(out)["outcomes"]] == ["duplicate", "ok", "ok"]


def test_records_before_a_broken_line_are_told_and_one_document_is_not_begun(transform, monkeypatch) -> None:
    monkeypatch.setattr("lockgate.app.rules.TOGETHER", 1)
    lines = b'{"id": 1, "name": "Ada"}\n{"id": 2, "name": "Bob"}\nbroken\n'

    streamed = transform(lines)
    whole = transform(lines, "--json")

    assert (streamed[0], streamed[1].splitlines()[0]) == (2, '{"id": 1, "name": "Ada"}')
    assert (whole[0], list(json.loads(whole[1]))) == (2, ["error"])
