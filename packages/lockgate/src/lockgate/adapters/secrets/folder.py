"""Secrets in files of a folder, one file a secret, as Docker and Kubernetes mount them."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from lockgate.errors import SecretMissing

OTHERS = stat.S_IRWXG | stat.S_IRWXO
LARGEST_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class FolderSecrets:
    """Finds `secret://warehouse-url` in the file `warehouse-url`, which nobody but its owner may read."""

    def __init__(self, folder: Path) -> None:
        """Look into `folder`."""
        self._folder = folder
        self.place = f"files in {folder}"

    def find(self, name: str) -> str | None:
        """The file's text without the line end at its end; None where there is no such file.

        Raises:
            SecretMissing: others may read the file, or it is no text of at most 64 KiB.
        """
        if not _NAME.fullmatch(name):
            return None
        try:
            with (self._folder / name).open("rb") as file:
                return _text(name, os.fstat(file.fileno()), file.read(LARGEST_BYTES + 1))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(name, f"cannot be read: {error.strerror}", "Check its rights.") from error


def _text(name: str, facts: os.stat_result, content: bytes) -> str:
    """A secret file's content, where it may be trusted."""
    if facts.st_mode & OTHERS:
        raise _unusable(name, "may be read by others", f"chmod 600 {name}")
    if len(content) > LARGEST_BYTES:
        raise _unusable(name, "is larger than 64 KiB", "Keep the secret alone in its file.")
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _unusable(name, "is not UTF-8 text", "Save it in UTF-8.") from None


def _unusable(name: str, why: str, hint: str) -> SecretMissing:
    """The error for a secret that is there and cannot be used."""
    return SecretMissing(f"the file of the secret {name!r} {why}", hint=hint, name=name)
