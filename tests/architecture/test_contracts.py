"""The import contracts say what the architecture says, place every room, and leave no way around them."""

from __future__ import annotations

import re
import tomllib

import pytest

LAYERS = [
    "__main__",
    "cli",
    "server | sandbox | orchestrate",
    "app",
    "adapters | settings | config | store | testing",
    "flow",
    "ingest | transform | compare | cutover | quality | lineage | separate | bi | govern | operate",
    "core",
    "errors",
]


@pytest.fixture(scope="module")
def contracts(root):
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


@pytest.fixture(scope="module")
def rooms(root):
    """The rooms that are built: the modules and packages directly under lockgate."""
    inside = (root / "packages/lockgate/src/lockgate").iterdir()
    return {path.stem for path in inside if path.suffix == ".py" or any(path.glob("*.py"))} - {"__init__", "__main__"}


def test_the_layers_are_those_of_the_architecture(contracts):
    declared = [re.sub(r"[()]", "", layer) for layer in contracts["layers"]["layers"]]

    assert declared == LAYERS
    assert contracts["layers"]["exhaustive"] is True
    assert contracts["layers"]["containers"] == ["lockgate"]


def test_only_rooms_that_are_not_built_stand_in_parentheses(contracts, rooms):
    missing = set(re.findall(r"\((\w+)\)", " ".join(contracts["layers"]["layers"])))

    assert missing & rooms == set()


def test_no_contract_has_an_exception(contracts):
    ways_around = {"ignore_imports", "exhaustive_ignores", "unmatched_ignore_imports_alerting"}

    assert [name for name, contract in contracts.items() if ways_around & set(contract)] == []


def test_core_and_every_built_stage_is_kept_from_vendors(contracts, rooms):
    inner = {name for layer in LAYERS[LAYERS.index("flow") :] for name in layer.split(" | ")}

    assert set(contracts["no-vendor-inside"]["source_modules"]) == {f"lockgate.{room}" for room in inner & rooms}


def test_every_solution_is_held_to_the_public_names(contracts, root):
    solutions = {path.parent.name for path in (root / "solutions").glob("*/src/*/__init__.py")}

    assert set(contracts["solutions-outside"]["source_modules"]) == solutions
    assert set(contracts["platform-alone"]["forbidden_modules"]) == solutions
