"""Wallets: who signs. The local one is a keypair file in the Solana CLI's format."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Protocol

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

from decai.chain.solana_cli import keypair_file
from decai.errors import WalletError

__all__ = ["LocalWallet", "Wallet", "WatchedWallet"]


class Wallet(Protocol):
    """What a transaction needs of a wallet."""

    @property
    def pubkey(self) -> Pubkey:
        """Its address."""

    def sign(self, message: bytes) -> Signature:
        """Sign the bytes of a transaction message."""


class LocalWallet:
    """A keypair held by this process: for this machine only.

    Parameters
    ----------
    keypair : Keypair
        The key.
    path : Path, optional
        The file it came from.
    """

    def __init__(self, keypair: Keypair, path: Path | None = None) -> None:
        self.keypair = keypair
        self.path = path

    def __repr__(self) -> str:
        return f"LocalWallet({self.pubkey})"

    @property
    def pubkey(self) -> Pubkey:
        """The wallet's address."""
        return self.keypair.pubkey()

    def sign(self, message: bytes) -> Signature:
        """Sign the bytes of a transaction message."""
        return self.keypair.sign_message(message)

    @classmethod
    def load(cls, path: Path) -> LocalWallet:
        """Read a keypair file (a JSON list of 64 numbers, as ``solana-keygen`` writes).

        Parameters
        ----------
        path : Path
            Or ``Path("solana-cli")``: the one that the Solana CLI is configured to use.

        Raises
        ------
        WalletError
            The file is missing or isn't a keypair.
        """
        path = keypair_file(path)
        try:
            numbers = json.loads(path.read_text())
            return cls(Keypair.from_bytes(bytes(numbers)), path)
        except FileNotFoundError:
            raise WalletError(
                f"There is no keypair at {path}.", hint="Make one with `decai wallet new`, or set DECAI_WALLET."
            ) from None
        except OSError as e:
            raise WalletError(f"The keypair at {path} can't be read: {e.strerror}.") from None
        except (ValueError, TypeError):
            raise WalletError(
                f"{path} isn't a keypair file.",
                hint="It should hold a JSON list of 64 numbers, as `solana-keygen new` writes it.",
            ) from None

    @classmethod
    def create(cls, path: Path, *, keypair: Keypair | None = None) -> LocalWallet:
        """Make a new keypair file, readable by its owner alone; an existing file is never replaced.

        Raises
        ------
        WalletError
            The file exists already, or the folder can't be written.
        """
        key = keypair or Keypair()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as f:
                f.write(json.dumps(list(bytes(key))))
                f.flush()
                os.fsync(f.fileno())
            try:
                os.link(draft, path)  # fails when the file exists, whoever made it meanwhile
            finally:
                draft.unlink()
        except FileExistsError:
            raise WalletError(
                f"There is a keypair at {path} already.", hint="Choose another path; a key is never overwritten."
            ) from None
        except OSError as e:
            raise WalletError(f"The keypair can't be written to {path}: {e.strerror}.") from None
        return cls(key, path)

    @classmethod
    def load_or_create(cls, path: Path) -> LocalWallet:
        """Read the keypair at ``path``, making it first when there is none."""
        if not path.exists():
            try:
                return cls.create(path)
            except WalletError:
                if not path.exists():
                    raise
        return cls.load(path)


class WatchedWallet:
    """An address whose key is elsewhere: actions can be built for it, not signed.

    Parameters
    ----------
    pubkey : Pubkey
    """

    def __init__(self, pubkey: Pubkey) -> None:
        self._pubkey = pubkey

    @property
    def pubkey(self) -> Pubkey:
        """The wallet's address."""
        return self._pubkey

    def sign(self, message: bytes) -> Signature:
        """Refuse: the key isn't here."""
        raise WalletError(
            f"The key of {self._pubkey} isn't on this machine.",
            hint="Write a file with `decai tx build` and sign it there.",
        )
