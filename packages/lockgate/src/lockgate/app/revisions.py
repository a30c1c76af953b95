"""Implementations that name a git revision: which commit that is now, and where its files were written."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lockgate.adapters.logs.structured import warn
from lockgate.core.legible import cut

if TYPE_CHECKING:
    from lockgate.adapters.git import Checkout, Checkouts
    from lockgate.core.entity import Implementation

_Place = tuple[str, Path]


class Revisions:
    """The revisions of a project's implementations; each name is resolved once, until it is forgotten."""

    def __init__(self, folder: Path, state: Path) -> None:
        """Files are written below `state`; nothing is resolved yet."""
        self._folder = folder
        self._state = state
        self._commits: dict[str, str] = {}
        self._known: dict[_Place, Checkout] = {}
        self._turn = Lock()

    @cached_property
    def _checkouts(self) -> Checkouts:
        from lockgate.adapters.git import Checkouts

        return Checkouts(self._folder, self._state / "revisions")

    def forget(self) -> None:
        """Has every name resolved again when it is next asked for: branches move."""
        with self._turn:
            self._commits.clear()

    def located(self, implementation: Implementation) -> Implementation:
        """The implementation with the commit in place of the revision's name, and the path where its files are.

        One that names no revision is as it was.

        Raises:
            CapabilityMissing: there is no git, or no repository around the project.
            UnknownName: the repository has no such revision, or that has no such path.
        """
        if not implementation.git_revision:
            return implementation
        with self._turn:
            commit = self._commits.get(implementation.git_revision)
            if commit is None:
                commit = self._checkouts.commit(implementation.git_revision)
                self._commits[implementation.git_revision] = commit
            found = self._checkout(commit, implementation.path)
        return replace(implementation, git_revision=commit, path=found.path)

    def _checkout(self, commit: str, path: Path) -> Checkout:
        known = self._known.get((commit, path))
        if known is None or not known.path.exists():
            known = self._checkouts.checked_out(commit, path)
            if known.left_out and (commit, path) not in self._known:
                warn(f"left out of revision {commit[:12]}: {cut(', '.join(known.left_out))}")
            self._known[commit, path] = known
        return known
