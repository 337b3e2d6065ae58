"""Whole columns of accounts as text, with numpy instead of a call a row: names, base58 keys, CIDs.

The bytes of a column are turned into one matrix of characters, a row of characters for each account, from which an
Arrow string column is cut. What doesn't fit the common form is decoded one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decai.chain.layouts import IPFS, cid_of, text_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cid_column", "key_column", "text_column"]

_ALPHABET58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ALPHABET32 = b"abcdefghijklmnopqrstuvwxyz234567"
_KEY_DIGITS = 45
"""Nine limbs of five base58 digits: 58^45 > 2^256."""
_CID_V1, _CID_CHARS = 36, 59
_CID_WIDTH = 64
"""Characters that any ``ContentId`` needs at most, rounded up."""

_BLOCK = 4096

Characters = NDArray[np.uint8]
Spans = tuple[Characters, NDArray[np.intp] | None, NDArray[np.intp]]


def text_column(column: NDArray[Any]) -> pd.Series[str]:
    """Zero-padded UTF-8 as text; what isn't UTF-8 is shown replaced.

    Parameters
    ----------
    column : array of ``V<width>``, shape (n,)

    Returns
    -------
    Series of str, length n
    """
    if (_bytes(column) >= 0x80).any():
        import pandas as pd

        return pd.Series([text_of(row.tobytes()) for row in _bytes(column)], dtype="str")
    return _strings(column, _padded)


def key_column(column: NDArray[Any]) -> pd.Series[str]:
    """32-byte keys in base58.

    Parameters
    ----------
    column : array of ``V32``, shape (n,)

    Returns
    -------
    Series of str, length n

    Notes
    -----
    The key, as eight 32-bit limbs, is multiplied with the limbs of 2^32k in base 58^5 (as Firedancer's
    ``fd_base58`` does it); then carries move left, and each of the nine limbs gives five digits.
    """
    return _strings(column, _base58)


def cid_column(column: NDArray[Any]) -> pd.Series[str]:
    """``ContentId`` fields as CIDs or ``ar://`` ids; empty where they name nothing.

    Parameters
    ----------
    column : structured array of scheme, len, bytes, shape (n,)

    Returns
    -------
    Series of str, length n
    """
    return _strings(column, _cids)


# --- each kind of text: the bytes of some rows to characters, and where each row's begin and end ----------------


def _padded(raw: Characters) -> Spans:
    return raw, None, raw.shape[1] - _leading(raw[:, ::-1] != 0)


def _base58(raw: Characters) -> Spans:
    words = np.ascontiguousarray(raw).view(">u4").astype(np.uint64)
    limbs = words @ _powers()  # < 8 · 2^32 · 58^5 < 2^64
    for i in range(limbs.shape[1] - 1, 0, -1):
        carry = limbs[:, i] // np.uint64(58**5)
        limbs[:, i - 1] += carry
        limbs[:, i] -= carry * np.uint64(58**5)
    small = limbs.astype(np.uint32)
    digits = np.empty((len(raw), 9, 5), np.uint8)
    top = small // np.uint32(58**4)
    rest = small - top * np.uint32(58**4)
    upper = rest // np.uint32(58**2)
    lower = rest - upper * np.uint32(58**2)
    pairs = _pairs(_ALPHABET58)
    digits[:, :, 0] = np.frombuffer(_ALPHABET58, np.uint8)[top]
    digits[:, :, 1:3] = pairs[upper]
    digits[:, :, 3:5] = pairs[lower]
    characters = digits.reshape(len(raw), _KEY_DIGITS)
    # A number has no leading zeros, but each leading zero byte of the key is written as one "1".
    leading = _leading(characters != ord("1")) - _leading(raw != 0)
    return characters, leading, np.full(len(raw), _KEY_DIGITS)


def _cids(raw: Characters) -> Spans:
    usual = (raw[:, 0] == IPFS) & (raw[:, 1] == _CID_V1)
    lengths = np.where(usual, _CID_CHARS, 0)
    characters = np.empty((len(raw), _CID_WIDTH), np.uint8)
    characters[:, 0] = ord("b")
    characters[:, 1:_CID_CHARS] = _base32(raw[:, 2 : 2 + _CID_V1])[:, : _CID_CHARS - 1]
    known: dict[bytes, bytes] = {}
    for i in np.flatnonzero(~usual):
        one = raw[i].tobytes()
        if one not in known:
            known[one] = cid_of(one).encode()
        characters[i, : len(known[one])] = np.frombuffer(known[one], np.uint8)
        lengths[i] = len(known[one])
    return characters, None, lengths


def _base32(raw: Characters) -> Characters:
    """The base32 digits of 36 bytes a row: eight for each five bytes, the last group padded with zeros."""
    groups = np.zeros((len(raw), 8, 8), np.uint8)  # five bytes at the end of each eight, to be read as a number
    groups[:, :7, 3:] = raw[:, :35].reshape(len(raw), 7, 5)
    groups[:, 7, 3] = raw[:, 35]
    numbers = groups.view(">u8").reshape(len(raw), 8).astype(np.int64)
    pairs = _pairs(_ALPHABET32).view(np.uint16).ravel()
    text = np.empty((len(raw), 8, 4), np.uint16)
    for i, shift in enumerate((30, 20, 10, 0)):
        text[:, :, i] = pairs[(numbers >> shift) & 1023]
    return text.view(np.uint8).reshape(len(raw), 64)


# --- parts ------------------------------------------------------------------------------------------------------


def _bytes(column: NDArray[Any]) -> Characters:
    """A column's bytes, a row each, whatever its stride."""
    width = column.dtype.itemsize
    packed = np.ascontiguousarray(column)
    return packed.view(np.uint8).reshape(len(column), width)


def _leading(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """How many False come before the first True of each row."""
    found: NDArray[np.intp] = np.where(flags.any(axis=1), flags.argmax(axis=1), flags.shape[1])
    return found


@cache
def _pairs(alphabet: bytes) -> Characters:
    """Two digits of every number below the base's square, shape (base², 2)."""
    letters = np.frombuffer(alphabet, np.uint8)
    numbers = np.arange(len(letters) ** 2)
    return np.stack([letters[numbers // len(letters)], letters[numbers % len(letters)]], axis=1)


@cache
def _powers() -> NDArray[np.uint64]:
    """2^(32 (7 - i)) in nine limbs of base 58^5, most significant first, shape (8, 9)."""
    return np.array(
        [[2 ** (32 * (7 - i)) // 58 ** (5 * (8 - j)) % 58**5 for j in range(9)] for i in range(8)], np.uint64
    )


def _strings(column: NDArray[Any], spell: Callable[[Characters], Spans]) -> pd.Series[str]:
    """A column of strings, spelled in blocks that fit a processor's cache."""
    import pandas as pd
    import pyarrow as pa

    offsets = np.zeros(len(column) + 1, np.int64)
    pieces = []
    for first in range(0, len(column), _BLOCK):
        characters, starts, ends = spell(_bytes(column[first : first + _BLOCK]))
        offsets[first + 1 : first + 1 + len(ends)] = ends if starts is None else ends - starts
        if starts is None and (ends == ends[0]).all():
            pieces.append(characters[:, : ends[0]].tobytes())
            continue
        at = np.arange(characters.shape[1], dtype=np.int16)
        used = at < ends.astype(np.int16)[:, None]
        if starts is not None:
            used &= at >= starts.astype(np.int16)[:, None]
        pieces.append(characters[used].tobytes())
    np.cumsum(offsets, out=offsets)
    made = pa.LargeStringArray.from_buffers(
        len(column), pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(pieces))
    )
    return pd.Series(made, dtype="str")
