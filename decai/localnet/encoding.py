"""Accounts and transactions in the encodings of Solana's RPC."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import base58
from solders.account import Account
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from decai.localnet import tokens
from decai.localnet.errors import INVALID_REQUEST, UNSUPPORTED_VERSION, RpcError
from decai.localnet.ledger import StoredTransaction
from decai.localnet.programs import LOADER_V3, PROGRAM_SIZE
from decai.localnet.wire import LoadedKeys, join_keys

ACCOUNT_ENCODINGS = ("base58", "binary", "base64", "base64+zstd", "jsonParsed")
TRANSACTION_ENCODINGS = ("json", "jsonParsed", "base64", "base58", "binary")
_BASE58_LIMIT = 128  # MAX_BASE58_BYTES in Agave's account decoder

Find = Callable[[Pubkey], Account | None]


@dataclass(frozen=True)
class AccountView:
    """How a client wants to see accounts.

    Attributes
    ----------
    encoding : str
        One of `ACCOUNT_ENCODINGS`.
    window : (int, int) or None
        Offset and length of the bytes wanted.
    """

    encoding: str = "base64"
    window: tuple[int, int] | None = None

    def cut(self, data: bytes) -> bytes:
        """The bytes wanted."""
        return data if self.window is None else data[self.window[0] : self.window[0] + self.window[1]]


def encode_account(account: Account, view: AccountView, find: Find) -> dict[str, object]:
    """An account as the RPC gives it.

    Parameters
    ----------
    account : Account
        What to encode.
    view : AccountView
        Encoding and window.
    find : callable
        Looks up other accounts: a token account's mint.

    Raises
    ------
    RpcError
        Base58 was asked for more than 128 bytes.
    """
    data = account.data
    return {
        "data": _encode_data(account, data, view, find),
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": str(account.owner),
        "rentEpoch": account.rent_epoch,
        "space": len(data),
    }


def _encode_data(account: Account, data: bytes, view: AccountView, find: Find) -> object:
    if view.encoding == "jsonParsed":
        parsed = tokens.parse(account, find) or _parse_program(account)
        if parsed is not None:
            return parsed
    window = view.cut(data)
    if view.encoding in ("base58", "binary"):
        if len(window) > _BASE58_LIMIT:
            raise RpcError(
                INVALID_REQUEST,
                "Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding.",
            )
        text = base58.b58encode(window).decode()
        return text if view.encoding == "binary" else [text, "base58"]
    if view.encoding == "base64+zstd":
        import pyarrow

        packed = pyarrow.compress(window, codec="zstd", asbytes=True)
        return [base64.b64encode(packed).decode(), "base64+zstd"]
    return [base64.b64encode(window).decode(), "base64"]


def _parse_program(account: Account) -> dict[str, object] | None:
    data = account.data
    if account.owner != LOADER_V3 or len(data) != PROGRAM_SIZE or data[0] != 2:
        return None
    info = {"programData": str(Pubkey.from_bytes(data[4:36]))}
    return {
        "program": "bpf-upgradeable-loader",
        "parsed": {"type": "program", "info": info},
        "space": len(data),
    }


class AccountRows(list[tuple[bytes, Account]]):
    """Accounts on their way to a client, whose JSON is written in one go: fast for very many."""

    def __init__(self, rows: Sequence[tuple[bytes, Account]], view: AccountView, find: Find) -> None:
        super().__init__(rows)
        self._view = view
        self._find = find

    def plain(self) -> list[dict[str, object]]:
        """The rows as Python objects."""
        return [
            {
                "pubkey": str(Pubkey.from_bytes(key)),
                "account": encode_account(account, self._view, self._find),
            }
            for key, account in self
        ]

    def text(self) -> str:
        """The rows as JSON."""
        if self._view.encoding != "base64":
            return json.dumps(self.plain(), separators=(",", ":"))
        cut, b64, pubkey = self._view.cut, base64.b64encode, Pubkey.from_bytes
        rows = []
        for key, account in self:
            data = account.data
            rows.append(
                f'{{"pubkey":"{pubkey(key)}","account":{{"data":["{b64(cut(data)).decode()}","base64"],'
                f'"executable":{"true" if account.executable else "false"},"lamports":{account.lamports},'
                f'"owner":"{account.owner}","rentEpoch":{account.rent_epoch},"space":{len(data)}}}}}'
            )
        return f"[{','.join(rows)}]"


def encode_transaction(stored: StoredTransaction, encoding: str, max_version: int | None) -> dict[str, object]:
    """Transaction, meta and version as ``getTransaction`` and ``getBlock`` give them.

    Parameters
    ----------
    stored : StoredTransaction
        What the ledger has.
    encoding : str
        One of `TRANSACTION_ENCODINGS`.
    max_version : int or None
        The newest version the client understands; None means legacy transactions alone.

    Raises
    ------
    RpcError
        The transaction's version is newer than ``max_version``.
    """
    transaction = VersionedTransaction.from_bytes(stored.wire)
    message = transaction.message
    versioned = isinstance(message, MessageV0)
    if versioned and max_version is None:
        raise RpcError(
            UNSUPPORTED_VERSION,
            "Transaction version (0) is not supported by the requesting client. Please try the request again"
            ' with the following configuration parameter: "maxSupportedTransactionVersion": 0',
        )
    meta = json.loads(stored.meta)
    shown: object
    if encoding == "base64":
        shown = [base64.b64encode(stored.wire).decode(), "base64"]
    elif encoding in ("base58", "binary"):
        text = base58.b58encode(stored.wire).decode()
        shown = text if encoding == "binary" else [text, "base58"]
    else:
        parsed = encoding == "jsonParsed"
        if parsed:
            # As they were looked up then: a table may have changed since.
            looked_up = meta.pop("loadedAddresses")
            keys = join_keys(
                message, *([Pubkey.from_string(each) for each in looked_up[kind]] for kind in ("writable", "readonly"))
            )
            meta["innerInstructions"] = parse_inner(meta["innerInstructions"], keys)
            body = _parsed_message(message, keys)
        else:
            body = _raw_message(message)
        shown = {"signatures": [str(signature) for signature in transaction.signatures], "message": body}
    answer: dict[str, object] = {"transaction": shown, "meta": meta}
    if max_version is not None:
        answer["version"] = 0 if versioned else "legacy"
    return answer


def _instructions(message: Message | MessageV0) -> list[dict[str, object]]:
    return [
        {
            "programIdIndex": instruction.program_id_index,
            "accounts": list(instruction.accounts),
            "data": base58.b58encode(bytes(instruction.data)).decode(),
            "stackHeight": 1,
        }
        for instruction in message.instructions
    ]


def _raw_message(message: Message | MessageV0) -> dict[str, object]:
    header = message.header
    body: dict[str, object] = {
        "header": {
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        },
        "accountKeys": [str(key) for key in message.account_keys],
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": _instructions(message),
    }
    return body | _lookups(message)


def _lookups(message: Message | MessageV0) -> dict[str, object]:
    if not isinstance(message, MessageV0):
        return {}
    return {
        "addressTableLookups": [
            {
                "accountKey": str(lookup.account_key),
                "writableIndexes": list(lookup.writable_indexes),
                "readonlyIndexes": list(lookup.readonly_indexes),
            }
            for lookup in message.address_table_lookups
        ]
    }


def _parsed_message(message: Message | MessageV0, keys: LoadedKeys) -> dict[str, object]:
    static, signed = len(message.account_keys), message.header.num_required_signatures
    body: dict[str, object] = {
        "accountKeys": [
            {
                "pubkey": str(key),
                "signer": index < signed,
                "source": "transaction" if index < static else "lookupTable",
                "writable": keys.writable[index],
            }
            for index, key in enumerate(keys.keys)
        ],
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [_name_keys(instruction, keys) for instruction in _instructions(message)],
    }
    return body | _lookups(message)


def _name_keys(instruction: dict[str, object], keys: LoadedKeys) -> dict[str, object]:
    """An instruction with addresses for indexes: the RPC's "partially decoded" form."""
    program, accounts = instruction["programIdIndex"], instruction["accounts"]
    assert isinstance(program, int) and isinstance(accounts, list)
    return {
        "programId": str(keys.keys[program]),
        "accounts": [str(keys.keys[index]) for index in accounts],
        "data": instruction["data"],
        "stackHeight": instruction["stackHeight"],
    }


def parse_inner(groups: list[dict[str, object]], keys: LoadedKeys) -> list[dict[str, object]]:
    """Inner instructions with addresses for indexes."""
    answer: list[dict[str, object]] = []
    for group in groups:
        inner = group["instructions"]
        assert isinstance(inner, list)
        answer.append({"index": group["index"], "instructions": [_name_keys(each, keys) for each in inner]})
    return answer
