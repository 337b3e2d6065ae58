"""A transaction as a file: built where the network is, signed where the key is, sent where the network is.

The file is JSON: the message to be signed and what is needed to judge it. Nothing but the message counts for
what it does: the signer reads the words from the message itself, never from the file's title.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from solders.hash import Hash
from solders.message import Message, MessageV0, from_bytes_versioned, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import AdvanceNonceAccountParams, advance_nonce_account
from solders.transaction import VersionedTransaction

from decai.chain.actions import Action, Confirmation
from decai.chain.client import Chain
from decai.chain.idl import ProgramIdl
from decai.chain.preview import instructions_of
from decai.chain.wallets import Wallet
from decai.chain.words import Words, describe
from decai.errors import AccountMismatch, TransactionExpired, WalletError, WrongCluster

__all__ = ["TransactionFile", "build_file", "read_file", "send_file", "sign_file"]

FORMAT, VERSION = "decai-transaction", 1
_LARGEST = 64 * 1024
_FIELDS = {"format", "version", "title", "cluster_genesis", "payer", "signers", "message", "signatures",
           "last_valid_block_height", "nonce_account", "digest"}  # fmt: skip
_NONCE_SIZE = 80  # u32 version, u32 state, authority[32], nonce[32], u64 fee (solana nonce::state::Versions)
_EXPIRY = (
    "A recent blockhash lasts about 150 slots (60 to 90 seconds). For a signer that takes longer, build with "
    "a nonce account: then it stays valid until the nonce is used."
)


@dataclass(frozen=True)
class TransactionFile:
    """What such a file holds.

    Attributes
    ----------
    title : str
        What its builder called it. Not evidence of anything.
    cluster_genesis : str
        The genesis hash of the cluster it is for.
    message : Message or MessageV0
        What is signed.
    signatures : mapping
        Address → signature, of those that are there.
    last_valid_block_height : int or None
        Until when its blockhash holds; None with a nonce.
    nonce_account : Pubkey or None
        The durable nonce it uses instead of a recent blockhash.
    """

    title: str
    cluster_genesis: str
    message: Message | MessageV0
    signatures: Mapping[Pubkey, Signature]
    last_valid_block_height: int | None
    nonce_account: Pubkey | None = None

    @property
    def payer(self) -> Pubkey:
        """Who pays, and signs first."""
        return self.message.account_keys[0]

    @property
    def signers(self) -> tuple[Pubkey, ...]:
        """Everyone whose signature is needed, in order."""
        return tuple(self.message.account_keys[: self.message.header.num_required_signatures])

    @property
    def missing(self) -> tuple[Pubkey, ...]:
        """Those who haven't signed yet."""
        return tuple(s for s in self.signers if s not in self.signatures)

    def words(self, idls: Mapping[str, ProgramIdl]) -> tuple[Words, ...]:
        """What it does, read from the message."""
        return tuple(describe(i, idls) for i in instructions_of(self.message))

    def transaction(self) -> VersionedTransaction:
        """The transaction, with the signatures it has."""
        found = [self.signatures.get(s, Signature.default()) for s in self.signers]
        return VersionedTransaction.populate(self.message, found)

    def to_json(self) -> str:
        """The file's text."""
        body: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "cluster_genesis": self.cluster_genesis,
            "payer": str(self.payer),
            "signers": [str(s) for s in self.signers],
            "message": base64.b64encode(to_bytes_versioned(self.message)).decode(),
            "signatures": {str(a): str(s) for a, s in self.signatures.items()},
            "last_valid_block_height": self.last_valid_block_height,
            "nonce_account": None if self.nonce_account is None else str(self.nonce_account),
        }
        return json.dumps({**body, "digest": _digest(body)}, indent=2, ensure_ascii=False) + "\n"


def build_file(chain: Chain, action: Action, path: Path, *, nonce_account: Pubkey | None = None) -> TransactionFile:
    """Write an action as a file to be signed elsewhere. Fresh keys of the action sign here and now.

    Parameters
    ----------
    chain : Chain
    action : Action
    path : Path
        A new file; an existing one is never replaced.
    nonce_account : Pubkey, optional
        A durable nonce account whose authority is the payer, for signers that take longer than a minute.

    Raises
    ------
    WalletError
        The file exists, or the folder can't be written.
    AccountMismatch
        The nonce account isn't one, or its authority is another.
    """
    if nonce_account is None:
        prepared = chain.prepare(action)
        message, height = prepared.transaction.message, prepared.last_valid_block_height
    else:
        message, height = _with_nonce(chain, action, nonce_account), None
    body = to_bytes_versioned(message)
    signatures = {k.pubkey(): k.sign_message(body) for k in action.signers}
    made = TransactionFile(action.title, chain.genesis, message, signatures, height, nonce_account)
    _write(path, made.to_json(), new=True)
    return made


def sign_file(path: Path, wallet: Wallet, out: Path | None = None) -> TransactionFile:
    """Add a wallet's signature. Needs no network; show :meth:`TransactionFile.words` to the person before.

    Parameters
    ----------
    path : Path
    wallet : Wallet
    out : Path, optional
        Where the signed file goes; by default it replaces ``path``.

    Raises
    ------
    WalletError
        The file was changed or isn't one, or this wallet isn't among its signers.
    """
    found = read_file(path)
    if wallet.pubkey not in found.signers:
        raise WalletError(
            f"{wallet.pubkey} isn't among this transaction's signers: {', '.join(map(str, found.signers))}.",
            hint="Use the wallet that it was built for.",
        )
    signature = wallet.sign(to_bytes_versioned(found.message))
    signed = replace(found, signatures={**found.signatures, wallet.pubkey: signature})
    _write(out or path, signed.to_json(), new=out is not None and out != path)
    return signed


def send_file(chain: Chain, path: Path) -> Confirmation:
    """Send a fully signed file and wait for its confirmation.

    Raises
    ------
    WalletError
        The file was changed, or a signature is missing.
    WrongCluster
        It is for another cluster.
    TransactionExpired
        Its blockhash or nonce no longer holds: it was not and won't be executed.
    TransactionFailed, TransactionUnknown
        As :meth:`Chain.send`.
    """
    found = read_file(path)
    if found.cluster_genesis != chain.genesis:
        raise WrongCluster(
            f"This transaction is for cluster {found.cluster_genesis}, but {chain.url} is {chain.genesis}.",
            hint="Set DECAI_URL to the cluster it was built for.",
        )
    if found.missing:
        raise WalletError(
            f"It still needs the signature of {', '.join(map(str, found.missing))}.",
            hint="Sign it with `decai tx sign FILE`.",
        )
    signature = str(found.signatures[found.payer])
    done = chain.resolve(signature)  # sending a file twice must not look like a failure
    if done is not None:
        return done
    _still_valid(chain, found)
    height = found.last_valid_block_height
    return chain.send_signed(found.transaction(), 2**63 if height is None else height)


def read_file(path: Path) -> TransactionFile:
    """Read a file and check that it is consistent: its digest, its signers, and every signature in it.

    Raises
    ------
    WalletError
        It can't be read, is of another version, was changed, or holds a signature that doesn't verify.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise WalletError(f"{path} is too large for a transaction file.")
        raw = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise WalletError(f"There is no file {path}.", hint="Make one with `decai tx build`.") from None
    except OSError as e:
        raise WalletError(f"{path} can't be read: {e.strerror}.") from None
    except ValueError:
        raise _not_one(path, "it isn't JSON") from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise _not_one(path, "it doesn't say that it is one")
    if raw.get("version") != VERSION:
        raise WalletError(f"{path} is of version {raw.get('version')}.", hint="Update DecAI on this machine.")
    if set(raw) != _FIELDS:
        raise _not_one(path, "it has other fields")
    digest = raw.pop("digest")
    if not isinstance(digest, str) or not secrets.compare_digest(_digest(raw).encode(), digest.encode()):
        raise WalletError(f"{path} was changed since it was written.", hint="Build it again; don't sign it.")
    try:
        found = _parsed(raw)
    except (ValueError, TypeError, AttributeError, KeyError, binascii.Error):
        raise _not_one(path, "a field can't be read") from None
    if [str(s) for s in found.signers] != raw["signers"] or str(found.payer) != raw["payer"]:
        raise WalletError(f"{path} names other signers than its message.", hint="Don't sign this one.")
    body = to_bytes_versioned(found.message)
    for address, signature in found.signatures.items():
        if address not in found.signers or not signature.verify(address, body):
            raise WalletError(f"The signature of {address} in {path} isn't one of this transaction.")
    return found


def _parsed(raw: Mapping[str, Any]) -> TransactionFile:
    message = from_bytes_versioned(base64.b64decode(raw["message"], validate=True))
    if isinstance(message, MessageV0):
        message.sanitize()
    height, nonce = raw["last_valid_block_height"], raw["nonce_account"]
    if height is not None and not isinstance(height, int):
        raise TypeError("block height")
    return TransactionFile(
        str(raw["title"]),
        str(raw["cluster_genesis"]),
        message,
        {Pubkey.from_string(a): Signature.from_string(s) for a, s in raw["signatures"].items()},
        height,
        None if nonce is None else Pubkey.from_string(nonce),
    )


def _with_nonce(chain: Chain, action: Action, account: Pubkey) -> MessageV0:
    authority, value = _nonce(chain, account)
    if authority != action.payer:
        raise AccountMismatch(
            f"The nonce account {account} belongs to {authority}, not to {action.payer}.",
            hint="Use one whose authority is the wallet that signs.",
        )
    advance = advance_nonce_account(AdvanceNonceAccountParams(nonce_pubkey=account, authorized_pubkey=authority))
    # The very first instruction must advance the nonce, or the cluster takes its hash for a stale blockhash.
    compiled = chain.prepare(action).transaction.message
    instructions = [advance, *instructions_of(compiled)]
    return MessageV0.try_compile(action.payer, instructions, [], value)


def _nonce(chain: Chain, account: Pubkey) -> tuple[Pubkey, Hash]:
    raw = chain.raw_account(account)
    if raw is None or len(raw) != _NONCE_SIZE or int.from_bytes(raw[4:8], "little") != 1:
        raise AccountMismatch(
            f"{account} isn't an initialised nonce account.", hint="Make one: `solana create-nonce-account`."
        )
    return Pubkey.from_bytes(raw[8:40]), Hash.from_bytes(raw[40:72])


def _still_valid(chain: Chain, found: TransactionFile) -> None:
    if found.nonce_account is not None:
        if _nonce(chain, found.nonce_account)[1] != found.message.recent_blockhash:
            raise TransactionExpired(
                f"The nonce of {found.nonce_account} was used since this was built; it can't be executed.",
                hint="Build it again. One nonce account serves one transaction at a time.",
            )
    elif found.last_valid_block_height is not None:
        height = int(chain.rpc("getBlockHeight", {"commitment": "confirmed"}))
        if height > found.last_valid_block_height:
            raise TransactionExpired(
                f"Its blockhash ran out at block {found.last_valid_block_height}; the cluster is at {height}."
                " It was not executed.",
                hint=f"Build and sign it again. {_EXPIRY}",
            )


def _digest(body: Mapping[str, Any]) -> str:
    """SHA-256 over the fields in a canonical form: it finds damage and careless edits, not a forger."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"decai:transaction-file:v1" + canonical.encode()).hexdigest()


def _not_one(path: Path, why: str) -> WalletError:
    return WalletError(f"{path} isn't a transaction file: {why}.", hint="Make one with `decai tx build`.")


def _write(path: Path, text: str, *, new: bool) -> None:
    """Write whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, "utf-8")
        if new:
            os.link(draft, path)  # fails when the file exists, whoever made it meanwhile
        else:
            draft.replace(path)
    except FileExistsError:
        raise WalletError(f"There is a file {path} already.", hint="Choose another name.") from None
    except OSError as e:
        raise WalletError(f"{path} can't be written: {e.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
