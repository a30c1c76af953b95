"""Loads are listed and shown; what they set aside is told by place and reason, without what was in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockgate.core.load import LoadStatus
from lockgate.testing.ledger import NEW


def test_the_load_that_was_made_is_listed_and_shown(look, store):
    (load,) = store.loads.loads()

    listed, page = look("/loads"), look(f"/loads/{load.load_id}")

    assert f"{load.load_id} landed files.people replace 40 1" in listed.words
    assert {f"/loads/{load.load_id}", "/quarantine?stream=files.people"} <= listed.links
    assert "replace: takes the place of what was there" in page.words
    assert "Rows 40 Set aside 1" in page.words


def test_a_load_that_failed_says_why(look, store):
    load = store.loads.open_load(replace(NEW, status=LoadStatus.FAILED, error="LG201 The source <is> away."))

    assert "LG201 The source <is> away." in look(f"/loads/{load.load_id}").words
    assert f"/loads/{load.load_id}" in look("/loads?status=failed").links
    assert f"/loads/{load.load_id}" in look("/loads?stream=discovery.users").links
    assert f"/loads/{load.load_id}" not in look("/loads?stream=files.people").links


def test_a_record_that_was_set_aside_shows_its_place_and_no_value(look, store):
    (load,) = store.loads.loads()

    page = look("/quarantine")

    assert f"raw.people {load.load_id} 41 id" in page.words
    assert "nobody" not in page.words
    assert look("/quarantine?stream=files.people").words.count("raw.people") == 1


@pytest.mark.parametrize("path", ["/loads/99", "/quarantine?stream=files.nothing"])
def test_what_is_not_there_is_a_page_too(look, path):
    assert "there is no" in look(path, status=404).words


def test_filters_that_find_nothing_say_so(look):
    assert "No load is like that." in look("/loads?status=staged").words


def test_a_number_of_records_that_is_not_offered_is_refused(look):
    assert "most should be '100' or '1000'" in look("/quarantine?most=5000", status=422).words


def test_the_list_asks_the_control_plane_once(client, store, statements):
    for _ in range(20):
        store.loads.open_load(NEW)

    with statements() as asked:
        client.get("/loads")

    assert len([each for each in asked if "FROM load" in each]) == 1
