"""Self-contained HTML reports: pictures drawn on the server, no script, nothing fetched."""

from __future__ import annotations

from lockgate.adapters.reports.comparison import render_comparison
from lockgate.adapters.reports.run import render_run

__all__ = ["render_comparison", "render_run"]
