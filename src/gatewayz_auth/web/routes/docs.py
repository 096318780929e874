"""The API's own description: ``/openapi.json``, and a page that shows it without any network."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from gatewayz_auth.web.access import require_look

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter(include_in_schema=False, dependencies=[Depends(require_look)])

_ASSETS: Mapping[str, str] = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>gatewayz-auth: the API</title>
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/assets/favicon.png">
</head>
<body>
<div id="api"></div>
<noscript>This page needs JavaScript; the same is in <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: new URL("../../openapi.json", document.currentScript.src).href,
  dom_id: "#api",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The description of every route, the hot one included."""
    return JSONResponse(request.app.openapi(), headers={"cache-control": "no-cache"})


@router.get("/docs")
async def page() -> HTMLResponse:
    """The page; nothing on it comes from elsewhere."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


@router.get("/docs/assets/start.js")
async def start() -> Response:
    """What starts the page: a file, so that no script need be inline."""
    return Response(_START, media_type="text/javascript", headers=_HEADERS)


@router.get("/docs/assets/{name}")
async def asset(name: str) -> FileResponse:
    """Script and style of Swagger UI, out of an installed package."""
    if name not in _ASSETS:
        raise HTTPException(404)
    path = Path(str(files("fastapi_offline"))) / "static" / name
    return FileResponse(path, media_type=_ASSETS[name], headers={**_HEADERS, "cache-control": "max-age=3600"})
