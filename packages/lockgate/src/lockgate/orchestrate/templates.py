"""Templates of Python files: what a formatter would leave as it is, so every blank in them counts."""

from __future__ import annotations

from collections.abc import Mapping


def rendered(template: str, facts: Mapping[str, object]) -> str:
    """A template as text; a fact that is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701  it writes Python, no markup
        loader=PackageLoader("lockgate.orchestrate", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(facts)
