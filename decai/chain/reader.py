"""Reading a cluster: JSON-RPC, our accounts one by one and in bulk."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import requests
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from decai.chain.idl import ProgramIdl, load_idls
from decai.chain.layouts import plain
from decai.chain.pda import Addresses
from decai.errors import AccountMismatch, AccountNotFound, NetworkError, RpcUnreachable, WrongCluster

__all__ = ["Reader", "Records", "decode_rows"]

_LAYOUTS = frozenset({1})
_BLOCK = 1024
"""Accounts decoded at once: their text fits a processor's cache."""


@dataclass(frozen=True)
class Records:
    """Many accounts of one type.

    Attributes
    ----------
    addresses : list of str
        Base58, in the rows' order.
    rows : structured array, shape (n,)
        The accounts' fields, packed as they are on chain.
    """

    addresses: list[str]
    rows: NDArray[Any]

    def __len__(self) -> int:
        return len(self.addresses)

    def plain(self) -> list[dict[str, Any]]:
        """Each account as a dict, its ``address`` included."""
        return [{"address": a, **plain(r)} for a, r in zip(self.addresses, self.rows, strict=True)]


class Reader:
    """Reads a cluster's accounts and state.

    Parameters
    ----------
    url : str
        JSON-RPC URL.
    timeout_s : float
        How long to wait for an answer, in seconds.
    programs_dir : Path, optional
        Other builds of the programs, for their IDLs.
    """

    def __init__(self, url: str, *, timeout_s: float = 30.0, programs_dir: Path | None = None) -> None:
        self.url = url
        self.timeout_s = timeout_s
        self.idls: Mapping[str, ProgramIdl] = load_idls(programs_dir)
        self.pda = Addresses(self.idls)
        self._programs_seen = False
        self._http = requests.Session()
        self._http.headers["content-type"] = "application/json"

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()

    def rpc(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call; its result as plain JSON.

        Raises
        ------
        RpcUnreachable
            Nothing answers, or what answers isn't a Solana RPC.
        NetworkError
            The RPC refused the call.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            answer = self._http.post(self.url, data=body, timeout=self.timeout_s)
        except requests.RequestException as e:
            self._unreachable(e)
        try:
            decoded = answer.json()
        except ValueError:
            raise RpcUnreachable(
                f"{self.url} answers, but not as a Solana RPC (HTTP {answer.status_code}).", hint="Check DECAI_URL."
            ) from None
        if not isinstance(decoded, dict) or ("result" not in decoded and "error" not in decoded):
            raise RpcUnreachable(f"{self.url} answers, but not as a Solana RPC.", hint="Check DECAI_URL.")
        if "error" in decoded:
            raise NetworkError(f"The RPC refused {method}: {decoded['error'].get('message', 'no reason given')}")
        return decoded["result"]

    def slot(self) -> int:
        """The current slot."""
        return int(self.rpc("getSlot", {"commitment": "confirmed"}))

    @cached_property
    def genesis(self) -> str:
        """The cluster's genesis hash."""
        return str(self.rpc("getGenesisHash"))

    def balance(self, address: Pubkey) -> int:
        """Lamports held by an address."""
        return int(self.rpc("getBalance", str(address), {"commitment": "confirmed"})["value"])

    def rent(self, size: int) -> int:
        """Lamports that keep an account of ``size`` bytes rent-exempt."""
        return int(self.rpc("getMinimumBalanceForRentExemption", size))

    def token_balance(self, account: Pubkey) -> int:
        """Units in a token account; 0 when there is none."""
        raw = self.raw_account(account)
        return 0 if raw is None else int.from_bytes(raw[64:72], "little")

    def now(self) -> int:
        """The cluster's clock (the Clock sysvar), unix seconds."""
        raw = self.raw_account(Pubkey.from_string("SysvarC1ock11111111111111111111111111111111"))
        if raw is None or len(raw) < 40:
            raise NetworkError("The cluster has no Clock sysvar.")
        return int.from_bytes(raw[32:40], "little", signed=True)

    def raw_account(self, address: Pubkey) -> bytes | None:
        """An account's data, or None when it doesn't exist."""
        value = self.rpc("getAccountInfo", str(address), {"encoding": "base64", "commitment": "confirmed"})["value"]
        return None if value is None else base64.b64decode(value["data"][0])

    def require_programs(self) -> None:
        """Check that our programs are deployed here.

        Raises
        ------
        WrongCluster
            One is missing.
        """
        if self._programs_seen:
            return
        ids = {n: str(i.address) for n, i in self.idls.items()}
        found = self.rpc(
            "getMultipleAccounts",
            list(ids.values()),
            {"encoding": "base64", "commitment": "confirmed", "dataSlice": {"offset": 0, "length": 0}},
        )
        missing = [n for n, a in zip(ids, found["value"], strict=True) if a is None or not a["executable"]]
        if missing:
            raise WrongCluster(
                f"The programs {', '.join(missing)} aren't deployed at {self.url}.",
                hint="Check DECAI_URL, or deploy them there (docs/deploying.md).",
            )
        self._programs_seen = True

    def _type(self, name: str) -> tuple[ProgramIdl, np.dtype[Any]]:
        for idl in self.idls.values():
            if name in idl.account_dtypes:
                return idl, idl.account_dtypes[name]
        raise AccountMismatch(f"None of our programs has an account type {name!r}.")

    def find(self, kind: str, address: Pubkey) -> dict[str, Any] | None:
        """One account decoded, or None when it doesn't exist."""
        return self.find_many(kind, [address])[0]

    def fetch(self, kind: str, address: Pubkey) -> dict[str, Any]:
        """One account decoded.

        Raises
        ------
        AccountNotFound, AccountMismatch
        """
        found = self.find(kind, address)
        if found is None:
            raise AccountNotFound(
                f"There is no {kind} at {address} on {self.url}.", hint="Check the address and the cluster."
            )
        return found

    def find_many(self, kind: str, addresses: Sequence[Pubkey]) -> list[dict[str, Any] | None]:
        """Several accounts of one type decoded, in order, None where there is none.

        Raises
        ------
        AccountMismatch
            An account is of another type, program or layout.
        """
        idl, dtype = self._type(kind)
        out: list[dict[str, Any] | None] = []
        for start in range(0, len(addresses), 100):  # the RPC's limit
            part = addresses[start : start + 100]
            values = self.rpc(
                "getMultipleAccounts", [str(a) for a in part], {"encoding": "base64", "commitment": "confirmed"}
            )["value"]
            for address, value in zip(part, values, strict=True):
                out.append(None if value is None else _decode(idl, kind, dtype, address, value))
        return out

    def fetch_all(self, kind: str, **equal: Pubkey | int) -> Records:
        """Every account of one type, filtered by the cluster.

        Parameters
        ----------
        kind : str
            The account type in the IDL.
        **equal
            Fields and the value that each must have.

        Returns
        -------
        Records
            One packed row an account; accounts of a layout this build doesn't know are left out.
        """
        idl, dtype = self._type(kind)
        filters: list[dict[str, Any]] = [{"dataSize": dtype.itemsize}, _memcmp(0, idl.discriminators[kind])]
        for name, value in equal.items():
            fields: Mapping[str, Any] = dtype.fields or {}
            if name not in fields:
                raise AccountMismatch(f"{kind} has no field {name!r}.")
            size, offset = fields[name][0].itemsize, fields[name][1]
            raw = bytes(value) if isinstance(value, Pubkey) else value.to_bytes(size, "little")
            filters.append(_memcmp(offset, raw))
        found = self.rpc(
            "getProgramAccounts",
            str(idl.address),
            {"encoding": "base64", "commitment": "confirmed", "filters": filters},
        )
        return Records(*decode_rows([(f["pubkey"], f["account"]["data"][0]) for f in found], dtype))

    def _block_time(self, slot: int) -> int | None:
        try:
            found = self.rpc("getBlockTime", slot)
        except RpcUnreachable:
            raise
        except NetworkError:  # a cluster may have skipped or pruned the block; the time is a courtesy
            return None
        return None if found is None else int(found)

    def _unreachable(self, e: Exception) -> NoReturn:
        raise RpcUnreachable(
            f"Nothing answers at {self.url}.",
            hint="Start the embedded network with `decai up`, or set DECAI_URL to a cluster.",
        ) from e


def decode_rows(found: Sequence[tuple[str, str]], dtype: np.dtype[Any]) -> tuple[list[str], NDArray[Any]]:
    """Addresses and base64 account data to one packed array.

    Parameters
    ----------
    found : sequence of (address, base64)
    dtype : dtype
        Of the whole account.

    Returns
    -------
    addresses : list of str
    rows : structured array, shape (n,)
        Only accounts of a known layout.
    """
    if dtype.itemsize % 3 == 0:  # no padding between them: one text
        texts = [d for _, d in found]
        blocks = (texts[i : i + _BLOCK] for i in range(0, len(texts), _BLOCK))
        packed = b"".join([binascii.a2b_base64("".join(block)) for block in blocks])
    else:
        packed = b"".join([binascii.a2b_base64(d) for _, d in found])
    rows = np.frombuffer(packed, dtype)
    addresses = [a for a, _ in found]
    if "layout" in (dtype.names or ()):
        known = np.isin(rows["layout"], list(_LAYOUTS))
        if not known.all():
            rows = rows[known]
            addresses = [a for a, k in zip(addresses, known, strict=True) if k]
    return addresses, rows


def _decode(
    idl: ProgramIdl, kind: str, dtype: np.dtype[Any], address: Pubkey, value: Mapping[str, Any]
) -> dict[str, Any]:
    raw = base64.b64decode(value["data"][0])
    if value["owner"] != str(idl.address) or raw[:8] != idl.discriminators[kind]:
        raise AccountMismatch(f"{address} isn't a {kind} of {idl.name}.", hint="Check the address.")
    if len(raw) != dtype.itemsize or raw[8] not in _LAYOUTS:
        raise AccountMismatch(
            f"The {kind} at {address} has a layout that this DecAI doesn't know.", hint="Update DecAI."
        )
    return {"address": str(address), **plain(np.frombuffer(raw, dtype)[0])}


def _memcmp(offset: int, raw: bytes) -> dict[str, Any]:
    return {"memcmp": {"offset": offset, "bytes": base64.b64encode(raw).decode(), "encoding": "base64"}}
