"""Transactions: tried, executed, kept. The one way the node's state changes for its clients."""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from solders.account import Account
from solders.hash import Hash
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, SimulatedTransactionInfo

from decai.localnet.errors import (
    INTERNAL_ERROR,
    PREFLIGHT_FAILURE,
    SIGNATURE_FAILURE,
    RpcError,
    describe,
    invalid,
)
from decai.localnet.isolation import in_vm_thread
from decai.localnet.ledger import Ledger, StoredTransaction
from decai.localnet.machine import LAMPORTS_PER_SOL, SYSTEM_PROGRAM, Machine
from decai.localnet.wire import LoadedKeys, inner_instructions, load_keys, memo_of, token_balances

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

_MOST_RENT = 100 * LAMPORTS_PER_SOL
"""More than the largest account needs: such a balance needs no look at the account's size."""
MAX_AIRDROP_LAMPORTS = 10_000 * LAMPORTS_PER_SOL


@dataclass(frozen=True)
class Executed:
    """A transaction that is in the ledger: what subscribers are told about.

    Attributes
    ----------
    signature : str
        Base58.
    error : object
        The ``TransactionError`` in JSON form, or None.
    logs : list of str
        The program log.
    keys : list of Pubkey
        Every address mentioned.
    changed : list of (Pubkey, Account or None)
        What was written, as it is now; None is an account that is no more.
    """

    signature: str
    error: object
    logs: list[str]
    keys: list[Pubkey]
    changed: list[tuple[Pubkey, Account | None]]


@dataclass(frozen=True)
class Simulated:
    """The outcome of a transaction that was tried and not kept."""

    error: object
    logs: list[str]
    units: int
    return_data: dict[str, object] | None
    inner: list[dict[str, object]]
    accounts: dict[Pubkey, Account]


class Runtime(Machine):
    """A Solana runtime whose every change is in the ledger before anyone hears of it.

    Parameters
    ----------
    ledger : Ledger
        Where it is kept; what it holds is loaded.
    clock : callable
        Returns unix time in seconds.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        super().__init__(ledger, clock)
        self.listeners: list[Callable[[Executed], None]] = []

    # Transactions ----------------------------------------------------------------------------------------

    def load_keys(self, transaction: VersionedTransaction) -> LoadedKeys:
        """Every address a transaction names, those of lookup tables included."""
        return load_keys(transaction.message, self.account)

    def is_known(self, transaction: VersionedTransaction) -> bool:
        """Whether this transaction is in the ledger already."""
        return self.ledger.status(bytes(transaction.signatures[0])) is not None

    def simulate(self, transaction: VersionedTransaction, *, verify: bool, check_blockhash: bool) -> Simulated:
        """Try a transaction on the current state.

        Parameters
        ----------
        transaction : VersionedTransaction
            What to try.
        verify : bool
            Whether signatures must be valid.
        check_blockhash : bool
            Whether the blockhash must be recent.
        """
        if check_blockhash and not self.clock.is_recent(transaction.message.recent_blockhash):
            return Simulated("BlockhashNotFound", [], 0, None, [], {})
        if check_blockhash and self.is_known(transaction):
            return Simulated("AlreadyProcessed", [], 0, None, [], {})
        self._svm.with_sigverify(verify)
        try:
            result = _guarded(lambda: self._svm.simulate_transaction(transaction))
        finally:
            self._svm.with_sigverify(True)
        meta = result.meta()
        returned = meta.return_data()  # type: ignore[attr-defined]
        failed = isinstance(result, FailedTransactionMetadata)
        posted = dict(result.post_accounts()) if isinstance(result, SimulatedTransactionInfo) else {}
        error = json.loads(result.to_json())["err"] if failed else None
        if not failed:
            loaded = self.load_keys(transaction)
            before = [self.account(key) for key in loaded.keys]
            after = [posted.get(key) or old for key, old in zip(loaded.keys, before, strict=True)]
            after = [each if each is not None and each.lamports else None for each in after]
            error = self._unpaid_rent(loaded.writable, before, after)
        return Simulated(
            error,
            meta.logs(),
            meta.compute_units_consumed(),
            _return_data(returned.program_id, returned.data) if returned.data else None,
            inner_instructions(meta.inner_instructions()),
            posted,
        )

    def send(self, transaction: VersionedTransaction, wire: bytes, *, preflight: bool) -> str:
        """Execute a transaction and keep it, failed or not.

        Parameters
        ----------
        transaction : VersionedTransaction
            Sanitised, with at least one signature.
        wire : bytes
            The transaction as it was received.
        preflight : bool
            Simulate first and refuse what fails, instead of charging a fee for it.

        Returns
        -------
        str
            The signature: when this returns, the transaction is final.

        Raises
        ------
        RpcError
            It can't be processed, or preflight found it to fail.
        """
        if self.is_known(transaction) and not preflight:
            return str(transaction.signatures[0])
        if preflight or not self.clock.is_recent(transaction.message.recent_blockhash):
            tried = self.simulate(transaction, verify=True, check_blockhash=True)
            if tried.error is not None:
                raise _refusal(tried.error, tried.logs, tried.units, tried.return_data)
        return self._execute(transaction, wire)

    def _execute(self, transaction: VersionedTransaction, wire: bytes) -> str:
        loaded = self.load_keys(transaction)
        before = [self.account(key) for key in loaded.keys]
        result = _guarded(lambda: self._svm.send_transaction(transaction))
        failed = isinstance(result, FailedTransactionMetadata)
        meta = result.meta() if isinstance(result, FailedTransactionMetadata) else result
        error = json.loads(result.to_json())["err"] if failed else None
        logs = meta.logs()
        if failed and self.account(loaded.keys[0]) == before[0]:
            # No fee was charged: it never ran (bad signature, no fee payer). A cluster keeps no trace of it.
            raise _refusal(error, logs, 0, None)
        written: list[tuple[Pubkey, Account | None]] = []
        for index, (key, writable) in enumerate(zip(loaded.keys, loaded.writable, strict=True)):
            if writable and (index == 0 or not failed):
                written.append((key, self._after(key)))
        after = [self.account(key) for key in loaded.keys]
        if not failed:
            error = self._unpaid_rent(loaded.writable, before, after)
        if error is not None:
            if not failed:
                self._roll_back(loaded.keys, before, after)
                failed, written = True, [(loaded.keys[0], self._after(loaded.keys[0]))]
                after = [self.account(key) for key in loaded.keys]
            unpaid = self._unpaid_rent(loaded.writable[:1], before[:1], after[:1])
            if unpaid is not None:
                # Not even the fee may be taken: a cluster drops such a transaction.
                self._restore(zip(loaded.keys, before, strict=True))
                raise _refusal(unpaid, logs, 0, None)
        balances = [0 if account is None else account.lamports for account in before]
        new_balances = [0 if account is None else account.lamports for account in after]
        returned = meta.return_data()  # type: ignore[attr-defined]
        body: dict[str, object] = {
            "err": error,
            "status": {"Ok": None} if error is None else {"Err": error},
            # Lamports are conserved inside a transaction: what is missing is the fee.
            "fee": sum(balances) - sum(new_balances),
            "preBalances": balances,
            "postBalances": new_balances,
            "innerInstructions": inner_instructions(meta.inner_instructions()),
            "logMessages": logs,
            "preTokenBalances": token_balances(loaded.keys, before, self.account),
            "postTokenBalances": token_balances(loaded.keys, after, self.account),
            "rewards": [],
            "loadedAddresses": loaded.looked_up,
            "computeUnitsConsumed": meta.compute_units_consumed(),
        }
        if returned.data:
            body["returnData"] = _return_data(returned.program_id, returned.data)
        stored = StoredTransaction(
            self.sequence + 1,
            bytes(transaction.signatures[0]),
            self.slot,
            self.clock.unix_timestamp,
            wire,
            None if error is None else json.dumps(error),
            memo_of(transaction.message),
            json.dumps(body, separators=(",", ":")),
        )
        try:
            with self.ledger.transaction():
                self.ledger.keep_accounts([(bytes(key), account) for key, account in written], self.slot)
                self.ledger.keep_transaction(stored, {bytes(key) for key in loaded.keys})
        except sqlite3.Error as problem:
            self._restore(zip(loaded.keys, before, strict=True))
            raise RpcError(
                INTERNAL_ERROR, f"The ledger can't be written, so nothing was executed: {problem}"
            ) from problem
        self.sequence += 1
        for key, account in written:
            self._index(bytes(key), account)
        signature = str(transaction.signatures[0])
        executed = Executed(signature, error, logs, loaded.keys, written)
        for listener in self.listeners:
            try:
                listener(executed)
            except Exception:
                # It is executed and kept: who couldn't be told must not make it look refused.
                logger.exception("A listener failed on %s", signature)
        return signature

    def _unpaid_rent(
        self, writable: Sequence[bool], before: Sequence[Account | None], after: Sequence[Account | None]
    ) -> object:
        """The error of a transaction that leaves an account below its rent exemption, or None.

        LiteSVM lets it pass, a cluster doesn't (``transition_allowed`` in solana-svm-rent-collector).
        """
        for index, (written, old, new) in enumerate(zip(writable, before, after, strict=True)):
            if not written or new is None or new.lamports >= _MOST_RENT:
                continue
            size = len(new.data)
            if new.lamports >= self.rent(size):
                continue
            if old is not None and len(old.data) == size and new.lamports <= old.lamports < self.rent(size):
                continue
            return {"InsufficientFundsForRent": {"account_index": index}}
        return None

    def _roll_back(
        self, keys: Sequence[Pubkey], before: Sequence[Account | None], after: Sequence[Account | None]
    ) -> None:
        """Undo a transaction but for its fee."""
        fee = sum(each.lamports for each in before if each) - sum(each.lamports for each in after if each)
        self._restore(zip(keys, before, strict=True))
        payer = before[0]
        assert payer is not None  # or it would not have run
        left = Account(payer.lamports - fee, payer.data, payer.owner, payer.executable, payer.rent_epoch)
        self._svm.set_account(keys[0], left)

    def _after(self, key: Pubkey) -> Account | None:
        """An account just written. LiteSVM leaves the bytes of a closed one behind: they are cleared."""
        account = self._svm.get_account(key)
        if account is None or account.lamports > 0:
            return account
        if account.data or account.owner != SYSTEM_PROGRAM:
            self._svm.set_account(key, Account(0, b"", SYSTEM_PROGRAM))
        return None

    def airdrop(self, address: Pubkey, lamports: int) -> str:
        """Give lamports from the faucet by a transfer like any other; returns its signature.

        Raises
        ------
        RpcError
            More than `MAX_AIRDROP_LAMPORTS`, or too little for an account to exist.
        """
        if not 0 < lamports <= MAX_AIRDROP_LAMPORTS:
            invalid(f"the faucet gives 1 to {MAX_AIRDROP_LAMPORTS} lamports (10,000 SOL) a call, not {lamports}")
        payer = self.faucet.pubkey()
        instruction = transfer(TransferParams(from_pubkey=payer, to_pubkey=address, lamports=lamports))
        # A blockhash of its own, so that equal airdrops in one slot are different transactions.
        unique = Hash.hash(bytes(self.genesis_hash) + (self.sequence + 1).to_bytes(8, "little"))
        message = Message.new_with_blockhash([instruction], payer, unique)
        transaction = VersionedTransaction(message, [self.faucet])
        tried = self.simulate(transaction, verify=True, check_blockhash=False)
        if tried.error is not None:
            raise _refusal(tried.error, tried.logs, tried.units, None)
        return self._execute(transaction, bytes(transaction))


def _guarded(run: Callable[[], _T]) -> _T:
    """Run the virtual machine; a panic inside it is this request's error, not the node's end."""
    try:
        return in_vm_thread(run)
    except BaseException as error:
        # PanicException derives from BaseException and can't be imported.
        if type(error).__name__ == "PanicException" or isinstance(error, Exception):
            raise RpcError(INTERNAL_ERROR, f"The runtime failed on the transaction: {error}") from error
        raise


def _return_data(program_id: Pubkey, data: bytes) -> dict[str, object]:
    return {"programId": str(program_id), "data": [base64.b64encode(bytes(data)).decode(), "base64"]}


def _refusal(error: object, logs: list[str], units: int, return_data: dict[str, object] | None) -> RpcError:
    if error == "SignatureFailure":
        return RpcError(SIGNATURE_FAILURE, "Transaction signature verification failure")
    return RpcError(
        PREFLIGHT_FAILURE,
        f"Transaction simulation failed: {describe(error)}",
        {
            "accounts": None,
            "err": error,
            "innerInstructions": None,
            "logs": logs,
            "replacementBlockhash": None,
            "returnData": return_data,
            "unitsConsumed": units,
        },
    )
