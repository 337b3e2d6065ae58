"""What a person does on chain, before anyone has signed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

__all__ = ["Action", "Confirmation", "Prepared"]


@dataclass(frozen=True)
class Action:
    """One transaction to be: built by the façade, signed by whichever wallet is in use.

    Attributes
    ----------
    title : str
        What it does, for a person: "Vote for proposal 3".
    instructions : tuple of Instruction
        In order.
    payer : Pubkey
        The wallet that signs and pays.
    signers : tuple of Keypair
        Fresh keys that must co-sign, such as a new mint's.
    accounts : mapping
        The addresses that this action makes or changes, by name.
    compute_units : int, optional
        The limit to ask for; None leaves the cluster's default of 200,000 per instruction.
    """

    title: str
    instructions: tuple[Instruction, ...]
    payer: Pubkey
    signers: tuple[Keypair, ...] = ()
    accounts: Mapping[str, Pubkey] = field(default_factory=dict)
    compute_units: int | None = None


@dataclass(frozen=True)
class Prepared:
    """An action compiled against a recent blockhash, co-signed, waiting for its payer's signature."""

    action: Action
    transaction: VersionedTransaction
    last_valid_block_height: int


@dataclass(frozen=True)
class Confirmation:
    """A transaction that the cluster confirmed.

    Attributes
    ----------
    signature : str
        Base58.
    slot : int
        Where it landed.
    at : datetime or None
        The block's time, UTC.
    """

    signature: str
    slot: int
    at: datetime | None = None

    @classmethod
    def of(cls, signature: str, slot: int, unix: int | None) -> Confirmation:
        """Build from unix seconds."""
        return cls(signature, slot, None if unix is None else datetime.fromtimestamp(unix, UTC))
