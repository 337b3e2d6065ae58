"""Import of files and directories as UnixFS, with the CIDs Kubo gives them.

A file is cut into 256 KiB chunks, hung under a balanced tree 174 links wide; a directory is one node with
sorted names. The numbers are Kubo's defaults (`boxo/ipld/unixfs/importer`), and so is the choice of leaves:
CIDv1 implies raw leaves unless said otherwise, CIDv0 wraps them. Ours is CIDv1 with raw leaves.

Hashing and writing release the interpreter lock, so one thread hashes while another writes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from decai.errors import StorageError
from decai.storage import cids, dagpb
from decai.storage.blocks import BlockSink, NullSink
from decai.storage.dagpb import Link

CHUNK_SIZE: Final = 262_144
"""Bytes of file content a leaf holds."""
LINKS_PER_NODE: Final = 174
"""Width of the balanced tree."""
MAX_DIRECTORY_SIZE: Final = 256 * 1024
"""Above this sum of name and CID lengths Kubo shards a directory (HAMT); we refuse rather than differ."""
MAX_DEPTH: Final = 64
"""Deepest nesting of directories imported or followed."""

_BATCH_SIZE: Final = 8 * CHUNK_SIZE
_MAX_BATCHES_WAITING: Final = 4


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How content becomes blocks.

    Attributes
    ----------
    cid_version : int
        0 or 1.
    raw_leaves : bool, optional
        None means Kubo's rule: as CIDv1 says yes and CIDv0 no.
    chunk_size : int
        Bytes a leaf; Kubo's ``size-N`` chunker.
    """

    cid_version: int = 1
    raw_leaves: bool | None = None
    chunk_size: int = CHUNK_SIZE

    def __post_init__(self) -> None:
        if self.cid_version not in (0, 1):
            raise StorageError(f"CID version {self.cid_version} doesn't exist.", hint="Use 0 or 1.")
        if not 1 <= self.chunk_size <= 2 * 1024 * 1024 - 256:
            raise StorageError(
                f"A chunk of {self.chunk_size} bytes doesn't fit a block.", hint="Use 1 to 1,048,576 bytes."
            )

    @property
    def leaves_are_raw(self) -> bool:
        """Whether leaves are raw blocks."""
        return self.cid_version == 1 if self.raw_leaves is None else self.raw_leaves


def check_name(name: str) -> str:
    """Return a directory entry's name unchanged if it is safe as a file name anywhere.

    Raises
    ------
    StorageError
        Empty, ``.``, ``..``, or with a slash, backslash or NUL.
    """
    if not name or name in (".", "..") or any(c in name for c in "/\\\0"):
        raise StorageError(f"{name!r} can't be the name of a file.", hint="Rename it and try again.")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise StorageError(f"The file name {name!r} is not UTF-8.", hint="Rename it and try again.") from error
    return name


class Importer:
    """Turns files and directories into blocks.

    Use it as a context manager: it owns a thread once something large comes.

    Parameters
    ----------
    sink : BlockSink, optional
        Where blocks go; by default nowhere (only CIDs are computed).
    options : ImportOptions, optional
    progress : callable, optional
        Called with the number of content bytes imported so far, at most once per 2 MiB.
    """

    def __init__(
        self,
        sink: BlockSink | None = None,
        options: ImportOptions | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.sink: BlockSink = sink if sink is not None else NullSink()
        self.options = options or ImportOptions()
        self.bytes_done = 0
        self._progress = progress
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Importer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    # Files

    def start_file(self) -> FileBuilder:
        """Begin a file whose bytes arrive piece by piece."""
        return FileBuilder(self)

    def add_stream(self, stream: BinaryIO) -> Link:
        """Import everything a binary stream yields as one file."""
        builder = self.start_file()
        while data := stream.read(_BATCH_SIZE):
            builder.write(data)
        return builder.finish()

    def add_bytes(self, data: bytes) -> Link:
        """Import bytes as one file."""
        builder = self.start_file()
        builder.write(data)
        return builder.finish()

    # Directories

    def add_path(self, path: Path) -> Link:
        """Import a file, or a directory with everything below it.

        Returns
        -------
        Link
            Named like the path.

        Raises
        ------
        StorageError
            No such path, unreadable, a symbolic link or device inside, a name that is not UTF-8, a directory
            with too many entries, or nesting beyond `MAX_DEPTH`.
        """
        path = Path(path)
        try:
            link = self._add_entry(os.fspath(path), path.resolve().name or "root", 0, follow=True)
        except OSError as error:
            raise StorageError(
                f"{error.filename or path} can't be read ({error.strerror}).",
                hint="Check the path and its permissions.",
            ) from error
        return link

    def _add_entry(self, path: str, name: str, depth: int, *, follow: bool = False) -> Link:
        if depth > MAX_DEPTH:
            raise StorageError(f"{path} is nested deeper than {MAX_DEPTH} directories.")
        mode = os.stat(path, follow_symlinks=follow).st_mode
        if stat.S_ISREG(mode):
            with open(path, "rb", buffering=0) as stream:
                built = self.add_stream(stream)
        elif stat.S_ISDIR(mode):
            names = sorted(os.listdir(path))
            built = self.make_directory(
                self._add_entry(f"{path}/{child}", check_name(child), depth + 1) for child in names
            )
        else:
            raise StorageError(
                f"{path} is neither a file nor a directory.",
                hint="Replace symbolic links by the files they name, and remove devices and sockets.",
            )
        return Link(built.cid, name, built.tsize, built.filesize)

    def make_directory(self, links: Iterable[Link]) -> Link:
        """Store a directory node.

        Parameters
        ----------
        links : iterable of Link
            Its entries, named; in any order.

        Raises
        ------
        StorageError
            Two entries with one name, or so many that Kubo would shard the directory.
        """
        entries = list(links)
        if len({link.name for link in entries}) != len(entries):
            raise StorageError("Two entries of a directory have the same name.")
        if sum(len(link.name.encode()) + len(link.cid) for link in entries) > MAX_DIRECTORY_SIZE:
            raise StorageError(
                f"A directory of {len(entries):,} entries would have to be sharded, which isn't supported.",
                hint="Spread the files over subdirectories.",
            )
        block = dagpb.encode_directory(entries)
        return Link(
            self._put(block),
            "",
            len(block) + sum(link.tsize for link in entries),
            sum(e.filesize for e in entries),
        )

    # Blocks

    def _put(self, block: bytes) -> bytes:
        digest = hashlib.sha256(block).digest()
        self.sink.put_hashed(digest, block)
        return cids.make(cids.DAG_PB, digest, self.options.cid_version)

    def _leaves(self, batch: bytes) -> tuple[list[Link], list[tuple[bytes, bytes | memoryview]]]:
        """Cut content into leaves: their links, and the blocks to be stored with their hashes."""
        size = self.options.chunk_size
        raw = self.options.leaves_are_raw
        view = memoryview(batch)
        links: list[Link] = []
        blocks: list[tuple[bytes, bytes | memoryview]] = []
        for at in range(0, max(len(batch), 1), size):
            chunk = view[at : at + size]
            block = chunk if raw else dagpb.encode_leaf(chunk)
            digest = hashlib.sha256(block).digest()
            cid = cids.make(cids.RAW, digest) if raw else cids.make(cids.DAG_PB, digest, self.options.cid_version)
            links.append(Link(cid, "", len(block), len(chunk)))
            blocks.append((digest, block))
        return links, blocks

    def _store(self, blocks: list[tuple[bytes, bytes | memoryview]]) -> None:
        for digest, block in blocks:
            self.sink.put_hashed(digest, block)

    def _file_node(self, links: list[Link]) -> Link:
        block = dagpb.encode_file_node(links)
        return Link(
            self._put(block),
            "",
            len(block) + sum(link.tsize for link in links),
            sum(e.filesize for e in links),
        )

    def _submit(self, blocks: list[tuple[bytes, bytes | memoryview]]) -> Future[None]:
        if self._pool is None:
            # One writer: several would wait for one another on the file system's directories.
            self._pool = ThreadPoolExecutor(1, "import")
        return self._pool.submit(self._store, blocks)

    def _count(self, size: int) -> None:
        self.bytes_done += size
        if self._progress is not None:
            self._progress(self.bytes_done)


class FileBuilder:
    """One file under construction: `write` pieces of any size, then `finish`."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer
        # Batches hold whole chunks, so that cutting a batch cuts the file where Kubo does.
        size = importer.options.chunk_size
        self._batch_size = max(1, _BATCH_SIZE // size) * size
        self._pending = bytearray()
        self._waiting: deque[Future[None]] = deque()
        self._levels: list[list[Link]] = [[]]

    def write(self, data: bytes) -> None:
        """Append content."""
        if not self._pending and len(data) == self._batch_size:
            self._send(data)
            return
        self._pending += data
        if len(self._pending) >= self._batch_size:
            view = memoryview(self._pending)
            whole = len(view) - len(view) % self._batch_size
            for at in range(0, whole, self._batch_size):
                self._send(bytes(view[at : at + self._batch_size]))
            rest = bytearray(view[whole:])
            view.release()
            self._pending = rest

    def finish(self) -> Link:
        """Store what is left and return the file's root, unnamed."""
        if self._pending or not (self._levels[0] or len(self._levels) > 1):
            last = bytes(self._pending)
            links, blocks = self._importer._leaves(last)
            self._importer._store(blocks)
            self._append(links, len(last))
        while self._waiting:
            self._waiting.popleft().result()
        level = 0
        while True:
            links = self._levels[level]
            is_top = level + 1 == len(self._levels)
            if is_top and len(links) == 1:
                return links[0]
            if links:
                self._append_at(level + 1, self._importer._file_node(links))
            level += 1

    def _send(self, batch: bytes) -> None:
        if len(self._waiting) >= _MAX_BATCHES_WAITING:
            self._waiting.popleft().result()
        links, blocks = self._importer._leaves(batch)
        self._waiting.append(self._importer._submit(blocks))
        self._append(links, len(batch))

    def _append(self, leaves: list[Link], size: int) -> None:
        for leaf in leaves:
            self._append_at(0, leaf)
        self._importer._count(size)

    def _append_at(self, level: int, link: Link) -> None:
        if level == len(self._levels):
            self._levels.append([])
        links = self._levels[level]
        links.append(link)
        # The node is made as soon as it is full, so memory stays flat however large the file.
        if len(links) == LINKS_PER_NODE:
            self._levels[level] = []
            self._append_at(level + 1, self._importer._file_node(links))


def cid_of_path(path: Path, options: ImportOptions | None = None) -> str:
    """CID a file or directory has, without storing anything."""
    with Importer(None, options) as importer:
        return cids.text(importer.add_path(path).cid)


def cid_of_bytes(data: bytes, options: ImportOptions | None = None) -> str:
    """CID a file with these bytes has, without storing anything."""
    with Importer(None, options) as importer:
        return cids.text(importer.add_bytes(data).cid)
