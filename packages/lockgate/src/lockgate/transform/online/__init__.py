"""Implementations that answer records: one query over the records and what they are held against."""

from lockgate.transform.online.asking import refusals
from lockgate.transform.online.joining import JoinedQuery, joined
from lockgate.transform.online.model import OnlineModel, inputs_of, joined_of
from lockgate.transform.online.program import OnlineProgram
from lockgate.transform.online.scope import Reach, reach_of

__all__ = [
    "JoinedQuery",
    "OnlineModel",
    "OnlineProgram",
    "Reach",
    "inputs_of",
    "joined",
    "joined_of",
    "reach_of",
    "refusals",
]
