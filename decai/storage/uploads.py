"""Multipart uploads as Kubo's RPC takes them, imported while they arrive.

Starlette's form parser would spool each file to the disk first; here parts go straight into the importer, so
an upload of any size costs a few megabytes of memory. A part is a file, or a directory when its type is
``application/x-directory``; its file name is a percent-encoded path below the upload.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from decai.errors import StorageError
from decai.storage import cids
from decai.storage.dagpb import Link
from decai.storage.unixfs import MAX_DEPTH, FileBuilder, Importer, check_name

MAX_PARTS: Final = 100_000
_MAX_HEADER_BYTES: Final = 8_192
_DIRECTORY_TYPES: Final = ("application/x-directory",)
_SYMLINK_TYPES: Final = ("application/symlink",)


@dataclass(slots=True)
class Tree:
    """A directory being put together from parts."""

    files: dict[str, Link] = field(default_factory=dict)
    directories: dict[str, Tree] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Added:
    """A file or directory that was imported; `name` is its path in the upload."""

    name: str
    link: Link


class Upload:
    """One multipart body being imported.

    Parameters
    ----------
    content_type : str
        The request's header, for the boundary.
    importer : Importer
    on_progress : callable, optional
        Called with a file's path and its bytes so far.

    Raises
    ------
    StorageError
        The body isn't multipart.
    """

    def __init__(
        self, content_type: str, importer: Importer, on_progress: Callable[[str, int], None] | None = None
    ) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not kind.startswith(b"multipart/") or not boundary:
            raise StorageError("The request has no multipart body.", hint="Send files as multipart/form-data.")
        self.importer = importer
        self.root = Tree()
        self.added: list[Added] = []
        self._on_progress = on_progress
        self._parts = 0
        self._finished = False
        self._header_bytes = 0
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._path: list[str] = []
        self._builder: FileBuilder | None = None
        self._size = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_data,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise StorageError(f"The multipart body is malformed ({error}).") from error

    def finish(self, *, wrap: bool = False) -> list[Link]:
        """End the upload; directories are stored now.

        Parameters
        ----------
        wrap : bool
            Put everything into one more directory.

        Returns
        -------
        list of Link
            The roots, named.

        Raises
        ------
        StorageError
            The body ended early, or holds no file.
        """
        if not self._finished:
            raise StorageError("The upload ended before its last part did.", hint="Send it again.")
        if not self._parts:
            raise StorageError("The upload holds no file.")
        if wrap:
            root = self._store(self.root, "")
            return [root]
        roots = list(self.root.files.values())
        roots += [self._store(tree, name) for name, tree in self.root.directories.items()]
        return roots

    def _store(self, tree: Tree, path: str) -> Link:
        entries = list(tree.files.values())
        for name, child in tree.directories.items():
            entries.append(self._store(child, f"{path}/{name}" if path else name))
        built = self.importer.make_directory(entries)
        link = Link(built.cid, path.rpartition("/")[2], built.tsize, built.filesize)
        self.added.append(Added(path, link))
        return link

    # Parser events

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise StorageError(f"The upload has more than {MAX_PARTS:,} parts.")
        self._headers = {}
        self._header_bytes = 0

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._count_header(end - start)

    def _header_data(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._count_header(end - start)

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _MAX_HEADER_BYTES:
            raise StorageError("A part of the upload has oversized headers.")

    def _header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        try:
            filename = urllib.parse.unquote(options.get(b"filename", b"").decode(), errors="strict")
        except UnicodeDecodeError as error:
            raise StorageError("A file's name in the upload is not UTF-8.") from error
        kind, _ = parse_options_header(self._headers.get(b"content-type", b""))
        self._path = [check_name(name) for name in filename.strip("/").split("/")] if filename else []
        if len(self._path) > MAX_DEPTH:
            raise StorageError(f"A path in the upload is deeper than {MAX_DEPTH}.")
        if kind.decode("latin-1") in _SYMLINK_TYPES:
            raise StorageError("Symbolic links can't be added.", hint="Add the files they name.")
        self._size = 0
        self._builder = None
        if kind.decode("latin-1") in _DIRECTORY_TYPES:
            if self._path:
                self._directory(self._path)
        else:
            self._builder = self.importer.start_file()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._builder is None:
            return
        self._builder.write(data[start:end])
        self._size += end - start
        if self._on_progress is not None:
            self._on_progress("/".join(self._path), self._size)

    def _part_end(self) -> None:
        if self._builder is None:
            return
        built = self._builder.finish()
        self._builder = None
        # A file without a name is called by its CID, as Kubo does.
        path = self._path or [cids.text(built.cid)]
        link = Link(built.cid, path[-1], built.tsize, built.filesize)
        parent = self._directory(path[:-1])
        if path[-1] in parent.files or path[-1] in parent.directories:
            if not self._path:
                return
            raise StorageError(f"The upload names {'/'.join(path)!r} twice.")
        parent.files[path[-1]] = link
        self.added.append(Added("/".join(path), link))

    def _end(self) -> None:
        self._finished = True

    def _directory(self, path: list[str]) -> Tree:
        tree = self.root
        for name in path:
            if name in tree.files:
                raise StorageError(f"The upload names {name!r} as a file and as a directory.")
            tree = tree.directories.setdefault(name, Tree())
        return tree


class SinglePart:
    """A multipart body of one part, for ``block/put`` and ``dag/import``.

    Parameters
    ----------
    content_type : str
        The request's header, for the boundary.
    write : callable
        Takes the part's content piece by piece; that of further parts is dropped.

    Raises
    ------
    StorageError
        The body isn't multipart.
    """

    def __init__(self, content_type: str, write: Callable[[bytes], object]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not kind.startswith(b"multipart/") or not boundary:
            raise StorageError("The request has no multipart body.", hint="Send it as multipart/form-data.")
        self._write = write
        self._parts = 0
        self._finished = False
        self._parser = MultipartParser(
            boundary, {"on_part_begin": self._begin, "on_part_data": self._data, "on_end": self._end}
        )

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise StorageError(f"The multipart body is malformed ({error}).") from error

    def finish(self) -> None:
        """Check that the body was whole."""
        if not self._finished or not self._parts:
            raise StorageError("The upload ended before its part did.", hint="Send it again.")

    def _begin(self) -> None:
        self._parts += 1

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._parts == 1:
            self._write(data[start:end])

    def _end(self) -> None:
        self._finished = True
