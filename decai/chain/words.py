"""What an instruction does, in words: our programs from their IDLs, the cluster's own by their layouts.

Layouts of the system, token, associated-token, compute-budget and memo programs are those published at
https://github.com/solana-program. An instruction that fits none is shown as unknown, never guessed at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from decai.chain.arguments import human, show, sol, units
from decai.chain.idl import ProgramIdl

__all__ = ["Named", "Words", "describe"]

SYSTEM = "11111111111111111111111111111111"
TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
ASSOCIATED = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"
COMPUTE_BUDGET = "ComputeBudget111111111111111111111111111111"
MEMO = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"


@dataclass(frozen=True)
class Named:
    """An account of an instruction.

    Attributes
    ----------
    name : str
        Its role, as the IDL calls it, in words.
    address : str
        Base58.
    writable, signer : bool
        What the instruction may do with it.
    """

    name: str
    address: str
    writable: bool
    signer: bool


@dataclass(frozen=True)
class Words:
    """One instruction in words.

    Attributes
    ----------
    program : str
        The program's name, or its address when it isn't known.
    does : str
        A sentence: "Cast vote".
    why : str
        The instruction's documentation in the IDL; may be empty.
    values : tuple of (str, str)
        Its arguments, named and formatted.
    accounts : tuple of Named
        In order.
    known : bool
        Whether the whole instruction was understood.
    """

    program: str
    does: str
    why: str = ""
    values: tuple[tuple[str, str], ...] = ()
    accounts: tuple[Named, ...] = ()
    known: bool = True


def describe(instruction: Instruction, idls: Mapping[str, ProgramIdl]) -> Words:
    """Put one instruction into words.

    Parameters
    ----------
    instruction : Instruction
        With its program and accounts resolved.
    idls : mapping
        Our programs by name.

    Returns
    -------
    Words
        ``known`` is False for a program or an instruction that isn't recognised.
    """
    program, data = str(instruction.program_id), bytes(instruction.data)
    metas = [(str(m.pubkey), m.is_writable, m.is_signer) for m in instruction.accounts]
    for idl in idls.values():
        if program == str(idl.address):
            return _ours(idl, data, metas)
    if program in _NATIVE:
        name, read = _NATIVE[program]
        found = _attempt(read, data)
        if found is not None:
            does, values, roles = found
            return Words(name, does, "", tuple(values), _accounts(metas, roles))
        return Words(
            name,
            f"An instruction that isn't recognised ({len(data)} bytes)",
            accounts=_accounts(metas),
            known=False,
        )
    return Words(
        program,
        f"A program that isn't known here ({len(data)} bytes)",
        accounts=_accounts(metas),
        known=False,
    )


def _ours(idl: ProgramIdl, data: bytes, metas: Sequence[tuple[str, bool, bool]]) -> Words:
    title = human(idl.name)
    for name, entry in idl.instructions.items():
        discriminator = bytes(entry["discriminator"])
        if data[: len(discriminator)] != discriminator:
            continue
        roles = [human(a["name"]) for a in _flat(entry["accounts"])]
        reader = _Borsh(data[len(discriminator) :], idl.types)
        try:
            values = [row for a in entry["args"] for row in show(name, a["name"], reader.read(a["type"]))]
            known = reader.done()
        except (ValueError, IndexError, KeyError):
            values, known = [], False
        return Words(
            title,
            human(name),
            " ".join(entry.get("docs", [])).strip(),
            tuple(values),
            _accounts(metas, roles),
            known,
        )
    return Words(
        title,
        f"An instruction that isn't in the program's IDL ({len(data)} bytes)",
        accounts=_accounts(metas),
        known=False,
    )


def _flat(accounts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for entry in accounts:
        out.extend(_flat(entry["accounts"]) if "accounts" in entry else [entry])
    return out


def _accounts(metas: Sequence[tuple[str, bool, bool]], roles: Sequence[str] = ()) -> tuple[Named, ...]:
    named = list(roles) + [f"Account {i + 1}" for i in range(len(roles), len(metas))]
    return tuple(Named(n, a, w, s) for n, (a, w, s) in zip(named, metas, strict=False))


class _Borsh:
    """Reads borsh as an IDL (spec 0.1.0) types it; raises ValueError where the bytes don't fit."""

    def __init__(self, raw: bytes, types: Mapping[str, Any]) -> None:
        self.raw, self.at, self.types = raw, 0, types

    def done(self) -> bool:
        return self.at == len(self.raw)

    def take(self, size: int) -> bytes:
        part = self.raw[self.at : self.at + size]
        if len(part) != size:
            raise ValueError("too short")
        self.at += size
        return part

    def read(self, kind: Any) -> Any:
        if isinstance(kind, str):
            return self._scalar(kind)
        if "array" in kind:
            inner, size = kind["array"]
            return self.take(size) if inner == "u8" else [self.read(inner) for _ in range(size)]
        if "vec" in kind:
            size = self._scalar("u32")
            if size > len(self.raw):
                raise ValueError("a length beyond the data")
            return self.take(size) if kind["vec"] == "u8" else [self.read(kind["vec"]) for _ in range(size)]
        if "option" in kind:
            return self.read(kind["option"]) if self._scalar("bool") else None
        if "defined" in kind:
            return self._defined(self.types[kind["defined"]["name"]])
        raise ValueError(f"unknown type {kind}")

    def _defined(self, kind: Mapping[str, Any]) -> Any:
        if kind["kind"] == "struct":
            return {f["name"]: self.read(f["type"]) for f in kind.get("fields", [])}
        variant = kind["variants"][self._scalar("u8")]
        fields = [self.read(f["type"] if isinstance(f, dict) and "type" in f else f) for f in variant.get("fields", [])]
        return human(variant["name"]) if not fields else f"{human(variant['name'])} ({fields})"

    def _scalar(self, kind: str) -> Any:
        if kind == "bool":
            flag = self.take(1)[0]
            if flag > 1:
                raise ValueError("not a bool")
            return bool(flag)
        if kind in ("pubkey", "publicKey"):
            return str(Pubkey.from_bytes(self.take(32)))
        if kind == "string":
            return self.take(int.from_bytes(self.take(4), "little")).decode()
        if kind == "bytes":
            return self.take(int.from_bytes(self.take(4), "little"))
        if kind[0] in "ui" and kind[1:].isdigit():
            return int.from_bytes(self.take(int(kind[1:]) // 8), "little", signed=kind[0] == "i")
        raise ValueError(f"unknown type {kind}")


# --- the cluster's own programs ---------------------------------------------------------------------------

_Read = tuple[str, list[tuple[str, str]], list[str]]


def _attempt(read: Callable[[bytes], _Read | None], data: bytes) -> _Read | None:
    try:
        return read(data)
    except (ValueError, IndexError):
        return None


def _int(data: bytes, at: int, size: int) -> int:
    if len(data) < at + size:
        raise ValueError("too short")
    return int.from_bytes(data[at : at + size], "little")


def _key(data: bytes, at: int) -> str:
    return str(Pubkey.from_bytes(data[at : at + 32]))


def _system(data: bytes) -> _Read | None:
    kind = _int(data, 0, 4)
    if kind == 0:
        return (
            "Create account",
            [
                ("Lamports", sol(_int(data, 4, 8))),
                ("Space", f"{_int(data, 12, 8)} bytes"),
                ("Owner program", _key(data, 20)),
            ],
            ["Payer", "New account"],
        )
    if kind == 1:
        return "Assign account to a program", [("Owner program", _key(data, 4))], ["Account"]
    if kind == 2:
        return f"Transfer {sol(_int(data, 4, 8))}", [("Amount", sol(_int(data, 4, 8)))], ["From", "To"]
    if kind == 4:
        return "Advance nonce", [], ["Nonce account", "Recent blockhashes", "Authority"]
    if kind == 8:
        return "Allocate space", [("Space", f"{_int(data, 4, 8)} bytes")], ["Account"]
    return None


def _token(data: bytes) -> _Read | None:
    kind = data[0]
    simple: dict[int, tuple[str, list[str]]] = {
        1: ("Initialise token account", ["Account", "Mint", "Owner"]),
        3: ("Transfer tokens", ["From", "To", "Authority"]),
        4: ("Approve a delegate to spend tokens", ["Account", "Delegate", "Owner"]),
        5: ("Revoke the delegate", ["Account", "Owner"]),
        7: ("Mint tokens", ["Mint", "To", "Authority"]),
        8: ("Burn tokens", ["Account", "Mint", "Authority"]),
        9: ("Close token account", ["Account", "Rent returns to", "Authority"]),
        12: ("Transfer tokens", ["From", "Mint", "To", "Authority"]),
        13: ("Approve a delegate to spend tokens", ["Account", "Mint", "Delegate", "Owner"]),
        14: ("Mint tokens", ["Mint", "To", "Authority"]),
        15: ("Burn tokens", ["Account", "Mint", "Authority"]),
        17: ("Synchronise wrapped SOL", ["Account"]),
        18: ("Initialise token account", ["Account", "Mint"]),
        20: ("Initialise mint", ["Mint"]),
    }
    if kind == 6:
        return f"Change authority (kind {data[1]})", [], ["Account", "Authority"]
    if kind not in simple:
        return None
    words, roles = simple[kind]
    values: list[tuple[str, str]] = []
    if kind in (3, 4, 7, 8):
        values = [("Amount", f"{units(_int(data, 1, 8), 0)} smallest units")]
    elif kind in (12, 13, 14, 15):
        values = [("Amount", units(_int(data, 1, 8), data[9]))]
    return words, values, roles


def _associated(data: bytes) -> _Read | None:
    if data in (b"", b"\0", b"\1"):
        words = "Create token account" + (" if there is none" if data == b"\1" else "")
        return words, [], ["Payer", "Token account", "Owner", "Mint"]
    return None


def _budget(data: bytes) -> _Read | None:
    if data[0] == 2 and len(data) == 5:
        return "Limit compute units", [("Limit", units(_int(data, 1, 4), 0))], []
    if data[0] == 3 and len(data) == 9:
        return "Offer a priority fee", [("Price", f"{units(_int(data, 1, 8), 6)} lamports per unit")], []
    return None


def _memo(data: bytes) -> _Read | None:
    return "Note on the ledger", [("Text", f"“{data.decode()}”")], []


_NATIVE: dict[str, tuple[str, Callable[[bytes], _Read | None]]] = {
    SYSTEM: ("System program", _system),
    TOKEN: ("Token program", _token),
    TOKEN_2022: ("Token-2022 program", _token),
    ASSOCIATED: ("Associated token program", _associated),
    COMPUTE_BUDGET: ("Compute budget", _budget),
    MEMO: ("Memo program", _memo),
}
