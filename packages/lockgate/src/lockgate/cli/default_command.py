"""A group of commands of which one may be called without its name."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

DEFAULT = "show"


class DefaultGroup(TyperGroup):
    """Takes `show` for what begins with no command's name, as with an entity's or an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, `show` before them where no command and no help is asked for."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
