"""The Solana client side: one object that reads our accounts, builds our instructions and sends transactions."""

from __future__ import annotations

import base64
import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
import requests
from numpy.typing import NDArray
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from decai.chain.actions import Action, Confirmation, Prepared
from decai.chain.faults import explain
from decai.chain.idl import ProgramIdl, load_idls
from decai.chain.layouts import plain
from decai.chain.pda import Addresses
from decai.chain.wallets import Wallet
from decai.errors import (
    AccountMismatch,
    AccountNotFound,
    NetworkError,
    RpcUnreachable,
    TransactionExpired,
    TransactionUnknown,
    WalletError,
    WrongCluster,
)

__all__ = ["Chain", "Records"]

T = TypeVar("T")
SYSTEM_PROGRAM = Pubkey.default()
_COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
_LAYOUTS = frozenset({1})
_SLOT_TRIES, _SLOT_PAUSE_S = 50, 0.1


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


class Chain:
    """A connection to a cluster that runs our programs.

    Parameters
    ----------
    url : str
        JSON-RPC URL.
    timeout_s, confirm_timeout_s : float
        How long to wait for an answer, and for a confirmation, in seconds.
    programs_dir : Path, optional
        Other builds of the programs, for their IDLs.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        confirm_timeout_s: float = 60.0,
        programs_dir: Path | None = None,
    ) -> None:
        self.url = url
        self.timeout_s = timeout_s
        self.confirm_timeout_s = confirm_timeout_s
        self.idls: Mapping[str, ProgramIdl] = load_idls(programs_dir)
        self.pda = Addresses(self.idls)
        self._sent: deque[str] = deque(maxlen=256)
        self._programs_seen = False
        self._http = requests.Session()
        self._http.headers["content-type"] = "application/json"

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()
        if "client" in self.__dict__:
            self.client._provider.session.close()  # solana-py's client has no close of its own

    # --- reading -----------------------------------------------------------------------------------------------

    @cached_property
    def client(self) -> Any:
        """The solana-py client that sends and confirms."""
        from solana.rpc.api import Client
        from solana.rpc.commitment import Confirmed

        return Client(self.url, commitment=Confirmed, timeout=self.timeout_s)

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

    # --- writing -----------------------------------------------------------------------------------------------

    @cached_property
    def _programs(self) -> dict[str, Any]:
        from anchorpy import Idl, Program, Provider
        from anchorpy import Wallet as AnchorWallet
        from solana.rpc.async_api import AsyncClient
        from solders.keypair import Keypair

        # A provider is always given: without one anchorpy reads the user's default key file. It never signs or sends.
        provider = Provider(AsyncClient(self.url), AnchorWallet(Keypair()))
        return {
            name: Program(Idl.from_json(json.dumps(idl.legacy())), idl.address, provider)
            for name, idl in self.idls.items()
        }

    def instruction(
        self,
        program: str,
        name: str,
        args: Mapping[str, Any],
        accounts: Mapping[str, Pubkey],
        remaining: Sequence[AccountMeta] = (),
    ) -> Instruction:
        """Build an instruction of one of our programs with anchorpy.

        Parameters
        ----------
        program, name : str
            As in the IDL: "model_manager", "publish_version".
        args : mapping
            By name; structs as mappings, byte arrays as bytes.
        accounts : mapping
            By name; fixed addresses that the IDL knows may be left out.
        remaining : sequence of AccountMeta
            Appended.
        """
        from anchorpy import Context

        entry = self.idls[program].instructions[name]
        built = self._programs[program]
        values = [self._argument(program, a["type"], args[a["name"]]) for a in entry["args"]]
        extra = set(args) - {a["name"] for a in entry["args"]}
        if extra:
            raise TypeError(f"{program}.{name} has no argument {sorted(extra)}")
        metas = {a["name"]: accounts.get(a["name"]) or Pubkey.from_string(a["address"]) for a in entry["accounts"]}
        context = Context(accounts=metas, remaining_accounts=list(remaining))
        result: Instruction = built.instruction[name](*values, ctx=context)
        return result

    def _argument(self, program: str, kind: Any, value: Any) -> Any:
        if isinstance(kind, dict) and "defined" in kind:
            name = kind["defined"]["name"]
            fields = self.idls[program].types[name]["fields"]
            made = {_snake(f["name"]): self._argument(program, f["type"], value[f["name"]]) for f in fields}
            return self._programs[program].type[name](**made)
        if isinstance(kind, dict) and "vec" in kind:
            return [self._argument(program, kind["vec"], v) for v in value]
        if isinstance(value, Pubkey):
            return bytes(value)  # anchorpy copies structs deeply, which a Pubkey refuses
        if isinstance(value, bytes | bytearray):
            return value if kind == "bytes" else list(value)
        return value

    def prepare(self, action: Action) -> Prepared:
        """Compile an action against a recent blockhash; co-signers sign, the payer's place stays empty.

        Raises
        ------
        WalletError
            The transaction would be larger than a packet (1,232 bytes).
        """
        latest = self.rpc("getLatestBlockhash", {"commitment": "confirmed"})["value"]
        instructions = list(action.instructions)
        if action.compute_units is not None:
            limit = b"\x02" + action.compute_units.to_bytes(4, "little")  # SetComputeUnitLimit
            instructions.insert(0, Instruction(_COMPUTE_BUDGET, limit, []))
        message = MessageV0.try_compile(action.payer, instructions, [], Hash.from_string(latest["blockhash"]))
        signers = list(message.account_keys[: message.header.num_required_signatures])
        body = to_bytes_versioned(message)
        signatures = [Signature.default()] * len(signers)
        for key in action.signers:
            signatures[signers.index(key.pubkey())] = key.sign_message(body)
        transaction = VersionedTransaction.populate(message, signatures)
        if len(bytes(transaction)) > 1232:
            raise WalletError(f"The transaction is {len(bytes(transaction))} bytes; a packet holds 1232.")
        return Prepared(action, transaction, int(latest["lastValidBlockHeight"]))

    def sign(self, prepared: Prepared, wallet: Wallet) -> VersionedTransaction:
        """Add the payer's signature."""
        message = prepared.transaction.message
        if message.account_keys[0] != wallet.pubkey:
            raise WalletError(
                f"The transaction is for {message.account_keys[0]}, not for {wallet.pubkey}.",
                hint="Switch to that wallet.",
            )
        signatures = list(prepared.transaction.signatures)
        signatures[0] = wallet.sign(to_bytes_versioned(message))
        return VersionedTransaction.populate(message, signatures)

    def send(
        self, action: Action, wallet: Wallet, *, on_state: Callable[[str, str | None], None] | None = None
    ) -> Confirmation:
        """Sign, send and wait for the confirmation.

        Parameters
        ----------
        on_state : callable, optional
            Called with ("sent", signature) once the cluster has accepted it.

        Raises
        ------
        TransactionFailed, InsufficientFunds, TransactionExpired
            It was certainly not executed (or failed on chain, ``signature`` set).
        TransactionUnknown
            It may have been: ask :meth:`resolve` with its signature, don't send again.
        """
        prepared = self.prepare(action)
        signed = self.sign(prepared, wallet)
        for _ in range(_SLOT_TRIES):
            if str(signed.signatures[0]) not in self._sent:
                break
            # The same action twice within one slot would be the same transaction: wait for the next blockhash.
            time.sleep(_SLOT_PAUSE_S)
            prepared = self.prepare(action)
            signed = self.sign(prepared, wallet)
        return self.send_signed(signed, prepared.last_valid_block_height, on_state=on_state)

    def send_signed(
        self,
        transaction: VersionedTransaction,
        last_valid_block_height: int,
        *,
        on_state: Callable[[str, str | None], None] | None = None,
    ) -> Confirmation:
        """Send a fully signed transaction and wait for its confirmation. Raises as :meth:`send`."""
        from solana.rpc.core import RPCException
        from solana.rpc.types import TxOpts

        signature = str(transaction.signatures[0])
        self._sent.append(signature)
        try:
            self.client.send_raw_transaction(bytes(transaction), opts=TxOpts(skip_confirmation=True))
        except RPCException as e:
            self._refused(e, signature)
        except Exception as e:  # solana-py hides the transport's own error types behind one without a public name
            self._lost(e, signature)
        if on_state is not None:
            on_state("sent", signature)
        return self.wait(signature, last_valid_block_height)

    def wait(self, signature: str, last_valid_block_height: int | None = None) -> Confirmation:
        """Wait until a transaction is confirmed, has failed, or can no longer land. Raises as :meth:`send`."""
        deadline = time.monotonic() + self.confirm_timeout_s
        pause = 0.02
        while True:
            try:
                found = self.resolve(signature)
                if found is not None:
                    return found
                if last_valid_block_height is not None and pause > 0.3:
                    height = int(self.rpc("getBlockHeight", {"commitment": "confirmed"}))
                    if height > last_valid_block_height:
                        found = self.resolve(signature)  # it may have landed between the two questions
                        if found is not None:
                            return found
                        raise TransactionExpired(
                            "The transaction was not included before its blockhash ran out; it was not executed.",
                            hint="Send it again.",
                        )
            except RpcUnreachable:
                if time.monotonic() >= deadline:
                    break
            if time.monotonic() >= deadline:
                break
            time.sleep(pause)
            pause = min(pause * 1.6, 1.0)
        raise TransactionUnknown(
            f"The transaction was sent, but its confirmation didn't come within {self.confirm_timeout_s:.0f} s.",
            signature=signature,
            hint=f"Ask for it again with `decai tx status {signature}`; don't repeat it before.",
        )

    def resolve(self, signature: str) -> Confirmation | None:
        """What became of a transaction: its confirmation, or None while the cluster doesn't know it.

        Raises
        ------
        TransactionFailed
            It is on chain and failed.
        """
        status = self.rpc("getSignatureStatuses", [signature], {"searchTransactionHistory": True})["value"][0]
        if status is None or status.get("confirmationStatus") == "processed":
            return None
        if status["err"] is not None:
            found = self.rpc(
                "getTransaction", signature, {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
            )
            logs = (found or {}).get("meta", {}).get("logMessages") or []
            raise explain(status["err"], logs, self.idls, signature=signature)
        slot = int(status["slot"])
        return Confirmation.of(signature, slot, self._block_time(slot))

    def simulate(self, transaction: VersionedTransaction, accounts: Sequence[Pubkey] = ()) -> dict[str, Any]:
        """Run a transaction, unsigned or not, without keeping its effects. The RPC's ``value`` as it is."""
        options: dict[str, Any] = {
            "encoding": "base64",
            "sigVerify": False,
            "replaceRecentBlockhash": True,
            "commitment": "confirmed",
        }
        if accounts:
            options["accounts"] = {"encoding": "base64", "addresses": [str(a) for a in accounts]}
        answer = self.rpc("simulateTransaction", base64.b64encode(bytes(transaction)).decode(), options)
        value: dict[str, Any] = answer["value"]
        return value

    def airdrop(self, address: Pubkey, lamports: int) -> Confirmation:
        """Ask the cluster's faucet for SOL; only test clusters and the embedded one have one."""
        signature = self.rpc("requestAirdrop", str(address), lamports)
        return self.wait(signature)

    # --- faults ------------------------------------------------------------------------------------------------

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

    def _refused(self, e: Any, signature: str) -> NoReturn:
        said = e.args[0] if e.args else e
        data = getattr(said, "data", None)
        if data is not None and getattr(data, "err", None) is not None:
            payload = json.loads(said.to_json())
            detail = payload.get("data", payload)
            err = detail.get("err") if isinstance(detail, dict) else None
            logs = (detail.get("logs") or []) if isinstance(detail, dict) else []
            if err == "AlreadyProcessed":
                raise TransactionUnknown(
                    "This very transaction has been processed already.",
                    signature=signature,
                    hint=f"See what became of it: `decai tx status {signature}`.",
                )
            raise explain(err, logs, self.idls) from None
        raise NetworkError(f"The cluster refused the transaction: {getattr(said, 'message', said)}") from None

    def _lost(self, e: Exception, signature: str) -> NoReturn:
        """The answer to a send was lost: the transaction may or may not have arrived."""
        cause = e.__cause__ or e
        if "ConnectError" in type(cause).__name__:
            self._unreachable(cause if isinstance(cause, Exception) else e)
        raise TransactionUnknown(
            "The connection broke while the transaction was being sent; it may have arrived.",
            signature=signature,
            hint=f"Ask for it with `decai tx status {signature}`; don't repeat it before.",
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
    decode = base64.b64decode
    rows = np.frombuffer(b"".join([decode(d) for _, d in found]), dtype)
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


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)
