"""Reading parameters: each function returns what a method needs or refuses with -32602."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import base58
from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.signature import Signature

from decai.localnet.encoding import ACCOUNT_ENCODINGS, AccountView
from decai.localnet.errors import MIN_CONTEXT_SLOT, RpcError, invalid

if TYPE_CHECKING:
    from decai.localnet.node import Node

U64 = 2**64 - 1
COMMITMENTS = (
    "processed",
    "confirmed",
    "finalized",
    # Names of earlier Solana versions, which clients still send.
    "recent",
    "single",
    "singleGossip",
    "root",
    "max",
)
Options = dict[str, object]


def pubkey(value: object) -> Pubkey:
    """An address in base58."""
    if not isinstance(value, str):
        invalid("expected an address as text")
    try:
        return Pubkey.from_string(value)
    except ValueError as error:
        invalid(f"not an address: {value[:64]!r} ({error})")


def signature(value: object) -> Signature:
    """A signature in base58."""
    if not isinstance(value, str):
        invalid("expected a signature as text")
    try:
        return Signature.from_string(value)
    except ValueError as error:
        invalid(f"not a signature: {value[:96]!r} ({error})")


def blockhash(value: object) -> Hash:
    """A blockhash in base58."""
    if not isinstance(value, str):
        invalid("expected a blockhash as text")
    try:
        return Hash.from_string(value)
    except (ValueError, ParseHashError) as error:
        invalid(f"not a blockhash: {value[:64]!r} ({error})")


def integer(value: object, name: str, *, least: int = 0, most: int = U64) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        invalid(f"{name} must be a whole number")
    if not least <= value <= most:
        invalid(f"{name} must be from {least} to {most}")
    return value


def flag(options: Options, name: str, default: bool = False) -> bool:
    """A boolean option."""
    value = options.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        invalid(f"{name} must be true or false")
    return value


def array(value: object, name: str, most: int) -> list[object]:
    """A list of at most so many items."""
    if not isinstance(value, list):
        invalid(f"{name} must be an array")
    if len(value) > most:
        invalid(f"Too many inputs provided; max {most}")
    return value


def choice(options: Options, name: str, allowed: tuple[str, ...], default: str) -> str:
    """A text option among those allowed."""
    value = options.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in allowed:
        invalid(f"{name} must be one of {', '.join(allowed)}")
    return value


def config(node: Node, value: object, *, commitment: bool = True) -> Options:
    """A configuration object: its commitment must be known, its ``minContextSlot`` reached.

    Every commitment answers alike: what the node has executed is final.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        invalid("the configuration must be an object")
    if commitment:
        choice(value, "commitment", COMMITMENTS, "finalized")
    if value.get("minContextSlot") is not None:
        wanted = integer(value["minContextSlot"], "minContextSlot")
        if wanted > node.slot:
            raise RpcError(MIN_CONTEXT_SLOT, "Minimum context slot has not been reached", {"contextSlot": node.slot})
    return value


def account_view(
    options: Options, *, default: str = "base64", names: tuple[str, ...] = ACCOUNT_ENCODINGS
) -> AccountView:
    """Encoding and data slice of a configuration."""
    encoding = choice(options, "encoding", names, default)
    window = options.get("dataSlice")
    if window is None:
        return AccountView(encoding)
    if not isinstance(window, dict):
        invalid("dataSlice must be an object")
    offset = integer(window.get("offset"), "dataSlice.offset")
    return AccountView(encoding, (offset, integer(window.get("length"), "dataSlice.length")))


class Filters:
    """What accounts must look like: the ``filters`` of ``getProgramAccounts`` and ``programSubscribe``."""

    def __init__(self, value: object) -> None:
        self.size: int | None = None
        self.matches: list[tuple[int, bytes]] = []
        self.tokens_only = False
        self._impossible = False
        if value is None:
            return
        if not isinstance(value, list):
            invalid("filters must be an array")
        if len(value) > 4:
            invalid("Too many filters provided; max 4")
        for each in value:
            self._add(each)

    def _add(self, value: object) -> None:
        if value == "tokenAccountState":
            value = {"tokenAccountState": None}
        if not isinstance(value, dict) or len(value) != 1:
            invalid("a filter must be an object with dataSize, memcmp or tokenAccountState")
        name, body = next(iter(value.items()))
        if name == "dataSize":
            size = integer(body, "dataSize")
            self._impossible |= self.size not in (None, size)
            self.size = size
        elif name == "memcmp":
            if not isinstance(body, dict):
                invalid("memcmp must be an object")
            self.matches.append((integer(body.get("offset"), "memcmp.offset"), _memcmp_bytes(body)))
        elif name == "tokenAccountState":
            self.tokens_only = True
        else:
            invalid(f"unknown filter: {name[:32]!r}")

    def accept(self, data: bytes) -> bool:
        """Whether an account's data passes."""
        if self.size is not None and (len(data) != self.size or self._impossible):
            return False
        for offset, wanted in self.matches:
            if not data.startswith(wanted, offset) or len(data) < offset + len(wanted):
                return False
        if self.tokens_only:
            from decai.localnet.tokens import read_token_account

            return read_token_account(data) is not None
        return True

    def __bool__(self) -> bool:
        return self.size is not None or bool(self.matches) or self.tokens_only


def _memcmp_bytes(body: Options) -> bytes:
    value, encoding = body.get("bytes"), body.get("encoding")
    if isinstance(value, list):
        if not all(isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 256 for item in value):
            invalid("memcmp.bytes must hold numbers from 0 to 255")
        raw = bytes(value)
    elif isinstance(value, str) and encoding in (None, "base58", "base64"):
        if len(value) > 256:
            invalid("memcmp.bytes is too long; max 128 bytes")
        try:
            raw = base64.b64decode(value, validate=True) if encoding == "base64" else base58.b58decode(value)
        except (binascii.Error, ValueError) as error:
            invalid(f"memcmp.bytes isn't {encoding or 'base58'}: {error}")
    else:
        invalid("memcmp.bytes must be text in base58 or base64, or an array of bytes")
    if len(raw) > 128:
        invalid("memcmp.bytes is too long; max 128 bytes")
    return raw
