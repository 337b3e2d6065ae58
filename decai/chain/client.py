"""Building our instructions and sending transactions."""

from __future__ import annotations

import base64
import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from decai.chain.actions import Action, Confirmation, Prepared
from decai.chain.faults import explain
from decai.chain.reader import Reader
from decai.chain.wallets import Wallet
from decai.errors import (
    NetworkError,
    RpcUnreachable,
    TransactionExpired,
    TransactionUnknown,
    WalletError,
)

__all__ = ["SYSTEM_PROGRAM", "Chain"]

T = TypeVar("T")
SYSTEM_PROGRAM = Pubkey.default()
_COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
_SLOT_TRIES, _SLOT_PAUSE_S = 50, 0.1


class _AlreadyProcessed(TransactionUnknown):
    """The cluster has this very transaction already."""


class Chain(Reader):
    """A connection to a cluster that runs our programs: reads, builds instructions, sends transactions.

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
        super().__init__(url, timeout_s=timeout_s, programs_dir=programs_dir)
        self.confirm_timeout_s = confirm_timeout_s
        self._sent: deque[str] = deque(maxlen=256)

    def close(self) -> None:
        """Drop the connections."""
        super().close()
        if "client" in self.__dict__:
            self.client._provider.session.close()  # solana-py's client has no close of its own

    @cached_property
    def client(self) -> Any:
        """The solana-py client that sends and confirms."""
        from solana.rpc.api import Client
        from solana.rpc.commitment import Confirmed

        return Client(self.url, commitment=Confirmed, timeout=self.timeout_s)

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
        for _ in range(_SLOT_TRIES):
            prepared = self.prepare(action)
            signed = self.sign(prepared, wallet)
            if str(signed.signatures[0]) not in self._sent:
                try:
                    return self.send_signed(signed, prepared.last_valid_block_height, on_state=on_state)
                except _AlreadyProcessed:
                    pass  # another process of this wallet has just done the very same
            # The same action twice within one slot would be the same transaction: wait for the next blockhash.
            time.sleep(_SLOT_PAUSE_S)
        raise TransactionExpired(
            "The cluster gives no new blockhash, and the very same transaction was sent before.",
            hint="See whether the cluster is alive: `decai doctor`.",
        )

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

    # --- faults -----------------------------------------------------------------------------------------------

    def _refused(self, e: Any, signature: str) -> NoReturn:
        said = e.args[0] if e.args else e
        data = getattr(said, "data", None)
        if data is not None and getattr(data, "err", None) is not None:
            payload = json.loads(said.to_json())
            detail = payload.get("data", payload)
            err = detail.get("err") if isinstance(detail, dict) else None
            logs = (detail.get("logs") or []) if isinstance(detail, dict) else []
            if err == "AlreadyProcessed":
                raise _AlreadyProcessed(
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


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)
