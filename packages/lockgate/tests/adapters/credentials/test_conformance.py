"""Both ways to keep passwords do the same."""

from __future__ import annotations

import pytest

from lockgate.adapters.credentials.argon2 import Argon2Passwords
from lockgate.testing.credentials import PasswordsConformance, QuickPasswords


class TestArgon2(PasswordsConformance):
    @pytest.fixture
    def passwords(self):
        return Argon2Passwords(wait_seconds=60)


class TestQuick(PasswordsConformance):
    @pytest.fixture
    def passwords(self):
        return QuickPasswords()
