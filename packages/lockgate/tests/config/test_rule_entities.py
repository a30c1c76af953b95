"""A rule set with a contract is an entity of the project where `rule_sets` matches its file."""

from __future__ import annotations

import pytest

from lockgate.config import keep_last_valid, load_last_valid, load_project
from lockgate.core.entity import Engine
from lockgate.errors import ProjectInvalid

PROJECT = """\
project: p
rule_sets: rules/*.yml
sources:
  crm: {kind: http, url: "http://127.0.0.1:1", streams: {users: {key: [id]}}}
flows:
  all:
    steps:
      - {name: load, load: crm}
      - {name: build, each: rules, execute: "{entity}"}
"""
DEVICES = """\
entity: devices
key: [device_id]
contract: {device_id: bigint, name: text}
serve: {schema: things}
from: raw.devices
rules: [{rename: {id: device_id}}]
output: [device_id, name]
"""


@pytest.fixture
def write(tmp_path):
    def write(files: dict[str, str], project: str = PROJECT):
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "lockgate.yml").write_text(project, encoding="utf-8")
        for name, text in files.items():
            (tmp_path / "rules" / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_rule_set_with_a_contract_is_an_entity_and_has_its_steps(write):
    project = load_project(write({"devices.yml": DEVICES}))

    entity = project.entities["devices"]
    assert (entity.contract.key, entity.schema, entity.route.incumbent) == (("device_id",), "things", "rules")
    assert [(column.name, str(column.type)) for column in entity.contract.columns] == [
        ("device_id", "bigint"),
        ("name", "text"),
    ]
    (implementation,) = entity.implementations.values()
    assert implementation.engine is Engine.RULES
    assert [step.name for step in project.flows["all"].steps] == ["load", "build_devices"]


def test_another_file_is_another_entity_without_a_change_of_the_project(write):
    folder = write({"devices.yml": DEVICES})
    write({"räume.yml": DEVICES.replace("devices", "rooms").replace("device_id", "room_id")})

    project = load_project(folder)

    assert list(project.entities) == ["devices", "rooms"]
    assert [step.name for step in project.flows["all"].steps] == ["load", "build_devices", "build_rooms"]


def test_a_rule_set_without_a_contract_is_none(write):
    without = DEVICES.replace("contract: {device_id: bigint, name: text}\n", "")
    project = PROJECT.partition("flows:")[0]

    assert dict(load_project(write({"devices.yml": without}, project)).entities) == {}


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (DEVICES.replace("bigint", "bigimt"), "entities.devices.contract.device_id: there is no type 'bigimt'", 3),
        (DEVICES.replace("[device_id]\n", "[]\n", 1), "entities.devices.key: must not be empty", 2),
        (DEVICES.replace("entity: devices\n", ""), "entity: the key is missing", 1),
    ],
)
def test_what_is_wrong_is_told_with_the_rule_sets_file_and_line(write, text, said, line):
    with pytest.raises(ProjectInvalid) as caught:
        load_project(write({"devices.yml": text}, PROJECT.partition("flows:")[0]))

    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("rules/devices.yml", line)
    assert said in problem.message


def test_an_entity_has_one_place(write):
    with pytest.raises(ProjectInvalid, match=r"'devices' is declared in rules/devices\.yml already"):
        load_project(write({"devices.yml": DEVICES, "more.yml": DEVICES}))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("/etc/*.yml", "leaves the project's folder"),
        ("../other/*.yml", "leaves the project's folder"),
        ("''", "is no pattern of files"),
        ("rules/**.yml", "is no pattern of files"),
    ],
)
def test_a_pattern_stays_inside_the_project(write, pattern, said):
    with pytest.raises(ProjectInvalid, match=said) as caught:
        load_project(write({}, f"project: p\nrule_sets: {pattern}\n"))

    assert caught.value.problems[0].line == 2


def test_more_files_than_are_read_are_told(write, monkeypatch):
    monkeypatch.setattr("lockgate.config.rule_entities.MOST_FILES", 1)
    files = {"devices.yml": DEVICES, "rooms.yml": DEVICES.replace("devices", "rooms")}

    with pytest.raises(ProjectInvalid, match="rule_sets: 2 files match; 1 are read"):
        load_project(write(files))


def test_what_was_last_valid_holds_the_entities_of_rule_sets(write, tmp_path):
    folder = write({"devices.yml": DEVICES})
    (tmp_path / "state").mkdir()
    keep_last_valid(folder, tmp_path / "state")
    write({"devices.yml": DEVICES.replace("bigint", "bigimt")})

    former = load_last_valid(folder, tmp_path / "state")

    assert former is not None
    assert list(former.entities) == ["devices"]
