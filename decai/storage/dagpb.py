"""The two formats a UnixFS node is made of: dag-pb around it, the UnixFS message inside.

dag-pb goes through `ipld-dag-pb`, which checks field order and duplicates as the specification asks
(https://ipld.io/specs/codecs/dag-pb/spec/). It copies byte by byte in Python, which costs 11 ms for a 256 KiB
leaf, so leaves that carry bytes (CIDv0 without raw leaves) are written here; tests hold both to the same
bytes. The UnixFS message follows https://specs.ipfs.tech/unixfs/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ipld_dag_pb import RawPBLink, RawPBNode, decode_node, encode_node

from decai.errors import IntegrityError, InvalidCID, StorageError
from decai.storage import cids

TYPE_RAW: Final = 0
TYPE_DIRECTORY: Final = 1
TYPE_FILE: Final = 2
TYPE_METADATA: Final = 3
TYPE_SYMLINK: Final = 4
TYPE_HAMT: Final = 5

DIRECTORY_DATA: Final = b"\x08\x01"
"""The UnixFS message of every basic directory."""


@dataclass(frozen=True, slots=True)
class Link:
    """A named, sized reference to another node.

    Attributes
    ----------
    cid : bytes
        Binary CID.
    name : str
        Name in a directory; empty between the nodes of a file.
    tsize : int
        Bytes of all blocks below, the target included.
    filesize : int
        Bytes of file content below; known while importing, 0 when read from a directory.
    """

    cid: bytes
    name: str
    tsize: int
    filesize: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A decoded dag-pb block with its UnixFS message.

    Attributes
    ----------
    kind : int
        One of the ``TYPE_`` numbers.
    links : tuple of Link
    data : bytes
        Inline content (a leaf's bytes, a symlink's target).
    filesize : int
        Bytes of file content below, for files.
    blocksizes : tuple of int
        File bytes below each link, for files.
    """

    kind: int
    links: tuple[Link, ...] = ()
    data: bytes = b""
    filesize: int = 0
    blocksizes: tuple[int, ...] = field(default=())


def varint(number: int) -> bytes:
    """Protobuf's variable-length encoding of a number ≥ 0."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a variable-length number at an offset; returns it and the offset behind it.

    Raises
    ------
    IntegrityError
        It runs past the end of the data or 64 bits.
    """
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise IntegrityError("A number in the data has no end.")


def encode_leaf(data: bytes | memoryview) -> bytes:
    """A dag-pb leaf holding file bytes (what Kubo writes when raw leaves are off)."""
    size = varint(len(data))
    inner = b"".join((b"\x08\x02", b"\x12" + size if data else b"", data, b"\x18", size))
    return b"".join((b"\x0a", varint(len(inner)), inner))


def encode_file_node(links: Sequence[Link]) -> bytes:
    """An interior node of a file: links to its parts, with the file bytes below each."""
    sizes = b"".join(b"\x20" + varint(link.filesize) for link in links)
    message = b"\x08\x02\x18" + varint(sum(link.filesize for link in links)) + sizes
    return _encode(links, message)


def encode_directory(links: Sequence[Link]) -> bytes:
    """A basic directory; links are sorted by the bytes of their names, as dag-pb requires."""
    return _encode(sorted(links, key=lambda link: link.name.encode()), DIRECTORY_DATA)


def _encode(links: Sequence[Link], message: bytes) -> bytes:
    node = RawPBNode()
    node.data = message
    node.links = []
    for link in links:
        raw = RawPBLink()
        raw.hash = link.cid
        raw.name = link.name
        raw.t_size = link.tsize
        node.links.append(raw)
    return bytes(encode_node(node))


def decode(data: bytes, cid: bytes) -> Node:
    """Decode a dag-pb block and the UnixFS message in it.

    Parameters
    ----------
    data : bytes
        The block, already verified.
    cid : bytes
        Its binary CID, for messages.

    Raises
    ------
    IntegrityError
        Not valid dag-pb or UnixFS, or sizes that contradict each other.
    StorageError
        A link this store can't follow.
    """
    try:
        raw = decode_node(data)
    except Exception as error:  # the library raises bare Exception for malformed fields
        raise IntegrityError(f"Block {cids.text(cid)} is not valid dag-pb ({error}).") from error
    links = []
    for link in raw.links:
        try:
            target = cids.check(bytes(getattr(link, "hash", b"")))
        except InvalidCID as error:
            raise StorageError(
                f"Node {cids.text(cid)} links to something this store can't read: {error.message}"
            ) from error
        links.append(Link(target, getattr(link, "name", ""), getattr(link, "t_size", 0)))
    message = bytes(getattr(raw, "data", b""))
    try:
        kind, content, filesize, blocksizes = _decode_message(message)
    except IntegrityError as error:
        raise IntegrityError(f"Block {cids.text(cid)} is not a UnixFS node: {error.message}") from error
    if kind in (TYPE_FILE, TYPE_RAW):
        if len(blocksizes) != len(links):
            raise IntegrityError(f"File node {cids.text(cid)} has {len(links)} links and {len(blocksizes)} sizes.")
        if filesize is not None and filesize != len(content) + sum(blocksizes):
            raise IntegrityError(f"File node {cids.text(cid)} contradicts itself about the file's size.")
        filesize = len(content) + sum(blocksizes)
    return Node(kind, tuple(links), content, filesize or 0, tuple(blocksizes))


def _decode_message(data: bytes) -> tuple[int, bytes, int | None, list[int]]:
    """Fields 1 (type), 2 (data), 3 (filesize) and 4 (blocksizes) of the UnixFS message; others are
    skipped."""
    at = 0
    kind: int | None = None
    content = b""
    filesize: int | None = None
    blocksizes: list[int] = []
    while at < len(data):
        key, at = read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = read_varint(data, at)
            if number == 1:
                kind = value
            elif number == 3:
                filesize = value
            elif number == 4:
                blocksizes.append(value)
        elif wire in (1, 2, 5):
            if wire == 2:
                length, at = read_varint(data, at)
            else:
                length = 8 if wire == 1 else 4
            if at + length > len(data):
                raise IntegrityError("it ends in the middle of a field.")
            if wire == 2 and number == 2:
                content = data[at : at + length]
            elif wire == 2 and number == 4:  # packed, as some writers do
                end = at + length
                position = at
                while position < end:
                    value, position = read_varint(data[:end], position)
                    blocksizes.append(value)
            at += length
        else:
            raise IntegrityError(f"unknown wire type {wire}.")
    if kind is None:
        raise IntegrityError("it has no type.")
    return kind, content, filesize, blocksizes
