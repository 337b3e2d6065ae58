"""Reading UnixFS out of a block store: bytes, listings, paths, and whole directories onto the disk.

Everything read has been verified block by block, but a verified block can still be hostile: it may lie about
sizes, name a file ``../x``, or be a few kilobytes that unfold to petabytes. Sizes are compared with what
arrives, names are checked, and depth, entries and bytes are bounded.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from decai.errors import IntegrityError, PathNotFound, StorageError
from decai.storage import cids, dagpb
from decai.storage.blocks import BlockSource
from decai.storage.dagpb import Link, Node
from decai.storage.unixfs import MAX_DEPTH, check_name

MAX_EXTRACT_BYTES: Final = 256 * 1024**3
MAX_ENTRIES: Final = 100_000
SCRATCH: Final = ".extract-"
"""How the names of directories begin in which content is written before it is renamed."""

_MAX_FILE_DEPTH: Final = 16
_BATCH: Final = 8
_BATCHES_AHEAD: Final = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a directory.

    Attributes
    ----------
    name : str
    cid : str
    kind : str
        ``"file"``, ``"directory"`` or ``"symlink"``.
    size : int
        Bytes of content; for a directory the bytes of all blocks below it.
    """

    name: str
    cid: str
    kind: str
    size: int


def load(source: BlockSource, cid: bytes) -> Node:
    """Read and decode one node; a raw block is a file of its bytes.

    Raises
    ------
    BlockNotFound, IntegrityError
    StorageError
        A codec or UnixFS type that is no file or directory (dag-cbor; sharded directories, with a hint).
    """
    codec = cids.codec(cid)
    if codec not in (cids.RAW, cids.DAG_PB):
        raise StorageError(
            f"{cids.text(cid)} is {cids.CODEC_NAMES[codec]}, not a file or directory.",
            hint="Read it as a block.",
        )
    data = source.get(cid)
    if codec == cids.RAW:
        return Node(dagpb.TYPE_RAW, (), data, len(data))
    node = dagpb.decode(data, cid)
    if node.kind == dagpb.TYPE_HAMT:
        raise StorageError(
            f"{cids.text(cid)} is a sharded directory (HAMT), which this store can't read.",
            hint="Add the files again in smaller directories.",
        )
    if node.kind not in (dagpb.TYPE_RAW, dagpb.TYPE_DIRECTORY, dagpb.TYPE_FILE, dagpb.TYPE_SYMLINK):
        raise StorageError(f"{cids.text(cid)} has the unknown UnixFS type {node.kind}.")
    return node


def resolve(source: BlockSource, cid: bytes, names: Sequence[str]) -> bytes:
    """Follow names through directories to the CID behind them.

    Raises
    ------
    PathNotFound
        A name isn't there, or what it is looked up in is no directory.
    """
    if len(names) > MAX_DEPTH:
        raise PathNotFound(f"A path of {len(names)} names is deeper than {MAX_DEPTH}.")
    walked = cids.text(cid)
    for name in names:
        node = load(source, cid)
        if node.kind != dagpb.TYPE_DIRECTORY:
            raise PathNotFound(f"{walked} is a file, so there is no {name!r} in it.")
        for link in node.links:
            if link.name == name:
                cid = link.cid
                break
        else:
            known = ", ".join(link.name for link in node.links[:10]) or "nothing"
            raise PathNotFound(f"No {name!r} in {walked}.", hint=f"It holds {known}.")
        walked += f"/{name}"
    return cid


def list_directory(source: BlockSource, cid: bytes) -> list[Entry]:
    """Entries of a directory, in the order of their names' bytes.

    Raises
    ------
    StorageError
        Not a directory.
    """
    node = load(source, cid)
    if node.kind != dagpb.TYPE_DIRECTORY:
        raise StorageError(f"{cids.text(cid)} is a file, not a directory.", hint="Read it with cat.")
    return [_entry(source, link) for link in node.links]


def _entry(source: BlockSource, link: Link) -> Entry:
    text = cids.text(link.cid)
    if cids.codec(link.cid) == cids.RAW:
        return Entry(link.name, text, "file", link.tsize)
    node = load(source, link.cid)
    if node.kind == dagpb.TYPE_DIRECTORY:
        return Entry(link.name, text, "directory", link.tsize)
    if node.kind == dagpb.TYPE_SYMLINK:
        return Entry(link.name, text, "symlink", len(node.data))
    return Entry(link.name, text, "file", node.filesize)


def file_size(source: BlockSource, cid: bytes) -> int:
    """Content bytes of a file, without reading it all.

    Raises
    ------
    StorageError
        Not a file.
    """
    return _load_file(source, cid).filesize


def _load_file(source: BlockSource, cid: bytes) -> Node:
    node = load(source, cid)
    if node.kind == dagpb.TYPE_DIRECTORY:
        raise StorageError(f"{cids.text(cid)} is a directory, not a file.", hint="Name a file in it: CID/NAME.")
    if node.kind == dagpb.TYPE_SYMLINK:
        raise StorageError(f"{cids.text(cid)} is a symbolic link, which is never followed.")
    return node


def cat(source: BlockSource, cid: bytes, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Yield a file's bytes, or a range of them, block by block.

    Blocks are read and hashed a few ahead in two threads. The first piece is loaded before this returns, so a
    missing or wrong root raises here and not in the middle of an answer.

    Parameters
    ----------
    source : BlockSource
    cid : bytes
        Binary CID of a file.
    offset : int
        First byte; at or beyond the end nothing is yielded.
    length : int, optional
        Number of bytes at most; None for all.

    Raises
    ------
    BlockNotFound, IntegrityError, StorageError
    """
    if offset < 0 or (length is not None and length < 0):
        raise StorageError("A range can't begin or end before the file does.")
    root = _load_file(source, cid)
    end = root.filesize if length is None else min(root.filesize, offset + length)
    return _cat(source, root, offset, end)


def _cat(source: BlockSource, root: Node, offset: int, end: int) -> Iterator[bytes]:
    if offset >= end:
        return
    if not root.links:
        yield root.data[offset:end]
        return
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), "read") as pool:
        try:
            yield from _walk(source, pool, root, offset, end, 0)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _walk(
    source: BlockSource, pool: ThreadPoolExecutor, node: Node, begin: int, end: int, depth: int
) -> Iterator[bytes]:
    """Yield the bytes [begin, end) of one node; offsets are relative to it."""
    if depth > _MAX_FILE_DEPTH:
        raise IntegrityError(f"A file's tree is deeper than {_MAX_FILE_DEPTH} levels.")
    at = len(node.data)
    if begin < at:
        yield node.data[begin : min(end, at)]
    wanted: list[tuple[bytes, int, int]] = []
    for link, size in zip(node.links, node.blocksizes, strict=True):
        if at < end and at + size > begin:
            wanted.append((link.cid, at, size))
        at += size

    def read(batch: list[tuple[bytes, int, int]]) -> list[Node]:
        return [load(source, cid) for cid, _, _ in batch]

    # Interior nodes are few and each opens a subtree: reading many of them ahead would only hold memory.
    batches = deque(wanted[i : i + _BATCH] for i in range(0, len(wanted), _BATCH))
    ahead: deque[tuple[list[tuple[bytes, int, int]], Future[list[Node]]]] = deque()
    while batches or ahead:
        while batches and len(ahead) < _BATCHES_AHEAD:
            batch = batches.popleft()
            ahead.append((batch, pool.submit(read, batch)))
        batch, future = ahead.popleft()
        for (cid, start, size), child in zip(batch, future.result(), strict=True):
            if child.kind not in (dagpb.TYPE_RAW, dagpb.TYPE_FILE) or child.filesize != size:
                raise IntegrityError(f"Block {cids.text(cid)} is not the part of the file its parent says.")
            first, last = max(begin - start, 0), min(end - start, size)
            if child.links:
                yield from _walk(source, pool, child, first, last, depth + 1)
            else:
                yield child.data if first == 0 and last == size else child.data[first:last]


def read(source: BlockSource, cid: bytes, limit: int | None = None) -> bytes:
    """A whole file's bytes.

    Parameters
    ----------
    limit : int, optional
        Refuse files larger than this many bytes.

    Raises
    ------
    StorageError
        Not a file, or larger than the limit.
    """
    if limit is not None and (size := file_size(source, cid)) > limit:
        raise StorageError(f"{cids.text(cid)} has {size:,} bytes; at most {limit:,} are read at once here.")
    return b"".join(cat(source, cid))


@dataclass(slots=True)
class _Budget:
    """What an extraction may still write."""

    bytes_left: int
    entries_left: int

    def take(self, size: int) -> None:
        self.bytes_left -= size
        self.entries_left -= 1
        if self.bytes_left < 0 or self.entries_left < 0:
            raise StorageError(
                "The content unfolds to more than may be written.",
                hint="Raise the limit if it is really that large.",
            )


def extract(
    source: BlockSource,
    cid: bytes,
    target: Path,
    *,
    max_bytes: int = MAX_EXTRACT_BYTES,
    max_entries: int = MAX_ENTRIES,
) -> Path:
    """Write a file or directory to the disk, all of it or nothing.

    It is written beside the target under a temporary name and renamed. A target that exists is left as it is.

    Parameters
    ----------
    source : BlockSource
    cid : bytes
    target : Path
        The file or directory to make; its parent is created.
    max_bytes, max_entries : int
        Bounds on what is written.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    StorageError
        An unsafe name, a symbolic link, too much content, or a disk that can't be written.
    BlockNotFound, IntegrityError
    """
    target = Path(target)
    scratch: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix=SCRATCH, dir=target.parent)
        inner = os.path.join(scratch, "content")
        _extract(source, cid, inner, _Budget(max_bytes, max_entries), 0)
        with contextlib.suppress(FileExistsError):
            # Another process may have extracted the same content a moment ago: then theirs stays.
            if target.exists():
                raise FileExistsError(target)
            os.rename(inner, target)
    except OSError as error:
        if isinstance(error, StorageError) or target.exists():
            raise
        raise StorageError(
            f"{target} can't be written ({error.strerror}).",
            hint="Free some disk space or choose another place.",
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def _extract(source: BlockSource, cid: bytes, path: str, budget: _Budget, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise StorageError(f"The content is nested deeper than {MAX_DEPTH} directories.")
    node = load(source, cid)
    if node.kind == dagpb.TYPE_DIRECTORY:
        budget.take(0)
        os.mkdir(path)
        for link in node.links:
            _extract(source, link.cid, f"{path}/{check_name(link.name)}", budget, depth + 1)
        return
    budget.take(_load_file(source, cid).filesize)
    with open(path, "xb", buffering=0) as stream:
        for piece in cat(source, cid):
            view = memoryview(piece)
            while view:
                view = view[stream.write(view) :]


def walk_blocks(source: BlockSource, cid: bytes, *, leaves: bool = True) -> Iterator[tuple[bytes, bytes | None]]:
    """Visit every block of a DAG once, parents first (depth first, in link order).

    Parameters
    ----------
    leaves : bool
        Read raw leaves too; otherwise they come as ``(cid, None)`` unread.

    Yields
    ------
    tuple of bytes
        Binary CID and the verified block.

    Raises
    ------
    BlockNotFound, IntegrityError
    """
    seen: set[bytes] = set()
    stack = [cid]
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        if cids.codec(current) != cids.DAG_PB:
            yield current, (source.get(current) if leaves else None)
            continue
        data = source.get(current)
        yield current, data
        node = dagpb.decode(data, current)
        stack.extend(link.cid for link in reversed(node.links))
