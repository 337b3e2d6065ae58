"""The little of protobuf's wire format that ONNX files need: written byte for byte, and read defensively.

Source: <https://protobuf.dev/programming-guides/encoding/>.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["MalformedProtobuf", "bytes_field", "fields", "int_field"]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


class MalformedProtobuf(ValueError):
    """The bytes aren't a protobuf message."""


def varint(number: int) -> bytes:
    """Encode an integer, negative ones as 64-bit two's complement."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def int_field(field: int, number: int) -> bytes:
    """Encode an integer field."""
    return varint(field << 3 | _VARINT) + varint(number)


def bytes_field(field: int, value: bytes | str) -> bytes:
    """Encode a field of bytes, text or a nested message."""
    raw = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | _LENGTH) + varint(len(raw)) + raw


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Read a message's fields in order, without copying.

    Parameters
    ----------
    message : memoryview

    Yields
    ------
    field : int
    value : int or memoryview
        An integer for varints; the bytes for everything else.

    Raises
    ------
    MalformedProtobuf
        When the bytes end within a field, or a field has no known encoding.
    """
    at, end = 0, len(message)
    while at < end:
        key, at = _read_varint(message, at)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            number, at = _read_varint(message, at)
            yield field, number
            continue
        if wire == _LENGTH:
            size, at = _read_varint(message, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise MalformedProtobuf(f"field {field} has the unknown wire type {wire}")
        if not field or at + size > end:
            raise MalformedProtobuf(f"field {field} runs past the end")
        yield field, message[at : at + size]
        at += size


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise MalformedProtobuf("it ends within a number")
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & (1 << 64) - 1, at
    raise MalformedProtobuf("a number is longer than 64 bits")
