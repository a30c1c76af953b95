"""The whole error tree, branched by what the caller should do: fix something, or try again.

LockgateError
├── FatalError                  trying again will not help
│   ├── ConfigurationError
│   │   ├── ProjectInvalid      LG101
│   │   ├── UnknownName         LG102
│   │   ├── SecretMissing       LG103
│   │   ├── ExtraMissing        LG104
│   │   ├── CapabilityMissing   LG105
│   │   └── ControlPlaneNewer   LG106
│   ├── RuleError
│   │   ├── RuleSetInvalid      LG201
│   │   └── RuleCaseFailed      LG202
│   ├── LoadError
│   │   ├── SourceRefused       LG301
│   │   ├── SourceInconsistent  LG302
│   │   └── ContractBroken      LG303
│   ├── WarehouseError
│   │   ├── StatementFailed     LG401
│   │   ├── StaleToken          LG402
│   │   ├── DependentsInTheWay  LG403
│   │   ├── OutputInvalid       LG404
│   │   ├── DiskFull            LG405
│   │   └── AccessRefused       LG406
│   ├── DbtError
│   │   ├── DbtProjectInvalid   LG501
│   │   ├── WorkshopEscaped     LG502
│   │   ├── DbtFailed           LG503
│   │   ├── DbtTimedOut         LG504
│   │   ├── DbtCancelled        LG505
│   │   └── DbtTestFailed       LG506
│   ├── AlertError
│   │   └── NoticeRefused       LG961
│   ├── ComparisonInvalid       LG901
│   ├── CutoverInvalid          LG951
│   └── JobError
│       ├── EngineOff           LG701
│       ├── KeyReused           LG702
│       ├── JobFinal            LG703
│       ├── JobSetAside         LG704
│       └── JobCancelled        LG705
└── RetryableError              the same call may succeed later
    ├── SourceUnavailable       LG601
    ├── WarehouseUnavailable    LG602
    ├── TargetBusy              LG603
    ├── PublishBlocked          LG604
    ├── ControlPlaneUnavailable LG605
    ├── DbtProcessLost          LG606
    └── NoticeUnavailable       LG962
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a project's files: where it is, what it is, what to do."""

    message: str
    file: str
    line: int
    remedy: str = ""

    def __str__(self) -> str:
        """The problem as one line, `file:line: message (remedy)`."""
        tail = f" ({self.remedy})" if self.remedy else ""
        return f"{self.file}:{self.line}: {self.message}{tail}"


class LockgateError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = ""
    hint: ClassVar[str] = ""

    def __init__(self, message: str | None = None, *, hint: str | None = None, **fields: object) -> None:
        """Say what happened; `fields` are the facts a program may read, never row values or secrets."""
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.remedy = type(self).hint if hint is None else hint
        self.fields = fields
        super().__init__(self.message)


class FatalError(LockgateError):
    """Trying again will not help."""


class RetryableError(LockgateError):
    """The same call may succeed later."""


class ConfigurationError(FatalError):
    """The project or its surroundings are not set up."""


class ProjectInvalid(ConfigurationError):
    """The project's files have problems."""

    code = "LG101"
    hint = "Mend the lines named; `lockgate check` shows all problems at once."

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Report every problem of the project at once."""
        self.problems = problems
        lines = "\n".join(str(problem) for problem in problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__(f"{count} in the project's files:\n{lines}", problems=problems)


class UnknownName(ConfigurationError):
    """There is nothing of that name."""

    code = "LG102"
    hint = "Use one of the names the project declares."


class SecretMissing(ConfigurationError):
    """A secret that the project refers to is not set."""

    code = "LG103"
    hint = "Set LOCKGATE_SECRET_<NAME>, or put the value in the secrets folder under the secret's name."


class ExtraMissing(ConfigurationError):
    """An optional part of Lockgate that the project needs is not installed."""

    code = "LG104"
    hint = "Install the extra that is named: pip install 'lockgate[<extra>]'."


class CapabilityMissing(ConfigurationError):
    """The target cannot do what the project asks of it."""

    code = "LG105"
    hint = "Choose another target or take the setting away; docs/reference/targets.md lists capabilities."


class ControlPlaneNewer(ConfigurationError):
    """A later Lockgate has upgraded the control plane, so this one does not touch it."""

    code = "LG106"
    hint = "Update Lockgate on this machine, or point LOCKGATE_CONTROL_URL to another database."


class RuleError(FatalError):
    """A rule set cannot be used."""


class RuleSetInvalid(RuleError):
    """A rule set has an expression or a name that cannot be compiled."""

    code = "LG201"
    hint = "`lockgate check` shows the line and what may stand there."


class RuleCaseFailed(RuleError):
    """A case of a rule set gave other rows than it states."""

    code = "LG202"
    hint = "Compare the expected and the actual rows; change the rule or the case."


class LoadError(FatalError):
    """A load cannot be finished; what was landed before still serves."""


class SourceRefused(LoadError):
    """The source understood the request and refused it."""

    code = "LG301"
    hint = "Check the source's address, its credentials and the stream's name."


class SourceInconsistent(LoadError):
    """The source's answers contradict each other, so nothing of the load was landed."""

    code = "LG302"
    hint = "Run the load again; if it comes back, tell whoever runs the source which page it was."


class ContractBroken(LoadError):
    """The source's columns are not those of the stream's contract."""

    code = "LG303"
    hint = "Change the stream's columns, or let it evolve: `on_new_column: evolve`."


class WarehouseError(FatalError):
    """A target refused or failed a statement."""


class StatementFailed(WarehouseError):
    """The target failed a statement."""

    code = "LG401"
    hint = "The message is the database's own; mend the SQL it names."


class StaleToken(WarehouseError):
    """A newer decision about the entity's route has been taken, so this late one was refused."""

    code = "LG402"
    hint = "Look at `lockgate cutover status`; repeat the command if it is still wanted."


class DependentsInTheWay(WarehouseError):
    """The contract changed and other objects depend on the served view, so it was left as it is."""

    code = "LG403"
    hint = "Drop or change the objects named, or add new columns at the end of the contract only."


class OutputInvalid(WarehouseError):
    """An implementation's output breaks its entity's contract, so it was not published."""

    code = "LG404"
    hint = "Look at the rows that the message counts; the edition before still serves."


class DiskFull(WarehouseError):
    """There is no room left on the disk, so nothing was changed."""

    code = "LG405"
    hint = "Free some room, then run the same command again."


class AccessRefused(WarehouseError):
    """The target refused access."""

    code = "LG406"
    hint = "Grant the role what docs/reference/targets.md lists."


class DbtError(FatalError):
    """A dbt project cannot be used or failed."""


class DbtProjectInvalid(DbtError):
    """The dbt project cannot be parsed."""

    code = "LG501"
    hint = "The message is dbt's own; `dbt parse` in the project's folder shows the same."


class WorkshopEscaped(DbtError):
    """The dbt project would build outside its workshop, so nothing was run."""

    code = "LG502"
    hint = "Let `generate_schema_name` and `generate_database_name` use the target's schema and database."


class DbtFailed(DbtError):
    """A dbt node failed; the edition before still serves."""

    code = "LG503"
    hint = "Mend the node that is named; its compiled SQL is in the file given."


class DbtTimedOut(DbtError):
    """The dbt invocation took longer than it may, and was stopped."""

    code = "LG504"
    hint = "Raise the implementation's `timeout`, or make its models cheaper."


class DbtCancelled(DbtError):
    """The dbt invocation was cancelled."""

    code = "LG505"
    hint = "Run it again when it is wanted."


class DbtTestFailed(DbtError):
    """A dbt test found rows it must not find; the edition before still serves."""

    code = "LG506"
    hint = "Look at the rows that the test's SQL finds; mend the data or the model."


class AlertError(FatalError):
    """A notice cannot be sent."""


class NoticeRefused(AlertError):
    """The receiver understood the notice and refused it, or cannot be asked at all."""

    code = "LG961"
    hint = "Mend the channel under `notifications`, try `lockgate notices test NAME`, then `lockgate notices retry`."


class ComparisonInvalid(FatalError):
    """What was asked of a comparison does not fit the relations: a key, a column, a filter or a tolerance."""

    code = "LG901"
    hint = "Name columns as the left side does; `--map left=right` says what they are called on the right."


class CutoverInvalid(FatalError):
    """The route cannot be moved so from where it stands: that is no step forwards, or its keys have no buckets."""

    code = "LG951"
    hint = "`lockgate cutover status` shows where it stands."


class JobError(FatalError):
    """A job cannot be done, or cannot be changed as asked."""


class EngineOff(JobError):
    """dbt is switched off, and the entity has no rule set that could answer in its place."""

    code = "LG701"
    hint = "Switch it on with `lockgate dbt enable`, or give the entity an implementation by rules."


class KeyReused(JobError):
    """The idempotency key was sent before, with another body."""

    code = "LG702"
    hint = "Send the body that the key was first sent with, or another key."


class JobFinal(JobError):
    """The job's state does not allow that any more."""

    code = "LG703"
    hint = "A job can be cancelled until it ends, and retried once it failed or was cancelled."


class JobSetAside(JobError):
    """Every worker that began the execution died of it or lost it, so it is not begun again."""

    code = "LG704"
    hint = "Find out what kills the workers (memory, a crash in dbt's process), then `lockgate jobs retry`."


class JobCancelled(JobError):
    """The job was cancelled before it ended."""

    code = "LG705"
    hint = "Submit it again, or `lockgate jobs retry`."


class SourceUnavailable(RetryableError):
    """The source did not answer, or answered with a failure of its own, after all retries."""

    code = "LG601"
    hint = "Nothing of the load was landed; run it again when the source is back."


class WarehouseUnavailable(RetryableError):
    """The target did not answer."""

    code = "LG602"
    hint = "Check that the database runs and that its address is right."


class TargetBusy(RetryableError):
    """Another run holds the target."""

    code = "LG603"
    hint = "Wait for it, or raise --wait."


class PublishBlocked(RetryableError):
    """A reader kept the served view locked, so the edition was not switched; readers lost nothing."""

    code = "LG604"
    hint = "End the sessions named (often idle in transaction), then run again."


class ControlPlaneUnavailable(RetryableError):
    """The control plane's database did not answer."""

    code = "LG605"
    hint = "Check LOCKGATE_CONTROL_URL, the file's rights, and that the database runs."


class DbtProcessLost(RetryableError):
    """The process that ran dbt ended before its work did; the edition before still serves."""

    code = "LG606"
    hint = "Run it again; if it comes back, give the machine more memory or let each model read less at a time."


class NoticeUnavailable(RetryableError):
    """The receiver of a notice did not answer, or was busy; the notice is kept and sent again."""

    code = "LG962"
    hint = "`lockgate notices list` shows when it is tried again."
