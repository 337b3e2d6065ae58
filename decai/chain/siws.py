"""Sign-in with Solana: proof that whoever asks holds the key of an address.

The message is the one wallets know how to show (https://github.com/phantom/sign-in-with-solana, after
EIP-4361): the site, the address, a nonce and times. A wallet's answer counts only for the very message that
was handed out, once, before it expires, signed by the address in it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from solders.pubkey import Pubkey
from solders.signature import Signature

from decai.errors import WalletError

__all__ = ["Challenge", "SignIn", "origin_of"]

LIFETIME = timedelta(minutes=5)
_HOST = re.compile(r"(?!-)[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")


def origin_of(url: str) -> str:
    """The origin (scheme, host, port) of a URL, in lower case, default ports left out.

    Raises
    ------
    WalletError
        It isn't an http or https URL with a plain host.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WalletError(f"{url!r} isn't a web address.") from None
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(shown) or parts.username is not None:
        raise WalletError(f"{url!r} isn't a web address.")
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, default) else "")


@dataclass(frozen=True)
class Challenge:
    """One sign-in message.

    Attributes
    ----------
    origin : str
        The site: ``https://decai.example``.
    address : str
        Who is to prove themselves, base58.
    nonce : str
        Random, used once.
    issued_at, expires_at : datetime
        UTC.
    chain : str
        The cluster's Wallet Standard name: ``solana:devnet``.
    """

    origin: str
    address: str
    nonce: str
    issued_at: datetime
    expires_at: datetime
    chain: str

    @property
    def message(self) -> bytes:
        """The exact bytes to be signed."""
        domain = self.origin.split("://", 1)[1]
        return "\n".join(
            [
                f"{domain} wants you to sign in with your Solana account:",
                self.address,
                "",
                "Sign in to DecAI. This proves that the address is yours. It moves nothing and is free.",
                "",
                f"URI: {self.origin}",
                "Version: 1",
                f"Chain ID: {self.chain.removeprefix('solana:')}",
                f"Nonce: {self.nonce}",
                f"Issued At: {_iso(self.issued_at)}",
                f"Expiration Time: {_iso(self.expires_at)}",
            ]
        ).encode()


@dataclass
class SignIn:
    """The sign-ins of one browser session. Keep it in that session alone.

    Parameters
    ----------
    clock : callable
        The time now, UTC.
    """

    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _open: Challenge | None = None

    def challenge(self, origin: str, address: str, chain: str) -> Challenge:
        """Hand out a new message; any older one is void.

        Parameters
        ----------
        origin : str
            Where the browser is, as the server sees it (the handshake's ``Origin`` header).
        address : str
            The address that the browser claims.
        chain : str
            The cluster: ``solana:localnet``.

        Raises
        ------
        WalletError
            The origin or the address isn't one.
        """
        try:
            key = Pubkey.from_string(address)
        except ValueError:
            raise WalletError(f"{address!r} isn't a Solana address.") from None
        if not key.is_on_curve():
            raise WalletError(f"{address} is a program's address: nobody holds a key for it.")
        now = self.clock().replace(microsecond=0)
        nonce = secrets.token_hex(16)
        self._open = Challenge(origin_of(origin), str(key), nonce, now, now + LIFETIME, chain)
        return self._open

    def verify(self, *, nonce: str, origin: str, signed_message: bytes, signature: bytes) -> str:
        """Check a wallet's answer. Whatever the outcome, the challenge can't be used again.

        Returns
        -------
        str
            The proven address, base58.

        Raises
        ------
        WalletError
            No such challenge is open, it has expired, the origin is another, another message was signed, or
            the signature isn't the address's.
        """
        challenge, self._open = self._open, None
        if challenge is None or not secrets.compare_digest(challenge.nonce, nonce):
            raise WalletError("This sign-in was already used, or replaced by a newer one.", hint="Sign in again.")
        if self.clock() >= challenge.expires_at:
            raise WalletError("This sign-in has expired.", hint="Sign in again.")
        if origin_of(origin) != challenge.origin:
            raise WalletError(f"This sign-in was for {challenge.origin}, not for {origin}.", hint="Sign in again.")
        if signed_message != challenge.message:
            raise WalletError(
                "The wallet signed another message than the one it was given.",
                hint="Use a wallet that signs messages as they are.",
            )
        if len(signature) != 64 or not Signature.from_bytes(signature).verify(
            Pubkey.from_string(challenge.address), challenge.message
        ):
            raise WalletError(f"The signature isn't {challenge.address}'s.", hint="Sign in again.")
        return challenge.address


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
