"""What the reports have in common: templates that escape whatever they are given, and how numbers are written."""

from __future__ import annotations

from lockgate.adapters.secrets.redaction import redacted


def rendered(template: str, **facts: object) -> str:
    """A template as a page; a fact that is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lockgate.adapters.reports", "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["thousands"] = "{:,}".format
    environment.filters["redacted"] = redacted
    return environment.get_template(template).render(**facts)
