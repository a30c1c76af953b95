"""Contracts that contradict themselves are refused."""

from __future__ import annotations

import pytest

from lockgate.core.relation import Column, Contract, Relation
from lockgate.core.types import ColumnType, Kind

ID, NAME = Column("id", ColumnType(Kind.BIGINT)), Column("name", ColumnType(Kind.TEXT))


@pytest.mark.parametrize(("columns", "key"), [((ID, ID), ("id",)), ((ID,), ()), ((ID,), ("other",))])
def test_a_contract_names_each_column_once_and_its_key_among_them(columns, key):
    with pytest.raises(ValueError, match="a contract"):
        Contract(columns, key)


def test_a_contract_is_bucketed_by_its_key_or_by_one_of_its_columns():
    assert Contract((ID, NAME), ("id",)).bucketed == ("id",)
    assert Contract((ID, NAME), ("id",), bucket_by="name").bucketed == ("name",)
    with pytest.raises(ValueError, match="bucketed by one of its columns"):
        Contract((ID,), ("id",), bucket_by="name")


def test_a_column_is_found_by_its_name():
    contract = Contract((ID, NAME), ("id",))

    assert contract.column("name") == NAME
    with pytest.raises(KeyError):
        contract.column("Name")


def test_a_relation_is_told_with_its_schema():
    assert str(Relation("raw", "users")) == "raw.users"
