"""What `lockgate check` says of dbt models that are declared to answer records, and cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from lockgate.app.record_programs import RecordPrograms
from lockgate.errors import LockgateError, Problem

if TYPE_CHECKING:
    from lockgate.app.wiring import Wiring
    from lockgate.config.yaml_positions import Document


def not_online(wiring: Wiring, document: Document) -> Iterator[Problem]:
    """The implementations that must answer records and are refused, each with the reason; they are compiled for it."""
    with closing(RecordPrograms(wiring)) as programs:
        for entity in wiring.project.entities.values():
            for implementation in entity.implementations.values():
                if implementation.is_online:
                    path = ("entities", entity.name, "implementations", implementation.name, "online")
                    try:
                        with programs.lend_at_last(entity, implementation):
                            pass
                    except LockgateError as error:
                        yield document.problem(path, error.message, error.remedy)
