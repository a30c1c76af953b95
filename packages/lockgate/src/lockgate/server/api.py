"""`create_api`: the HTTP API over a service, as an ASGI application."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lockgate.app.service import Service
from lockgate.core.access import CallerKind
from lockgate.errors import LockgateError
from lockgate.server.admission import Admitted, unauthenticated
from lockgate.server.bodies import invalid, query_flaws
from lockgate.server.desk import Desk
from lockgate.server.doors import GuardedRoute, door_of
from lockgate.server.observed import Observed
from lockgate.server.openapi import document_of
from lockgate.server.options import Options
from lockgate.server.problems import Fault, Refusal
from lockgate.server.route_table import ROUTES
from lockgate.server.stopping import heeding_signals

NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}


def create_api(service: Service, *, options: Options | None = None, metrics_folder: Path | None = None) -> FastAPI:
    """The API over a service, which it starts and closes with itself.

    `metrics_folder` is where several processes count together.
    """
    desk = Desk(service, options or Options(), metrics_folder)
    api = FastAPI(
        title="Lockgate",
        lifespan=_lifespan(desk),
        openapi_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,  # type: ignore[arg-type]
    )
    api.state.desk = desk
    api.router.route_class = GuardedRoute
    for route in ROUTES:
        route.add_to(api)
    api.openapi = lambda: document_of(api)  # type: ignore[method-assign]
    api.add_exception_handler(HTTPException, _unmatched)
    api.add_exception_handler(RequestValidationError, _query_invalid)
    api.add_middleware(Observed, desk=desk)
    return api


def _lifespan(desk: Desk) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Desk]]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Desk]]:
        """Starts the service, and closes it once every request was answered."""
        try:
            await asyncio.to_thread(desk.service.start)
            warming = asyncio.create_task(_warm(desk))
            with heeding_signals(desk):
                yield {"desk": desk}
            warming.cancel()
        except LockgateError as error:
            desk.failure = error
            raise
        finally:
            desk.stop()
            await asyncio.to_thread(desk.close)
            await asyncio.to_thread(desk.service.close, patience_seconds=desk.patience_seconds)
            desk.metrics.close()

    return lifespan


async def _warm(desk: Desk) -> None:
    """Lets the service warm up once the port answers: several processes that begin at once have no core to spare."""
    await asyncio.sleep(desk.options.warm_seconds)
    await asyncio.to_thread(desk.service.warm)


async def _unmatched(request: Request, error: Exception) -> Response:
    """The answer where no route takes path and method; OPTIONS is told which methods there are."""
    admitted: Admitted = request.state.admitted
    if admitted.caller.kind is CallerKind.NOBODY and door_of(request.scope) is None:
        raise admitted.why_not or unauthenticated() from error
    allowed = _allowed(request.app, request.url.path)
    if not allowed:
        raise Refusal(Fault.NOT_FOUND, "there is no such route", hint="GET /docs lists the routes.") from error
    headers = {"Allow": ", ".join(allowed)}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    raise Refusal(Fault.METHOD_NOT_ALLOWED, f"there are {headers['Allow']}", headers=headers) from error


def _allowed(api: FastAPI, path: str) -> list[str]:
    """The methods that the routes on a path take."""
    routes = [route for route in api.routes if isinstance(route, Route) and re.match(route.path_regex, path)]
    methods = {method for route in routes for method in route.methods or ()}
    more = ({"HEAD"} if "GET" in methods else set()) | ({"OPTIONS"} if methods else set())
    return sorted(methods | more)


async def _query_invalid(request: Request, error: Exception) -> Response:
    """The refusal of parameters that FastAPI found wrong."""
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    raise invalid(query_flaws(found, _parameters(request.scope["route"]))) from error


def _parameters(route: APIRoute) -> list[str]:
    """The names of the parameters that a route takes."""
    models = [field.field_info.annotation for field in route.dependant.query_params]
    return [name for model in models for name in getattr(model, "model_fields", ())]
