"""Sending, trying and finding transactions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from solders.signature import Signature
from solders.transaction import VersionedTransaction

from decai.localnet.encoding import (
    ACCOUNT_ENCODINGS,
    TRANSACTION_ENCODINGS,
    encode_account,
    encode_transaction,
    parse_inner,
)
from decai.localnet.errors import SIGNATURE_FAILURE, RpcError, invalid
from decai.localnet.rpc import params
from decai.localnet.rpc.registry import method
from decai.localnet.slots import BLOCKHASH_SLOTS
from decai.localnet.wire import decode_message, decode_transaction, fee_of

if TYPE_CHECKING:
    from decai.localnet.node import Node
    from decai.localnet.runtime import Simulated

_WIRE_ENCODINGS = ("base58", "base64")


@method("sendTransaction", heavy=True)
def send_transaction(node: Node, transaction: object, config: object = None) -> str:
    """Execute a transaction; when the signature is returned, it is final."""
    options = params.config(node, config, commitment=False)
    params.choice(options, "preflightCommitment", params.COMMITMENTS, "finalized")
    if options.get("maxRetries") is not None:
        params.integer(options["maxRetries"], "maxRetries")
    preflight = not params.flag(options, "skipPreflight")
    encoding = params.choice(options, "encoding", _WIRE_ENCODINGS, "base58")
    decoded, wire = decode_transaction(transaction, encoding)
    return node.runtime.send(decoded, wire, preflight=preflight)


@method("requestAirdrop", heavy=True)
def request_airdrop(node: Node, address: object, lamports: object, config: object = None) -> str:
    """Lamports from the faucet."""
    params.config(node, config)
    return node.runtime.airdrop(params.pubkey(address), params.integer(lamports, "lamports"))


@method("simulateTransaction", heavy=True)
def simulate_transaction(node: Node, transaction: object, config: object = None) -> dict[str, object]:
    """Try a transaction and say what it would do."""
    options = params.config(node, config)
    encoding = params.choice(options, "encoding", _WIRE_ENCODINGS, "base58")
    verify = params.flag(options, "sigVerify")
    replace = params.flag(options, "replaceRecentBlockhash")
    inner = params.flag(options, "innerInstructions")
    if verify and replace:
        invalid("sigVerify may not be used with replaceRecentBlockhash")
    decoded, _ = decode_transaction(transaction, encoding)
    tried = node.runtime.simulate(decoded, verify=verify, check_blockhash=not replace)
    if tried.error == "SignatureFailure":
        raise RpcError(SIGNATURE_FAILURE, "Transaction signature verification failure")
    answer: dict[str, object] = {
        "err": tried.error,
        "logs": tried.logs,
        "accounts": _accounts_after(node, options.get("accounts"), decoded, tried),
        "unitsConsumed": tried.units,
        "returnData": tried.return_data,
        "innerInstructions": parse_inner(tried.inner, node.runtime.load_keys(decoded)) if inner else None,
        "replacementBlockhash": {
            "blockhash": str(node.runtime.clock.blockhash()),
            "lastValidBlockHeight": node.slot + BLOCKHASH_SLOTS,
        }
        if replace
        else None,
    }
    return node.with_context(answer)


def _accounts_after(
    node: Node, wanted: object, transaction: VersionedTransaction, tried: Simulated
) -> list[object] | None:
    if wanted is None:
        return None
    if not isinstance(wanted, dict):
        invalid("accounts must be an object")
    view = params.account_view({"encoding": wanted.get("encoding")}, names=ACCOUNT_ENCODINGS[2:])
    most = len(transaction.message.account_keys)
    addresses = [params.pubkey(each) for each in params.array(wanted.get("addresses"), "addresses", most)]
    if tried.error is not None:
        return [None] * len(addresses)
    shown: list[object] = []
    for address in addresses:
        account = tried.accounts.get(address) or node.runtime.account(address)
        gone = account is None or account.lamports == 0
        shown.append(None if gone or account is None else encode_account(account, view, node.runtime.account))
    return shown


@method("getFeeForMessage")
def get_fee_for_message(node: Node, message: object, config: object = None) -> dict[str, object]:
    """Lamports a message would cost, or null when its blockhash is no longer recent."""
    params.config(node, config)
    decoded = decode_message(message)
    recent = node.runtime.clock.is_recent(decoded.recent_blockhash)
    return node.with_context(fee_of(decoded) if recent else None)


def _status(slot: int, error: str | None) -> dict[str, object]:
    problem = None if error is None else json.loads(error)
    return {
        "slot": slot,
        "confirmations": None,
        "err": problem,
        "status": {"Ok": None} if problem is None else {"Err": problem},
        "confirmationStatus": "finalized",
    }


@method("getSignatureStatuses")
def get_signature_statuses(node: Node, signatures: object, config: object = None) -> dict[str, object]:
    """Status of up to 256 transactions, null for each that isn't known."""
    params.flag(params.config(node, config), "searchTransactionHistory")
    wanted = [params.signature(each) for each in params.array(signatures, "signatures", 256)]
    found = [node.runtime.ledger.status(bytes(each)) for each in wanted]
    return node.with_context([None if each is None else _status(*each) for each in found])


@method("getSignaturesForAddress", heavy=True)
def get_signatures_for_address(node: Node, address: object, config: object = None) -> list[dict[str, object]]:
    """Transactions that mention an address, newest first."""
    options = params.config(node, config)
    limit = options.get("limit")
    rows = node.runtime.ledger.mentioning(
        bytes(params.pubkey(address)),
        before=_sequence(node, options.get("before"), missing=None),
        until=_sequence(node, options.get("until"), missing=-1),
        limit=1000 if limit is None else params.integer(limit, "limit", least=1, most=1000),
    )
    return [
        {
            "signature": str(Signature.from_bytes(signature)),
            "slot": slot,
            "err": None if error is None else json.loads(error),
            "memo": memo,
            "blockTime": block_time,
            "confirmationStatus": "finalized",
        }
        for signature, slot, block_time, error, memo in rows
    ]


def _sequence(node: Node, value: object, missing: int | None) -> int | None:
    if value is None:
        return missing
    stored = node.runtime.ledger.find(bytes(params.signature(value)))
    return missing if stored is None else stored.sequence


@method("getTransaction")
def get_transaction(node: Node, signature: object, config: object = None) -> dict[str, object] | None:
    """A transaction by its signature, or null."""
    options: params.Options = {"encoding": config} if isinstance(config, str) else params.config(node, config)
    encoding = params.choice(options, "encoding", TRANSACTION_ENCODINGS, "json")
    version = options.get("maxSupportedTransactionVersion")
    newest = None if version is None else params.integer(version, "maxSupportedTransactionVersion", most=255)
    stored = node.runtime.ledger.find(bytes(params.signature(signature)))
    if stored is None:
        return None
    shown = encode_transaction(stored, encoding, newest)
    return {"slot": stored.slot, "blockTime": stored.block_time, **shown}


@method("getTransactionCount")
def get_transaction_count(node: Node, config: object = None) -> int:
    """How many transactions the ledger has."""
    params.config(node, config)
    return node.runtime.sequence
