"""Reads YAML into plain data and remembers the line of every key and value, so that problems can say where they are.

Files are read by YAML 1.2's core schema, as editors do: `off`, `no` and dates are text; only `true`, `false`, `null`
and numbers are more than that. Keys are always text. Nothing in a file can make Python do anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from lockgate.errors import Problem, ProjectInvalid

KeyPath: TypeAlias = tuple[str | int, ...]
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"

LARGEST_FILE_BYTES = 1024 * 1024
DEEPEST_NESTING = 50
MOST_VALUES = 100_000

_TAG = "tag:yaml.org,2002:"
_RESOLVERS = {
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), "~nN\0"),
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"),
    "int": (re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), "-+0123456789"),
    "float": (re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), "-+.0123456789"),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain data, with the lines of its keys and values; `file` is the name that problems bear.

    `problems` are those of keys and values that `data` is without. `parts` are the places of `data` that other files
    declare.
    """

    file: str
    data: Plain
    key_lines: Mapping[KeyPath, int] = field(repr=False)
    value_lines: Mapping[KeyPath, int] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    parts: Mapping[KeyPath, Document] = field(default_factory=dict["KeyPath", "Document"], repr=False)

    def line(self, path: Sequence[str | int]) -> int:
        """The line, from 1, of the key or list item at `path`; of the nearest part above it where it is missing."""
        return _nearest(self.key_lines, path)

    def value_line(self, path: Sequence[str | int]) -> int:
        """The line where the value at `path` starts; a block of text starts one below its `|` or `>`."""
        return _nearest(self.value_lines, path)

    def problem(self, path: Sequence[str | int], message: str, remedy: str = "") -> Problem:
        """A problem with the key or list item at `path`, in the file that declares it."""
        place, inside = self._place(tuple(path))
        return Problem(message, place.file, place.line(inside), remedy)

    def _place(self, path: KeyPath) -> tuple[Document, KeyPath]:
        """The document that declares a path, and the path there."""
        inside = next((known for known in self.parts if path[: len(known)] == known), None)
        return (self, path) if inside is None else (self.parts[inside], path[len(inside) :])


def read_yaml(path: Path, *, file: str, lenient: bool = False) -> Document:
    """The document in the file at `path`; problems call it `file`. With `lenient`, as `parse_yaml` says.

    Raises:
        ProjectInvalid: it cannot be read, is larger than 1 MiB, or is not YAML as `parse_yaml` wants it.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise _refused(
            f"the file cannot be read: {error.strerror}", file, 1, "Check its name and its rights."
        ) from error
    if len(content) > LARGEST_FILE_BYTES:
        raise _refused("the file is larger than 1 MiB", file, 1, "Split it; a project's files are read by people.")
    try:
        return parse_yaml(content.decode("utf-8-sig"), file=file, lenient=lenient)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _refused("the file is not UTF-8 text", file, line, "Save it in UTF-8.") from error


def parse_yaml(text: str, *, file: str, lenient: bool = False) -> Document:
    """The one document in `text`, None where it is empty.

    With `lenient`, wrong keys and values are in the document's problems, so that the rest can be looked at further.

    Raises:
        ProjectInvalid: it is no YAML (one problem, with its line), is nested deeper than 50, or has more than 100,000
            values with all aliases written out; or, unless `lenient`, it has keys that stand twice, keys that are no
            text, tags, or values that nothing keeps.
    """
    try:
        node = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise _refused(f"this is not valid YAML: {_story(error)}", file, line, _remedy(error)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refused("a control character stands here", file, line, "Take it out.") from error
    document = _Builder(file).document(node)
    if document.problems and not lenient:
        raise ProjectInvalid(document.problems)
    return document


def _refused(message: str, file: str, line: int, remedy: str) -> ProjectInvalid:
    """The error for a file that could not be read any further."""
    return ProjectInvalid((Problem(message, file, line, remedy),))


def _story(error: yaml.MarkedYAMLError) -> str:
    """What PyYAML says is wrong, on one line."""
    return ", ".join(part for part in (error.context, error.problem) if part).replace("\n", " ")


def _remedy(error: yaml.MarkedYAMLError) -> str:
    """What to do about the usual slips."""
    said = _story(error)
    if "\\t" in said:
        return "Indent with blanks, not with tabs."
    if "mapping values are not allowed" in said:
        return "Quote the text that holds a colon, or check the indentation."
    if "anchor" in said or "alias" in said:
        return "Write the value out."
    return "Check the indentation, brackets and quotes here and just above."


def _nearest(lines: Mapping[KeyPath, int], path: Sequence[str | int]) -> int:
    """The line of `path`, or of the longest part of it that has one."""
    wanted = tuple(path)
    while wanted not in lines and wanted:
        wanted = wanted[:-1]
    return lines.get(wanted, 1)


class _Loader(yaml.SafeLoader):
    """A loader that resolves plain scalars by the core schema and refuses to nest too deep."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        """Read `text`."""
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node; deeper than any project file is, it ends here."""
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, f"values are nested deeper than {DEEPEST_NESTING}", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


for _name, (_pattern, _first) in _RESOLVERS.items():
    _Loader.add_implicit_resolver(_TAG + _name, _pattern, ["" if letter == "\0" else letter for letter in _first])


class _TooMany(Exception):
    """Aliases multiply into more values than a file may have."""


class _Builder:
    """Walks composed nodes into plain data, noting lines and problems."""

    def __init__(self, file: str) -> None:
        """Start with nothing noted."""
        self._file = file
        self._problems: list[Problem] = []
        self._keys: dict[KeyPath, int] = {}
        self._values: dict[KeyPath, int] = {}

    def document(self, node: yaml.Node | None) -> Document:
        """The finished document, with every problem found on the way.

        Raises:
            ProjectInvalid: aliases multiply into too many values.
        """
        try:
            data = None if node is None else self._value(node, (), _line(node))
        except _TooMany:
            message, remedy = f"aliases make more than {MOST_VALUES:,} values", "Write the values out."
            raise _refused(message, self._file, 1, remedy) from None
        problems = tuple(sorted(self._problems, key=lambda problem: problem.line))
        return Document(self._file, data, self._keys, self._values, problems)

    def _value(self, node: yaml.Node, path: KeyPath, key_line: int) -> Plain:
        """A node as plain data."""
        if len(self._values) >= MOST_VALUES or len(path) > DEEPEST_NESTING:
            raise _TooMany
        self._keys[path], self._values[path] = key_line, _line(node)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return {key: self._value(value, (*path, key), line) for key, line, value in self._entries(node)}
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self._value(item, (*path, index), _line(item)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _entries(self, node: yaml.MappingNode) -> Iterator[tuple[str, int, yaml.Node]]:
        """The entries of a mapping: key, the key's line, value; the first where a key stands twice."""
        seen: dict[str, int] = {}
        for key, value in node.value:
            name = self._text(key) if isinstance(key, yaml.ScalarNode) else None
            if name is None:
                self._add("a key must be text", _line(key), "Write `key: value`; quote a key that holds brackets.")
            elif name in seen:
                first = f"it already stands on line {seen[name]}"
                self._add(f"the key {name!r} stands twice: {first}", _line(key), "Keep one of them.")
            else:
                seen[name] = _line(key)
                yield name, _line(key), value

    def _scalar(self, node: yaml.Node) -> Plain:
        """A scalar as text, number, truth value or None."""
        name, text = node.tag.removeprefix(_TAG), node.value
        if isinstance(node, yaml.ScalarNode) and name == "str":
            return self._text(node)
        if isinstance(node, yaml.ScalarNode) and name in _RESOLVERS and _RESOLVERS[name][0].match(text):
            return self._resolved(name, text, node)
        self._add(f"the tag {node.tag!r} has no meaning here", _line(node), "Take the tag away.")
        return None

    def _text(self, node: yaml.ScalarNode) -> str | None:
        """A scalar's text, with escaped surrogate pairs joined as JSON means them."""
        try:
            text = str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" not in text:
            return text
        self._add("this text holds a character that no database keeps", _line(node), "Take the escape out.")
        return None

    def _resolved(self, name: str, text: str, node: yaml.Node) -> Plain:
        """The value of a scalar whose kind is known."""
        if name == "null":
            return None
        if name == "bool":
            return text.lower() == "true"
        number = _number(name, text)
        if number is None:
            self._add("this number is too large", _line(node), "Quote it where it is meant as text.")
        return number

    def _add(self, message: str, line: int, remedy: str) -> None:
        """Notes a problem."""
        self._problems.append(Problem(message, self._file, line, remedy))


def _number(name: str, text: str) -> int | float | None:
    """The number that `text` writes; None where it is past what Python reads (4,300 digits, 1e308)."""
    try:
        if name == "int":
            return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _line(node: yaml.Node) -> int:
    """The line, from 1, on which a node starts."""
    return int(node.start_mark.line) + 1
