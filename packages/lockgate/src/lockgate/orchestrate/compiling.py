"""What compiling gives for a runtime: a file a flow, and the files of what its flows share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from lockgate.core.flow import DEFAULT_POOL, FlowDeclaration, Runtime
from lockgate.core.nearness import did_you_mean
from lockgate.core.project import Project
from lockgate.errors import UnknownName
from lockgate.orchestrate import airflow, dagster, luigi
from lockgate.orchestrate.cron_dialects import refuse_foreign_cron

MARK = "Written by `lockgate flow compile"
SHARED_FILES = frozenset({"pools.json", "dagster.yaml", "workspace.yaml", "luigi.cfg"})
# A module of such a name would hide another one from whatever runs it.
_HIDING = frozenset({"airflow", "dagster", "luigi", "pendulum", "lockgate"}) | sys.stdlib_module_names

_FLOWS: Mapping[Runtime, Callable[[FlowDeclaration, Project, str, str], str]] = {
    Runtime.AIRFLOW: airflow.flow_file,
    Runtime.DAGSTER: dagster.flow_file,
    Runtime.LUIGI: luigi.flow_file,
}


def compiled(project: Project, runtime: Runtime, folder: Path, names: Collection[str] = ()) -> dict[str, str]:
    """The text of each file, by name, as it would lie in `folder`: of the flows named, or of all, and what they share.

    Equal declarations give equal text, on every machine.

    Raises:
        UnknownName: the project declares no flow of a name, or the runtime is the embedded one.
        CapabilityMissing: the runtime reads the schedule of a flow in another way.
    """
    if runtime not in _FLOWS:
        raise UnknownName(f"flows are not compiled for {runtime}", hint="Run them by `lockgate flow run`.")
    chosen = [flow for name, flow in project.flows.items() if name in _chosen(project, names)]
    for flow in chosen:
        refuse_foreign_cron(flow, runtime)
    place = _project_place(project.folder, folder)
    files = {name: f"{_module(name)}.py" for name in project.flows}
    texts = {files[flow.name]: _FLOWS[runtime](flow, project, place, _module(flow.name)) for flow in chosen}
    return texts | _shared(project, runtime, files)


def _chosen(project: Project, names: Collection[str]) -> Collection[str]:
    known = project.flows
    for name in names:
        if name not in known:
            message = f"there is no flow {name!r}; the project declares {', '.join(known) or 'none'}"
            raise UnknownName(message, hint=did_you_mean(name, known), name=name)
    return names or known


def _module(flow: str) -> str:
    return f"{flow}_flow" if flow in _HIDING else flow


def _project_place(project: Path, folder: Path) -> str:
    """Where a compiled file finds its project, as an expression: by its own place where that is inside the project."""
    inside = folder.resolve()
    if not inside.is_relative_to(project.resolve()):
        return 'Path(os.environ["LOCKGATE_PROJECT"])'
    up = len(inside.relative_to(project.resolve()).parts)
    return f'Path(os.environ.get("LOCKGATE_PROJECT") or Path(__file__).resolve().parents[{up}])'


def _shared(project: Project, runtime: Runtime, files: Mapping[str, str]) -> dict[str, str]:
    used = {step.pool for flow in project.flows.values() for step in flow.steps} - {DEFAULT_POOL}
    pools = {name: slots for name, slots in sorted(project.pools.items()) if name in used}
    if not files:
        return {}
    match runtime:
        case Runtime.AIRFLOW:
            return {"pools.json": airflow.pools_file(pools)} if pools else {}
        case Runtime.DAGSTER:
            instance = dagster.instance_file(project.flows.values(), pools)
            return {"dagster.yaml": instance, "workspace.yaml": dagster.workspace_file(files)}
        case _:
            return {"luigi.cfg": luigi.settings_file(project.flows.values(), pools)}
