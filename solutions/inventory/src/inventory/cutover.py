"""The second half of the demo: users move from rules to dbt, and a bad change is caught before anybody reads it."""

from __future__ import annotations

import shutil
from pathlib import Path

from inventory.consumer import QUERY, Seen, consuming, reader_of
from inventory.stage import Terminal, say, shown

MODEL = "dbt/models/core/fct_users.sql"
RIGHT = "{{ map_department('department_code') }}"
WRONG = "case when user_id % 97 = 0 then 'Sales' else {{ map_department('department_code') }} end"
_LEFT_BEHIND = shutil.ignore_patterns(".lockgate", "warehouse", "target", "logs", "src", "tests", "__pycache__")


def copied(project: Path) -> Path:
    """A copy of the solution whose users are not under way yet: only rules are built."""
    folder = project / ".lockgate" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project, folder, ignore=_LEFT_BEHIND)
    file = folder / "lockgate.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("stage: promoted", "stage: off"), encoding="utf-8")
    say("\n━━ From rules to dbt: in the shadow, for 5 % of the users, through the gate, for all ━━")
    say("# a copy of the solution in which rules answer for everything (stage: off)")
    say(f"\n$ cd {shown(folder)}")
    return folder


def walked(terminal: Terminal, target: str) -> bool:
    """Types the commands of a cutover and of what comes after it: whether each ended as it should."""
    options = () if target == "main" else ("--target", target)
    read = reader_of(terminal.folder, terminal.environment.get("LOCKGATE_SECRET_WAREHOUSE_URL", ""))
    if not terminal.lockgate("run", "--select", "users", options=options):
        return False
    with consuming(read) as seen:
        is_as_told = _promoted(terminal, options) and _caught(terminal, options)
    if is_as_told:
        _tell(seen)
    return is_as_told and seen.is_right


def _promoted(terminal: Terminal, options: tuple[str, ...]) -> bool:
    say("\n# from here on somebody reads the users four times a second")
    commands = (
        ("cutover", "plan", "users", "--to", "canary", "--share", "5%"),
        ("cutover", "apply", "users-1"),
        ("cutover", "status", "users"),
        ("cutover", "promote", "users"),
    )
    return all(terminal.lockgate(*command, options=options) for command in commands)


def _caught(terminal: Terminal, options: tuple[str, ...]) -> bool:
    """Changes one line of the promoted model: about 1 % of the users get another department, and every test passes."""
    say("\n━━ A month later: a change that is wrong for 1 % of the users, and that every test lets through ━━")
    model = terminal.folder / MODEL
    model.write_text(model.read_text(encoding="utf-8").replace(RIGHT, WRONG), encoding="utf-8")
    terminal.typed("diff", f"../../{MODEL}", MODEL)
    say("\n# the next run builds it, compares it before anybody reads it, and rolls back by itself (exit code 1)")
    if not terminal.lockgate("run", "--skip-load", "--select", "users", options=options, ends_with=1):
        return False
    say("\n# nor does the gate let it through again (exit code 1)")
    return terminal.lockgate("cutover", "promote", "users", options=options, ends_with=1)


def _tell(seen: Seen) -> None:
    """What was seen, and where to look."""
    found = "every row was right" if seen.is_right else f"{seen.wrong:,} rows were wrong: {seen.failures[:1]}"
    say("\n━━ What was seen ━━")
    say(f"  {QUERY}")
    say(f"  read {seen.reads:,} times meanwhile, {seen.rows:,} rows in all: {found}")
    say("  rules → dbt  shadow, compared three times · 5 % · gate parity: go · 100 %")
    say("  dbt changed  built and held back · compared · rolled back by itself · gate parity: no-go")
    say("Where to look, in the folder above:")
    say("  lockgate cutover decisions users           who decided what, when, and why")
    say("  lockgate compare users@rules users@dbt     which rows differ, and what they have in common")
    say("  lockgate evidence list users               what the gate saw")
