"""Routes for whoever runs the server: is it there, can it serve, what has it done; and the documentation."""

from __future__ import annotations

import json
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from lockgate.server.answers import HealthAnswer
from lockgate.server.desk import desk_of
from lockgate.server.metrics import CONTENT_TYPE
from lockgate.server.problems import overloaded
from lockgate.server.rendering import JSON, render


async def health(_: Request) -> Response:
    """Tell that the server is there."""
    return render(HealthAnswer(status="ok"))


async def ready(request: Request) -> Response:
    """Tell whether requests can be served: control plane and warehouse answer."""
    desk = desk_of(request)
    if desk.is_stopping:
        raise overloaded("the server is stopping")
    await desk.ask(desk.service.check_ready)
    return render(HealthAnswer(status="ready"))


async def metrics(request: Request) -> Response:
    """Give the figures for Prometheus."""
    desk = desk_of(request)
    text = await desk.threads.call(desk.metrics.text, await desk.known())
    return Response(text, headers={"Content-Type": CONTENT_TYPE})


async def openapi_document(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(json.dumps(request.app.openapi(), ensure_ascii=False).encode(), media_type=JSON)


async def docs(request: Request) -> Response:
    """The documentation, for people."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("lockgate.server", "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return HTMLResponse(environment.get_template("docs.html").render(document=request.app.openapi()))


async def docs_style(_: Request) -> Response:
    """How the documentation looks."""
    style = files("lockgate.server").joinpath("pages/docs.css").read_bytes()
    return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})
