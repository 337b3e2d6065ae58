"""Borsh encoding and decoding by an Anchor IDL (spec 0.1.0), for the program tests.

Independent of :mod:`decai.chain` on purpose: these tests are about the programs' bytes, not about our client.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from solders.pubkey import Pubkey

PROGRAMS_DIR = Path(__file__).parents[2] / "decai" / "chain" / "programs"

INTEGERS = {f"{sign}{bits}": (bits // 8, sign == "i") for sign in "iu" for bits in (8, 16, 32, 64, 128)}


@dataclass(frozen=True)
class Idl:
    """One program's IDL: names to discriminators, and values to bytes and back.

    Text and other byte arrays: ``[u8; N]`` encodes from ``bytes`` of exactly N, or from ``str``, which is
    padded with zeros; it decodes to ``bytes``. A pubkey is a :class:`Pubkey`, a struct a dict.
    """

    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def load(cls, program: str, directory: Path = PROGRAMS_DIR) -> Idl:
        return cls(json.loads((directory / f"{program}.json").read_text()))

    @cached_property
    def address(self) -> Pubkey:
        return Pubkey.from_string(self.raw["address"])

    @cached_property
    def types(self) -> dict[str, Any]:
        return {entry["name"]: entry["type"] for entry in self.raw.get("types", [])}

    @cached_property
    def instructions(self) -> dict[str, dict[str, Any]]:
        return {entry["name"]: entry for entry in self.raw["instructions"]}

    @cached_property
    def accounts(self) -> dict[bytes, str]:
        """Discriminator → account type."""
        return {bytes(entry["discriminator"]): entry["name"] for entry in self.raw.get("accounts", [])}

    @cached_property
    def events(self) -> dict[bytes, str]:
        """Discriminator → event."""
        return {bytes(entry["discriminator"]): entry["name"] for entry in self.raw.get("events", [])}

    @cached_property
    def errors(self) -> dict[int, str]:
        """Code → name."""
        return {entry["code"]: entry["name"] for entry in self.raw.get("errors", [])}

    def encode_args(self, instruction: str, args: dict[str, Any]) -> bytes:
        """Instruction data: discriminator, then arguments in the IDL's order."""
        entry = self.instructions[instruction]
        names = [arg["name"] for arg in entry["args"]]
        if set(names) != set(args):
            raise TypeError(f"{instruction} takes {names}, not {sorted(args)}")
        data = bytes(entry["discriminator"])
        return data + b"".join(self.encode(arg["type"], args[arg["name"]]) for arg in entry["args"])

    def encode(self, kind: Any, value: Any) -> bytes:
        """Borsh bytes of ``value`` as IDL type ``kind`` (a name of a defined type works too)."""
        if isinstance(kind, str):
            return self._encode_named(kind, value)
        if "defined" in kind:
            return self._encode_struct(kind["defined"]["name"], value)
        if "array" in kind:
            item, length = kind["array"]
            if isinstance(value, str):
                value = value.encode().ljust(length, b"\0")
            if len(value) != length:
                raise ValueError(f"{len(value)} items for an array of {length}")
            return bytes(value) if item == "u8" else b"".join(self.encode(item, each) for each in value)
        if "vec" in kind:
            items = [self.encode(kind["vec"], each) for each in value]
            return len(items).to_bytes(4, "little") + b"".join(items)
        if "option" in kind:
            return b"\0" if value is None else b"\1" + self.encode(kind["option"], value)
        raise NotImplementedError(kind)

    def _encode_named(self, kind: str, value: Any) -> bytes:
        if kind in INTEGERS:
            size, signed = INTEGERS[kind]
            return int(value).to_bytes(size, "little", signed=signed)
        if kind == "bool":
            return bytes([bool(value)])
        if kind == "pubkey":
            return bytes(value)
        if kind in ("bytes", "string"):
            raw = value.encode() if isinstance(value, str) else bytes(value)
            return len(raw).to_bytes(4, "little") + raw
        return self._encode_struct(kind, value)

    def _encode_struct(self, name: str, value: dict[str, Any]) -> bytes:
        fields = self.types[name].get("fields", [])
        unknown = set(value) ^ {entry["name"] for entry in fields}
        if unknown:
            raise TypeError(f"{name}: fields {sorted(unknown)} are missing or unknown")
        return b"".join(self.encode(entry["type"], value[entry["name"]]) for entry in fields)

    def decode(self, kind: Any, data: bytes, offset: int = 0) -> tuple[Any, int]:
        """The value of IDL type ``kind`` at ``offset``, and the offset behind it."""
        if isinstance(kind, str):
            return self._decode_named(kind, data, offset)
        if "defined" in kind:
            return self._decode_struct(kind["defined"]["name"], data, offset)
        if "array" in kind:
            item, length = kind["array"]
            if item == "u8":
                return _slice(data, offset, length), offset + length
            return self._decode_items(item, length, data, offset)
        if "vec" in kind:
            length = int.from_bytes(_slice(data, offset, 4), "little")
            return self._decode_items(kind["vec"], length, data, offset + 4)
        if "option" in kind:
            if not _slice(data, offset, 1)[0]:
                return None, offset + 1
            return self.decode(kind["option"], data, offset + 1)
        raise NotImplementedError(kind)

    def _decode_named(self, kind: str, data: bytes, offset: int) -> tuple[Any, int]:
        if kind in INTEGERS:
            size, signed = INTEGERS[kind]
            return int.from_bytes(_slice(data, offset, size), "little", signed=signed), offset + size
        if kind == "bool":
            return bool(_slice(data, offset, 1)[0]), offset + 1
        if kind == "pubkey":
            return Pubkey(_slice(data, offset, 32)), offset + 32
        if kind in ("bytes", "string"):
            length = int.from_bytes(_slice(data, offset, 4), "little")
            raw = _slice(data, offset + 4, length)
            return raw.decode() if kind == "string" else raw, offset + 4 + length
        return self._decode_struct(kind, data, offset)

    def _decode_items(self, kind: Any, length: int, data: bytes, offset: int) -> tuple[list[Any], int]:
        values = []
        for _ in range(length):
            value, offset = self.decode(kind, data, offset)
            values.append(value)
        return values, offset

    def _decode_struct(self, name: str, data: bytes, offset: int) -> tuple[dict[str, Any], int]:
        values = {}
        for entry in self.types[name].get("fields", []):
            values[entry["name"]], offset = self.decode(entry["type"], data, offset)
        return values, offset


def _slice(data: bytes, offset: int, length: int) -> bytes:
    raw = bytes(data[offset : offset + length])
    if len(raw) != length:
        raise ValueError(f"{length} bytes wanted at {offset}, {len(raw)} left")
    return raw
