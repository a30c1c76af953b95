"""Buckets: fixed for ever, spread evenly, and no two keys run together."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.bucket import BUCKETED_KINDS, BUCKETS, LAST_BUCKET, bucket_of, canonical_part
from lockgate.core.types import Kind

# Counted with `printf '1:0' | md5sum`: the first eight digits modulo 10,000.
KNOWN = [
    ((0,), 7976),
    ((-(2**63),), 531),
    (("",), 8754),
    (("ß",), 6939),
    (("🤦🏼",), 6494),
    ((date(2024, 2, 29),), 556),
    ((UUID("C0FFEE00-1234-5678-9ABC-DEF012345678"),), 5731),
    ((7, "x", date(1, 1, 1)), 7978),
]


@pytest.mark.parametrize(("key", "bucket"), KNOWN)
def test_known_keys_keep_their_buckets(key, bucket):
    assert bucket_of(key) == bucket


def test_a_part_that_is_missing_means_the_last_bucket():
    assert {bucket_of(key) for key in ((None,), (7, None), (None, "x"))} == {LAST_BUCKET}
    assert LAST_BUCKET == 9999


def test_parts_do_not_run_together():
    assert bucket_of(("1", "1:1")) == 5216
    assert bucket_of(("11", ":1")) == 8097


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_two_keys_have_two_canonical_texts(one, other):
    written = ["".join(map(canonical_part, key)) for key in (one, other)]

    assert (written[0] == written[1]) == (one == other)


def test_keys_spread_evenly():
    shares = [sum(bucket_of((number,)) < bound for number in range(20_000)) for bound in (500, 5000, BUCKETS)]

    assert abs(shares[0] - 1000) < 100
    assert abs(shares[1] - 10_000) < 250
    assert shares[2] == 20_000


def test_only_types_with_one_text_a_value_are_bucketed():
    assert {Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT, Kind.TEXT, Kind.UUID, Kind.DATE} == BUCKETED_KINDS
