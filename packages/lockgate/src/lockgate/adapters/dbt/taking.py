"""What the templates of a dbt node take from the invocation: its id, its moment, the clock, the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dbt_common.clients.jinja import get_environment
from jinja2 import TemplateError, meta, nodes
from jinja2.visitor import NodeTransformer

# `render` renders a text that need not be in any template.
_NAMES = frozenset({
    "dbt_metadata_envs", "env_var", "invocation_args_dict", "invocation_id", "render", "run_started_at",
    "selected_resources", "thread_id",
})  # fmt: skip
# Jinja's own: text of chance, and what reaches the whole context.
_JINJAS = frozenset({"lipsum", "self"})
_CHANCE = frozenset({"random"})
_OF_COMMANDS = frozenset({"WHICH", "INVOCATION_COMMAND"})
_WITHOUT_STATE = frozenset({"re", "itertools"})
# By these names the context can be asked for any other.
_EVERYTHING = frozenset({"builtins", "context"})
# A date that is made of numbers or text is the same always; by these it is that of the machine.
_CLOCK = frozenset({"now", "today", "utcnow"})
_DATES = "modules.datetime"
_STATE = frozenset({"is_incremental", "should_full_refresh"})
_MOMENT = "run_started_at"


@dataclass(frozen=True, slots=True)
class _Taken:
    """What one template takes, and whether it has a word that asks for the machine's time."""

    names: frozenset[str]
    has_clock: bool


class Templates:
    """The templates of one manifest, each read once."""

    def __init__(self, manifest: Any) -> None:
        """Nothing is read yet."""
        self._macros: Mapping[str, Any] = manifest.macros
        self._are_dbts = not any(one.name in _STATE and one.package_name != "dbt" for one in self._macros.values())
        self._known: dict[tuple[str, bool], _Taken] = {}

    def names(self, node: Any, called: Iterable[str]) -> tuple[str, ...]:
        """What a node takes by its own template and every macro that it reaches; `called` are macros that it called."""
        is_refreshed = self._are_dbts and node.config.get("full_refresh") is not False
        taken = [_taken(node.raw_code, is_refreshed=is_refreshed)]
        taken += [self._of_macro(name, is_refreshed) for name in self._reached({*node.depends_on.macros, *called})]
        names = set().union(*(one.names for one in taken))
        if not any(one.has_clock for one in taken):
            names.discard(_DATES)
        if node.config.get("incremental_strategy") == "microbatch":  # its batches end at the run's moment
            names.add(_MOMENT)
        return tuple(sorted(names))

    def _of_macro(self, name: str, is_refreshed: bool) -> _Taken:
        key = (name, is_refreshed)
        if key not in self._known:
            self._known[key] = _taken(self._macros[name].macro_sql, is_refreshed=is_refreshed)
        return self._known[key]

    def _reached(self, first: set[str]) -> set[str]:
        """Macros, and all that they call, as dbt's parser found it; `adapter.dispatch` is resolved there."""
        found: set[str] = set()
        waiting = list(first)
        while waiting:
            name = waiting.pop()
            if name in self._macros and name not in found:
                found.add(name)
                waiting += self._macros[name].depends_on.macros
        return found


def _taken(text: str, *, is_refreshed: bool) -> _Taken:
    tree = _Pruning(is_refreshed).visit(get_environment().parse(text, "template"))
    free = _free(tree)
    words = {one.attr for one in tree.find_all(nodes.Getattr)}
    words |= {one.value for one in tree.find_all(nodes.Const) if isinstance(one.value, str)}
    filters = {one.name for one in tree.find_all(nodes.Filter)}
    names = (free & _NAMES) | {f"the filter {one}" for one in _CHANCE & filters}
    names |= _JINJAS & {one.name for one in tree.find_all(nodes.Name)}
    if "flags" in free:
        names |= {f"flags.{member}" for member in _members(tree, "flags") & _OF_COMMANDS}
    if "modules" in free:
        names |= {f"modules.{member or 'datetime'}" for member in _members(tree, "modules") - _WITHOUT_STATE}
    if free & _EVERYTHING:
        names |= words & _NAMES
        names |= {_DATES} if "modules" in words else set()
    return _Taken(frozenset(names), bool(words & _CLOCK))


def _free(tree: nodes.Template) -> set[str]:
    """The names that a template looks up outside of itself."""
    try:
        return meta.find_undeclared_variables(tree)
    except TemplateError:  # of a filter that dbt does not have
        return {one.name for one in tree.find_all(nodes.Name)}


def _members(tree: nodes.Template, name: str) -> set[str]:
    """What is taken of a variable by name; with an empty name where the variable is taken whole."""
    members = {id(one.node): one.attr for one in tree.find_all(nodes.Getattr)}
    members |= {id(one.node): str(getattr(one.arg, "value", "")) for one in tree.find_all(nodes.Getitem)}
    return {members.get(id(one), "") for one in tree.find_all(nodes.Name) if one.name == name}


class _Pruning(NodeTransformer):
    """Takes branches away that a full refresh never takes."""

    def __init__(self, is_refreshed: bool) -> None:
        self._is_refreshed = is_refreshed

    def visit_If(self, node: nodes.If) -> nodes.Node:  # noqa: N802  jinja2's name for it
        for number, branch in enumerate([node, *node.elif_]):
            truth = self._truth(branch.test)
            if truth is None:
                continue
            branch.test = nodes.Const(truth, lineno=branch.lineno, environment=branch.environment)
            if truth:
                node.elif_, node.else_ = node.elif_[:number], []
                break
            branch.body = []
        return self.generic_visit(node)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802  jinja2's name for it
        truth = self._truth(node.test)
        if truth is None:
            return self.generic_visit(node)
        nothing = nodes.Const(None, lineno=node.lineno, environment=node.environment)
        kept: nodes.Node = self.visit(node.expr1 if truth else node.expr2 or nothing)
        return kept

    def _truth(self, test: nodes.Node) -> bool | None:
        """What a condition is in every full refresh; None where that is not known."""
        if isinstance(test, nodes.Not):
            inner = self._truth(test.node)
            return None if inner is None else not inner
        if isinstance(test, nodes.And | nodes.Or):
            sides, decisive = {self._truth(test.left), self._truth(test.right)}, isinstance(test, nodes.Or)
            return decisive if decisive in sides else None if None in sides else not decisive
        if isinstance(test, nodes.Name):
            return True if test.name == "execute" else None
        return False if self._is_refreshed and _asks_for_state(test) else None


def _asks_for_state(node: nodes.Node) -> bool:
    """Whether this is `is_incremental()`, or the same with dbt's name before it."""
    called = node.node if isinstance(node, nodes.Call) else None
    if isinstance(called, nodes.Getattr):
        return called.attr == "is_incremental" and isinstance(called.node, nodes.Name) and called.node.name == "dbt"
    return isinstance(called, nodes.Name) and called.name == "is_incremental"
