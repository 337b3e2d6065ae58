"""What a wallet gave back against what it was given.

Wallets may touch a transaction: they refresh its blockhash, set the compute limit and price, and some add
guards that can only make it fail. Those are told to the person and need their yes. Anything else is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from decai.chain.arguments import sol, units
from decai.chain.preview import instructions_of
from decai.chain.words import COMPUTE_BUDGET
from decai.errors import WalletError

__all__ = ["MAX_PRIORITY_FEE", "accept", "differences"]

# Lighthouse, whose assertions Phantom appends (https://docs.phantom.com/developer-powertools/lighthouse). Its
# instructions 0 and 1 write and close memory accounts; all others only check and fail.
LIGHTHOUSE = "L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95"
_LIGHTHOUSE_WRITES = (0, 1)

MAX_PRIORITY_FEE = 10_000_000
"""Lamports. A wallet that sets more than 0.01 SOL is wrong or hostile; no confirmation is offered for it."""

_HINT = "Nothing was sent. Try again; if it happens again, use another wallet and tell its makers."
_DEFAULT_UNITS = 200_000  # per instruction, when no limit is set (Agave's DEFAULT_INSTRUCTION_COMPUTE_UNIT_LIMIT)
_MAX_UNITS = 1_400_000


def differences(sent: Message | MessageV0, returned: Message | MessageV0) -> tuple[str, ...]:
    """What a wallet changed, in words; empty when nothing.

    Parameters
    ----------
    sent, returned : Message or MessageV0
        What the wallet was given, and what it signed.

    Raises
    ------
    WalletError
        It changed something that no wallet may.
    """
    if to_bytes_versioned(sent) == to_bytes_versioned(returned):
        return ()
    if type(sent) is not type(returned):
        raise WalletError("The wallet returned another kind of transaction.", hint=_HINT)
    if sent.account_keys[0] != returned.account_keys[0]:
        raise WalletError("The wallet returned a transaction that another account pays for.", hint=_HINT)
    if _signers(sent) != _signers(returned):
        raise WalletError("The wallet returned a transaction that other keys must sign.", hint=_HINT)
    before, after = instructions_of(sent), instructions_of(returned)
    added = _guards(_others(before), _others(after))
    _same_access(sent, returned)
    changes = _budget(before, after)
    if added:
        changes.append(f"It added {added} check{'s' if added > 1 else ''} by Lighthouse, which can only make it fail.")
    if sent.recent_blockhash != returned.recent_blockhash:
        changes.append("It took a newer blockhash; this changes nothing but how long it stays valid.")
    return tuple(changes) or ("It wrote the same transaction in another order of accounts.",)


def accept(transaction: VersionedTransaction, payer: Pubkey, cosigners: Sequence[Keypair] = ()) -> VersionedTransaction:
    """A returned transaction ready to send: the payer's signature checked, co-signers' renewed, all verified.

    Raises
    ------
    WalletError
        The payer isn't the connected account, or a signature is missing or wrong.
    """
    message = transaction.message
    if message.account_keys[0] != payer:
        raise WalletError("The wallet returned a transaction that another account pays for.", hint=_HINT)
    body = to_bytes_versioned(message)
    signatures = list(transaction.signatures)
    required = list(message.account_keys[: message.header.num_required_signatures])
    if len(signatures) != len(required):
        raise WalletError("The wallet returned a transaction with signatures missing.", hint=_HINT)
    if not signatures[0].verify(payer, body):
        raise WalletError(f"The wallet's signature isn't {payer}'s over this transaction.", hint=_HINT)
    for key in cosigners:
        signatures[required.index(key.pubkey())] = key.sign_message(body)
    for address, signature in zip(required, signatures, strict=True):
        if signature == Signature.default() or not signature.verify(address, body):
            raise WalletError(f"The signature of {address} is missing or wrong.", hint=_HINT)
    return VersionedTransaction.populate(message, signatures)


def _signers(message: Message | MessageV0) -> set[Pubkey]:
    return set(message.account_keys[: message.header.num_required_signatures])


def _is_budget(instruction: Instruction) -> bool:
    return str(instruction.program_id) == COMPUTE_BUDGET


def _others(instructions: Sequence[Instruction]) -> list[Instruction]:
    return [i for i in instructions if not _is_budget(i)]


def _same(a: Instruction, b: Instruction) -> bool:
    return (
        a.program_id == b.program_id
        and bytes(a.data) == bytes(b.data)
        and [m.pubkey for m in a.accounts] == [m.pubkey for m in b.accounts]
    )


def _guards(before: Sequence[Instruction], after: Sequence[Instruction]) -> int:
    """How many guards were added; every instruction of ours must be there, in order, and nothing else."""
    rest, added = list(before), 0
    for instruction in after:
        if rest and _same(rest[0], instruction):
            rest.pop(0)
        elif str(instruction.program_id) == LIGHTHOUSE and _only_checks(instruction):
            added += 1
        else:
            raise WalletError("The wallet returned a transaction with other instructions.", hint=_HINT)
    if rest:
        raise WalletError("The wallet returned a transaction with instructions missing.", hint=_HINT)
    return added


def _only_checks(instruction: Instruction) -> bool:
    data = bytes(instruction.data)
    return bool(data) and data[0] not in _LIGHTHOUSE_WRITES


def _access(message: Message | MessageV0) -> dict[Pubkey, bool]:
    return {m.pubkey: m.is_writable for i in instructions_of(message) for m in i.accounts}


def _same_access(sent: Message | MessageV0, returned: Message | MessageV0) -> None:
    """No account may become writable, and none of ours may stop being it; a guard may read further ones."""
    before, after = _access(sent), _access(returned)
    for address, writable in after.items():
        if before.get(address, False) != writable and address != sent.account_keys[0]:
            raise WalletError(f"The wallet changed what the transaction may do with {address}.", hint=_HINT)


def _limits(instructions: Sequence[Instruction]) -> tuple[int | None, int]:
    """The compute-unit limit (None: not set) and the price in micro-lamports a unit."""
    limit, price, seen = None, 0, set()
    for instruction in filter(_is_budget, instructions):
        data = bytes(instruction.data)
        kind = data[0] if data else -1
        if kind in seen:
            raise WalletError("The wallet set the compute budget twice.", hint=_HINT)
        seen.add(kind)
        if kind == 2 and len(data) == 5:
            limit = int.from_bytes(data[1:], "little")
        elif kind == 3 and len(data) == 9:
            price = int.from_bytes(data[1:], "little")
        else:
            raise WalletError("The wallet added a compute-budget instruction that isn't allowed.", hint=_HINT)
    return limit, price


def _priority_fee(instructions: Sequence[Instruction]) -> int:
    """Lamports, rounded up: price × limit ÷ 10⁶."""
    limit, price = _limits(instructions)
    asked = _DEFAULT_UNITS * len(_others(instructions)) if limit is None else limit
    return -(-price * min(asked, _MAX_UNITS) // 1_000_000)


def _budget(before: Sequence[Instruction], after: Sequence[Instruction]) -> list[str]:
    old, new = _priority_fee(before), _priority_fee(after)
    if new > max(MAX_PRIORITY_FEE, old):
        raise WalletError(
            f"The wallet set a priority fee of {sol(new)}, more than {sol(MAX_PRIORITY_FEE)}.",
            hint="Nothing was sent. Lower the priority fee in the wallet's settings.",
        )
    words = []
    if new != old:
        words.append(f"It set the priority fee to {sol(new)} (it was {sol(old)}).")
    limits = _limits(before)[0], _limits(after)[0]
    if limits[0] != limits[1] and limits[1] is not None:
        words.append(f"It set the compute limit to {units(limits[1], 0)} units.")
    elif limits[0] != limits[1]:
        words.append("It took away the compute limit.")
    return words
