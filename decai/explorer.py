"""Our programs' transactions and accounts, decoded with their IDLs."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import base58
import numpy as np
from solders.pubkey import Pubkey

from decai.chain.client import Chain
from decai.chain.idl import ProgramIdl
from decai.chain.layouts import dtype_of, plain
from decai.chain.pda import parse_address
from decai.errors import AccountMismatch, AccountNotFound, SettingsError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AccountView", "CurrentChange", "Event", "Explorer", "Step", "TransactionView"]

_INVOKE = re.compile(r"^Program (\w+) invoke \[\d+\]$")
_END = re.compile(r"^Program (\w+) (?:success|failed.*)$")
_DATA = "Program data: "


@dataclass(frozen=True)
class Event:
    """One event that a program emitted."""

    program: str
    name: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One instruction of ours in a transaction, decoded as far as its arguments have fixed width."""

    program: str
    name: str
    args: dict[str, Any]
    accounts: dict[str, str]
    inner: bool


@dataclass(frozen=True)
class TransactionView:
    """A transaction in words.

    Attributes
    ----------
    signature : str
    slot : int
    at : datetime or None
        UTC.
    ok : bool
    fee : int
        Lamports.
    payer : str
    compute_units : int
    steps : list of Step
        Our programs' instructions, those called by others included.
    events : list of Event
    logs : list of str
    error : str or None
    """

    signature: str
    slot: int
    at: datetime | None
    ok: bool
    fee: int
    payer: str
    compute_units: int
    steps: list[Step]
    events: list[Event]
    logs: list[str] = field(repr=False)
    error: str | None = None

    @property
    def what(self) -> str:
        """Its instructions' names, in words."""
        return ", ".join(s.name.replace("_", " ") for s in self.steps if not s.inner) or "transfer"


@dataclass(frozen=True)
class AccountView:
    """One account of ours."""

    address: str
    program: str
    kind: str
    lamports: int
    size: int
    fields: dict[str, Any]


@dataclass(frozen=True)
class CurrentChange:
    """A moment at which a registry's current version changed."""

    at: datetime | None
    slot: int
    version: int
    signature: str


class Explorer:
    """Reads what happened on our programs.

    Parameters
    ----------
    chain : Chain
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._by_id = {str(i.address): i for i in chain.idls.values()}
        self._cache: dict[str, TransactionView] = {}

    # --- transactions ------------------------------------------------------------------------------------------

    def signatures(self, address: Pubkey, *, limit: int = 1000, before: str | None = None) -> list[dict[str, Any]]:
        """Signatures that touch an address, newest first, as the RPC gives them."""
        options: dict[str, Any] = {"limit": min(limit, 1000), "commitment": "confirmed"}
        if before:
            options["before"] = before
        found: list[dict[str, Any]] = self.chain.rpc("getSignaturesForAddress", str(address), options)
        return found

    def all_signatures(self, address: Pubkey, *, page: int = 1000) -> Iterator[dict[str, Any]]:
        """Every signature that touches an address, newest first, a page of the RPC at a time."""
        before = None
        size = min(page, 1000)
        while True:
            found = self.signatures(address, limit=size, before=before)
            yield from found
            if len(found) < size:
                return
            before = found[-1]["signature"]
            size = 1000

    def transactions(
        self, limit: int = 50, *, before: str | None = None, address: str | None = None
    ) -> list[TransactionView]:
        """The newest transactions of our programs, or of one address, newest first.

        Parameters
        ----------
        limit : int
            At least so many, if there are; the last slot is always given whole.
        before : str, optional
            Only those of slots before this signature's, for the next page.
        address : str, optional
        """
        addresses = [parse_address(address)] if address else [i.address for i in self.chain.idls.values()]
        # A page never splits a slot: within one, the programs' lists have no common order to go on from.
        bound = self.transaction(before).slot if before else None
        found: dict[str, tuple[int, int]] = {}
        for key in addresses:
            for order, (signature, slot) in enumerate(self._older(key, bound, limit)):
                found.setdefault(signature, (slot, -order))
        newest = sorted(found, key=lambda s: found[s], reverse=True)
        if len(newest) > limit:
            last = found[newest[limit - 1]][0]
            newest = [s for s in newest if found[s][0] >= last]
        return [self.transaction(s) for s in newest]

    def _older(self, address: Pubkey, bound: int | None, limit: int) -> Iterator[tuple[str, int]]:
        """An address' newest signatures before a slot: ``limit``, and the rest of the last one's slot."""
        count, last = 0, None
        for entry in self.all_signatures(address, page=limit + 1 if bound is None else 1000):
            slot = entry["slot"]
            if bound is not None and slot >= bound:
                continue
            if count >= limit and slot != last:
                return
            count, last = count + 1, slot
            yield entry["signature"], slot

    def transaction(self, signature: str) -> TransactionView:
        """One transaction, decoded.

        Raises
        ------
        AccountNotFound
            The cluster doesn't know it.
        """
        if signature in self._cache:
            return self._cache[signature]
        found = self.chain.rpc(
            "getTransaction",
            signature,
            {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0},
        )
        if found is None:
            raise AccountNotFound(
                f"{self.chain.url} doesn't know the transaction {signature}.", hint="Check the signature and cluster."
            )
        view = self._view(signature, found)
        if len(self._cache) > 2000:
            self._cache.clear()
        self._cache[signature] = view
        return view

    def to_frame(self, transactions: Sequence[TransactionView]) -> pd.DataFrame:
        """Transactions as a table."""
        import pandas as pd

        rows = [
            (t.at, t.slot, t.what, t.payer, t.signature, "confirmed" if t.ok else "failed", t.fee, t.compute_units)
            for t in transactions
        ]
        return pd.DataFrame(
            rows, columns=["at", "slot", "what", "payer", "signature", "result", "fee_lamports", "compute_units"]
        )

    def events(self, address: Pubkey, *names: str) -> list[tuple[TransactionView, Event]]:
        """Events of some names in the transactions that touch an address, oldest first."""
        found: list[tuple[TransactionView, Event]] = []
        for entry in self.all_signatures(address):
            if entry["err"] is None:
                view = self.transaction(entry["signature"])
                found.extend((view, e) for e in reversed(view.events) if not names or e.name in names)
        return found[::-1]

    def current_changes(self, registry: Pubkey) -> list[CurrentChange]:
        """When a registry's current version changed, oldest first."""
        return [
            CurrentChange(datetime.fromtimestamp(e.fields["changed_at"], UTC), t.slot, e.fields["current"], t.signature)
            for t, e in self.events(registry, "CurrentChanged")
            if e.fields["registry"] == str(registry)
        ]

    # --- accounts ----------------------------------------------------------------------------------------------

    @property
    def kinds(self) -> dict[str, str]:
        """Account type → program."""
        return {k: i.name for i in self.chain.idls.values() for k in i.account_dtypes}

    def accounts(self, kind: str) -> pd.DataFrame:
        """Every account of one type, a row each."""
        import pandas as pd

        if kind not in self.kinds:
            raise SettingsError(f"There is no account type {kind!r}.", hint="One of: " + ", ".join(self.kinds))
        rows = self.chain.fetch_all(kind).plain()
        return pd.DataFrame(rows)

    def account(self, address: str) -> AccountView:
        """Any one account of ours, decoded by its first bytes.

        Raises
        ------
        AccountNotFound, AccountMismatch
        """
        key = parse_address(address)
        value = self.chain.rpc("getAccountInfo", str(key), {"encoding": "base64", "commitment": "confirmed"})["value"]
        if value is None:
            raise AccountNotFound(f"There is no account at {address}.", hint="Check the address and the cluster.")
        raw = base64.b64decode(value["data"][0])
        idl = self._by_id.get(value["owner"])
        kind = next((k for k, d in idl.discriminators.items() if d == raw[:8]), None) if idl else None
        if idl is None or kind is None or len(raw) != idl.account_dtypes[kind].itemsize:
            raise AccountMismatch(f"{address} belongs to {value['owner']}, which isn't one of our programs' accounts.")
        fields = plain(np.frombuffer(raw, idl.account_dtypes[kind])[0])
        return AccountView(address, idl.name, kind, value["lamports"], len(raw), fields)

    # --- decoding ----------------------------------------------------------------------------------------------

    def _view(self, signature: str, found: dict[str, Any]) -> TransactionView:
        meta, message = found["meta"], found["transaction"]["message"]
        loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
        keys = [*message["accountKeys"], *loaded["writable"], *loaded["readonly"]]
        steps: list[Step] = []
        inner = {i["index"]: i["instructions"] for i in meta.get("innerInstructions") or []}
        for index, entry in enumerate(message["instructions"]):
            steps.extend(self._step(entry, keys, inner=False))
            for sub in inner.get(index, []):
                steps.extend(self._step(sub, keys, inner=True))
        logs = meta.get("logMessages") or []
        at = found.get("blockTime")
        return TransactionView(
            signature=signature,
            slot=found["slot"],
            at=None if at is None else datetime.fromtimestamp(at, UTC),
            ok=meta["err"] is None,
            fee=meta["fee"],
            payer=keys[0],
            compute_units=meta.get("computeUnitsConsumed") or 0,
            steps=steps,
            events=list(self.decode_events(logs)) if meta["err"] is None else [],
            logs=logs,
            error=None if meta["err"] is None else str(meta["err"]),
        )

    def _step(self, entry: dict[str, Any], keys: list[str], *, inner: bool) -> Iterator[Step]:
        idl = self._by_id.get(keys[entry["programIdIndex"]])
        if idl is None:
            return
        raw = base58.b58decode(entry["data"])
        for name, spec in idl.instructions.items():
            if bytes(spec["discriminator"]) == raw[:8]:
                accounts = {a["name"]: keys[k] for a, k in zip(spec["accounts"], entry["accounts"], strict=False)}
                yield Step(idl.name, name, _arguments(idl, spec, raw[8:]), accounts, inner)

    def decode_events(self, logs: Sequence[str]) -> Iterator[Event]:
        """The events in a program log. Only lines that our own programs wrote count."""
        stack: list[str] = []
        for line in logs:
            if m := _INVOKE.match(line):
                stack.append(m.group(1))
            elif _END.match(line):
                if stack:
                    stack.pop()
            elif line.startswith(_DATA) and stack and stack[-1] in self._by_id:
                idl = self._by_id[stack[-1]]
                raw = base64.b64decode(line[len(_DATA) :])
                name, dtype = idl.events.get(raw[:8], ("", None))
                if dtype is not None and len(raw) == 8 + dtype.itemsize:
                    yield Event(idl.name, name, plain(np.frombuffer(raw, dtype, offset=8)[0]))


def _arguments(idl: ProgramIdl, spec: dict[str, Any], raw: bytes) -> dict[str, Any]:
    struct = {"kind": "struct", "fields": spec["args"]}
    try:
        dtype = dtype_of(struct, idl.types)
    except AccountMismatch:
        return {"data": f"{len(raw)} bytes"}
    if dtype.itemsize != len(raw) or not dtype.itemsize:
        return {}
    decoded: dict[str, Any] = plain(np.frombuffer(raw, dtype)[0])
    return decoded
