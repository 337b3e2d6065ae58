"""What this dashboard process was started with: which network, which home."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Launch:
    """Settings of this process.

    Parameters
    ----------
    rpc_url : str or None
        The network; ``None`` lets :func:`decai.connect` find it (``DECAI_URL``, the home's running network).
    home : pathlib.Path or None
        The home directory; ``None`` is the default one.
    """

    rpc_url: str | None = None
    home: Path | None = None


def current() -> Launch:
    """The settings that ``python -m dashboard`` left in this process's environment."""
    home = os.environ.get("DECAI_HOME")
    return Launch(os.environ.get("DECAI_URL") or None, Path(home) if home else None)


def remember(launch: Launch) -> None:
    """Leave the settings where :func:`current`, and the library itself, find them."""
    if launch.rpc_url is not None:
        os.environ["DECAI_URL"] = launch.rpc_url
    if launch.home is not None:
        os.environ["DECAI_HOME"] = str(launch.home)
