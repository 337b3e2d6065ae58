"""The part of Kubo's RPC (``/api/v0``) that publishing, pinning and reading need, over our own block store.

Any Kubo client works with it: `ipfshttpclient`, ``ipfs --api``, kubo-rpc-client. Answers and errors have
Kubo's shape (https://docs.ipfs.tech/reference/kubo/rpc/): POST alone, ``{"Message", "Code", "Type"}`` with
status 500, or 400 for a wrong argument. Like Kubo's, the port is for this machine: requests that come from a
web page of another origin, or under a host name that isn't loopback, are refused.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, BinaryIO, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from decai.errors import BlockNotFound, DecAIError, InvalidCID, StorageError
from decai.storage import car, cids, reader
from decai.storage.blocks import MAX_BLOCK_SIZE, BlockSink, BlockStore, NullSink
from decai.storage.dagpb import TYPE_DIRECTORY
from decai.storage.pins import DIRECT, INDIRECT, RECURSIVE, Pins, walk_present
from decai.storage.sources import LOOPBACK_NAMES
from decai.storage.unixfs import CHUNK_SIZE, Importer, ImportOptions
from decai.storage.uploads import SinglePart, Upload

VERSION: Final = "0.7.0-decai"
"""What ``version`` answers. `ipfshttpclient.connect()` refuses 0.8 and later; below that, it works too."""

_FEED_SIZE: Final = 1024 * 1024
_PROGRESS_STEP: Final = 1024 * 1024
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class _ClientError(Exception):
    """A wrong argument: Kubo answers 400 with code 1."""


class KuboRpc:
    """Kubo's RPC over a store.

    Parameters
    ----------
    store : BlockStore
    pins : Pins
    """

    def __init__(self, store: BlockStore, pins: Pins) -> None:
        self.store = store
        self.pins = pins
        self._commands: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "add": self._add,
            "block/put": self._block_put,
            "dag/import": self._dag_import,
        }
        plain: dict[str, Callable[[Request], Response]] = {
            "block/get": self._block_get,
            "block/stat": self._block_stat,
            "cat": self._cat,
            "dag/export": self._dag_export,
            "dag/stat": self._dag_stat,
            "id": self._id,
            "ls": self._ls,
            "pin/add": self._pin_add,
            "pin/ls": self._pin_ls,
            "pin/rm": self._pin_rm,
            "repo/gc": self._repo_gc,
            "repo/stat": self._repo_stat,
            "resolve": self._resolve,
            "version": self._version,
        }
        for name, command in plain.items():
            self._commands[name] = _in_thread(command)

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/api/v0/{command:path}", self._dispatch, methods=["GET", "POST", "OPTIONS"])])

    async def _dispatch(self, request: Request) -> Response:
        if not is_local_request(request):
            return PlainTextResponse("403 - Forbidden\n", 403)
        if request.method != "POST":
            return PlainTextResponse("405 - Method Not Allowed\n", 405, headers={"Allow": "OPTIONS, POST"})
        command = self._commands.get(request.path_params["command"].strip("/"))
        if command is None:
            return PlainTextResponse("404 page not found\n", 404)
        try:
            return await command(request)
        except _ClientError as error:
            return _failure(str(error), 400)
        except DecAIError as error:
            return _failure(str(error), 500)
        except ClientDisconnect:
            return _failure("the request ended before its body did", 400)

    # Adding

    async def _add(self, request: Request) -> Response:
        raw_leaves = _flag(request, "raw-leaves")
        options = ImportOptions(
            cid_version=_number(request, "cid-version", 0),
            raw_leaves=raw_leaves,
            chunk_size=_chunk_size(request.query_params.get("chunker", "")),
        )
        for name in ("trickle", "nocopy", "fscache", "inline"):
            if _flag(request, name):
                raise StorageError(f"add --{name} isn't supported.", hint="Leave the option out.")
        hash_function = request.query_params.get("hash", "sha2-256")
        if hash_function != "sha2-256":
            raise StorageError(f"The hash function {hash_function!r} isn't supported.", hint="Use sha2-256.")
        only_hash = bool(_flag(request, "only-hash"))
        pin = _flag(request, "pin") is not False
        wrap = bool(_flag(request, "wrap-with-directory"))
        lines: list[dict[str, Any]] = []
        reported: dict[str, int] = {}

        def progress(name: str, size: int) -> None:
            if size - reported.get(name, -_PROGRESS_STEP) >= _PROGRESS_STEP:
                reported[name] = size
                lines.append({"Name": name, "Bytes": size})

        sink: BlockSink = NullSink() if only_hash else self.store
        with Importer(sink, options) as importer:
            upload = Upload(
                request.headers.get("content-type", ""),
                importer,
                progress if _flag(request, "progress") else None,
            )
            pending = bytearray()
            async for piece in request.stream():
                pending += piece
                if len(pending) >= _FEED_SIZE:
                    await run_in_threadpool(upload.feed, bytes(pending))
                    pending.clear()
            await run_in_threadpool(upload.feed, bytes(pending))
            roots = await run_in_threadpool(lambda: upload.finish(wrap=wrap))
        # Roots are pinned last: whoever is interrupted before has pinned nothing.
        if pin and not only_hash:
            for root in roots:
                await run_in_threadpool(self.pins.add, root.cid)
        for added in upload.added:
            text = cids.text(added.link.cid)
            lines.append({"Name": added.name, "Hash": text, "Size": str(added.link.tsize)})
        return _lines(lines)

    async def _block_put(self, request: Request) -> Response:
        body = bytearray()
        part = SinglePart(request.headers.get("content-type", ""), body.extend)
        async for piece in request.stream():
            part.feed(piece)
            if len(body) > MAX_BLOCK_SIZE:
                raise StorageError(f"A block may have {MAX_BLOCK_SIZE:,} bytes at most.")
        part.finish()
        data = bytes(body)
        if request.query_params.get("mhtype", "sha2-256") != "sha2-256":
            raise StorageError("Only sha2-256 is supported.", hint="Leave mhtype out.")
        name = request.query_params.get("cid-codec") or request.query_params.get("format") or "raw"
        codecs = {"raw": (cids.RAW, 1), "dag-pb": (cids.DAG_PB, 1), "dag-cbor": (cids.DAG_CBOR, 1)}
        codecs |= {"protobuf": (cids.DAG_PB, 1), "cbor": (cids.DAG_CBOR, 1), "v0": (cids.DAG_PB, 0)}
        if name not in codecs:
            raise StorageError(f"The codec {name!r} is unknown.", hint=f"Use one of {', '.join(sorted(codecs))}.")
        codec, version = codecs[name]
        cid = await run_in_threadpool(self.store.put, data, codec, version)
        if _flag(request, "pin"):
            await run_in_threadpool(self.pins.add, cid)
        return _json({"Key": cids.text(cid), "Size": len(data)})

    async def _dag_import(self, request: Request) -> Response:
        import tempfile

        def load(archive_file: BinaryIO, pin: bool) -> list[dict[str, Any]]:
            archive_file.seek(0)
            roots, blocks = car.read(archive_file)
            for cid, data in blocks:
                self.store.put_block(cid, data)
            if pin:
                for root in roots:
                    self.pins.add(root)
            return [{"Root": {"Cid": {"/": cids.text(root)}, "PinErrorMsg": ""}} for root in roots]

        pin = _flag(request, "pin-roots") is not False
        with tempfile.TemporaryFile() as spool:
            part = SinglePart(request.headers.get("content-type", ""), spool.write)
            async for piece in request.stream():
                await run_in_threadpool(part.feed, piece)
            part.finish()
            return _lines(await run_in_threadpool(load, spool, pin))

    # Reading

    def _cat(self, request: Request) -> Response:
        offset = _number(request, "offset", 0)
        length = _number(request, "length", -1)
        pieces: list[Iterator[bytes]] = []
        total = 0
        for path in _arguments(request):
            cid = self._target(path)
            size = reader.file_size(self.store, cid)
            if offset < 0:
                raise StorageError("Cannot specify negative offset.")
            begin = min(offset, size)
            offset -= begin
            take = size - begin if length < 0 else min(length, size - begin)
            length -= take if length > 0 else 0
            pieces.append(reader.cat(self.store, cid, begin, take))
            total += take
        return StreamingResponse(
            (piece for pieces_of_file in pieces for piece in pieces_of_file),
            media_type="text/plain",
            headers={"X-Content-Length": str(total), "X-Stream-Output": "1"},
        )

    def _block_get(self, request: Request) -> Response:
        data = self.store.get(self._target(_arguments(request)[0]))
        return Response(data, media_type="application/octet-stream")

    def _block_stat(self, request: Request) -> Response:
        cid = self._target(_arguments(request)[0])
        return _json({"Key": cids.text(cid), "Size": len(self.store.get(cid))})

    def _ls(self, request: Request) -> Response:
        objects = []
        for path in _arguments(request):
            cid = self._target(path)
            node = reader.load(self.store, cid)
            links: list[dict[str, Any]] = []
            if node.kind == TYPE_DIRECTORY:
                for entry in reader.list_directory(self.store, cid):
                    kind = {"directory": 1, "file": 2, "symlink": 4}[entry.kind]
                    size = 0 if kind == 1 else entry.size
                    links.append({"Name": entry.name, "Hash": entry.cid, "Size": size, "Type": kind, "Target": ""})
            objects.append({"Hash": path, "Links": links})
        return _json({"Objects": objects})

    def _resolve(self, request: Request) -> Response:
        return _json({"Path": "/ipfs/" + cids.text(self._target(_arguments(request)[0]))})

    def _dag_export(self, request: Request) -> Response:
        cid = self._target(_arguments(request)[0])
        return StreamingResponse(car.write([cid], archive(self.store, cid)), media_type="application/vnd.ipld.car")

    def _dag_stat(self, request: Request) -> Response:
        stats = []
        seen: set[bytes] = set()
        unique = 0
        for path in _arguments(request):
            cid = self._target(path)
            count = total = 0
            for block, data in reader.walk_blocks(self.store, cid):
                size = len(data or b"")
                count += 1
                total += size
                if block not in seen:
                    seen.add(block)
                    unique += size
            stats.append({"Cid": {"/": cids.text(cid)}, "Size": total, "NumBlocks": count})
        return _json({"UniqueBlocks": len(seen), "TotalSize": unique, "DagStats": stats})

    # Pins and the repository

    def _pin_add(self, request: Request) -> Response:
        recursive = _flag(request, "recursive") is not False
        name = request.query_params.get("name", "")
        targets = [self._target(path) for path in _arguments(request)]
        return _json({"Pins": [self.pins.add(cid, recursive=recursive, name=name) for cid in targets]})

    def _pin_rm(self, request: Request) -> Response:
        recursive = _flag(request, "recursive") is not False
        targets = [self._target(path) for path in _arguments(request)]
        return _json({"Pins": [self.pins.remove(cid, recursive=recursive) for cid in targets]})

    def _pin_ls(self, request: Request) -> Response:
        kind = request.query_params.get("type", "all")
        if kind not in ("all", RECURSIVE, DIRECT, INDIRECT):
            raise _ClientError(f"invalid type {kind!r}, must be one of {{direct, indirect, recursive, all}}")
        keys: dict[str, dict[str, str]] = {}
        wanted = [cids.text(self._target(path)) for path in request.query_params.getlist("arg")]
        for pin in self.pins.all():
            if kind in ("all", pin.kind):
                keys[pin.cid] = {"Type": pin.kind, "Name": pin.name}
        if kind in ("all", INDIRECT):
            for cid, holder in self.pins.indirect().items():
                keys[cid] = {"Type": f"indirect through {holder}" if wanted else INDIRECT, "Name": ""}
        for cid in wanted:
            if cid not in keys:
                raise StorageError(f"path '{cid}' is not pinned")
        return _json({"Keys": {cid: keys[cid] for cid in wanted} if wanted else keys})

    def _repo_gc(self, request: Request) -> Response:
        collected = self.pins.collect()
        return _lines([{"Key": {"/": cids.text(cids.make(cids.RAW, digest))}} for digest in collected.digests])

    def _repo_stat(self, request: Request) -> Response:
        count, size = self.store.usage()
        limit = self.store.quota_bytes
        return _json(
            {
                "RepoSize": size,
                "StorageMax": limit if limit is not None else 2**63 - 1,
                "NumObjects": count,
                "RepoPath": str(self.store.path),
                "Version": "decai-store@1",
            }
        )

    def _id(self, request: Request) -> Response:
        # No libp2p identity: this store serves HTTP only, and says so rather than invent a peer id.
        agent = f"decai/{_package_version()}"
        answer = {"ID": "", "PublicKey": "", "Addresses": [], "AgentVersion": agent, "Protocols": []}
        return _json(answer)

    def _version(self, request: Request) -> Response:
        return _json({"Version": VERSION, "Commit": "", "Repo": "1", "System": "python", "Golang": ""})

    def _target(self, path: str) -> bytes:
        try:
            cid, names = cids.split_path(path)
        except InvalidCID as error:
            raise StorageError(f"invalid path {path!r}: {error}") from error
        return reader.resolve(self.store, cid, names)


def archive(store: BlockStore, cid: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All blocks of a DAG for a CAR archive, parents first.

    Raises
    ------
    BlockNotFound
        The store doesn't hold all of it; found out before the first block is yielded.
    """
    for block, _ in walk_present(store, cid):
        if not store.has(block):
            raise BlockNotFound(f"Block {cids.text(block)} is not in the store.", hint="Fetch it first.")

    def blocks() -> Iterator[tuple[bytes, bytes]]:
        for block, data in reader.walk_blocks(store, cid):
            if data is not None:
                yield block, data

    return blocks()


def is_local_request(request: Request) -> bool:
    """Whether a request comes from a program on this machine and not from some web page in its browser.

    As in Kubo: a foreign ``Origin`` or ``Referer``, or a browser that names none, is refused. The host must
    be a loopback name too, which defeats DNS rebinding.
    """
    host = request.headers.get("host", "")
    if (urllib.parse.urlsplit(f"//{host}").hostname or "") not in LOOPBACK_NAMES:
        return False
    origin = request.headers.get("origin")
    referer = request.headers.get("referer")
    if origin is None and referer is None:
        return not request.headers.get("user-agent", "").startswith("Mozilla")
    return all(urllib.parse.urlsplit(value).netloc == host for value in (origin, referer) if value is not None)


def _in_thread(command: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        return await run_in_threadpool(command, request)

    return run


def _arguments(request: Request) -> list[str]:
    values = request.query_params.getlist("arg")
    if not values:
        raise _ClientError('argument "ipfs-path" is required')
    return values


def _flag(request: Request, name: str) -> bool | None:
    value = request.query_params.get(name)
    if value is None:
        return None
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise _ClientError(f'could not convert value "{value}" to type "bool" (for option "-{name}")')


def _number(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError:
        raise _ClientError(f'could not convert value "{value}" to type "int" (for option "-{name}")') from None


def _chunk_size(chunker: str) -> int:
    if chunker in ("", "default"):
        return CHUNK_SIZE
    kind, _, size = chunker.partition("-")
    if kind != "size" or not size.isdecimal():
        raise StorageError(f"The chunker {chunker!r} isn't supported.", hint="Use size-BYTES, or leave it out.")
    return int(size)


def _json(value: object) -> Response:
    return Response(json.dumps(value, separators=(",", ":")) + "\n", media_type="application/json")


def _lines(values: list[dict[str, Any]]) -> Response:
    body = "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values)
    return Response(body, media_type="application/json", headers={"X-Chunked-Output": "1"})


def _failure(message: str, status: int) -> Response:
    value = {"Message": message, "Code": 1 if status == 400 else 0, "Type": "error"}
    return Response(json.dumps(value) + "\n", status, media_type="application/json")


def _package_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("decai")
    except PackageNotFoundError:
        return "unknown"
