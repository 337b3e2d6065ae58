"""Options that many commands share, and how they connect."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from decai.collective import Collective

__all__ = [
    "HomeOption",
    "RegistryOption",
    "UrlOption",
    "WalletOption",
    "open_collective",
    "prepare_embedded",
    "stop_event",
]

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Home folder (DECAI_HOME).", show_default=False, file_okay=False)
]
UrlOption = Annotated[str | None, typer.Option("--url", help="Solana RPC URL (DECAI_URL).", show_default=False)]
WalletOption = Annotated[
    Path | None,
    typer.Option(
        "--wallet", help="Keypair file that signs, or solana-cli for the CLI's (DECAI_WALLET).", show_default=False
    ),
]
RegistryOption = Annotated[
    str | None, typer.Option("--registry", help="Registry, by address or name.", show_default=False)
]


def open_collective(url: str | None = None, home: Path | None = None, wallet: Path | None = None) -> Collective:
    """Connect with a command's options."""
    from decai.collective import connect
    from decai.config import load_settings

    settings = load_settings(url=url, home=home, wallet=wallet)
    return connect(settings=settings)


def prepare_embedded(collective: Collective, say: Callable[[str], None]) -> None:
    """On the embedded chain: fund the local wallet, publish the first model."""
    from decai.network import ensure_first_model, ensure_funds

    if collective.cluster == "embedded":
        ensure_funds(collective)
        ensure_first_model(collective, say)


def stop_event() -> threading.Event:
    """An event that Ctrl-C and a request to terminate set."""
    stop = threading.Event()

    def ask(signum: int, frame: Any) -> None:
        stop.set()

    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, ask)
    return stop
