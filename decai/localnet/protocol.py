"""JSON-RPC 2.0 as Solana speaks it: any text in, an answer (or, for notifications, nothing) out."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from decai.localnet.encoding import AccountRows
from decai.localnet.errors import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, RpcError

MAX_BATCH = 1000
MAX_REQUEST_BYTES = 2 * 1024 * 1024

logger = logging.getLogger(__name__)

Invoke = Callable[[str, Sequence[object]], object]
"""Runs a method with its parameters; raises `RpcError`."""


@dataclass(frozen=True)
class Request:
    """A call, or the reason it can't be made."""

    id: object
    method: str
    params: Sequence[object]
    wants_answer: bool
    error: RpcError | None = None


@dataclass(frozen=True)
class Body:
    """What one HTTP body or WebSocket message asked for."""

    requests: tuple[Request, ...]
    batch: bool


def parse(text: bytes | str) -> Body:
    """Read a body; whatever is wrong with it becomes a request that answers with the error."""
    if len(text) > MAX_REQUEST_BYTES:
        return refused(INVALID_REQUEST, f"Invalid request: over {MAX_REQUEST_BYTES} bytes")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return refused(PARSE_ERROR, "Parse error")
    if not isinstance(value, list):
        return Body((_request(value),), False)
    if not value:
        return refused(INVALID_REQUEST, "Invalid request: an empty batch")
    if len(value) > MAX_BATCH:
        return refused(INVALID_REQUEST, f"Invalid request: over {MAX_BATCH} calls in a batch")
    return Body(tuple(_request(each) for each in value), True)


def refused(code: int, message: str) -> Body:
    """A body that answers with one error."""
    return Body((Request(None, "", (), True, RpcError(code, message)),), False)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} isn't JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):  # such as 1e999, which no answer could repeat as its id
        raise ValueError(f"{number} is too large")
    return value


def _request(value: object) -> Request:
    def bad(message: str, id: object = None, code: int = INVALID_REQUEST) -> Request:
        return Request(id, "", (), True, RpcError(code, message))

    if not isinstance(value, dict):
        return bad("Invalid request: expected an object")
    id = value.get("id")
    if isinstance(id, bool) or not (id is None or isinstance(id, str | int | float)):
        return bad("Invalid request: id must be a string, a number or null")
    if value.get("jsonrpc") != "2.0":
        return bad('Invalid request: jsonrpc must be "2.0"', id)
    method = value.get("method")
    if not isinstance(method, str):
        return bad("Invalid request: method must be a string", id)
    params = value.get("params")
    if params is None:
        params = []
    if not isinstance(params, list):
        return bad("Invalid params: expected an array", id, INVALID_PARAMS)
    return Request(id, method, params, "id" in value)


def respond(body: Body, invoke: Invoke) -> str | None:
    """Run every call of a body; the answer as JSON, or None when only notifications were in it."""
    answers = [_answer(request, invoke) for request in body.requests]
    wanted = [answer for answer, request in zip(answers, body.requests, strict=True) if request.wants_answer]
    if not wanted:
        return None
    return f"[{','.join(wanted)}]" if body.batch else wanted[0]


def _answer(request: Request, invoke: Invoke) -> str:
    error = request.error
    if error is None:
        try:
            result = dump(invoke(request.method, request.params))
            return f'{{"jsonrpc":"2.0","result":{result},"id":{_dump(request.id)}}}'
        except RpcError as problem:
            error = problem
        except Exception:
            # Nothing a client sends may end in anything but a JSON-RPC answer; the log keeps the reason.
            logger.exception("%s failed", request.method)
            error = RpcError(INTERNAL_ERROR, "Internal error")
    return f'{{"jsonrpc":"2.0","error":{_dump(error.to_json())},"id":{_dump(request.id)}}}'


_dump = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def dump(result: object) -> str:
    """A result as JSON; account rows are written by their own fast path, wherever they stand."""
    if isinstance(result, AccountRows):
        return result.text()
    if isinstance(result, dict) and isinstance(result.get("value"), AccountRows):
        return f'{{"context":{_dump(result["context"])},"value":{result["value"].text()}}}'
    return _dump(result)


def plain(result: object) -> object:
    """A result as Python objects, for callers in the same process."""
    if isinstance(result, AccountRows):
        return result.plain()
    if isinstance(result, dict) and isinstance(result.get("value"), AccountRows):
        return {"context": result["context"], "value": result["value"].plain()}
    return result
