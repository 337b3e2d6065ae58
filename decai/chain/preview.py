"""What a transaction would do, told before anyone signs: in words, and by a run whose result isn't kept."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solders.instruction import AccountMeta, CompiledInstruction, Instruction
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from decai.chain.actions import Action
from decai.chain.client import Chain
from decai.chain.faults import explain
from decai.chain.subjects import with_subjects
from decai.chain.words import TOKEN, TOKEN_2022, Words, describe
from decai.errors import NetworkError, WalletError

__all__ = ["BalanceChange", "Preview", "TokenChange", "Written", "fee_of", "instructions_of", "preview"]

_TOKEN_PROGRAMS = (TOKEN, TOKEN_2022)
_TOKEN_ACCOUNT = 165  # bytes of the classic layout: mint[32], owner[32], amount u64, …
_MINT_DECIMALS_AT = 44


@dataclass(frozen=True)
class BalanceChange:
    """An account whose SOL changes.

    Attributes
    ----------
    name : str
        Its role, or a short address.
    address : str
        Base58.
    lamports : int
        The change; the fee is part of the payer's.
    """

    name: str
    address: str
    lamports: int


@dataclass(frozen=True)
class TokenChange:
    """A token account whose balance changes.

    Attributes
    ----------
    name, address : str
        The token account.
    owner, mint : str
        Base58.
    amount : int
        The change in the mint's smallest unit.
    decimals : int or None
        The mint's decimals, None when the mint can't be read.
    """

    name: str
    address: str
    owner: str
    mint: str
    amount: int
    decimals: int | None


@dataclass(frozen=True)
class Written:
    """An account that the transaction writes to.

    Attributes
    ----------
    name, address : str
    effect : str
        "created", "changed", "closed" or "unchanged" in the simulation; "unknown" when there is none.
    """

    name: str
    address: str
    effect: str


@dataclass(frozen=True)
class Preview:
    """What a transaction would do.

    Attributes
    ----------
    title : str
    payer : str
        Who signs and pays, base58.
    steps : tuple of Words
        Each instruction.
    fee_lamports : int
        Signatures and priority, from the cluster.
    compute_units : int or None
        Used in the simulation.
    balances, tokens, written
        The simulation's effects, the payer first.
    warnings : tuple of str
        What a person should know before signing.
    problem : NetworkError or None
        Why it would fail now.
    logs : tuple of str
    """

    title: str
    payer: str
    steps: tuple[Words, ...]
    fee_lamports: int
    compute_units: int | None
    balances: tuple[BalanceChange, ...]
    tokens: tuple[TokenChange, ...]
    written: tuple[Written, ...]
    warnings: tuple[str, ...]
    problem: NetworkError | None
    logs: tuple[str, ...]


def instructions_of(message: Message | MessageV0) -> list[Instruction]:
    """A message's instructions with their programs and accounts resolved.

    Raises
    ------
    WalletError
        The message uses address lookup tables, which DecAI never does: it doesn't hold what they point at.
    """
    if isinstance(message, MessageV0) and message.address_table_lookups:
        raise WalletError("The transaction names accounts through lookup tables, so it can't be read by itself.")
    keys = list(message.account_keys)

    def meta(i: int) -> AccountMeta:
        return AccountMeta(keys[i], i < message.header.num_required_signatures, _writable(message, i))

    def resolve(compiled: CompiledInstruction) -> Instruction:
        indices = bytes(compiled.accounts)
        if max([compiled.program_id_index, *indices]) >= len(keys):
            raise WalletError("The transaction names an account that it doesn't hold.")
        return Instruction(keys[compiled.program_id_index], bytes(compiled.data), [meta(i) for i in indices])

    return [resolve(c) for c in message.instructions]


def _writable(message: Message | MessageV0, index: int) -> bool:
    """Whether the header gives this account write access: signers come first, in each part read-only last."""
    header, count = message.header, len(message.account_keys)
    signers = header.num_required_signatures
    if index < signers:
        return index < signers - header.num_readonly_signed_accounts
    return index < count - header.num_readonly_unsigned_accounts


def preview(chain: Chain, action: Action, transaction: VersionedTransaction | None = None) -> Preview:
    """Tell what an action would do, by decoding and by simulating it on the cluster as it is now.

    Parameters
    ----------
    chain : Chain
    action : Action
    transaction : VersionedTransaction, optional
        The compiled action when there is one already.

    Raises
    ------
    RpcUnreachable
        Nothing answers. (A transaction that would fail is a preview with a ``problem``, not an exception.)
    """
    compiled = transaction or chain.prepare(action).transaction
    message = compiled.message
    steps = with_subjects(chain, [describe(i, chain.idls) for i in instructions_of(message)])
    names = _names(action, steps)
    writable = [k for i, k in enumerate(message.account_keys) if _writable(message, i)]
    before = _accounts(chain, writable)
    answer = chain.simulate(compiled, writable)
    err, logs = answer.get("err"), tuple(answer.get("logs") or ())
    problem = explain(err, logs, chain.idls) if err is not None else None
    after = answer.get("accounts") if err is None else None
    fee = fee_of(chain, message)
    warnings = [f"Part of this isn't understood: {w.program}, {w.does}." for w in steps if not w.known]
    if problem is not None:
        warnings.insert(0, f"It would fail now: {problem.message}")
    if after is None:
        written = tuple(Written(names.get(str(k), "Account"), str(k), "unknown") for k in writable)
        balances: tuple[BalanceChange, ...] = ()
        tokens: tuple[TokenChange, ...] = ()
        if problem is None:
            warnings.append("The cluster ran it, but didn't say which balances change.")
    else:
        balances = _balances(writable, before, after, names, fee, str(action.payer))
        tokens = _tokens(chain, writable, before, after, names)
        written = tuple(
            Written(names.get(str(k), "Account"), str(k), _effect(b, a))
            for k, b, a in zip(writable, before, after, strict=True)
        )
    return Preview(
        action.title,
        str(action.payer),
        steps,
        fee,
        answer.get("unitsConsumed"),
        balances,
        tokens,
        written,
        tuple(warnings),
        problem,
        logs,
    )


def fee_of(chain: Chain, message: Message | MessageV0) -> int:
    """The cluster's charge for a message, lamports, priority included; 5,000 a signature if it won't say."""
    encoded = base64.b64encode(to_bytes_versioned(message)).decode()
    value = chain.rpc("getFeeForMessage", encoded, {"commitment": "confirmed"})["value"]
    return 5000 * int(message.header.num_required_signatures) if value is None else int(value)


def _names(action: Action, steps: Sequence[Words]) -> dict[str, str]:
    """Address → what to call it: an instruction's role, rather the action's own name for it, or you."""
    names = {a.address: a.name for step in steps for a in step.accounts if not a.name.startswith("Account ")}
    names.update({str(address): name.replace("_", " ").capitalize() for name, address in action.accounts.items()})
    names[str(action.payer)] = "You"
    return names


def _accounts(chain: Chain, addresses: Sequence[Pubkey]) -> list[dict[str, Any] | None]:
    out: list[dict[str, Any] | None] = []
    for start in range(0, len(addresses), 100):
        part = [str(a) for a in addresses[start : start + 100]]
        out += chain.rpc("getMultipleAccounts", part, {"encoding": "base64", "commitment": "confirmed"})["value"]
    return out


def _lamports(account: Mapping[str, Any] | None) -> int:
    return int(account["lamports"]) if account else 0


def _data(account: Mapping[str, Any] | None) -> bytes:
    return base64.b64decode(account["data"][0]) if account else b""


def _effect(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if not _lamports(before) and _lamports(after):
        return "created"
    if _lamports(before) and not _lamports(after):
        return "closed"
    same = _lamports(before) == _lamports(after) and _data(before) == _data(after)
    return "unchanged" if same else "changed"


def _balances(
    keys: Sequence[Pubkey],
    before: Sequence[Mapping[str, Any] | None],
    after: Sequence[Mapping[str, Any] | None],
    names: Mapping[str, str],
    fee: int,
    payer: str,
) -> tuple[BalanceChange, ...]:
    changes = []
    for key, old, new in zip(keys, before, after, strict=True):
        delta = _lamports(new) - _lamports(old)
        if delta:
            changes.append(BalanceChange(names.get(str(key), "Account"), str(key), delta))
    # Some nodes simulate without charging the fee; then the changes sum to nothing instead of minus the fee.
    total = sum(c.lamports for c in changes)
    if total == 0 and fee:
        paid = next((c.lamports for c in changes if c.address == payer), 0)
        changes = [c for c in changes if c.address != payer]
        changes.append(BalanceChange("You", payer, paid - fee))
    return tuple(sorted(changes, key=lambda c: (c.address != payer, c.name)))


def _token_account(account: Mapping[str, Any] | None) -> tuple[str, str, int] | None:
    """Mint, owner and amount of a token account; None for anything else."""
    if not account or account["owner"] not in _TOKEN_PROGRAMS:
        return None
    raw = _data(account)
    if len(raw) < _TOKEN_ACCOUNT or (len(raw) > _TOKEN_ACCOUNT and raw[_TOKEN_ACCOUNT] != 2):
        return None  # 2 is Token-2022's account-type byte of a token account; a mint has 1
    return (
        str(Pubkey.from_bytes(raw[:32])),
        str(Pubkey.from_bytes(raw[32:64])),
        int.from_bytes(raw[64:72], "little"),
    )


def _tokens(
    chain: Chain,
    keys: Sequence[Pubkey],
    before: Sequence[Mapping[str, Any] | None],
    after: Sequence[Mapping[str, Any] | None],
    names: Mapping[str, str],
) -> tuple[TokenChange, ...]:
    found = []
    for key, old, new in zip(keys, before, after, strict=True):
        was, now = _token_account(old), _token_account(new)
        held = now or was
        delta = (now[2] if now else 0) - (was[2] if was else 0)
        if held and delta:
            found.append((names.get(str(key), "Token account"), str(key), held[1], held[0], delta))
    mints = sorted({f[3] for f in found})
    on_chain = _accounts(chain, [Pubkey.from_string(m) for m in mints])
    decimals = {m: _decimals(a) for m, a in zip(mints, on_chain, strict=True)}
    # A mint made by this very transaction isn't on chain yet: take it from the simulation.
    for key, new in zip(keys, after, strict=True):
        if decimals.get(str(key), 0) is None:
            decimals[str(key)] = _decimals(new)
    return tuple(TokenChange(n, a, o, m, d, decimals[m]) for n, a, o, m, d in found)


def _decimals(mint: Mapping[str, Any] | None) -> int | None:
    raw = _data(mint)
    return raw[_MINT_DECIMALS_AT] if mint and mint["owner"] in _TOKEN_PROGRAMS and len(raw) >= 82 else None
