"""Serves the built pages: compressed beforehand, cached for ever where the name carries a hash, and never a path outside.

A path without a file is a page of the single-page application and gets index.html; a missing build gets a page that says
how to make one.
"""

from __future__ import annotations

import html
import mimetypes
import re
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Only from here: no script of anybody else. Mantine writes styles inline."""

_HASHED = re.compile(r"[.-][A-Za-z0-9_-]{8,}\.(?:js|css|woff2?|svg|png|jpg|webp|wasm|json|glb)$")
_KINDS = {
    ".css": "text/css",
    ".glb": "model/gltf-binary",
    ".js": "text/javascript",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""What the machine's own list of types may not know."""

_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Lineshaft</title>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem">
<h1>The pages are not built</h1>
<p>This node runs and its API answers, but the web pages are missing in <code>{folder}</code>.</p>
<p>In a source checkout build them with <code>make web</code> (it brings its own node); an installed wheel has them inside.</p>
<h1 lang="de">Die Seiten sind nicht gebaut</h1>
<p lang="de">Der Knoten läuft, aber die Web-Seiten fehlen. Im Quellverzeichnis baut sie <code>make web</code>.</p>
</body></html>"""


def host(folder: Path) -> ASGIApp:
    """Return an ASGI application that serves the pages in a folder."""
    root = folder.resolve()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _answer(root, scope)(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4404})

    return serve


def _answer(root: Path, scope: Scope) -> Response:
    if scope["method"] not in {"GET", "HEAD"}:
        return _guarded(PlainTextResponse("only GET here", 405, {"Allow": "GET, HEAD"}))
    index = root / "index.html"
    if not index.is_file():
        page = _MISSING.format(folder=html.escape(str(root)))
        return _guarded(HTMLResponse(page, 503, {"Cache-Control": "no-store", "Retry-After": "10"}))
    path = str(scope["path"]).removeprefix(str(scope.get("root_path", ""))).lstrip("/")
    file = _inside(root, path)
    if file is not None:
        return _guarded(_file(root, file, Headers(scope=scope)))
    if path.startswith("api/") or "." in path.rsplit("/", 1)[-1] or ".." in path.split("/") or "\\" in path or "\0" in path:
        return _guarded(PlainTextResponse("there is no such page", 404))
    return _guarded(_file(root, index, Headers(scope=scope)))


def _inside(root: Path, path: str) -> Path | None:
    """Return the file a path names if it lies below the folder, links resolved."""
    if not path or "\0" in path or "\\" in path:
        return None
    try:
        file = (root / path).resolve()
        return file if file.is_relative_to(root) and file.is_file() and not file.name.startswith(".") else None
    except OSError:
        return None


def _file(root: Path, file: Path, headers: Headers) -> Response:
    """Return a file, its compressed twin if there is one and the browser takes it."""
    kind = _KINDS.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    twin = file.with_name(file.name + ".gz")
    zipped = twin.is_file() and "gzip" in headers.get("accept-encoding", "")
    hashed = file.parent != root and _HASHED.search(file.name) is not None
    said = {"Cache-Control": "public, max-age=31536000, immutable" if hashed else "no-cache", "Vary": "Accept-Encoding"}
    if zipped:
        said["Content-Encoding"] = "gzip"
    chosen = twin if zipped else file
    tag = f'"{chosen.stat().st_mtime_ns:x}-{chosen.stat().st_size:x}"'
    said["ETag"] = tag
    if headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=said)
    return FileResponse(chosen, media_type=kind, headers=said)


def _guarded(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Frame-Options"] = "DENY"
    return response
