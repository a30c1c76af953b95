"""Prints the graph of a flow as Luigi has it: `luigi_graph.py FILE`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import luigi

path = Path(sys.argv[1])
sys.path.insert(0, str(path.parent))
module = importlib.import_module(path.stem)
(wrapper,) = (each for each in vars(module).values() if isinstance(each, type) and luigi.WrapperTask in each.__bases__)
flow = wrapper(start="2026-01-04T10:00:00+00:00", end="2026-01-05T10:00:00+00:00")
crontab = [line.strip() for line in (module.__doc__ or "").splitlines()]
zone = next((line.removeprefix("CRON_TZ=") for line in crontab if line.startswith("CRON_TZ=")), None)
cron = next((line.partition(" luigi ")[0] for line in crontab if " luigi --module" in line), None)
nodes = {
    task.step: {"needs": sorted(need.step for need in task.requires()), "retries": task.retry_count - 1}
    for task in flow.requires()
}
print(json.dumps({"cron": cron, "timezone": zone, "nodes": nodes}))
