"""A real Airflow 3 on this machine, for demos and tests: metadata in PostgreSQL, loopback only, generated secrets."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from configparser import ConfigParser
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lockgate.adapters.processes.supervisor import Supervisor, end, supervised
from lockgate.errors import ExtraMissing, RuntimeUnavailable
from lockgate.sandbox.postgres import HOST, LocalPostgres, free_port, start_postgres

USER = "admin"
START_SECONDS = 240.0
_COMMAND_SECONDS = 240.0
_POLL_SECONDS = 0.5
_ANSWER_SECONDS = 30.0
_COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    # On one machine the server reads logs as files: nothing else need listen for them.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}


@dataclass(frozen=True, slots=True)
class LocalAirflow:
    """A running Airflow.

    `url` is that of its pages and its API, `metadata` that of its database, `home` the folder of its configuration and
    logs. `environment` is what its processes and its command line run in.
    """

    url: str
    password: str
    metadata: str
    home: Path
    program: Path
    environment: Mapping[str, str]
    supervisor: Supervisor
    postgres: LocalPostgres
    username: str = USER

    def run(self, *arguments: str | Path) -> str:
        """What a command of Airflow's own prints, such as `run("pools", "import", path)`.

        Raises:
            RuntimeUnavailable: it failed or took too long; the message ends with what it said.
        """
        return _run(self.program, arguments, self.environment)

    def ask(self, path: str, data: object = None, *, method: str | None = None) -> Any:
        """What its API answers, as its administrator: `ask("/api/v2/dags")`; with `data`, to JSON that is posted.

        Raises:
            RuntimeUnavailable: it did not answer, or with an error; the message holds what it said.
        """
        body = {"username": self.username, "password": self.password}
        token = _asked(self.url, "POST", "/auth/token", body)["access_token"]
        verb = method or ("GET" if data is None else "POST")
        return _asked(self.url, verb, path, data, {"Authorization": f"Bearer {token}"})

    def stop(self) -> None:
        """Ends every process of it and the database; its data stay for the next start. A second call does nothing."""
        end(self.supervisor)
        self.postgres.stop()


def start_airflow(
    folder: Path, dags: Path, *, programs: Path, settings: Mapping[str, str] | None = None
) -> LocalAirflow:
    """Starts an Airflow over `folder`, creating its data there the first time, and waits until all of it is healthy.

    `dags` is the folder of DAG files. `programs` is the `bin` folder of the environment that Airflow is installed in,
    which is not ours. `settings` are environment variables, such as `AIRFLOW__SMTP__SMTP_HOST`; otherwise its processes
    get our own environment without Airflow's variables, and find this Python's programs first. It listens on 127.0.0.1
    at a free port, and knows one user, whose password is generated. It ends with the thread that started it.

    Raises:
        ExtraMissing: there is no Airflow in `programs`, or the extra `sandbox` is not installed.
        TargetBusy: another process runs an Airflow over `folder`.
        WarehouseUnavailable: its PostgreSQL did not come up.
        RuntimeUnavailable: Airflow did not come up.
    """
    folder, program = folder.resolve(), programs.absolute() / "airflow"
    if not program.exists():
        raise ExtraMissing(f"there is no Airflow in {programs}", hint="`make test` installs one in .venv-airflow.")
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as undone:
        postgres = start_postgres(folder / "postgres")
        undone.callback(postgres.stop)
        url = f"http://{HOST}:{free_port()}"
        password = _configure(home, dags.resolve(), url=url, metadata=postgres.url)
        environment = _environment(home, settings or {})
        _run(program, ("db", "migrate"), environment)
        commands = {name: (str(program), *words) for name, words in _COMPONENTS.items()}
        supervisor = supervised(commands, environment=environment, folder=home)
        undone.callback(end, supervisor)
        _wait(url, supervisor, home)
        undone.pop_all()
    return LocalAirflow(url, password, postgres.url, home, program, environment, supervisor, postgres)


def _configure(home: Path, dags: Path, *, url: str, metadata: str) -> str:
    """Writes Airflow's configuration, with the same secrets at each start; returns the user's password."""
    kept = home / "secrets.json"
    if not kept.exists():
        generated = {name: secrets.token_urlsafe(32) for name in ("password", "session", "tokens")}
        generated["fernet"] = urlsafe_b64encode(secrets.token_bytes(32)).decode()
        _write(kept, json.dumps(generated))
    known = json.loads(kept.read_text())
    _write(home / "passwords.json", json.dumps({USER: known["password"]}))
    parser = ConfigParser(interpolation=None)
    parser.read_dict(_sections(home, dags, url, metadata, known))
    text = StringIO()
    parser.write(text)
    _write(home / "airflow.cfg", text.getvalue())
    return str(known["password"])


def _sections(
    home: Path, dags: Path, url: str, metadata: str, known: Mapping[str, str]
) -> dict[str, dict[str, str | int | float]]:
    """Airflow's settings, where its own defaults will not do."""
    quoted = {name: str(path).replace("%", "%%") for name, path in {"home": home, "dags": dags}.items()}
    return {
        "core": {
            "dags_folder": quoted["dags"],
            "executor": "LocalExecutor",
            "execution_api_server_url": f"{url}/execution/",
            "fernet_key": known["fernet"],
            "load_examples": "False",
            "parallelism": 4,
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": f"{quoted['home']}/passwords.json",
        },
        "database": {"sql_alchemy_conn": metadata.replace("postgresql://", "postgresql+psycopg2://", 1)},
        "api": {
            "base_url": url,
            "host": HOST,
            "port": urlsplit(url).port or 0,
            "secret_key": known["session"],
            "workers": 1,
        },
        "api_auth": {"jwt_secret": known["tokens"]},
        # What is seen within seconds need not be waited for.
        "dag_processor": {
            "bundle_refresh_check_interval": 1,
            "dag_bundle_storage_path": f"{quoted['home']}/bundles",
            "min_file_process_interval": 2,
            "refresh_interval": 2,
        },
        "scheduler": {"scheduler_heartbeat_sec": 1, "scheduler_idle_sleep_time": 0.5},
        "logging": {"base_log_folder": f"{quoted['home']}/logs", "colored_console_log": "False"},
        "usage_data_collection": {"enabled": "False"},
    }


def _write(path: Path, text: str) -> None:
    """Writes a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    handed_on = {**os.environ}
    ours = {name: value for name, value in handed_on.items() if not name.startswith(("AIRFLOW_", "_AIRFLOW"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), ours.get("PATH", os.defpath)])
    return {**ours, "PATH": path, "TZ": "UTC", **settings, "AIRFLOW_HOME": str(home)}


def _run(program: Path, arguments: tuple[str | Path, ...], environment: Mapping[str, str]) -> str:
    command = ["setpriv", "--pdeathsig", "KILL", program, *arguments]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as cause:
        raise RuntimeUnavailable(f"airflow {arguments[0]} took longer than {_COMMAND_SECONDS:.0f} s") from cause
    if done.returncode != 0:
        raise RuntimeUnavailable(f"airflow {arguments[0]} failed: {_end_of(done.stdout + done.stderr)}")
    return done.stdout


def _wait(url: str, supervisor: Supervisor, home: Path) -> None:
    """Waits until every part of Airflow says that it is healthy."""
    deadline = time.monotonic() + START_SECONDS
    while supervisor.poll() is None and time.monotonic() < deadline:
        if _is_healthy(url):
            return
        time.sleep(_POLL_SECONDS)
    end(supervisor)
    said = "; ".join(f"{name}: {_end_of((home / f'{name}.log').read_text(errors='replace'))}" for name in _COMPONENTS)
    raise RuntimeUnavailable(f"Airflow did not come up. {said}")


def _is_healthy(url: str) -> bool:
    try:
        parts = _asked(url, "GET", "/api/v2/monitor/health")
    except RuntimeUnavailable:
        return False
    wanted = {"metadatabase", "scheduler", "dag_processor", "triggerer"}
    return all((parts.get(name) or {}).get("status") == "healthy" for name in wanted)


def _asked(url: str, method: str, path: str, data: object = None, headers: Mapping[str, str] | None = None) -> Any:
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=_ANSWER_SECONDS)
    body = None if data is None else json.dumps(data)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, HTTPException) as cause:
        raise RuntimeUnavailable(f"Airflow did not answer to {method} {path}: {cause}") from cause
    finally:
        connection.close()
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise RuntimeUnavailable(f"Airflow answered {answer.status} to {method} {path}: {text}")
    return json.loads(text) if text else None


def _end_of(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
