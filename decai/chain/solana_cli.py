"""The Solana CLI's own configuration, for those who ask to use the keypair it uses."""

from __future__ import annotations

import re
from pathlib import Path

from decai.errors import WalletError

__all__ = ["solana_cli_keypair"]

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
    named = Path(value).expanduser()
    return named if named.is_absolute() else path.parent / named
