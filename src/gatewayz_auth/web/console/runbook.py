"""The runbook's pages, shown by the service itself: whoever needs one may have nothing else at hand."""

from __future__ import annotations

import html
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request, Response

from gatewayz_auth.web.console.pages import HEADERS

if TYPE_CHECKING:
    from gatewayz_auth.web.console.door import Door

_NAME = re.compile(r"[a-z-]{1,40}")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · gatewayz-auth</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/console/files/console.css"></head>
<body><header class="top"><b>gatewayz-auth</b><nav><a href="/console">Now</a><a href="/console#people">People</a>
<a href="/console#audit">Audit</a></nav></header><main class="runbook">{body}</main></body></html>
"""


def runbook_routes(door: Door) -> APIRouter:
    """``GET /console/runbook/{name}``: one page of docs/runbook."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console/runbook/{name}")
    async def page(name: str, request: Request) -> Response:
        """One page, as plain HTML."""
        door.require(request)
        text = _text(name) if _NAME.fullmatch(name) else None
        if text is None:
            raise HTTPException(404)
        title = html.escape(text.partition("\n")[0].lstrip("# "))
        shown = _PAGE.format(title=title, body=as_html(text))
        return Response(shown, media_type="text/html; charset=utf-8", headers=HEADERS)

    return router


def _text(name: str) -> str | None:
    packed = resources.files("gatewayz_auth") / "runbook" / f"{name}.md"
    checkout = Path(__file__).parents[4] / "docs" / "runbook" / f"{name}.md"
    for place in (packed, checkout):
        if place.is_file():
            return place.read_text("utf-8")
    return None


def as_html(text: str) -> str:
    """The few forms that the runbook's pages use: headings, paragraphs, lists, tables, code, links, strong words."""
    out: list[str] = []
    for kind, lines in _blocks(text.splitlines()):
        if kind == "code":
            out.append(f"<pre>{html.escape(chr(10).join(lines))}</pre>")
        elif kind == "heading":
            level = len(lines[0]) - len(lines[0].lstrip("#"))
            out.append(f"<h{level}>{_inline(lines[0].lstrip('# '))}</h{level}>")
        elif kind == "list":
            tag = "ol" if lines[0].lstrip()[:1].isdigit() else "ul"
            items = re.split(r"(?m)^(?:[-*]|\d+\.)\s+", "\n".join(lines))[1:]
            out.append(f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{tag}>")
        elif kind == "table":
            rows = [line.strip("| ").split("|") for line in lines if not set(line) <= set("|-: ")]
            cells = ["".join(f"<td>{_inline(cell.strip())}</td>" for cell in row) for row in rows]
            out.append(f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>")
        else:
            out.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "\n".join(out)


def _kind(line: str) -> str:
    if line.startswith("#"):
        return "heading"
    if line.startswith("|"):
        return "table"
    return "list" if re.match(r"(?:[-*]|\d+\.)\s", line) else "text"


def _blocks(lines: list[str]) -> list[tuple[str, list[str]]]:
    blocks: list[tuple[str, list[str]]] = []
    is_code = is_open = False
    for line in lines:
        if line.lstrip().startswith("```"):
            is_code, is_open = not is_code, False
            if is_code:
                blocks.append(("code", []))
        elif is_code:
            blocks[-1][1].append(line)
        elif not line.strip():
            is_open = False
        else:
            kind = _kind(line)
            goes_on = is_open and (kind == blocks[-1][0] or (kind == "text" and blocks[-1][0] == "list"))
            if goes_on and kind != "heading":
                blocks[-1][1].append(line)
            else:
                blocks.append((kind, [line]))
            is_open = True
    return blocks


def _inline(text: str) -> str:
    shown = html.escape(text, quote=True)
    shown = re.sub(r"`([^`]+)`", r"<code>\1</code>", shown)
    shown = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", shown)
    shown = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*", r"<em>\1</em>", shown)
    shown = re.sub(r"\[([^\]]+)\]\(([a-z-]+)\.md(?:#[^)]*)?\)", r'<a href="/console/runbook/\2">\1</a>', shown)
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", shown)
