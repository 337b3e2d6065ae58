"""A trustless gateway: blocks and CAR archives to be verified by whoever asks, and files by path for
browsers.

Follows https://specs.ipfs.tech/http-gateways/: ``?format=raw|car`` or the matching ``Accept`` header for
verifiable answers, ranges, ETags from CIDs, and caching for ever, because what a CID names never changes.
"""

from __future__ import annotations

import html
import mimetypes
import re
import urllib.parse
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from decai.errors import BlockNotFound, DecAIError, IntegrityError, InvalidCID, PathNotFound
from decai.storage import car, cids, reader
from decai.storage.blocks import BlockStore
from decai.storage.dagpb import TYPE_DIRECTORY
from decai.storage.kubo import archive

RAW_TYPE: Final = "application/vnd.ipld.raw"
CAR_TYPE: Final = "application/vnd.ipld.car"

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)\Z")
_IMMUTABLE: Final = "public, max-age=29030400, immutable"
_SAFE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, X-Ipfs-Path",
    # Content from anyone is shown under one origin: scripts in it must not see one another.
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
}


class Gateway:
    """Read-only HTTP access to a store.

    Parameters
    ----------
    store : BlockStore
    """

    def __init__(self, store: BlockStore) -> None:
        self.store = store

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/ipfs/{path:path}", self._get, methods=["GET", "HEAD"])])

    async def _get(self, request: Request) -> Response:
        try:
            return await run_in_threadpool(self._answer, request)
        except InvalidCID as error:
            status, message = 400, str(error)
        except (BlockNotFound, PathNotFound) as error:
            status, message = 404, str(error)
        except IntegrityError as error:
            status, message = 500, str(error)
        except DecAIError as error:
            status, message = 501, str(error)
        return PlainTextResponse(message + "\n", status, headers={**_SAFE, "Cache-Control": "no-store"})

    def _answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        root, names = cids.split_path(path)
        cid = reader.resolve(self.store, root, names)
        kind = _format(request)
        text = cids.text(cid)
        etag = f'"{text}{"." + kind if kind else ""}"'
        headers = {**_SAFE, "ETag": etag, "Cache-Control": _IMMUTABLE, "X-Ipfs-Path": f"/ipfs/{path}"}
        if etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        if kind == "raw":
            headers["Content-Disposition"] = f'attachment; filename="{text}.bin"'
            return Response(self.store.get(cid), media_type=RAW_TYPE, headers=headers)
        if kind == "car":
            headers["Content-Disposition"] = f'attachment; filename="{text}.car"'
            body = car.write([cid], archive(self.store, cid))
            if request.method == "HEAD":
                return Response(headers=headers, media_type=f"{CAR_TYPE}; version=1")
            return StreamingResponse(body, media_type=f"{CAR_TYPE}; version=1; order=dfs; dups=n", headers=headers)
        if reader.load(self.store, cid).kind == TYPE_DIRECTORY:
            return self._listing(cid, path, headers)
        return self._file(request, cid, names[-1] if names else "", headers)

    def _file(self, request: Request, cid: bytes, name: str, headers: dict[str, str]) -> Response:
        size = reader.file_size(self.store, cid)
        begin, end = 0, size
        headers["Accept-Ranges"] = "bytes"
        wanted = _RANGE.match(request.headers.get("range", ""))
        unchanged = request.headers.get("if-range", headers["ETag"]) == headers["ETag"]
        status = 200
        if wanted and unchanged and any(wanted.groups()):
            first, last = wanted.groups()
            begin = int(first) if first else max(0, size - int(last))
            end = min(size, int(last) + 1) if first and last else size
            if begin >= size or begin >= end:
                headers["Content-Range"] = f"bytes */{size}"
                return Response(status_code=416, headers=headers)
            status = 206
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        headers["Content-Length"] = str(end - begin)
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if media_type.startswith("text/"):
            media_type += "; charset=utf-8"
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers, media_type=media_type)
        pieces = reader.cat(self.store, cid, begin, end - begin)
        return StreamingResponse(pieces, status, headers=headers, media_type=media_type)

    def _listing(self, cid: bytes, path: str, headers: dict[str, str]) -> Response:
        base = "/ipfs/" + urllib.parse.quote(path.rstrip("/"))
        rows = "".join(
            f'<tr><td><a href="{base}/{urllib.parse.quote(entry.name)}">{html.escape(entry.name)}</a></td>'
            f"<td>{entry.size:,}</td><td><code>{entry.cid}</code></td></tr>"
            for entry in reader.list_directory(self.store, cid)
        )
        title = html.escape(f"/ipfs/{path}")
        body = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>'
            f"<table><thead><tr><th>Name</th><th>Bytes</th><th>CID</th></tr></thead><tbody>{rows}</tbody></table></html>"
        )
        # The listing's look may change with the program, so unlike content it isn't cached for ever.
        headers["ETag"] = f'"DirIndex-{cids.text(cid)}"'
        headers["Cache-Control"] = "public, max-age=604800, stale-while-revalidate=2678400"
        return Response(body, headers=headers, media_type="text/html; charset=utf-8")


def _format(request: Request) -> str:
    """``"raw"``, ``"car"`` or ``""``: the query decides, else the Accept header."""
    wanted = request.query_params.get("format", "")
    if wanted in ("raw", "car"):
        return wanted
    if wanted:
        raise InvalidCID(f"The format {wanted!r} isn't served.", hint="Ask for raw or car.")
    accepted = request.headers.get("accept", "")
    if RAW_TYPE in accepted:
        return "raw"
    return "car" if CAR_TYPE in accepted else ""
