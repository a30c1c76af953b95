"""The service's paths: pages of users and applications, health, and the next wave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException

from inventory.discovery.faults import DeliberateFaults, Fault
from inventory.discovery.paging import Cursor, CursorUnknown, Listing
from inventory.generate import LAST_WAVE, Dataset

PAGE_SIZE_LIMIT = 10_000
_PAGE_SIZE = 500

PageSize = Annotated[int, Query(ge=1, le=PAGE_SIZE_LIMIT, description="how many items at most")]
Since = Annotated[AwareDatetime | None, Query(description="only rows stamped then or later, ISO 8601 with its zone")]
After = Annotated[str | None, Query(alias="cursor", description="`next` of the page before; it carries the filter too")]


class Waves:
    """How much of the dataset has been delivered by now."""

    def __init__(self, current: int) -> None:
        self.current = current

    def advance(self) -> bool:
        """Whether there was another wave to deliver; it is now."""
        if self.current == LAST_WAVE:
            return False
        self.current += 1
        return True


def create_app(
    dataset: Dataset, *, wave: int = LAST_WAVE, allow_advance: bool = False, faults: Iterable[Fault] = ()
) -> FastAPI:
    """The service over a dataset, as of a wave.

    A listing keeps to the wave it began with, whatever is delivered while it is read. `POST /advance` is there only
    when allowed. The faults are for tests.
    """
    app = FastAPI(title="Inventory discovery", version="1", docs_url=None, redoc_url=None)
    waves = Waves(wave)
    listings = {
        "users": Listing("users", dataset.users, LAST_WAVE),
        "applications": Listing("applications", dataset.applications, LAST_WAVE),
    }
    for name, listing in listings.items():
        _add_listing(app, name, listing, waves)
    _add_health(app, waves)
    if allow_advance:
        _add_advance(app, waves)
    for kind in (CursorUnknown, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _problem)
    app.add_middleware(DeliberateFaults, faults=tuple(faults), paths=[f"/{name}" for name in listings])
    return app


def _add_listing(app: FastAPI, name: str, listing: Listing, waves: Waves) -> None:
    @app.get(f"/{name}", name=name)
    def page(page_size: PageSize = _PAGE_SIZE, cursor: After = None, updated_since: Since = None) -> JSONResponse:
        start = listing.start(waves.current, updated_since)
        if cursor is None:
            return JSONResponse(asdict(listing.page(start, page_size)))
        at = Cursor.read(cursor)
        if updated_since is not None and at.since != start.since:
            raise CursorUnknown("the cursor belongs to a listing with another updated_since")
        return JSONResponse(asdict(listing.page(at, page_size)))


def _add_health(app: FastAPI, waves: Waves) -> None:
    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "ok", "wave": waves.current, "last_wave": LAST_WAVE}


def _add_advance(app: FastAPI, waves: Waves) -> None:
    @app.post("/advance")
    def advance() -> dict[str, int]:
        if not waves.advance():
            raise HTTPException(HTTPStatus.CONFLICT, "everything has been delivered")
        return {"wave": waves.current}


def _problem(_: Request, wrong: Exception) -> JSONResponse:
    """What is wrong, as problem+json (RFC 9457); the values sent are not repeated."""
    status, detail = HTTPStatus.UNPROCESSABLE_ENTITY, str(wrong)
    if isinstance(wrong, HTTPException):
        status, detail = HTTPStatus(wrong.status_code), wrong.detail
    elif isinstance(wrong, RequestValidationError):
        detail = "; ".join(f"{error['loc'][-1]}: {error['msg']}" for error in wrong.errors())
    content = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return JSONResponse(content, status, media_type="application/problem+json")
