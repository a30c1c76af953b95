"""The flow `by_hand` as tasks of Luigi.

Each calls a command, in the project's folder.

Written by `lockgate flow compile --to luigi`: change lockgate.yml, and compile it again.
"""

import os
import signal
import subprocess
from pathlib import Path

import luigi

PROJECT = Path(os.environ.get("LOCKGATE_PROJECT") or Path(__file__).resolve().parents[2])
STATE = Path(os.environ.get("LOCKGATE_STATE_DIR") or PROJECT / ".lockgate") / "luigi"


class Step(luigi.Task):
    """A step of a run: its command, done when its marker for the run's interval is there."""

    task_namespace = "by_hand"
    start = luigi.Parameter(description="When the interval begins that the run is about: ISO 8601, with its offset.")
    end = luigi.Parameter(description="When it ends.")
    step = ""
    timeout_seconds = 0

    @property
    def worker_timeout(self):
        """Seconds after which Luigi itself ends the process, where the command has not been stopped before."""
        return self.timeout_seconds + 60

    def command(self):
        """The program and its arguments."""
        raise NotImplementedError

    def output(self):
        """The step's marker."""
        return luigi.LocalTarget(STATE / "by_hand" / self.end / self.step)

    def run(self):
        """Runs the command, and stops it with all that it started where it takes too long."""
        environment = {
            **os.environ,
            "LOCKGATE_FLOW_STEP": f"by_hand/{self.step}",
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


class Only(Step):
    step = "only"
    retry_count = 1
    timeout_seconds = 14400

    def command(self):
        return ["lockgate", "run", "--skip-load"]


class ByHand(luigi.WrapperTask):
    start = luigi.Parameter(description="When the interval begins that the run is about: ISO 8601, with its offset.")
    end = luigi.Parameter(description="When it ends.")

    def requires(self):
        return [self.clone(Only)]
