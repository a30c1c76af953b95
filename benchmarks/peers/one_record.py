"""Users transformed by hand, over HTTP: `one_record.py bare|fastapi PORT [quickest]`, the peers of P5.

One process of the same server, with the same settings, as `lockgate serve` has; with `quickest`, of the quickest parts
that uvicorn can be put together of. Nobody is asked who they are, nothing is written down, and rules are lines of
Python that know of no bad row.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from lockgate.server import Options
from lockgate.server.serving import configured

BLANKS = " \t\n\v\f\r"
DEPARTMENTS = {
    "eng": "Engineering", "fin": "Finance", "hr": "People", "mkt": "Marketing", "ops": "Operations", "sal": "Sales",
    "leg": "Legal", "its": "IT",
}  # fmt: skip
JSON = [(b"content-type", b"application/json")]


class Record(msgspec.Struct):
    """A user as delivered."""

    id: int
    email: str | None
    full_name: str | None
    department_code: str | None
    status: str | None
    hired_on: str | None
    created_at: str | None
    updated_at: str


class Records(msgspec.Struct, rename="camel"):
    """What is sent."""

    entity_type: str
    records: list[Record]


class RecordModel(BaseModel):
    """A user as delivered."""

    id: int
    email: str | None
    full_name: str | None
    department_code: str | None
    status: str | None
    hired_on: str | None
    created_at: str | None
    updated_at: str


class RecordsModel(BaseModel):
    """What is sent."""

    model_config = ConfigDict(populate_by_name=True)

    entity_type: str = Field(alias="entityType")
    records: list[RecordModel]


class UserModel(BaseModel):
    """A user as consumers know them."""

    user_id: int
    email: str | None
    email_domain: str | None
    full_name: str | None
    department: str
    status: str
    is_active: bool
    hired_on: date | None
    updated_at: str


class OutcomeModel(BaseModel):
    """What came of one record."""

    index: int
    engine: str
    status: str
    reason: str | None
    output: UserModel


class AnswerModel(BaseModel):
    """What is answered."""

    entityType: str  # noqa: N815  as it is sent
    engine: str
    engines: dict[str, int]
    records: int
    scope: str
    fallback: None
    outcomes: list[OutcomeModel]


def user(record: Record | RecordModel) -> dict[str, Any]:
    """A user as consumers know them."""
    email = _code(record.email)
    status = _code(record.status)
    known = status if status in {"active", "inactive"} else "unknown"
    return {
        "user_id": record.id,
        "email": email,
        "email_domain": email and email.partition("@")[2],
        "full_name": _trimmed(record.full_name),
        "department": DEPARTMENTS.get(_code(record.department_code) or "", "Unknown"),
        "status": known,
        "is_active": known == "active",
        "hired_on": _day(_trimmed(record.hired_on)),
        "updated_at": datetime.fromisoformat(record.updated_at).isoformat(),
    }


def _trimmed(text: str | None) -> str | None:
    return (text or "").strip(BLANKS) or None


def _code(text: str | None) -> str | None:
    trimmed = _trimmed(text)
    return trimmed and trimmed.lower()


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    if "/" in text:
        day, month, year = text.split("/")
        return date(int(year), int(month), int(day))
    return date.fromisoformat(text)


def answered(body: Records | RecordsModel) -> dict[str, Any]:
    """The answer as `lockgate serve` words it."""
    outcomes = [
        {"index": place, "engine": "rules", "status": "ok", "reason": None, "output": user(record)}
        for place, record in enumerate(body.records)
    ]
    return {
        "entityType": body.entity_type,
        "engine": "rules",
        "engines": {"rules": len(outcomes)},
        "records": len(outcomes),
        "scope": "request",
        "fallback": None,
        "outcomes": outcomes,
    }


_decoder = msgspec.json.Decoder(Records)
_encoder = msgspec.json.Encoder()


async def bare(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """ASGI by hand; whoever asks anything but POST is told that it is there."""
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    text = _encoder.encode(answered(_decoder.decode(body))) if scope["method"] == "POST" else b"{}"
    head = [*JSON, (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": text})


def fastapi() -> FastAPI:
    """As FastAPI's documentation writes it."""
    api = FastAPI()

    @api.get("/")
    async def is_there() -> dict[str, str]:
        return {}

    @api.post("/api/transform")
    async def transform(body: RecordsModel) -> AnswerModel:
        return AnswerModel.model_validate(answered(body))

    return api


def settings(app: Any, *, is_quickest: bool) -> uvicorn.Config:
    """The settings of `lockgate serve`, without what it adds to uvicorn."""
    config = configured(lambda: app, Options())
    kinds = config.http.__mro__ if isinstance(config.http, type) else ()
    config.http = next(kind for kind in kinds if kind.__module__.startswith("uvicorn."))
    config.lifespan = "off"
    if is_quickest:
        config.http, config.loop = "httptools", "uvloop"
    return config


if __name__ == "__main__":
    kind, port, *more = sys.argv[1:]
    config = settings(bare if kind == "bare" else fastapi(), is_quickest="quickest" in more)
    config.port = int(port)
    uvicorn.Server(config).run()
