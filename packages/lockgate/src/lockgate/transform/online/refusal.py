"""Why an implementation does not answer online."""

from __future__ import annotations

from lockgate.errors import CapabilityMissing


class NotOnline(CapabilityMissing):
    """An implementation cannot answer records."""
