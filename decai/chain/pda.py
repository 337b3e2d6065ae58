"""Program-derived addresses, as the programs' seeds define them."""

from __future__ import annotations

from collections.abc import Mapping

from solders.pubkey import Pubkey

from decai.chain.idl import ProgramIdl
from decai.errors import SettingsError

__all__ = ["Addresses", "fixed_text", "parse_address"]


def parse_address(text: str | Pubkey, what: str = "address") -> Pubkey:
    """Read a base58 address.

    Raises
    ------
    SettingsError
        It isn't one.
    """
    if isinstance(text, Pubkey):
        return text
    try:
        return Pubkey.from_string(text.strip())
    except ValueError:
        raise SettingsError(
            f"{text!r} isn't a Solana {what}.", hint="An address is 32 to 44 letters and digits in base58."
        ) from None


def fixed_text(text: str, size: int, what: str) -> bytes:
    """Text as the programs hold it: UTF-8 in ``size`` bytes, zero-padded.

    Raises
    ------
    SettingsError
        It is longer than that, holds a NUL or isn't valid Unicode.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # half a character, such as the shell gives for bytes that aren't UTF-8
        raise SettingsError(f"The {what} isn't valid Unicode.", hint="Write it in UTF-8.") from None
    if len(raw) > size:
        raise SettingsError(
            f"The {what} is {len(raw)} bytes long; the chain holds {size}.", hint=f"Shorten it to {size} bytes."
        )
    if b"\0" in raw:
        raise SettingsError(f"The {what} holds a NUL character.", hint="Remove it.")
    return raw.ljust(size, b"\0")


class Addresses:
    """Derives each account's address. One instance per set of programs (their ids are in the IDLs)."""

    def __init__(self, idls: Mapping[str, ProgramIdl]) -> None:
        self.model_manager = idls["model_manager"].address
        self.dao_program = idls["dao"].address
        self.compute_verifier = idls["compute_verifier"].address

    @staticmethod
    def _find(program: Pubkey, *seeds: bytes) -> Pubkey:
        return Pubkey.find_program_address(list(seeds), program)[0]

    def registry(self, creator: Pubkey, name: str) -> Pubkey:
        """The registry that ``creator`` made under ``name``."""
        return self._find(self.model_manager, b"registry", bytes(creator), fixed_text(name, 32, "registry's name"))

    def version(self, registry: Pubkey, number: int) -> Pubkey:
        """A registry's version."""
        return self._find(self.model_manager, b"version", bytes(registry), number.to_bytes(4, "little"))

    def log(self, registry: Pubkey, worker: Pubkey) -> Pubkey:
        """A worker's inference log on a registry."""
        return self._find(self.model_manager, b"log", bytes(registry), bytes(worker))

    def dao(self, creator: Pubkey, name: str) -> Pubkey:
        """The DAO that ``creator`` made under ``name``."""
        return self._find(self.dao_program, b"dao", bytes(creator), fixed_text(name, 32, "collective's name"))

    def of_dao(self, kind: str, dao: Pubkey) -> Pubkey:
        """One of a DAO's accounts: authority, vault, treasury, deposits or mint."""
        return self._find(self.dao_program, kind.encode(), bytes(dao))

    def member(self, dao: Pubkey, wallet: Pubkey) -> Pubkey:
        """A member's account."""
        return self._find(self.dao_program, b"member", bytes(dao), bytes(wallet))

    def proposal(self, dao: Pubkey, number: int) -> Pubkey:
        """A proposal."""
        return self._find(self.dao_program, b"proposal", bytes(dao), number.to_bytes(8, "little"))

    def vote(self, proposal: Pubkey, member: Pubkey) -> Pubkey:
        """A member's vote on a proposal."""
        return self._find(self.dao_program, b"vote", bytes(proposal), bytes(member))

    def job(self, proposal: Pubkey) -> Pubkey:
        """The job that a proposal opened."""
        return self._find(self.compute_verifier, b"job", bytes(proposal))

    def record(self, job: Pubkey) -> Pubkey:
        """A job's training record."""
        return self._find(self.compute_verifier, b"record", bytes(job))

    def provider(self, dao: Pubkey, wallet: Pubkey) -> Pubkey:
        """A provider's statistics and offer."""
        return self._find(self.compute_verifier, b"provider", bytes(dao), bytes(wallet))

    def leaderboard(self, dao: Pubkey) -> Pubkey:
        """A DAO's leaderboard."""
        return self._find(self.compute_verifier, b"leaderboard", bytes(dao))

    def chunked_set(self, digest: bytes) -> Pubkey:
        """A training or evaluation set, by its content address."""
        return self._find(self.compute_verifier, b"set", digest)

    def draft(self, owner: Pubkey, digest: bytes) -> Pubkey:
        """The owner's draft of a content-addressed account."""
        return self._find(self.compute_verifier, b"draft", bytes(owner), digest)

    def attestation(self, job: Pubkey, member: Pubkey) -> Pubkey:
        """A member's attestation of a job's record."""
        return self._find(self.compute_verifier, b"attest", bytes(job), bytes(member))
