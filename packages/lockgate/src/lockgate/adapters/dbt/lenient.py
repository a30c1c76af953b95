"""Lets dbt go on parsing where one part of a project cannot be parsed, and remembers what that was.

For a process of its own, in which nothing is built: what is left out here would be missing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

MISSING_PACKAGES = "packages"


class Leniency:
    """What dbt could not parse: the reason by the id of each node, and the packages that are not installed."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self.packages: list[str] = []

    def install(self) -> None:
        """Takes the place of what would make dbt give up; for the rest of this process."""
        self._go_on_without_packages()
        self._go_on_after_templates()
        self._go_on_after_tests()
        self._go_on_without_targets()
        self._go_on_without_environment()
        self._go_on_after_names()
        _leave_comments_out()
        _go_on_with_any_version()

    def _go_on_without_packages(self) -> None:
        config = import_module("dbt.config.runtime").RuntimeConfig
        load = config.load_dependencies

        def load_installed(project: Any, base_only: bool = False) -> Any:
            listed = project.packages.packages
            if project.dependencies is None and len(listed) > len(tuple(project._get_project_directories())):  # noqa: SLF001
                self.packages = [_package_name(package) for package in listed]
                project.packages.packages = []
            return load(project, base_only=base_only)

        config.load_dependencies = load_installed

    def _go_on_after_templates(self) -> None:
        base: Any = import_module("dbt.parser.base")
        parser, render = base.ConfiguredParser, base.get_rendered

        def render_what_can_be(parser: Any, node: Any, config: Any) -> Any:
            context = parser._context_for(node, config)  # noqa: SLF001
            try:
                render(node.raw_code, context, node, capture_macros=True)
            except Exception as error:  # noqa: BLE001  whatever stops one node must not stop the others
                self._note(node, error)
                _recover(node, (node.raw_code,))
            return context

        def render_hook(*arguments: Any, **options: Any) -> Any:
            with suppress(Exception):  # what runs before or after a node is no part of its query
                return render(*arguments, **options)

        parser.render_with_context = render_what_can_be
        base.get_rendered = render_hook

    def _go_on_after_tests(self) -> None:
        parser = import_module("dbt.parser.schema_generic_tests").SchemaGenericTestParser
        render = parser.render_test_update

        def render_what_can_be(parser: Any, node: Any, config: Any, builder: Any, schema_file_id: str) -> None:
            try:
                render(parser, node, config, builder, schema_file_id)
            except Exception as error:  # noqa: BLE001  as above
                self._note(node, error)
                node.depends_on.macros = [macro for macro in node.depends_on.macros if macro]
                values = [value for value in builder.args.values() if isinstance(value, str)]
                _recover(node, [value if "{{" in value else f"{{{{ {value} }}}}" for value in values])

        parser.render_test_update = render_what_can_be

    def _go_on_without_targets(self) -> None:
        manifest: Any = import_module("dbt.parser.manifest")

        def note_missing(node: Any, target_name: str, target_kind: str, *_: Any, **__: Any) -> None:
            node.config.enabled = True  # dbt takes such a node out of its graph before it gives up
            what = "source" if target_kind == "source" else "node"
            self.reasons.setdefault(node.unique_id, f"it refers to the {what} {target_name!r}, which the project lacks")

        manifest.invalid_target_fail_unless_test = note_missing
        manifest.get_rendered = _as_it_is  # descriptions, whose words may be missing too

    def _go_on_without_environment(self) -> None:
        """In YAML a variable that is not set is its own name; in a node's SQL it stays an error, for it may decide."""
        missing = import_module("dbt.exceptions").EnvVarMissingError
        places = (("base", "BaseContext"), ("configured", "SchemaYamlContext"), ("secret", "SecretContext"))
        contexts = [getattr(import_module(f"dbt.context.{module}"), name) for module, name in places]
        asked = {context.env_var: _named_where(missing, context.env_var) for context in contexts}
        for context in _with_subclasses(contexts[0]):
            known = context._context_members_["env_var"]
            if known in asked:
                context.env_var = context._context_members_["env_var"] = asked[known]

    def _go_on_after_names(self) -> None:
        """A macro that would make a node's schema or alias, and cannot, leaves what the node says itself."""
        update = import_module("dbt.parser.base").RelationUpdate
        ask = update.__call__

        def ask_or_leave(update: Any, parsed_node: Any, override: Any) -> None:
            try:
                ask(update, parsed_node, override)
            except Exception:  # noqa: BLE001  as above
                if override:
                    setattr(parsed_node, update.component, override)

        update.__call__ = ask_or_leave

    def _note(self, node: Any, error: Exception) -> None:
        self.reasons.setdefault(node.unique_id, f"dbt cannot render it: {first_line(error)}")


def _leave_comments_out() -> None:
    """What a project writes before each query may need a package; no query is sent here."""
    header = import_module("dbt.adapters.base.query_headers").MacroQueryStringSetter
    header._get_comment_macro = lambda _setter: None  # noqa: SLF001


def _go_on_with_any_version() -> None:
    """Builds may need another dbt; what can be read of the project is read by this one."""
    project: Any = import_module("dbt.config.project")
    project.validate_version = lambda *_: None


def _named_where(missing: type[Exception], ask: Callable[..., Any]) -> Callable[..., Any]:
    def env_var(context: Any, var: str, default: str | None = None) -> Any:
        try:
            return ask(context, var, default)
        except missing:
            return var

    return env_var


def _with_subclasses(kind: Any) -> list[Any]:
    return [kind, *(below for one in kind.__subclasses__() for below in _with_subclasses(one))]


def _as_it_is(text: str, *_: Any, **__: Any) -> str:
    return text


def first_line(error: Exception) -> str:
    """What an error of dbt's says, without where it was raised."""
    text = str(getattr(error, "msg", "") or error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[:2])[:300] or type(error).__name__


def _package_name(package: Any) -> str:
    """What a line of `packages.yml` names."""
    names = (getattr(package, name, None) for name in ("package", "git", "local", "tarball", "private"))
    return str(next((name for name in names if name), "a package"))


def _recover(node: Any, templates: Any) -> None:
    """Takes the references that stand in a template to the letter; those that it works out stay unknown."""
    from dbt.artifacts.resources.v1.components import RefArgs

    for kind, names in (found for template in templates for found in _references(template)):
        if kind == "ref":
            reference = RefArgs(name=names[-1], package=names[0] if len(names) > 1 else None)
            if reference not in node.refs:
                node.refs.append(reference)
        elif list(names) not in node.sources:
            node.sources.append(list(names))


def _references(template: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The calls of `ref` and `source` in a template whose arguments are texts."""
    from dbt_common.clients.jinja import get_environment
    from jinja2 import TemplateError, nodes

    try:
        tree = get_environment(None, capture_macros=True).parse(template)
    except TemplateError:
        return
    for call in tree.find_all(nodes.Call):
        name = call.node.name if isinstance(call.node, nodes.Name) else ""
        texts = tuple(
            str(one.value) for one in call.args if isinstance(one, nodes.Const) and isinstance(one.value, str)
        )
        if name in {"ref", "source"} and texts and len(texts) == len(call.args):
            yield name, texts
