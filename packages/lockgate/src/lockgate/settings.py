"""What the environment says, read in this one place: every variable starts with `LOCKGATE_`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from lockgate.core.nearness import nearest
from lockgate.core.secret import VARIABLE_PREFIX
from lockgate.errors import UnknownName

PREFIX = "LOCKGATE_"
STATE_FOLDER = ".lockgate"

Network = IPv4Network | IPv6Network


def _listed(written: object) -> object:
    """What stands between commas."""
    return [each.strip() for each in written.split(",") if each.strip()] if isinstance(written, str) else written


class Settings(BaseModel):
    """What a machine or a person decides about a project, apart from its files."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    project: Path | None = Field(None, description="The project's folder; else the nearest one with a `lockgate.yml`.")
    target: str | None = Field(
        None, description="The target that takes the default one's place; `--target` goes before it."
    )
    state_dir: Path | None = Field(
        None,
        description="Where runs leave staged loads, caches, the control plane; else `.lockgate` in the project.",
    )
    control_url: str | None = Field(
        None,
        repr=False,
        description="The control plane: `sqlite:///…` or `postgresql://…`; else `control.db` in the state folder.",
    )
    secrets_dir: Path | None = Field(
        None, description="A folder with one file a secret, mode 0600; else `secrets` in the state folder."
    )
    mode: Literal["development", "production"] = Field(
        "development",
        description="Whom `serve` believes: `development`, callers of this machine too, while nobody has an account;"
        " `production`, only who signs in or sends a token.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_listed)] = Field(
        (),
        description="Networks, with commas between them, of the proxies before `serve`: a request from there comes from"
        " whom its `X-Forwarded-For` names last, apart from these; of nobody else is that header believed.",
    )
    judge_seconds: float = Field(
        10.0, gt=0, description="How often `serve` looks at every route, besides when requests tell something new."
    )
    audit_answer_days: int = Field(
        90,
        ge=1,
        le=36_500,
        description="How many days answers about records stay in the audit; changes stay for ever.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="How logs are written to standard error: `text` or `json`."
    )
    log_level: Literal["debug", "info", "warning", "error"] | None = Field(
        None,
        description="The least grave log lines shown: `debug`, `info`, `warning` or `error`;"
        " else `info` where `serve` runs, and `warning`.",
    )

    flow_step: str | None = Field(
        None,
        description="Set by Airflow, Dagster and Luigi: the step of a flow, `FLOW/STEP`, that the command is;"
        " the control plane is told when it begins and how it ends.",
    )
    flow_run: str | None = Field(None, description="Likewise, which run of the flow: `RUNTIME/ID`.")
    flow_interval: str | None = Field(None, description="Likewise, the time that the run is about: `START/END`.")

    def state_folder(self, project: Path) -> Path:
        """The folder for what runs of the project leave on this machine."""
        return self.state_dir.absolute() if self.state_dir else project / STATE_FOLDER

    def secrets_folder(self, project: Path) -> Path:
        """The folder in which the project's secrets may lie, one file each."""
        return self.secrets_dir.absolute() if self.secrets_dir else self.state_folder(project) / "secrets"

    def control_address(self, project: Path) -> str:
        """The URL of the project's control plane."""
        return self.control_url or f"sqlite:///{quote(str(self.state_folder(project) / 'control.db'))}"


def read_settings() -> Settings:
    """The settings that the environment states now; an empty variable states nothing, and capitals do not matter.

    Raises:
        UnknownName: a variable has a value that it may not have.
    """
    stated = {name.upper(): value for name, value in os.environ.items() if value}
    prefixed = {name: value for name, value in stated.items() if name.startswith(PREFIX)}
    try:
        return Settings.model_validate({name.removeprefix(PREFIX).lower(): each for name, each in prefixed.items()})
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        variable = PREFIX + str(detail["loc"][0]).upper()
        raise UnknownName(f"{variable} is wrong: {detail['msg'].lower()}", hint=f"Set {variable} anew.") from error


def take_flow_variables() -> tuple[str, str, str]:
    """Which step of a flow this process is, of which run, about which interval; empty where nobody says so.

    They are taken out of the environment: commands that this one starts are no steps of their own.
    """
    step, run, interval = (os.environ.pop(f"{PREFIX}FLOW_{name}", "") for name in ("STEP", "RUN", "INTERVAL"))
    return step, run, interval


def secret_variables() -> Mapping[str, str]:
    """The secrets in the environment, by variable name."""
    return {name: value for name, value in os.environ.items() if name.startswith(VARIABLE_PREFIX)}


def unknown_variables() -> tuple[str, ...]:
    """A sentence for each `LOCKGATE_` variable in the environment that means nothing."""
    found = (name for name in sorted(os.environ) if name.startswith(PREFIX) and not name.startswith(VARIABLE_PREFIX))
    names = (name.removeprefix(PREFIX).lower() for name in found)
    return tuple(_unknown(name) for name in names if name not in Settings.model_fields)


def _unknown(name: str) -> str:
    """What to say of a variable that means nothing."""
    near = nearest(name, Settings.model_fields)
    suggestion = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
    return f"{PREFIX}{name.upper()} means nothing{suggestion}"
