"""Account layouts: one packed little-endian numpy dtype per account type, derived from the IDLs.

Our accounts are borsh structs of fixed width, so that a whole table of them is one ``numpy.frombuffer``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import base58
import numpy as np

from decai.errors import AccountMismatch

__all__ = ["TEXT_FIELDS", "cid_of", "content_id", "dtype_of", "plain", "text_of"]

_SCALARS = {
    "u8": "u1", "i8": "i1", "u16": "<u2", "i16": "<i2", "u32": "<u4", "i32": "<i4", "u64": "<u8", "i64": "<i8",
    "f32": "<f4", "f64": "<f8", "bool": "?", "pubkey": "V32", "publicKey": "V32",
}  # fmt: skip

TEXT_FIELDS = frozenset({"name", "note", "description", "target_param", "region", "device", "external_id"})
"""Fields that hold zero-padded UTF-8; every other byte array is shown in hexadecimal."""

KEY_SIZE = 32
IPFS, ARWEAVE = 1, 2


def dtype_of(kind: Any, types: Mapping[str, Any]) -> np.dtype[Any]:
    """The packed dtype of an IDL type.

    Parameters
    ----------
    kind : str or dict
        A type as the IDL (spec 0.1.0) writes it.
    types : mapping
        The IDL's named types.

    Raises
    ------
    AccountMismatch
        The type has no fixed width.
    """
    if isinstance(kind, str) and kind in _SCALARS:
        return np.dtype(_SCALARS[kind])
    if isinstance(kind, dict):
        if "array" in kind:
            inner, size = kind["array"]
            return np.dtype(f"V{size}") if inner == "u8" else np.dtype((dtype_of(inner, types), (size,)))
        if "defined" in kind:
            name = kind["defined"]["name"] if isinstance(kind["defined"], dict) else kind["defined"]
            return dtype_of(types[name], types)
        if kind.get("kind") == "struct":
            return np.dtype([(f["name"], dtype_of(f["type"], types)) for f in kind.get("fields", [])])
    raise AccountMismatch(f"The IDL type {kind!r} has no fixed width.")


def text_of(raw: bytes) -> str:
    """Zero-padded UTF-8 to text; bytes that aren't UTF-8 are shown replaced, never raised on."""
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def content_id(cid: str) -> dict[str, Any]:
    """A CID (or ``ar://`` id) as the programs' ``ContentId`` arguments: scheme, length, bytes.

    Parameters
    ----------
    cid : str
        CIDv0 or CIDv1 text, or ``ar://`` and an Arweave transaction id; empty for none.
    """
    from decai.storage.cids import content_id as encode

    raw = encode(cid) if cid else bytes(40)
    return {"scheme": raw[0], "len": raw[1], "bytes": list(raw[2:40])}


def cid_of(raw: bytes) -> str:
    """The text of an on-chain ``ContentId`` (40 bytes); empty when it names nothing.

    Written out for speed: it is called once per row of a bulk read.
    """
    scheme, size = raw[0], raw[1]
    body = raw[2 : 2 + size]
    if scheme == 0 or size == 0:
        return ""
    if scheme == ARWEAVE:
        return "ar://" + base64.urlsafe_b64encode(body).decode().rstrip("=")
    if size == 34 and body[:2] == b"\x12\x20":
        return base58.b58encode(body).decode()
    return "b" + base64.b32encode(body).decode().lower().rstrip("=")


def plain(record: Any, name: str = "") -> Any:
    """One decoded record as plain Python: keys as base58, texts as str, other bytes as hexadecimal."""
    kind = record.dtype
    if record.shape:
        return [plain(r, name) for r in record]
    if kind.names:
        if kind.names == ("scheme", "len", "bytes"):
            return cid_of(record.tobytes())
        return {n: plain(record[n], n) for n in kind.names if n not in ("discriminator", "reserved")}
    if kind.kind == "V":
        raw = bytes(record)
        if name in TEXT_FIELDS:
            return text_of(raw)
        if kind.itemsize == KEY_SIZE and not _is_digest(name):
            return base58.b58encode(raw).decode()
        return raw.hex()
    return record.item()


_DIGESTS = ("sha256", "commitment", "head", "leaf", "root", "roots", "w_after", "w_proven", "w_in", "w_out", "ctx",
            "id", "vk_steps", "vk_eval", "payload", "params")  # fmt: skip


def _is_digest(name: str) -> bool:
    """Whether 32 bytes of this name are a hash or field element rather than a public key."""
    return name.endswith(_DIGESTS)
