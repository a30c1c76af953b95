"""What a server may be told."""

from __future__ import annotations

import pytest

from lockgate.server import Options


def test_a_blank_token_is_none():
    with pytest.raises(ValueError, match="a token is not blank"):
        Options(token=" ")


def test_a_token_does_not_show():
    assert "hunter2" not in repr(Options(token="hunter2"))
