"""Import of files and directories as UnixFS, with the CIDs Kubo gives them.

A file is cut into 256 KiB chunks, hung under a balanced tree 174 links wide; a directory is one node with
sorted names. The numbers are Kubo's defaults (`boxo/ipld/unixfs/importer`), and so is the choice of leaves:
CIDv1 implies raw leaves unless said otherwise, CIDv0 wraps them. Ours is CIDv1 with raw leaves.

One chunk at a time is read into one buffer, hashed and written, all while it is in the processor's cache. Threads
were tried and made it slower: writers wait for one another in the file system.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

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


class RawReader(Protocol):
    """A binary stream: an open file, `io.BytesIO`."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer as far as possible; 0 at the end."""
        ...


class Importer:
    """Turns files and directories into blocks.

    Parameters
    ----------
    sink : BlockSink, optional
        Where blocks go; by default nowhere (only CIDs are computed).
    options : ImportOptions, optional
    progress : callable, optional
        Called with the number of content bytes imported so far, once a chunk.
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

    def __enter__(self) -> Importer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open; the context marks where an import begins and ends."""

    # Files

    def start_file(self) -> FileBuilder:
        """Begin a file whose bytes arrive piece by piece."""
        return FileBuilder(self)

    def add_stream(self, stream: RawReader) -> Link:
        """Import everything a binary stream yields as one file."""
        builder = self.start_file()
        buffer = memoryview(bytearray(self.options.chunk_size))
        # Short reads are normal for pipes; `write` puts them together.
        while size := stream.readinto(buffer):
            builder.write(buffer[:size])
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

    def _leaf(self, chunk: bytes | memoryview) -> Link:
        if self.options.leaves_are_raw:
            digest = hashlib.sha256(chunk).digest()
            self.sink.put_hashed(digest, chunk)
            return Link(cids.make(cids.RAW, digest), "", len(chunk), len(chunk))
        block = dagpb.encode_leaf(chunk)
        return Link(self._put(block), "", len(block), len(chunk))

    def _file_node(self, links: list[Link]) -> Link:
        block = dagpb.encode_file_node(links)
        return Link(
            self._put(block),
            "",
            len(block) + sum(link.tsize for link in links),
            sum(e.filesize for e in links),
        )

    def _count(self, size: int) -> None:
        self.bytes_done += size
        if self._progress is not None:
            self._progress(self.bytes_done)


class FileBuilder:
    """One file under construction: `write` pieces of any size, then `finish`."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer
        self._chunk_size = importer.options.chunk_size
        self._pending = bytearray()
        self._levels: list[list[Link]] = [[]]

    def write(self, data: bytes | memoryview) -> None:
        """Append content; the buffer may be reused afterwards."""
        view = memoryview(data)
        size = self._chunk_size
        if self._pending:
            missing = size - len(self._pending)
            self._pending += view[:missing]
            view = view[missing:]
            if len(self._pending) < size:
                return
            self._add(self._pending)
            self._pending = bytearray()
        while len(view) >= size:
            self._add(view[:size])
            view = view[size:]
        self._pending += view

    def finish(self) -> Link:
        """Store what is left and return the file's root, unnamed."""
        if self._pending or not (self._levels[0] or len(self._levels) > 1):
            self._add(self._pending)
        level = 0
        while True:
            links = self._levels[level]
            is_top = level + 1 == len(self._levels)
            if is_top and len(links) == 1:
                return links[0]
            if links:
                self._append_at(level + 1, self._importer._file_node(links))
            level += 1

    def _add(self, chunk: bytearray | memoryview) -> None:
        with memoryview(chunk) as view:
            self._append_at(0, self._importer._leaf(view))
            self._importer._count(len(view))

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
