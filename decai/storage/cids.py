"""Content identifiers: parsing, checking, and the fixed-width form Solana accounts hold.

Inside the store a CID is its binary form (``bytes``), as short and as fast to compare as can be; text appears
only at the edges. `multiformats` parses whatever people paste (every multibase, both versions), once per
text; the way back is arithmetic on 36 bytes and needs no library (`multiformats` takes 0.2 ms for it, a block
read 0.1 ms).

Only sha2-256 is accepted: it is what Kubo uses for files, and what fits the 38 bytes of an on-chain
`ContentId`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from functools import lru_cache
from typing import Final

from decai.errors import InvalidCID

RAW: Final = 0x55
"""Codec of a block that is file bytes and nothing else."""
DAG_PB: Final = 0x70
"""Codec of UnixFS files and directories."""
DAG_CBOR: Final = 0x71
"""Codec of structured data; stored and served, never followed."""

CODEC_NAMES: Final = {RAW: "raw", DAG_PB: "dag-pb", DAG_CBOR: "dag-cbor"}

SCHEME_IPFS: Final = 1
SCHEME_ARWEAVE: Final = 2
CONTENT_ID_SIZE: Final = 40
_CONTENT_ID_ROOM: Final = 38

_V0_PREFIX: Final = b"\x12\x20"
_V1_PREFIXES: Final = {bytes((1, codec, 0x12, 0x20)): codec for codec in CODEC_NAMES}
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ARWEAVE_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_HINT: Final = "A CID looks like bafybei… or Qm…; copy it whole, without spaces."


def make(codec: int, digest: bytes, version: int = 1) -> bytes:
    """Build a binary CID from its parts.

    Parameters
    ----------
    codec : int
        `RAW`, `DAG_PB` or `DAG_CBOR`.
    digest : bytes
        The block's sha2-256, 32 bytes.
    version : int
        1, or 0 (which exists for dag-pb only).

    Returns
    -------
    bytes
        36 bytes for version 1, 34 for version 0.
    """
    if version == 0:
        if codec != DAG_PB:
            raise InvalidCID("CIDv0 exists for dag-pb blocks only.", hint="Use CID version 1.")
        return _V0_PREFIX + digest
    return bytes((1, codec, 0x12, 0x20)) + digest


def of(data: bytes | memoryview, codec: int = RAW, version: int = 1) -> bytes:
    """Binary CID of a block."""
    return make(codec, hashlib.sha256(data).digest(), version)


def check(cid: bytes) -> bytes:
    """Return a binary CID unchanged if this store can use it.

    Raises
    ------
    InvalidCID
        Not a CID, another hash than sha2-256, or an unknown codec; says which.
    """
    if len(cid) == 34 and cid[:2] == _V0_PREFIX:
        return cid
    if len(cid) == 36 and cid[:4] in _V1_PREFIXES:
        return cid
    if len(cid) > 4 and cid[0] == 1:
        codec, at = _varint(cid, 1)
        hash_code, at = _varint(cid, at)
        if hash_code != 0x12:
            raise InvalidCID(
                f"The CID uses hash function 0x{hash_code:x}; this store verifies sha2-256 only.",
                hint="Add the content again with sha2-256, IPFS's default.",
            )
        if codec not in CODEC_NAMES:
            raise InvalidCID(
                f"The CID's codec 0x{codec:x} is unknown here.",
                hint="Files and directories are dag-pb or raw; dag-cbor is carried too.",
            )
    raise InvalidCID(f"{len(cid)} bytes that are not a CID: {cid[:8].hex()}…", hint=_HINT)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 63:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    raise InvalidCID("The bytes are not a CID: a number in them has no end.", hint=_HINT)


@lru_cache(maxsize=4096)
def parse(text: str) -> bytes:
    """Read a CID in any usual text form.

    Parameters
    ----------
    text : str
        CIDv0 (``Qm…``) or CIDv1 in base32, base58btc, base36 or another multibase; an ``ipfs://`` or
        ``/ipfs/`` before it is allowed, a path after it is not (see `split_path`).

    Returns
    -------
    bytes
        The binary CID.

    Raises
    ------
    InvalidCID
        With what is wrong and what to do.
    """
    from multiformats import CID  # 60 ms: only those who read text pay

    bare = text.strip().removeprefix("ipfs://").removeprefix("/ipfs/").rstrip("/")
    shown = bare if len(bare) <= 80 else bare[:77] + "…"
    if not bare:
        raise InvalidCID("An empty CID.", hint=_HINT)
    if len(bare) > 128:
        raise InvalidCID(f"{shown!r} is too long for a CID.", hint=_HINT)
    try:
        decoded = CID.decode(bare)
        binary = bytes(decoded)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidCID(f"{shown!r} is not a CID ({error}).", hint=_HINT) from error
    check(binary)
    # Base decoders forgive stray bits in the last character; two texts must not name one block by accident.
    if str(decoded.encode()) != bare:
        raise InvalidCID(f"{shown!r} is not a CID: its last character is damaged.", hint=_HINT)
    return binary


def text(cid: bytes) -> str:
    """Canonical text of a binary CID: base58btc for version 0, base32 for version 1 (as Kubo prints them)."""
    if len(cid) == 34:
        number = int.from_bytes(cid, "big")
        digits = []
        while number:
            number, digit = divmod(number, 58)
            digits.append(_BASE58[digit])
        return "".join(reversed(digits))
    return "b" + base64.b32encode(cid).decode("ascii").rstrip("=").lower()


def binary(cid: str | bytes) -> bytes:
    """Binary CID of a CID in either form."""
    return check(cid) if isinstance(cid, bytes) else parse(cid)


def normal(cid: str | bytes) -> str:
    """Canonical text of a CID in either form."""
    return text(binary(cid))


def digest(cid: bytes) -> bytes:
    """The sha2-256 inside a binary CID; one block has one digest whatever the CID's version or codec."""
    return cid[-32:]


def codec(cid: bytes) -> int:
    """Codec number of a binary CID."""
    return DAG_PB if len(cid) == 34 else cid[1]


def version(cid: bytes) -> int:
    """CID version, 0 or 1."""
    return 0 if len(cid) == 34 else 1


def to_v1(cid: bytes) -> bytes:
    """The same block's CID in version 1."""
    return make(codec(cid), digest(cid))


def split_path(path: str) -> tuple[bytes, list[str]]:
    """Split ``cid/a/b`` (or ``/ipfs/cid/a/b``, ``ipfs://cid/a/b``) into the CID and the names below it.

    Raises
    ------
    InvalidCID
        The first part is not a CID.
    """
    bare = path.strip().removeprefix("ipfs://").removeprefix("/ipfs/").lstrip("/")
    first, *names = bare.split("/")
    return parse(first), [name for name in names if name]


def content_id(cid: str | bytes) -> bytes:
    """Encode a CID or an Arweave id as the 40-byte ``ContentId`` of on-chain accounts.

    Parameters
    ----------
    cid : str or bytes
        A CID in either form, or ``ar://`` with an Arweave transaction id.

    Returns
    -------
    bytes
        ``scheme u8 ‖ length u8 ‖ bytes[38]``, zero-padded. Scheme 1 is IPFS, 2 is Arweave.

    Raises
    ------
    InvalidCID
        Not a CID or Arweave id.
    """
    if isinstance(cid, str) and cid.startswith("ar://"):
        name = cid.removeprefix("ar://")
        if not _ARWEAVE_ID.match(name):
            raise InvalidCID(
                f"{cid!r} is not an Arweave id.",
                hint="It is ar:// and the transaction's 43 base64url characters.",
            )
        raw = base64.urlsafe_b64decode(name + "=")
        scheme = SCHEME_ARWEAVE
    else:
        raw = binary(cid)
        scheme = SCHEME_IPFS
    return bytes((scheme, len(raw))) + raw.ljust(_CONTENT_ID_ROOM, b"\0")


def from_content_id(data: bytes) -> str:
    """Text of an on-chain ``ContentId``.

    Parameters
    ----------
    data : bytes
        40 bytes as `content_id` makes them.

    Returns
    -------
    str
        A CID, ``ar://…`` for Arweave, or ``""`` for an unset one (40 zero bytes).

    Raises
    ------
    InvalidCID
        Another length, an unknown scheme, or padding that isn't zero.
    """
    data = bytes(data)
    if len(data) != CONTENT_ID_SIZE:
        raise InvalidCID(f"A ContentId has {CONTENT_ID_SIZE} bytes, not {len(data)}.")
    if not any(data):
        return ""
    scheme, length = data[0], data[1]
    if length > _CONTENT_ID_ROOM or any(data[2 + length :]):
        raise InvalidCID("The account's ContentId is malformed.", hint="Check the account's layout number.")
    raw = data[2 : 2 + length]
    if scheme == SCHEME_IPFS:
        return text(check(raw))
    if scheme == SCHEME_ARWEAVE and length == 32:
        return "ar://" + base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
    raise InvalidCID(f"The account's ContentId has the unknown scheme {scheme}.", hint="Update DecAI.")


def from_digest_hex(name: str) -> bytes:
    """Digest from the 64 hex digits that name a block's file; ``b""`` if the name is something else."""
    if len(name) != 64:
        return b""
    try:
        return binascii.unhexlify(name)
    except binascii.Error:
        return b""
