"""One action on its way from a button to the ledger: the states it can be in, and what moves it between them.

::

    preview ──approve──▶ waiting ──signed──▶ sending ──▶ confirmed | failed | unknown ──resolve──▶ …
       ▲                    │ changed by the wallet ▶ review ──accept──▶ sending
       └───── stopped ◀─────┘ (refused, timed out, wallet gone, other account, expired: nothing was sent)

No Streamlit in here: the chain, the clock and the wallets are arguments.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from solders.message import to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from dashboard.signing.compare import accept, differences
from decai.chain.actions import Action, Confirmation, Prepared
from decai.chain.client import Chain
from decai.chain.preview import Preview, preview
from decai.chain.wallets import Wallet
from decai.errors import (
    DecAIError,
    InsufficientFunds,
    NetworkError,
    TransactionExpired,
    TransactionFailed,
    TransactionUnknown,
    WalletError,
)

__all__ = ["Flow", "Problem", "Request", "Stage"]

ANSWER_SECONDS = 120
"""How long a wallet may take; its person may be reading."""
GRACE_SECONDS = 15


class Stage(StrEnum):
    """Where an action is."""

    PREVIEW = "preview"
    WAITING = "waiting"
    REVIEW = "review"
    SENDING = "sending"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"


ENDED = (Stage.CONFIRMED, Stage.FAILED)
SAFE = (Stage.PREVIEW, Stage.STOPPED, Stage.REVIEW, Stage.WAITING)
"""Stages in which nothing has been sent: leaving one cancels the action."""


@dataclass(frozen=True)
class Problem:
    """What went wrong: what happened, to show with what to do, and the program's log."""

    what: str
    do: str = ""
    logs: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: DecAIError) -> Problem:
        """From one of our errors."""
        return cls(error.message, error.hint or "", getattr(error, "logs", ()))


@dataclass(frozen=True)
class Request:
    """What a browser wallet is asked, once.

    Attributes
    ----------
    id : str
        Random; an answer without it is dropped.
    prepared : Prepared
        The transaction as it was handed over.
    expires_at : float
        Seconds of the flow's clock.
    """

    id: str
    prepared: Prepared
    expires_at: float


@dataclass
class Flow:
    """One action of one browser session.

    Parameters
    ----------
    key : str
        The page's name for it.
    action : Action
    chain_name : str
        The cluster's Wallet Standard name: ``solana:localnet``.
    local : bool
        Signed by this machine's keypair instead of a browser wallet.
    on_done : callable, optional
        Called with the confirmation, once.
    clock : callable
        Monotonic seconds.
    watch : callable, optional
        Called whenever it has come further while somebody waits: sending, then sent.
    """

    key: str
    action: Action
    chain_name: str
    local: bool = False
    on_done: Callable[[Confirmation], None] | None = None
    clock: Callable[[], float] = time.monotonic
    watch: Callable[[], None] | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    stage: Stage = Stage.PREVIEW
    preview: Preview | None = None
    preview_id: str = ""
    request: Request | None = None
    acknowledged: list[str] = field(default_factory=list)
    returned: VersionedTransaction | None = None
    changes: tuple[str, ...] = ()
    signature: str | None = None
    last_valid_block_height: int | None = None
    confirmation: Confirmation | None = None
    problem: Problem | None = None
    out: bool = False

    # --- before signing -------------------------------------------------------------------------------------

    def look(self, chain: Chain) -> None:
        """Make (or renew) the preview. What was approved before no longer counts."""
        self.preview_id = secrets.token_hex(8)
        self.preview = preview(chain, self.action)

    def approve(self, chain: Chain, preview_id: str) -> None:
        """The button under this preview was pressed: build it on a fresh blockhash and have it asked for."""
        if self.stage not in (Stage.PREVIEW, Stage.STOPPED) or preview_id != self.preview_id:
            return
        try:
            prepared = chain.prepare(self.action)
        except DecAIError as error:
            self._stop(Problem.of(error))
            return
        self.problem = None
        self.request = Request(secrets.token_hex(16), prepared, self.clock() + ANSWER_SECONDS)
        self.stage = Stage.WAITING

    def asked(self) -> dict[str, Any] | None:
        """The open request as the browser component takes it; None when there is none."""
        if self.stage is not Stage.WAITING or self.request is None:
            return None
        return {
            "id": self.request.id,
            "kind": "transaction",
            "preview": self.preview_id,
            "address": str(self.action.payer),
            "chain": self.chain_name,
            "maySend": self.chain_name != "solana:localnet",
            "version": 0,
            "payload": base64.b64encode(bytes(self.request.prepared.transaction)).decode(),
            "timeoutMs": ANSWER_SECONDS * 1000,
        }

    def sign_locally(self, chain: Chain, wallet: Wallet, preview_id: str) -> None:
        """Sign with this machine's keypair instead, and send."""
        self.approve(chain, preview_id)
        if self.stage is not Stage.WAITING or self.request is None:
            return
        prepared = self.request.prepared
        try:
            signed = chain.sign(prepared, wallet)
        except DecAIError as error:
            self._stop(Problem.of(error))
            return
        self._send(chain, signed, prepared.last_valid_block_height)

    # --- the wallet's answer --------------------------------------------------------------------------------

    def receive(self, chain: Chain, reply: Mapping[str, Any]) -> None:
        """Take a browser wallet's answer. It comes from the browser: every field is checked.

        An answer to another request, a second answer, or one that comes too late is dropped.
        """
        name = reply.get("id")
        if isinstance(name, str) and name not in self.acknowledged:
            self.acknowledged.append(name)
        request = self.request
        if self.stage is not Stage.WAITING or request is None or name != request.id:
            return
        status = reply.get("status")
        if status in ("signed", "sent") and self.clock() > request.expires_at + GRACE_SECONDS:
            self._stop(Problem("The wallet's answer came too late.", "Nothing was sent by this page. Try again."))
        elif status == "signed":
            self._signed(chain, request, reply)
        elif status == "sent":
            self._sent_by_wallet(chain, request, reply)
        else:
            self._stop(_declined(str(status), str(reply.get("message") or "")[:300]))

    def _signed(self, chain: Chain, request: Request, reply: Mapping[str, Any]) -> None:
        try:
            returned = _transaction(reply.get("transaction"))
            changes = differences(request.prepared.transaction.message, returned.message)
            ready = accept(returned, self.action.payer, self.action.signers)
        except WalletError as error:
            self._stop(Problem.of(error))
            return
        if changes:
            self.returned, self.changes, self.stage = ready, changes, Stage.REVIEW
            return
        self._send(chain, ready, request.prepared.last_valid_block_height)

    def accept_changes(self, chain: Chain) -> None:
        """The person has seen what the wallet changed and wants it sent."""
        if self.stage is Stage.REVIEW and self.returned is not None:
            refreshed = any("blockhash" in change for change in self.changes)
            height = self.request.prepared.last_valid_block_height if self.request and not refreshed else None
            self._send(chain, self.returned, height)

    def reject_changes(self) -> None:
        """The person doesn't want what the wallet made of it."""
        if self.stage is Stage.REVIEW:
            self._stop(Problem("You didn't accept what the wallet changed.", "Nothing was sent."))

    def _sent_by_wallet(self, chain: Chain, request: Request, reply: Mapping[str, Any]) -> None:
        """The wallet sent it itself, so all there is to check is its signature; the ledger tells the rest."""
        try:
            signature = Signature.from_bytes(base64.b64decode(str(reply.get("signature")), validate=True))
        except (binascii.Error, ValueError):
            self._stop(
                Problem(
                    "The wallet says it sent the transaction, but gave no signature.",
                    "Look in the wallet's history before you try again.",
                )
            )
            return
        self.signature, self.last_valid_block_height = str(signature), None
        self.stage, self.out = Stage.SENDING, True
        self._further()
        body = to_bytes_versioned(request.prepared.transaction.message)
        if not signature.verify(self.action.payer, body):
            self.changes = ("The wallet sent a changed transaction. What it did is on the ledger: see the Explorer.",)
        self._follow(lambda: chain.wait(str(signature)))

    # --- sending --------------------------------------------------------------------------------------------

    def _send(self, chain: Chain, transaction: VersionedTransaction, height: int | None) -> None:
        # The signature is known before anything leaves, so that an interruption from here on ends in
        # "unknown", which is resolved by asking, and never in a second sending.
        if self.signature is not None:
            return
        self.signature = str(transaction.signatures[0])
        self.last_valid_block_height = height
        self.request = None
        self.stage = Stage.SENDING
        self._further()
        far = height if height is not None else 2**63
        self._follow(lambda: chain.send_signed(transaction, far, on_state=self._left))

    def _left(self, state: str, signature: str | None) -> None:
        """The cluster has accepted the transaction: from now on an error in asking isn't its refusal."""
        self.out = True
        self._further()

    def _further(self) -> None:
        if self.watch is not None:
            self.watch()

    def _follow(self, question: Callable[[], Confirmation | None]) -> None:
        try:
            self._settled(question())
        except TransactionUnknown as error:
            self.out = True
            self.stage, self.problem = Stage.UNKNOWN, Problem.of(error)
        except TransactionExpired as error:
            self._stop(Problem.of(error))
        except (TransactionFailed, InsufficientFunds) as error:
            if self.out:
                self.stage, self.problem = Stage.FAILED, Problem.of(error)
            else:  # the node's own check refused it: it never reached the ledger
                self._stop(Problem.of(error))
        except NetworkError as error:
            if self.out:
                self.stage, self.problem = Stage.UNKNOWN, Problem.of(error)
            else:
                self._stop(Problem.of(error))

    def _settled(self, confirmation: Confirmation | None) -> None:
        if confirmation is None:
            return
        self.confirmation, self.signature = confirmation, confirmation.signature
        self.problem, self.stage = None, Stage.CONFIRMED

    def resolve(self, chain: Chain) -> None:
        """Ask what became of a transaction whose confirmation was lost. It is never sent again."""
        if self.stage not in (Stage.UNKNOWN, Stage.SENDING) or self.signature is None:
            return
        self.stage, self.out = Stage.UNKNOWN, True
        signature, height = self.signature, self.last_valid_block_height

        def ask() -> Confirmation | None:
            found = chain.resolve(signature)
            if found is None and height is not None and self._past(chain, height):
                found = chain.resolve(signature)
                if found is None:
                    raise TransactionExpired(
                        "The transaction's blockhash ran out before it was included; it was not executed.",
                        hint="You can sign it again.",
                    )
            return found

        self._follow(ask)

    @staticmethod
    def _past(chain: Chain, height: int) -> bool:
        return int(chain.rpc("getBlockHeight", {"commitment": "confirmed"})) > height

    # --- ends -----------------------------------------------------------------------------------------------

    def _stop(self, problem: Problem) -> None:
        """Nothing was executed and nothing will be: the person may try again from a new preview."""
        self.stage, self.problem = Stage.STOPPED, problem
        self.request, self.returned, self.changes, self.signature = None, None, (), None
        self.out = False
        self.preview_id = secrets.token_hex(8)  # what was clicked is spent: trying again takes another click

    def interrupted(self) -> None:
        """A run ended while sending: what became of it has to be asked."""
        if self.stage is Stage.SENDING:
            self.stage = Stage.UNKNOWN
            self.problem = Problem(
                "The page was interrupted while the transaction was being sent.",
                "Ask for it again; it isn't sent twice.",
            )

    def account_changed(self, address: Pubkey | None) -> None:
        """The session's account is another now: what was prepared for the old one ends, unless sent."""
        if address != self.action.payer and self.stage in SAFE:
            self._stop(
                Problem(
                    "The wallet switched to another account.",
                    "Nothing was sent. Close this and start again with the new account.",
                )
            )


def _transaction(raw: Any) -> VersionedTransaction:
    try:
        return VersionedTransaction.from_bytes(base64.b64decode(str(raw), validate=True))
    except Exception as error:  # solders raises its own type for malformed bytes, without a public name
        raise WalletError(
            "The wallet returned something that isn't a transaction.",
            hint="Nothing was sent. Try again, or use another wallet.",
        ) from error


def _declined(status: str, message: str) -> Problem:
    known = {
        "refused": Problem("You declined in the wallet.", "Nothing was sent. You can try again."),
        "timeout": Problem(
            "The wallet didn't answer in time.",
            "Nothing was sent. Open the wallet, close what is left there, and try again.",
        ),
        "gone": Problem("The wallet is no longer connected.", "Nothing was sent. Connect it again."),
        "account": Problem(
            "The wallet switched to another account.",
            "Nothing was sent. Close this and start again with the new account.",
        ),
        "cluster": Problem(
            message or "The wallet is on another network.",
            "Nothing was sent. Change the network in the wallet.",
        ),
        "unsupported": Problem(message or "The wallet can't do this.", "Use another wallet."),
    }
    return known.get(status) or Problem(
        f"The wallet failed: {message or 'no reason given'}.",
        "Nothing was sent. Try again, or use another wallet.",
    )
