"""What the reports have in common: templates that show whatever they are given as text, and nothing invisible."""

from __future__ import annotations

from lockgate.adapters.secrets.redaction import redacted
from lockgate.core.legible import legible


def rendered(template: str, **facts: object) -> str:
    """A template as a page; a fact that is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lockgate.adapters.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
    )
    environment.filters["thousands"] = "{:,}".format
    environment.filters["redacted"] = redacted
    return environment.get_template(template).render(**facts)


def _seen(value: object) -> object:
    """What is about to be written; markup that a template made itself is no plain text."""
    return legible(value) if type(value) is str else value
