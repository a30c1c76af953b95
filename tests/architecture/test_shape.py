"""The house style, as far as a machine can see it: sizes, names, docstrings, exports, the environment."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import PurePath

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
DRAWERS = {"base", "common", "helper", "helpers", "manager", "misc", "shared", "util", "utils"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def test_no_module_is_longer_than_four_hundred_lines(sources):
    long = {str(source): lines for source in sources if (lines := len(source.text.splitlines())) > LONGEST_MODULE}

    assert long == {}


def test_no_function_is_longer_than_forty_lines(sources):
    long = {
        f"{source}:{node.lineno} {node.name}": lines
        for source in sources
        for node in functions(source.tree)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }

    assert long == {}


def test_no_module_or_folder_is_a_drawer(sources):
    drawers = [str(source) for source in sources if DRAWERS & set(PurePath(str(source)).with_suffix("").parts)]

    assert drawers == []


def test_every_module_class_and_public_function_has_a_docstring(sources):
    silent = [f"{source}:{place}" for source in sources for place in _undocumented(source.tree)]

    assert silent == []


def _undocumented(tree: ast.Module) -> Iterator[str]:
    if ast.get_docstring(tree) is None:
        yield "1 module"
    public = [node for node in _definitions(tree) if not node.name.startswith(("_", "test_"))]
    yield from (f"{node.lineno} {node.name}" for node in public if ast.get_docstring(node) is None)


def _definitions(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """What others can reach: the functions and classes of a module, and the methods of its public classes."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef):
            yield node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from (member for member in node.body if isinstance(member, Function) and not _is_overload(member))


def _is_overload(node: Function) -> bool:
    return any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)


def test_every_package_that_exports_says_what_in_plain_order(sources):
    wrong = [str(source) for source in sources if source.name.endswith("__init__.py") and not _exports_plainly(source)]

    assert wrong == []


def _exports_plainly(source) -> bool:
    """Whether `__all__` stands where names are brought in, is sorted, and holds only names that are there."""
    imports = [n for n in source.tree.body if isinstance(n, ast.ImportFrom) and n.module != "__future__"]
    parts = PurePath(source.name).parts
    package = importlib.import_module(".".join(parts[parts.index("src") + 1 : -1]))
    exported = getattr(package, "__all__", None)
    if exported is None:
        return not imports
    return list(exported) == sorted(set(exported)) and all(hasattr(package, name) for name in exported)


def test_only_settings_reads_the_environment(sources):
    readers = [str(source) for source in sources if _reads_environment(source.tree)]

    assert [name for name in readers if not name.endswith("lockgate/settings.py")] == []


def _reads_environment(tree: ast.Module) -> bool:
    """Whether a variable is asked for; handing the whole environment on to a child (`{**os.environ}`) asks nothing."""
    names = {"environ", "environb", "getenv", "getenvb"}
    handed_on = {
        value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if key is None
    }
    attributes = (ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n not in handed_on)
    imported = (a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "os" for a in n.names)
    return bool({f"os.{name}" for name in names} & set(attributes) or names & set(imported))
