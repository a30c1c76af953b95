"""Files of a commit, written out once beside the working tree, which is neither read nor touched.

Only objects are read, by `git rev-parse`, `ls-tree` and `cat-file` (git-scm.com/docs): no hook, filter, attribute or
transport of the repository has a part in it. What was written for a commit never changes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

from lockgate.adapters.git.plumbing import git
from lockgate.errors import CapabilityMissing, UnknownName

MOST_BYTES = 256 * 1024 * 1024
_FILE_MODES = frozenset({"100644", "100664", "100755"})
_SUBMODULE = "160000"
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_LONGEST_POINTER = 1024


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where a path of a commit was written, and what was left out of it and why."""

    path: Path
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    name: str
    size: int
    path: str


class Checkouts:
    """The commits of the repository that holds `folder`, written below `place`."""

    def __init__(self, folder: Path, place: Path) -> None:
        """Nothing is read yet."""
        self._folder = folder
        self._place = place

    def commit(self, revision: str) -> str:
        """The commit that a branch, tag or commit's name stands for now, in full.

        Raises:
            CapabilityMissing: there is no git, or no repository around the folder.
            UnknownName: the repository has no such revision.
        """
        if revision.startswith("-"):
            raise UnknownName(f"{revision!r} is no revision: a name does not begin with a hyphen", name=revision)
        self._prefix()
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        answer = git(self._folder, *words)
        if answer.code:
            hint = "Name a branch, tag or commit that this repository has; fetch it where it is new."
            raise UnknownName(f"the repository has no revision {revision!r}", hint=hint, name=revision)
        return answer.out.decode("ascii").strip()

    def checked_out(self, commit: str, path: Path) -> Checkout:
        """A file or folder as it is in a commit; written out where it is not yet, by whomever comes first.

        Raises:
            CapabilityMissing: it lies outside the repository, or is too large.
            UnknownName: the commit has no such path.
        """
        inside = self._inside(path)
        root = self._place / commit
        told = root / f".lockgate-{hashlib.sha256(inside.encode()).hexdigest()[:16]}.json"
        if told.is_file():
            return Checkout(root / inside, tuple(json.loads(told.read_text(encoding="utf-8"))))
        entries = self._entries(commit, inside)
        left_out = tuple(self._written(root, entries))
        _write(told, json.dumps(left_out).encode())  # last: what is written is whole once this is there
        return Checkout(root / inside, left_out)

    def _prefix(self) -> str:
        """The folder's own path from the top of the repository, with a slash; empty at the top."""
        answer = git(self._folder, "rev-parse", "--show-prefix")
        if answer.code:
            message = f"{self._folder.name} lies in no git repository that can be read"
            hint = "Take `revision` away, or make the folder part of a repository."
            raise CapabilityMissing(message, hint=hint)
        return answer.out.decode("utf-8", "surrogateescape").removesuffix("\n")

    def _inside(self, path: Path) -> str:
        """A path as the repository knows it."""
        relative = os.path.relpath(path, self._folder)
        inside = os.path.normpath(f"{self._prefix()}{PurePosixPath(relative)}")
        if inside == ".." or inside.startswith(("../", "/")):
            raise CapabilityMissing(f"{relative} lies outside the repository, so it has no revisions")
        return inside

    def _entries(self, commit: str, inside: str) -> tuple[_Entry, ...]:
        answer = git(self._folder, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", inside)
        entries = tuple(_entry(line) for line in answer.out.split(b"\0") if line)
        if answer.code or not entries:
            hint = "The path is looked for at that revision, from the project's folder."
            raise UnknownName(f"revision {commit[:12]} has no {inside}", hint=hint, name=inside)
        if sum(entry.size for entry in entries) > MOST_BYTES:
            raise CapabilityMissing(f"{inside} at revision {commit[:12]} has more than {MOST_BYTES:,} bytes")
        return entries

    def _written(self, root: Path, entries: Sequence[_Entry]) -> Iterator[str]:
        """Writes every plain file: what was left out, and why."""
        files = [entry for entry in entries if entry.mode in _FILE_MODES and _is_safe(entry.path)]
        for entry in entries:
            if entry not in files:
                yield f"{entry.path} (a {'submodule' if entry.mode == _SUBMODULE else 'link or an odd name'})"
        for entry, content in zip(files, self._contents(files), strict=True):
            if len(content) <= _LONGEST_POINTER and content.startswith(_POINTER):
                yield f"{entry.path} (kept by Git LFS)"
                continue
            _write(root / entry.path, content)

    def _contents(self, files: Sequence[_Entry]) -> Iterator[bytes]:
        """What `git cat-file --batch` says of each: a line that ends with the size, the content, a line's end."""
        asked = "".join(f"{entry.name}\n" for entry in files).encode()
        answer = git(self._folder, "cat-file", "--batch", given=asked)
        at = 0
        for entry in files:
            ends = answer.out.find(b"\n", at)
            head = answer.out[at:ends].split()
            if ends < 0 or len(head) != 3:  # noqa: PLR2004  (object, kind, size; "missing" stands in two)
                raise CapabilityMissing(f"the repository lacks what {entry.path} contained: it is shallow or damaged")
            at = ends + 1 + int(head[2]) + 1
            yield answer.out[ends + 1 : at - 1]


def _entry(line: bytes) -> _Entry:
    """A line of `git ls-tree -l`: mode, kind, object and size, then a tab and the path."""
    head, _, path = line.decode("utf-8", "surrogateescape").partition("\t")
    mode, _, name, size = head.split()
    return _Entry(mode, name, int(size) if size.isdigit() else 0, path)


def _is_safe(path: str) -> bool:
    """Whether a path stays where it is written; git itself makes no other, yet a tree can be made by hand."""
    parts = PurePosixPath(path).parts
    return not path.startswith("/") and not {"..", ".git", ""} & {part.lower() for part in parts}


def _write(path: Path, content: bytes) -> None:
    """Writes a file aside and puts it in its place whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{uuid4().hex}.aside")
    aside.write_bytes(content)
    aside.replace(path)
