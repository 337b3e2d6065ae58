"""What an instruction of ours is about: the collective, registry or proposal behind its accounts, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from solders.pubkey import Pubkey

from decai.chain.arguments import human
from decai.chain.reader import Reader
from decai.chain.words import Words
from decai.errors import AccountMismatch

__all__ = ["with_subjects"]

# An account's role in the instruction → its type in the IDL, and what it is to a person.
_ROLES = {
    "Dao": ("Dao", "Collective"),
    "Registry": ("ModelRegistry", "Registry"),
    "Proposal": ("Proposal", "Proposal"),
}


def with_subjects(chain: Reader, steps: Sequence[Words]) -> tuple[Words, ...]:
    """Instructions in words with the names of what they are about, read from the accounts that they name.

    The names are their makers' own words, so they are quoted; what doesn't exist yet, or isn't what its role says,
    adds nothing.

    Parameters
    ----------
    chain : Reader
    steps : sequence of Words

    Returns
    -------
    tuple of Words
    """
    ours = {human(idl.name) for idl in chain.idls.values()}
    return tuple(replace(s, values=(*_of(chain, s), *s.values)) if s.known and s.program in ours else s for s in steps)


def _of(chain: Reader, step: Words) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for account in step.accounts:
        if account.name not in _ROLES:
            continue
        kind, called = _ROLES[account.name]
        try:
            read = chain.find(kind, Pubkey.from_string(account.address))
        except AccountMismatch:
            continue
        if read is not None:
            found.append((called, _name(read)))
    return found


def _name(read: dict[str, Any]) -> str:
    return f"“{read['name']}”" if "name" in read else f"{read['id']}: “{read['description']}”"
