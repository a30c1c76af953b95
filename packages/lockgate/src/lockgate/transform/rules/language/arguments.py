"""The arguments of one node of a parsed expression.

A node with an argument that nobody asks for is refused, so that nothing that was written is left out silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from lockgate.transform.rules.language.typed import Mismatch, Typed

# What the parser adds of its own accord.
_SILENT = {"safe", "typed", "is_left", "single_replace"}


@dataclass(frozen=True, slots=True)
class Arguments:
    """A node's arguments, read on demand."""

    node: exp.Expr
    read_all: Callable[[Sequence[exp.Expr]], list[Typed]]

    def read(self, *names: str) -> list[Typed]:
        """The arguments of those names, those that are there; lists are spread out.

        Raises:
            Mismatch: the node has an argument that is not named.
        """
        self.only(*names)
        return self.read_all([part for name in names for part in listed(self.node.args.get(name))])

    def only(self, *names: str) -> None:
        """Refuse arguments other than those named.

        Raises:
            Mismatch: there is one.
        """
        told = {name for name, value in self.node.args.items() if value not in (None, False, [])}
        if told - set(names) - _SILENT:
            shown = self.node.sql("postgres")
            raise Mismatch(f"`{shown[:60]}` is written in a way that rules do not have", "See docs/reference/rules.md.")

    def text(self, name: str, what: str) -> str:
        """A literal text.

        Raises:
            Mismatch: it is anything else.
        """
        node = self.node.args.get(name)
        if not isinstance(node, exp.Literal) or not node.is_string:
            raise Mismatch(f"{what} must be a literal text")
        return str(node.this)

    def number(self, name: str, what: str, *, least: int, most: int) -> int:
        """A literal whole number.

        Raises:
            Mismatch: it is anything else, or out of bounds.
        """
        node = self.node.args.get(name)
        if not isinstance(node, exp.Literal) or node.is_string or not str(node.this).isdigit():
            raise Mismatch(f"{what} must be a whole number, written out")
        if not least <= int(node.this) <= most:
            raise Mismatch(f"{what} must be {least} to {most:,}")
        return int(node.this)


def listed(value: object) -> list[exp.Expr]:
    """An argument as a list."""
    if isinstance(value, list):
        return [part for part in value if isinstance(part, exp.Expr)]
    return [value] if isinstance(value, exp.Expr) else []
