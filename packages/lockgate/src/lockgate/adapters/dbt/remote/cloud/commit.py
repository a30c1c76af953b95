"""Which commit a dbt project is: dbt Cloud runs what its repository has, and not the files that lie here."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.adapters.git.plumbing import git
from lockgate.errors import ExecutorRefused


def commit_of(project: Path) -> str:
    """The commit whose files a project's folder has, in full.

    Raises:
        ExecutorRefused: the folder is in no repository, or has what is not committed.
    """
    for folder in project.parents:  # where Lockgate wrote a revision's files, their folder is called after it
        if re.fullmatch(r"[0-9a-f]{40}", folder.name) and any(folder.glob(".lockgate-*.json")):
            return folder.name
    tracked = git(project, "ls-files", "--error-unmatch", "--", "dbt_project.yml")
    head = git(project, "rev-parse", "--verify", "--quiet", "HEAD")
    if tracked.code or head.code:
        hint = "dbt Cloud runs a commit of the repository that its job is bound to: commit the project there."
        raise ExecutorRefused("the dbt project is not part of a git repository", hint=hint)
    changed = git(project, "status", "--porcelain", "-z", "--untracked-files=all", "--", ".")
    if changed.code or changed.out:
        names = [each[3:].decode("utf-8", "replace") for each in changed.out.split(b"\0") if each][:5]
        hint = "Commit and push them; dbt Cloud would run the commit without them."
        raise ExecutorRefused(f"these files of the dbt project are not committed: {', '.join(names)}", hint=hint)
    return head.out.decode("ascii").strip()
