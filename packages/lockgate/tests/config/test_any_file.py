"""Whatever stands in a project file: it is a project, or it is refused with problems that lie inside the file."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import jsonschema
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.config import load_project, project_schema
from lockgate.config.problems import fitted
from lockgate.config.shape import ProjectShape
from lockgate.config.yaml_positions import parse_yaml
from lockgate.core.project import Project
from lockgate.errors import ProjectInvalid

quickly = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
words = st.sampled_from(
    [
        *ProjectShape.model_fields,
        "kind",
        "duckdb",
        "csv",
        "streams",
        "users",
        "key",
        "contract",
        "implementations",
        "rules",
        "dbt",
    ]
) | st.text(max_size=8)
scalars = words | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
garbage = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=5), max_leaves=25
)
sections = st.fixed_dictionaries({}, optional=dict.fromkeys(ProjectShape.model_fields, garbage))


def loaded(folder, text: str) -> Project | ProjectInvalid:
    (folder / "lockgate.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return load_project(folder)
    except ProjectInvalid as error:
        return error


@quickly
@given(garbage | sections)
def test_any_data_is_a_project_or_is_refused(folder, data):
    text = yaml.safe_dump(data, allow_unicode=True)

    outcome = loaded(folder, text)

    if isinstance(outcome, ProjectInvalid):
        assert outcome.problems
        assert all(1 <= problem.line <= len(text.splitlines()) for problem in outcome.problems)


@cache
def places(text: str) -> tuple[tuple[str | int, ...], ...]:
    """Every path in the file, but for where any text or mapping may stand."""
    free = {"vars", "params", "arguments", "null", "description"}
    paths = parse_yaml(text, file="x").key_lines
    return tuple(path for path in paths if path and not free & set(path) and not str(path[-1]).isdigit())


def at(data, path):
    for part in path:
        data = data[part]
    return data


@quickly
@given(data=st.data())
def test_a_wrong_value_is_reported_on_its_line(folder, full, data):
    path = data.draw(st.sampled_from(places(full)))
    changed = deepcopy(parse_yaml(full, file="x").data)
    at(changed, path[:-1])[path[-1]] = {"wrong": [[]]}
    text = yaml.safe_dump(changed, sort_keys=False)
    lines = parse_yaml(text, file="x").key_lines

    outcome = loaded(folder, text)

    assert isinstance(outcome, ProjectInvalid)
    below = {line for place, line in lines.items() if place[: len(path)] == path}
    assert {problem.line for problem in outcome.problems} & below


@quickly
@given(data=st.data(), key=st.from_regex(r"\A[a-z]{12}\Z"))
def test_an_unknown_key_is_reported_on_its_line(folder, full, data, key):
    plain = parse_yaml(full, file="x").data
    named = {"targets", "sources", "streams", "entities", "gates", "flows", "implementations", "contract", "columns"}
    named |= {"notifications", "policies", "roles"}
    places_with_keys = [
        path for path in ((), *places(full)) if isinstance(at(plain, path), dict) and not {*path[-1:]} & named
    ]
    path = data.draw(st.sampled_from(places_with_keys))
    at(plain, path)[key] = 1
    text = yaml.safe_dump(plain, sort_keys=False)

    outcome = loaded(folder, text)

    assert isinstance(outcome, ProjectInvalid)
    line = parse_yaml(text, file="x").line((*path, key))
    assert any(problem.line == line and "unknown key" in problem.message for problem in outcome.problems)


def test_the_schema_for_editors_accepts_and_refuses_as_we_do(full):
    validator = jsonschema.Draft202012Validator(project_schema())
    good, bad = parse_yaml(full, file="x").data, parse_yaml(full.replace("cursor:", "cursr:"), file="x").data

    assert list(validator.iter_errors(good)) == []
    assert list(validator.iter_errors(bad)) != []


def test_what_is_refused_is_taken_out_so_that_the_rest_is_looked_at():
    document = parse_yaml("project: p\ngates: {g: {runs: 0}, h: {runs: 2}}\nx: 1\n", file="x")

    shape, problems = fitted(ProjectShape, document)

    assert shape is not None
    assert {name: gate.runs for name, gate in shape.gates.items()} == {"g": 1, "h": 2}
    assert [(problem.line, problem.message) for problem in problems] == [
        (2, "gates.g.runs: must be at least 1"),
        (3, "x: unknown key"),
    ]
