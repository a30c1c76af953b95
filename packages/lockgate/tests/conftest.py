"""What tests of several folders share."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

DISCOVERY = Path(__file__).parent / "sandbox" / "bigquery" / "discovery.py"
OPENLINEAGE = Path(__file__).parent / "adapters" / "openlineage" / "published.py"


@pytest.fixture(scope="session")
def bigquery_document():
    """Google's discovery document of BigQuery, which requests and answers are held against."""
    spec = importlib.util.spec_from_file_location("bigquery_discovery", DISCOVERY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.document()


@pytest.fixture(scope="session")
def bigquery_flaws(bigquery_document):
    """Tells what was wrong with any request to a stand-in for BigQuery, or with an answer of it, so far."""

    def bigquery_flaws(api) -> list[tuple[str, str, str]]:
        return [(each.method, each.path, flaw) for each in api.requests for flaw in bigquery_document.flaws(each)]

    return bigquery_flaws


@pytest.fixture(scope="session")
def lineage_flaws():
    """Tells what is against OpenLineage's published schemas in an event."""
    spec = importlib.util.spec_from_file_location("openlineage_published", OPENLINEAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.flaws
