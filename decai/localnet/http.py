"""The node's HTTP endpoint, and the doors it keeps shut to web pages of other sites.

The sockets are loopback; beyond that, the ``Host`` header must be loopback (a DNS name that was pointed here is
refused), and a browser's ``Origin`` must be too.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from decai.localnet import protocol
from decai.localnet.errors import INVALID_REQUEST, RpcError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
# Wallet extensions are the user's own programs; no web page can carry such an origin.
_EXTENSION_SCHEMES = {"chrome-extension", "moz-extension", "safari-web-extension"}
_DRAIN_BYTES = 32 * protocol.MAX_REQUEST_BYTES

Answer = Callable[[bytes], Awaitable[str | None]]


class HttpEndpoint:
    """POST / for JSON-RPC; OPTIONS for browsers; GET to see that it is there."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        origin_bytes = headers.get(b"origin")
        origin = None if origin_bytes is None else origin_bytes.decode("latin-1")
        if not host_is_loopback(headers.get(b"host", b"").decode("latin-1")):
            return await _send(send, 403, _error_text("the Host header isn't loopback"), None)
        if not origin_is_allowed(origin):
            return await _send(send, 403, _error_text("pages of this origin may not use the node"), None)
        if scope["method"] == "OPTIONS":
            return await _send(send, 204, "", origin)
        if scope["method"] == "GET":
            return await _send(send, 200, "ok", origin)
        if scope["method"] != "POST":
            return await _send(send, 405, _error_text("use POST"), origin)
        body = await _read(receive)
        if body is None:
            text = _error_text(f"over {protocol.MAX_REQUEST_BYTES} bytes")
            return await _send(send, 413, text, origin)
        answer = await self._answer(body)
        return await _send(send, 200 if answer is not None else 204, answer or "", origin)


async def _read(receive: Receive) -> bytes | None:
    """A request's body; None when it is too big, once the client has sent (most of) it."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= protocol.MAX_REQUEST_BYTES else None
    chunks, size = [body], len(body)
    while message.get("more_body") and size <= _DRAIN_BYTES:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= protocol.MAX_REQUEST_BYTES:
            chunks.append(chunk)
    return b"".join(chunks) if size <= protocol.MAX_REQUEST_BYTES else None


async def _send(send: Send, status: int, text: str, origin: str | None) -> None:
    body = text.encode()
    kind = b"text/plain" if text == "ok" else b"application/json"
    headers = [(b"content-length", str(len(body)).encode())] if status != 204 else []
    headers.append((b"content-type", kind))
    if origin is not None:
        headers += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
            (b"access-control-allow-headers", b"content-type, solana-client, authorization"),
            (b"access-control-allow-private-network", b"true"),
            (b"access-control-max-age", b"86400"),
            (b"vary", b"Origin"),
        ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _error_text(reason: str) -> str:
    error = RpcError(INVALID_REQUEST, f"Invalid request: {reason}")
    return json.dumps({"jsonrpc": "2.0", "error": error.to_json(), "id": None})


def host_is_loopback(value: str | None) -> bool:
    """Whether a ``Host`` header names this machine."""
    try:
        return urlsplit(f"//{value}").hostname in _LOOPBACK_NAMES
    except ValueError:
        return False


def origin_is_allowed(value: str | None) -> bool:
    """Whether a request with this ``Origin`` is served; None means no browser sent it."""
    if value is None:
        return True
    try:
        parts = urlsplit(value)
        if parts.scheme in _EXTENSION_SCHEMES:
            return True
        return parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK_NAMES
    except ValueError:
        return False
