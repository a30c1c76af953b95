"""What trying again does not help with; the tree is drawn in `lockgate.errors`."""

from __future__ import annotations

from lockgate.errors.roots import FatalError, Problem


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


class NotOnline(ConfigurationError):
    """A dbt model cannot answer records as it answers tables."""

    code = "LG107"
    hint = "Take away what stands in the way, or write `online: false` at the implementation: its rules answer."


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


class ExecutorRefused(DbtError):
    """Where dbt is to run, it was refused: it cannot run there so, or whoever asks may not ask that."""

    code = "LG507"
    hint = "Check what stands under `executors` in lockgate.yml; docs/howto/executors.md says what each needs."


class AlertError(FatalError):
    """A notice cannot be sent."""


class NoticeRefused(AlertError):
    """The receiver understood the notice, or the lineage event, and refused it, or cannot be asked at all."""

    code = "LG961"
    hint = "Mend the channel under `notifications`, try `lockgate notices test NAME`, then `lockgate notices retry`."


class FlowRuntimeError(FatalError):
    """A run of a flow cannot be begun or changed as asked."""


class RuntimeRefused(FlowRuntimeError):
    """The runtime understood the request and refused it, or is not what its address promises."""

    code = "LG971"
    hint = "Check url, username and password of the runtime in lockgate.yml, and what its user may do there."


class FlowMissing(FlowRuntimeError):
    """The runtime has no such flow, or cannot read its file."""

    code = "LG972"
    hint = "Compile it, `lockgate flow compile --to airflow`, and bring the files to where the runtime reads its own."


class FlowPaused(FlowRuntimeError):
    """The flow is paused in its runtime: a run would wait there for ever, so none was begun."""

    code = "LG973"
    hint = "Let it go on there: `airflow dags unpause FLOW`, or its switch on Airflow's pages."


class RunExists(FlowRuntimeError):
    """The runtime has a run of that id already, or one about that interval."""

    code = "LG974"
    hint = (
        "`lockgate flow status FLOW` shows the runs; have that one cleared in its runtime, or ask for another interval."
    )


class IntervalInvalid(FlowRuntimeError):
    """No run can be about that time: it ends before it begins, or lies centuries away."""

    code = "LG975"
    hint = "Ask for an interval whose end is not before its start."


class ComparisonInvalid(FatalError):
    """What was asked of a comparison does not fit the relations: a key, a column, a filter or a tolerance."""

    code = "LG901"
    hint = "Name columns as the left side does; `--map left=right` says what they are called on the right."


class CutoverInvalid(FatalError):
    """The route cannot be moved so from where it stands: that is no step forwards, or its keys have no buckets."""

    code = "LG951"
    hint = "`lockgate cutover status` shows where it stands."


class AccessError(FatalError):
    """Somebody is not let in, or may not do what they asked for."""


class SignInRefused(AccessError):
    """The name or the password is wrong, or the account is locked or disabled."""

    code = "LG751"
    hint = "Try again in a while; `lockgate govern user unlock NAME` ends a lock-out, `passwd` sets another password."


class TokenRefused(AccessError):
    """The token is not one that is valid here and now."""

    code = "LG752"
    hint = "Sign in again, or have another token made: `lockgate govern token add NAME`."


class PasswordRefused(AccessError):
    """The password is one that is guessed too easily, or cannot be used."""

    code = "LG753"
    hint = "Take a sentence of twelve characters or more that nobody else would think of."


class NotAllowed(AccessError):
    """None of the caller's roles allows that."""

    code = "LG754"
    hint = "Ask somebody with the role, or have an admin give it: `lockgate govern user roles NAME`."


class AccountRefused(AccessError):
    """The account or token cannot be made or changed so."""

    code = "LG755"
    hint = "`lockgate govern user list` and `lockgate govern token list` show those that there are."


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
