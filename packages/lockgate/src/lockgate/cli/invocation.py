"""The global options of one call, and the `App` they open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lockgate.app import App


@dataclass(frozen=True, slots=True)
class Invocation:
    """`--project` and `--target` as given."""

    project: Path | None
    target: str | None


@contextmanager
def opened(context: typer.Context, *, may_be_invalid: bool = False) -> Iterator[App]:
    """The project's `App`, closed again at the end; `may_be_invalid` as for `App.open`."""
    from lockgate.app import App

    invocation: Invocation = context.obj
    with App.open(invocation.project, target=invocation.target, may_be_invalid=may_be_invalid) as app:
        yield app
