"""Asking a model, with a receipt that anyone can check later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solders.pubkey import Pubkey

from decai.chain.actions import Action
from decai.chain.client import SYSTEM_PROGRAM
from decai.errors import AccountNotFound, InsufficientFunds, ModelNotFound, NetworkError, ReceiptError
from decai.models.receipts import Receipt, compare
from decai.registry import Registry, Version

if TYPE_CHECKING:
    import pandas as pd

    from decai.collective import Collective
    from decai.models import Prediction, Session
    from decai.storage import Fetched, Progress

__all__ = ["Answer", "Inference", "Verification", "answer", "infer", "post_action", "verify"]

_FEE = 5_000
_LOG_SIZE = 8 + 146  # an InferenceLog: the first result pays its rent


@dataclass(frozen=True)
class Answer:
    """An answer that isn't on chain (yet).

    Attributes
    ----------
    prediction : Prediction
    receipt : Receipt
        Without a transaction.
    version : Version
    fetched : Fetched
        What had to be fetched for it.
    seconds : float
        For tokenising and running the model.
    """

    prediction: Prediction
    receipt: Receipt
    version: Version
    fetched: Fetched
    seconds: float


@dataclass(frozen=True)
class Inference(Answer):
    """An answer whose hash is on chain; its receipt names the transaction."""

    def to_frame(self) -> pd.DataFrame:
        """The scores, one row a label, best first."""
        import pandas as pd

        ranked = sorted(self.prediction.scores.items(), key=lambda each: -each[1])
        return pd.DataFrame(ranked, columns=["label", "score"])

    def _repr_html_(self) -> str:
        # Labels are whatever the model's publisher wrote.
        table = self.to_frame().to_html(index=False, float_format="{:.4f}".format)
        return f"<b>{escape(self.prediction.label)}</b>{table}<code>{escape(self.receipt.signature or '')}</code>"


@dataclass(frozen=True)
class Verification:
    """What checking a receipt found.

    Attributes
    ----------
    status : str
        "exact", "within tolerance", "mismatch" or "not found".
    detail : str
        In words.
    receipt : Receipt
    prediction : Prediction or None
        The replayed answer.
    """

    status: str
    detail: str
    receipt: Receipt
    prediction: Prediction | None = None

    @property
    def ok(self) -> bool:
        """Whether the receipt holds."""
        return self.status in ("exact", "within tolerance")


def _session(collective: Collective, cid: str) -> Session:
    """The session of a bundle that is in the store; checked and loaded once in this process."""
    from decai.models import load_bundle, open_session

    return open_session(lambda: load_bundle(Path(collective.store.path(cid))), cid)


def answer(
    collective: Collective,
    text: str,
    *,
    registry: Registry | str | None = None,
    version: str | int | None = None,
    progress: Callable[[Progress], None] | None = None,
    worker: Pubkey | None = None,
) -> Answer:
    """Find the version on chain, fetch what is missing, run the model. Nothing is written on chain.

    Parameters
    ----------
    text : str
    registry : Registry or str, optional
        By default the one in use.
    version : int or str, optional
        A number or an ISO date; by default the current version.
    progress : callable, optional
        Told how far the fetch is, in bytes of the whole bundle.
    worker : Pubkey, optional
        Who answers; by default the wallet, and the zero key without one.

    Raises
    ------
    ModelNotFound, StorageError, InvalidBundle, InvalidInput
    """
    used = registry if isinstance(registry, Registry) else (
        collective.registry_at(registry) if registry else collective.registry
    )  # fmt: skip
    chosen = used.resolve(version)
    if chosen.status != "live":
        raise ModelNotFound(f"Version {chosen.number} of {used.name} was yanked.", hint="Use another: `decai model`.")
    fetched = collective.store.fetch(chosen.cid, progress=progress)
    session = _session(collective, chosen.cid)
    if bytes.fromhex(session.bundle.manifest_sha256).hex() != chosen.manifest_sha256:
        raise ModelNotFound(
            f"The bundle {chosen.cid} isn't the one that version {chosen.number} of {used.name} was published with.",
            hint="Tell the registry's owner; use another version meanwhile.",
        )
    began = time.perf_counter()
    prediction = session.predict([text])[0]
    seconds = time.perf_counter() - began
    signer = worker or (collective.wallet.pubkey if collective.wallet else Pubkey.default())
    receipt = Receipt.claim(
        text, prediction, session.runtime, registry=used.address, version=chosen.number, cid=chosen.cid,
        worker=str(signer),
    )  # fmt: skip
    return Answer(prediction, receipt, chosen, fetched, seconds)


def post_action(collective: Collective, given: Answer, worker: Pubkey) -> Action:
    """The transaction that puts an answer's hash on chain."""
    chain = collective.chain
    registry = Pubkey.from_string(given.version.registry)
    instruction = chain.instruction(
        "model_manager", "post_result", {"leaf": bytes.fromhex(given.receipt.leaf)},
        {"worker": worker, "registry": registry, "version": Pubkey.from_string(given.version.address),
         "log": chain.pda.log(registry, worker), "system_program": SYSTEM_PROGRAM},
    )  # fmt: skip
    return Action(f"Post the hash of an answer of version {given.version.number}", (instruction,), worker)


def infer(
    collective: Collective,
    text: str,
    *,
    registry: Registry | str | None = None,
    version: str | int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Inference:
    """Ask a model, and put the hash of its answer on chain.

    Parameters are those of :func:`answer`. The wallet signs and pays the fee, and the first time its log's rent.

    Raises
    ------
    WalletError, InsufficientFunds
        Before anything is fetched: there is no wallet, or it can't pay.
    ModelNotFound, StorageError, InvalidBundle, InvalidInput, TransactionFailed, TransactionUnknown
    """
    worker = collective.signer()
    used = registry if isinstance(registry, Registry) else (
        collective.registry_at(registry) if registry else collective.registry
    )  # fmt: skip
    require_fee(collective, used, worker)
    given = answer(collective, text, registry=used, version=version, progress=progress)
    done = collective.act(post_action(collective, given, worker))
    return Inference(
        given.prediction, given.receipt.posted(done.signature, done.slot), given.version, given.fetched, given.seconds
    )


def require_fee(collective: Collective, registry: Registry, worker: Pubkey) -> None:
    """Check that a wallet can pay for posting a result.

    Raises
    ------
    InsufficientFunds
    """
    chain = collective.chain
    needed = _FEE
    if chain.raw_account(chain.pda.log(registry.key, worker)) is None:
        needed += chain.rent(_LOG_SIZE)
    held = chain.balance(worker)
    if held < needed:
        raise InsufficientFunds(
            f"The wallet {worker} holds {held / 1e9:.6f} SOL; posting the result costs {needed / 1e9:.6f}.",
            hint="Fund it: on the embedded chain `decai wallet fund`, elsewhere send SOL to its address.",
        )


def verify(collective: Collective, receipt: Any, *, text: str | None = None) -> Verification:
    """Check a receipt: its own consistency, its transaction, and the answer by running the model again.

    Parameters
    ----------
    receipt : Receipt, dict or path
        A dict or file may also hold the receipt under ``receipt``.
    text : str, optional
        When the receipt doesn't hold it.

    Returns
    -------
    Verification

    Raises
    ------
    ReceiptError
        It isn't a receipt, or the text isn't the one it is for.
    RpcUnreachable, StorageError
        The chain or the model can't be reached: nothing is said about the receipt.
    """
    held = _read(receipt)
    wrong = held.contradiction()
    if wrong is not None:
        return Verification("mismatch", f"The receipt contradicts itself: {wrong}.", held)
    missing = _posted(collective, held)
    if missing is not None:
        return Verification(*missing, held)
    asked = held.text_to_replay(text)
    version = collective.registry_at(held.registry).version(held.version)
    if version.cid != held.cid:
        return Verification("mismatch", f"Version {held.version} is {version.cid}, not {held.cid}.", held)
    collective.store.fetch(held.cid)
    prediction = _session(collective, held.cid).predict([asked])[0]
    agreement = compare(prediction, held)
    detail = {
        "exact": f"On chain in slot {held.slot}; the model gives the same answer to four decimals.",
        "within tolerance": "On chain; the model's scores differ by at most 0.01, as they may between machines.",
        "mismatch": f"On chain, but the model now says {prediction.label} with {prediction.score:.4f}.",
    }[agreement]
    return Verification(agreement, detail, held, prediction)


def _read(receipt: Any) -> Receipt:
    if isinstance(receipt, Receipt):
        return receipt
    if isinstance(receipt, dict):
        return Receipt.from_dict(receipt)
    if isinstance(receipt, str | Path):
        return Receipt.load(Path(receipt))
    raise ReceiptError(f"{type(receipt).__name__} isn't a receipt.", hint="Give a receipt, a dict or a file's path.")


def _posted(collective: Collective, receipt: Receipt) -> tuple[str, str] | None:
    """Why the receipt's hash isn't in its transaction, as status and detail; None when it is."""
    if receipt.signature is None:
        return "not found", "The receipt names no transaction: its answer was never posted."
    try:
        found = collective.explorer.transaction(receipt.signature)
    except AccountNotFound:
        return "not found", f"This chain doesn't know the transaction {receipt.signature}."
    except NetworkError as e:
        if "refused" in e.message:
            return "not found", f"{receipt.signature} isn't a transaction's signature."
        raise
    if not found.ok:
        return "mismatch", "The transaction failed, so nothing was posted."
    posted = receipt.posted_hash.hex()
    for event in found.events:
        fields = event.fields
        named = {"ResultPosted": "leaf", "ResultBatchPosted": "root"}.get(event.name)
        whose = (receipt.registry, receipt.worker, receipt.version, posted)
        if named and (fields["registry"], fields["worker"], fields["version"], fields[named]) == whose:
            if receipt.slot is not None and receipt.slot != found.slot:
                return "mismatch", f"The transaction is in slot {found.slot}, not {receipt.slot}."
            return None
    return "mismatch", "The transaction posted something else."
