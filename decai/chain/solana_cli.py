"""The Solana CLI's own configuration, for those who ask to use the keypair it uses."""

from __future__ import annotations

import re
from pathlib import Path

from decai.errors import WalletError

__all__ = ["SOLANA_CLI", "keypair_file", "solana_cli_keypair"]

SOLANA_CLI = Path("solana-cli")
"""What to say instead of a file's name for the keypair that ``solana`` uses. (``./solana-cli`` is the same;
a keypair file of that very name has to be given with its folder.)"""


def keypair_file(named: Path) -> Path:
    """The file behind what a person gave as their wallet: the file itself, or the Solana CLI's.

    Parameters
    ----------
    named : Path
        A keypair file, or :data:`SOLANA_CLI`.

    Returns
    -------
    Path

    Raises
    ------
    WalletError
        The Solana CLI was meant, and it has no keypair that could be used.
    """
    if named != SOLANA_CLI:
        return named
    theirs = solana_cli_keypair()
    if not theirs.exists():  # and none is made there: that key would be the CLI's from then on
        raise WalletError(
            f"The Solana CLI is configured to use {theirs}, which doesn't exist.",
            hint="Make it with `solana-keygen new`, or name a keypair file yourself.",
        )
    return theirs


_LINE = re.compile(r"^keypair_path:\s*(?:'((?:[^']|'')*)'|\"([^\"\\]*)\"|([^#'\"\s].*?))\s*(?:#.*)?$", re.M)


def solana_cli_keypair(config: Path | None = None) -> Path:
    """The keypair file that ``solana`` uses on this machine.

    Parameters
    ----------
    config : Path, optional
        Its configuration; by default ``~/.config/solana/cli/config.yml``, as ``solana config get`` shows.

    Returns
    -------
    Path
        To be read with :meth:`LocalWallet.load`; a relative path counts from the configuration's folder.

    Raises
    ------
    WalletError
        There is no configuration, it names no keypair, or it names a hardware wallet.
    """
    path = config or Path("~/.config/solana/cli/config.yml").expanduser()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise WalletError(
            f"There is no Solana CLI configuration at {path}.",
            hint="Make one with `solana config set --keypair FILE`, or name a keypair file yourself.",
        ) from None
    except (OSError, UnicodeDecodeError) as e:
        raise WalletError(f"The Solana CLI configuration at {path} can't be read: {e}.") from None
    found = _LINE.search(text)
    value = "" if found is None else (found[1] or "").replace("''", "'") or found[2] or found[3] or ""
    if not value:
        raise WalletError(f"{path} names no keypair.", hint="Set one: `solana config set --keypair FILE`.")
    if "://" in value or value in ("ASK", "-"):
        raise WalletError(
            f"The Solana CLI uses {value}, which isn't a file.",
            hint="Connect a hardware wallet through your browser's wallet, or name a keypair file.",
        )
    return path.parent / Path(value).expanduser()
