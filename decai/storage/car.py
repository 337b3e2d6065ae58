"""CAR version 1, the archive format trustless gateways speak (https://ipld.io/specs/transport/car/carv1/).

A header naming the roots, then each block behind its length and CID. Reading verifies every block's hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from decai.errors import IntegrityError, InvalidCID
from decai.storage import cids
from decai.storage.blocks import MAX_BLOCK_SIZE
from decai.storage.dagpb import varint

_MAX_HEADER_SIZE: Final = 64 * 1024


def header(roots: Iterable[bytes]) -> bytes:
    """The archive's first section: ``{"roots": […], "version": 1}`` in dag-cbor, behind its length."""
    links = list(roots)
    if len(links) > 23:
        raise ValueError("at most 23 roots")
    body = b"\xa2\x65roots" + bytes((0x80 | len(links),))
    for root in links:
        body += b"\xd8\x2a\x58" + bytes((len(root) + 1,)) + b"\0" + root
    body += b"\x67version\x01"
    return varint(len(body)) + body


def section(cid: bytes, data: bytes) -> bytes:
    """One block as it stands in an archive."""
    return varint(len(cid) + len(data)) + cid + data


def write(roots: Iterable[bytes], blocks: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Yield an archive piece by piece.

    Parameters
    ----------
    roots : iterable of bytes
        Binary CIDs.
    blocks : iterable of (bytes, bytes)
        Binary CID and block.
    """
    yield header(roots)
    for cid, data in blocks:
        yield section(cid, data)


def read(
    stream: BinaryIO, *, max_block_size: int = MAX_BLOCK_SIZE
) -> tuple[list[bytes], Iterator[tuple[bytes, bytes]]]:
    """Read an archive.

    Parameters
    ----------
    stream : binary stream
        Read once, from where it stands.
    max_block_size : int
        Refuse larger blocks, in bytes.

    Returns
    -------
    roots : list of bytes
        Binary CIDs.
    blocks : iterator of (bytes, bytes)
        Each block's binary CID and bytes, verified as it is yielded.

    Raises
    ------
    IntegrityError
        Not a CAR file, truncated, or a block that doesn't match its CID (while iterating).
    """
    length = _read_length(stream)
    if length is None or not 0 < length <= _MAX_HEADER_SIZE:
        raise IntegrityError("The data is not a CAR archive: it has no header.")
    return _parse_header(_read_exactly(stream, length)), _blocks(stream, max_block_size)


def _blocks(stream: BinaryIO, max_block_size: int) -> Iterator[tuple[bytes, bytes]]:
    while (length := _read_length(stream)) is not None:
        if length > max_block_size + 64:
            raise IntegrityError(f"The CAR archive holds a block of {length:,} bytes; {max_block_size:,} is the most.")
        body = _read_exactly(stream, length)
        size = 34 if body[:2] == b"\x12\x20" else 36
        try:
            cid = cids.check(body[:size])
        except InvalidCID as error:
            raise IntegrityError(f"The CAR archive holds a block that can't be used: {error.message}") from error
        data = body[size:]
        if hashlib.sha256(data).digest() != cids.digest(cid):
            raise IntegrityError(f"In the CAR archive, {len(data):,} bytes don't hash to {cids.text(cid)}.")
        yield cid, data


def _read_length(stream: BinaryIO) -> int | None:
    value = shift = 0
    while True:
        byte = stream.read(1)
        if not byte:
            if shift:
                raise IntegrityError("The CAR archive ends in the middle of a length.")
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7
        if shift > 56:
            raise IntegrityError("The data is not a CAR archive: a length in it has no end.")


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise IntegrityError("The CAR archive ends in the middle of a block.")
        data += more
    return data


def _parse_header(body: bytes) -> list[bytes]:
    """Roots of a version 1 header; its CBOR has one shape, so that shape is what is accepted."""
    prefix, version = b"\xa2\x65roots", b"\x67version\x01"
    if not (body.startswith(prefix) and body.endswith(version)) or len(body) <= len(prefix) + len(version):
        raise IntegrityError("The CAR archive's header is not that of version 1.")
    at = len(prefix)
    count = body[at]
    at += 1
    roots = []
    if 0x80 <= count <= 0x97:
        for _ in range(count & 0x1F):
            if body[at : at + 3] != b"\xd8\x2a\x58" or body[at + 4 : at + 5] != b"\0":
                break
            length = body[at + 3]
            try:
                roots.append(cids.check(body[at + 5 : at + 4 + length]))
            except InvalidCID as error:
                raise IntegrityError(f"A root of the CAR archive can't be used: {error.message}") from error
            at += 4 + length
    if len(roots) != count - 0x80 or at != len(body) - len(version):
        raise IntegrityError("The CAR archive's header is malformed.")
    return roots
