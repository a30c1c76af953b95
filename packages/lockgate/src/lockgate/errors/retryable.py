"""What may succeed when it is tried again later; the tree is drawn in `lockgate.errors`."""

from __future__ import annotations

from lockgate.errors.roots import RetryableError


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


class SignInBusy(RetryableError):
    """Too many are signing in at the same moment."""

    code = "LG607"
    hint = "Try again in a few seconds."


class RuntimeUnavailable(RetryableError):
    """What runs flows did not answer or did not start."""

    code = "LG608"
    hint = "Look into its logs, and check that its address is right."


class ExecutorUnavailable(RetryableError):
    """Where dbt is to run, nothing answers, or it is too busy; what runs there goes on."""

    code = "LG609"
    hint = "Check that it runs and that its address under `executors` is right, then run it again: what runs is met."


class QueueFull(RetryableError):
    """Too many requests wait to be answered; nothing of this one was begun."""

    code = "LG610"
    hint = "Send it again after `Retry-After`, or send fewer at once."


class NotReady(RetryableError):
    """A dbt model is being made ready for records; nobody else can answer them."""

    code = "LG612"
    hint = "Send it again in some seconds; it happens after a start, and when files or loads have changed."


class WaitedTooLong(RetryableError):
    """The request waited for longer than it may; nothing of it was begun."""

    code = "LG611"
    hint = "Send it again a little later, or send fewer at once."


class NoticeUnavailable(RetryableError):
    """The receiver of a notice or lineage event did not answer, or was busy; it is kept and sent again."""

    code = "LG962"
    hint = "`lockgate notices list`, or `lockgate lineage events`, shows when it is tried again."
