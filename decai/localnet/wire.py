"""Transactions as clients see them: decoding, their keys, and what a ledger keeps beside them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import base58
from solders.account import Account
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from decai.localnet.errors import invalid
from decai.localnet.tokens import TOKEN_PROGRAMS, read_token_account, token_amount

PACKET_BYTES = 1232
"""The most a transaction may weigh (``PACKET_DATA_SIZE`` in solana-packet)."""

_MEMO_PROGRAMS = {
    Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
    Pubkey.from_string("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo"),
}
_TABLE_HEADER = 56  # LOOKUP_TABLE_META_SIZE in solana-address-lookup-table-interface


@dataclass(frozen=True)
class LoadedKeys:
    """The addresses of a transaction, static ones first, then those of lookup tables."""

    keys: list[Pubkey]
    writable: list[bool]
    looked_up: dict[str, list[str]]


def decode_bytes(text: object, encoding: object) -> bytes:
    """The bytes of a transaction or message a client sent.

    Raises
    ------
    RpcError
        Not text, not of that encoding, or too big for a packet.
    """
    if not isinstance(text, str):
        invalid("expected a transaction as text")
    if encoding not in ("base58", "base64"):
        invalid(f"unsupported encoding: {encoding}. Supported encodings: base58, base64")
    longest = 1644 if encoding == "base64" else 1683
    if len(text) > longest:
        invalid(f"{encoding} encoded too large: {len(text)} bytes (max: encoded/raw {longest}/{PACKET_BYTES})")
    try:
        raw = base64.b64decode(text, validate=True) if encoding == "base64" else base58.b58decode(text)
    except (binascii.Error, ValueError) as error:
        invalid(f"invalid {encoding} encoding: {error}")
    if len(raw) > PACKET_BYTES:
        invalid(f"decoded too large: {len(raw)} bytes (max: {PACKET_BYTES} bytes)")
    return raw


def decode_transaction(text: object, encoding: object) -> tuple[VersionedTransaction, bytes]:
    """A client's transaction, sanitised, and its bytes.

    Raises
    ------
    RpcError
        It can't be decoded or refers to accounts it doesn't name.
    """
    raw = decode_bytes(text, encoding)
    try:
        transaction = VersionedTransaction.from_bytes(raw)
    except ValueError as error:
        invalid(f"failed to deserialize solana_transaction::versioned::VersionedTransaction: {error}")
    if not transaction.signatures:
        invalid("the transaction has no signature")
    try:
        transaction.sanitize()
    except Exception as error:  # SanitizeError derives from Exception alone
        invalid(f"invalid transaction: {error}")
    return transaction, raw


def decode_message(text: object) -> Message | MessageV0:
    """A message in base64, legacy or version 0."""
    raw = decode_bytes(text, "base64")
    try:
        return MessageV0.from_bytes(raw[1:]) if raw and raw[0] & 0x80 else Message.from_bytes(raw)
    except ValueError as error:
        invalid(f"failed to deserialize solana_message::versions::VersionedMessage: {error}")


def load_keys(message: Message | MessageV0, account: Callable[[Pubkey], Account | None]) -> LoadedKeys:
    """All addresses of a message; entries a lookup table lacks are left out (execution refuses them)."""
    to_write: list[Pubkey] = []
    to_read: list[Pubkey] = []
    if isinstance(message, MessageV0):
        for lookup in message.address_table_lookups:
            table = account(lookup.account_key)
            data = b"" if table is None else table.data[_TABLE_HEADER:]
            entries = [Pubkey.from_bytes(data[at : at + 32]) for at in range(0, len(data) - 31, 32)]
            to_write += [entries[i] for i in lookup.writable_indexes if i < len(entries)]
            to_read += [entries[i] for i in lookup.readonly_indexes if i < len(entries)]
    return join_keys(message, to_write, to_read)


def join_keys(message: Message | MessageV0, to_write: Sequence[Pubkey], to_read: Sequence[Pubkey]) -> LoadedKeys:
    """All addresses of a message whose lookups gave these."""
    keys = list(message.account_keys)
    header = message.header
    signed, total = header.num_required_signatures, len(keys)
    writable = [
        index < signed - header.num_readonly_signed_accounts
        or signed <= index < total - header.num_readonly_unsigned_accounts
        for index in range(total)
    ]
    return LoadedKeys(
        [*keys, *to_write, *to_read],
        writable + [True] * len(to_write) + [False] * len(to_read),
        {"writable": [str(key) for key in to_write], "readonly": [str(key) for key in to_read]},
    )


def inner_instructions(groups: Sequence[Sequence[object]]) -> list[dict[str, object]]:
    """Cross-program calls by the outer instruction that made them."""
    return [
        {
            "index": index,
            "instructions": [
                {
                    "programIdIndex": inner.instruction().program_id_index,  # type: ignore[attr-defined]
                    "accounts": list(inner.instruction().accounts),  # type: ignore[attr-defined]
                    "data": base58.b58encode(bytes(inner.instruction().data)).decode(),  # type: ignore[attr-defined]
                    "stackHeight": inner.stack_height(),  # type: ignore[attr-defined]
                }
                for inner in group
            ],
        }
        for index, group in enumerate(groups)
        if group
    ]


def token_balances(
    keys: Sequence[Pubkey], accounts: Sequence[Account | None], find: Callable[[Pubkey], Account | None]
) -> list[dict[str, object]]:
    """The token balances among a transaction's accounts."""
    found: list[dict[str, object]] = []
    for index, account in enumerate(accounts):
        if account is None or account.owner not in TOKEN_PROGRAMS:
            continue
        token = read_token_account(account.data)
        if token is None:
            continue
        mint = find(token.mint)
        found.append(
            {
                "accountIndex": index,
                "mint": str(token.mint),
                "owner": str(token.owner),
                "programId": str(account.owner),
                "uiTokenAmount": token_amount(token.amount, 0 if mint is None else mint.data[44]),
            }
        )
    return found


def memo_of(message: Message | MessageV0) -> str | None:
    """The memos of a transaction as ``getSignaturesForAddress`` gives them: ``[length] text; …``."""
    memos = []
    for instruction in message.instructions:
        if instruction.program_id_index >= len(message.account_keys):
            continue
        if message.account_keys[instruction.program_id_index] in _MEMO_PROGRAMS:
            data = bytes(instruction.data)
            memos.append(f"[{len(data)}] {data.decode('utf-8', 'replace')}")
    return "; ".join(memos) or None


def fee_of(message: Message | MessageV0) -> int:
    """Lamports the node charges for a message: 5000 a signature, those that precompiles check included.

    Priority fees aren't charged: no one competes for block space here.
    """
    signatures = message.header.num_required_signatures
    for instruction in message.instructions:
        data = bytes(instruction.data)
        if str(message.account_keys[instruction.program_id_index]) in _PRECOMPILES and data:
            signatures += data[0]
    return 5000 * signatures


_PRECOMPILES = {
    "Ed25519SigVerify111111111111111111111111111",
    "KeccakSecp256k11111111111111111111111111111",
    "Secp256r1SigVerify1111111111111111111111111",
}
