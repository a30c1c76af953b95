"""The flow `nightly` as tasks of Luigi.

Each calls a command, in the project's folder.

Written by `lockgate flow compile --to luigi`: change lockgate.yml, and compile it again.

Lines for the crontab; a run that is done already, on days without one too, is not done again:
    CRON_TZ=America/New_York
    0 5 * * * luigi --module nightly Nightly $(lockgate flow interval nightly)
"""

import os
import signal
import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import luigi

PROJECT = Path(os.environ.get("LOCKGATE_PROJECT") or Path(__file__).resolve().parents[2])
STATE = Path(os.environ.get("LOCKGATE_STATE_DIR") or PROJECT / ".lockgate") / "luigi"


class Step(luigi.Task):
    """A step of a run: its command, done when its marker for the run's interval is there."""

    task_namespace = "nightly"
    start = luigi.Parameter(description="When the interval begins that the run is about: ISO 8601, with its offset.")
    end = luigi.Parameter(description="When it ends.")
    step = ""
    timeout_seconds = 0

    @property
    def date(self):
        """The day on which the interval begins."""
        moment = datetime.fromisoformat(self.start)
        return moment.astimezone(ZoneInfo("America/New_York")).date().isoformat()

    @property
    def worker_timeout(self):
        """Seconds after which Luigi itself ends the process, where the command has not been stopped before."""
        return self.timeout_seconds + 60

    def command(self):
        """The program and its arguments."""
        raise NotImplementedError

    def output(self):
        """The step's marker."""
        return luigi.LocalTarget(STATE / "nightly" / self.end / self.step)

    def run(self):
        """Runs the command, and stops it with all that it started where it takes too long."""
        environment = {
            **os.environ,
            "LOCKGATE_FLOW_STEP": f"nightly/{self.step}",
            "LOCKGATE_FLOW_RUN": f"luigi/{self.end}",
            "LOCKGATE_FLOW_INTERVAL": f"{self.start}/{self.end}",
        }
        command = self.command()
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            code = process.wait(self.timeout_seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        if code != 0:
            raise subprocess.CalledProcessError(code, command)
        with self.output().open("w") as marker:
            marker.write(self.end)


class Load(Step):
    step = "load"
    retry_count = 3
    timeout_seconds = 14400
    priority = 5
    resources = {"warehouse": 1}

    def command(self):
        return ["lockgate", "load", "files.orders"]


class Since(Step):
    step = "since"
    retry_count = 1
    timeout_seconds = 14400

    def command(self):
        return ["lockgate", "load", "files.items", "--since", self.start, "--until", self.end]


class Build(Step):
    step = "build"
    retry_count = 1
    timeout_seconds = 1800

    def requires(self):
        return [self.clone(Load), self.clone(Since)]

    def command(self):
        return ["lockgate", "run", "--skip-load", "--hold", "--select", "orders"]


class Publish(Step):
    step = "publish"
    retry_count = 1
    timeout_seconds = 14400

    def requires(self):
        return [self.clone(Build)]

    def command(self):
        return ["lockgate", "publish", "orders"]


class Tell(Step):
    step = "tell"
    retry_count = 1
    timeout_seconds = 14400

    def requires(self):
        return [self.clone(Publish)]

    def command(self):
        return ["lockgate", "notices", "tell", f"the orders of {self.date} are here"]


class Import(Step):
    step = "import"
    retry_count = 1
    timeout_seconds = 14400

    def command(self):
        return [
            "bash",
            "-c",
            "echo {{ as it is }}; echo a command that goes on for so long that no line has room for it all",
        ]


class Nightly(luigi.WrapperTask):
    """Loads what 'changed' and shows it."""

    start = luigi.Parameter(description="When the interval begins that the run is about: ISO 8601, with its offset.")
    end = luigi.Parameter(description="When it ends.")

    def requires(self):
        return [
            self.clone(Load),
            self.clone(Since),
            self.clone(Build),
            self.clone(Publish),
            self.clone(Tell),
            self.clone(Import),
        ]
