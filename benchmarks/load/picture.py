"""A run as one HTML page with its charts in it: pace, latency, memory and descriptors over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from load.report import Outcome, by_second, cores
from load.watching import MIB

WIDTH, HEIGHT = 720, 190
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 26
TICKS = 4
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10)

_STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --soft: #52606d; --line: #d5dce3; --paper: #fff; --panel: #f5f7f9;
  --s0: #0b6e8a; --s1: #b4560f; --s2: #5b4b9a; --good: #1d6b3a; --bad: #a3182b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9fb0c0; --line: #324150; --paper: #11181f;
  --panel: #18222c; --s0: #4fb6d2; --s1: #f0a05a; --s2: #ab9df0; --good: #6fcf97; --bad: #ff8b95; } }
body { margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem); background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: left; font-weight: 400; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
figure { margin: 1.25rem 0; padding: 1rem; background: var(--panel); border-radius: .5rem; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 12px; }
.axis { stroke: var(--line); } .warm { fill: var(--line); opacity: .45; }
polyline { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
.key { margin-left: 1rem; font-weight: 400; } .key i { display: inline-block; width: 1em; height: .25em;
  margin-right: .4em; vertical-align: middle; }
.l0 { stroke: var(--s0); background: var(--s0); } .l1 { stroke: var(--s1); background: var(--s1); }
.l2 { stroke: var(--s2); background: var(--s2); }
"""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over time that share one axis, which begins at zero."""

    title: str
    lines: Sequence[tuple[str, Points]]


def page(outcomes: Sequence[Outcome]) -> str:
    """Runs, one below the other."""
    bodies = "".join(_section(outcome) for outcome in outcomes)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>Load</title>\n'
        f"<style>{_STYLE}</style></head>\n<body><h1>Load</h1>{bodies}</body></html>\n"
    )


def charts(outcome: Outcome) -> tuple[Chart, ...]:
    """What is drawn of a run; the last second, of which only a part was measured, is left out."""
    seconds = list(by_second(outcome.seen))[:-1]
    samples = outcome.samples
    quantiles = [(name, [(one["second"], one[name] * 1000) for one in seconds]) for name in ("p50", "p95", "p99")]
    return (
        Chart("Answers a second", [("answers", [(one["second"], one["answers"]) for one in seconds])]),
        Chart("Milliseconds an answer took", quantiles),
        Chart("Memory of the server, MiB", [("resident", [(one.at, one.resident / MIB) for one in samples])]),
        Chart("Open descriptors of the server", [("descriptors", [(one.at, one.descriptors) for one in samples])]),
        Chart("Cores that the server was busy on", [("cores", list(cores(samples)))]),
    )


def _section(outcome: Outcome) -> str:
    rows = "".join(
        f"<tr><th>{escape(one.what)}</th><td>{escape(one.found)}</td><td>{escape(one.goal)}</td>{_word(one.is_met)}</tr>"
        for one in outcome.verdicts()
    )
    drawn = "".join(_figure(chart) for chart in charts(outcome))
    return f"\n<h2>{escape(outcome.title)}</h2>\n<table>{rows}</table>{drawn}"


def _word(is_met: bool | None) -> str:
    if is_met is None:
        return "<td></td>"
    return '<td class="good">met</td>' if is_met else '<td class="bad">missed</td>'


def _figure(chart: Chart) -> str:
    keys = "".join(
        f'<span class="key"><i class="l{number}"></i>{escape(name)}</span>'
        for number, (name, _) in enumerate(chart.lines)
        if len(chart.lines) > 1
    )
    title = escape(chart.title)
    return (
        f"\n<figure><figcaption>{title}{keys}</figcaption>\n"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{drawing(chart)}</svg></figure>'
    )


def drawing(chart: Chart) -> str:
    """The chart's SVG without the element around it; the first third is shaded as warm-up."""
    last = max((at for _, points in chart.lines for at, _ in points), default=0.0) or 1.0
    step = _step(max((value for _, points in chart.lines for _, value in points), default=0.0))
    top = step * TICKS
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(at: float) -> float:
        return LEFT + (right - LEFT) * at / last

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * value / top

    parts = [f'<rect class="warm" x="{LEFT}" y="{TOP}" width="{x(last / 3) - LEFT:.1f}" height="{bottom - TOP}"/>']
    for tick in range(TICKS + 1):
        at = y(tick * step)
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tick * step:,g}</text>')
    for share in (0.0, 0.5, 1.0):
        anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
        place = f'x="{x(last * share):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}"'
        parts.append(f"<text {place}>{last * share:,.0f} s</text>")
    for number, (_, points) in enumerate(chart.lines):
        path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in points)
        parts.append(f'<polyline class="l{number}" points="{path}"/>')
    return "\n".join(parts)


def _step(highest: float) -> float:
    """The distance of ticks, so that all values fit: a short number times a power of ten."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** floor(log10(highest / TICKS))
    return next(power * factor for factor in _STEPS if power * factor * TICKS >= highest)
