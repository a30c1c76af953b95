"""Implementations that answer records: one query over the records and what they are held against."""

from lockgate.transform.online.joining import JoinedQuery, joined
from lockgate.transform.online.refusal import NotOnline
from lockgate.transform.online.scope import Reach, reach_of

__all__ = ["JoinedQuery", "NotOnline", "Reach", "joined", "reach_of"]
