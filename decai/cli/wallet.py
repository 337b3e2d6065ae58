"""Commands about the wallet and transactions: wallet show|new|fund, tx status|build|sign|send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decai.cli.common import HomeOption, UrlOption, WalletOption, open_collective
from decai.cli.output import JsonFlag, print_json, say, sol

__all__ = ["register"]

wallet = typer.Typer(help="The local wallet: a keypair file for this machine only.", no_args_is_help=True)
tx = typer.Typer(help="Transactions: what became of one; sign one on another machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.add_typer(wallet, name="wallet")
    app.add_typer(tx, name="tx")


@wallet.command()
def show(home: HomeOption = None, url: UrlOption = None, path: WalletOption = None, json_: JsonFlag = False) -> None:
    """Show the wallet's address and, where a chain answers, its balance."""
    from decai.chain import LocalWallet
    from decai.collective import connect
    from decai.config import load_settings
    from decai.errors import RpcUnreachable

    settings = load_settings(home=home, url=url, wallet=path)
    key = LocalWallet.load(settings.wallet_path)
    lamports = None
    try:
        with connect(settings=settings, wallet=key) as c:
            lamports = c.balance()
    except RpcUnreachable as e:
        say(str(e))
    if json_:
        print_json({"address": str(key.pubkey), "path": str(settings.wallet_path), "lamports": lamports})
    else:
        print(f"{key.pubkey}  {settings.wallet_path}" + ("" if lamports is None else f"  {sol(lamports)}"))


@wallet.command()
def new(
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the keypair.", show_default=False)] = None,
    json_: JsonFlag = False,
) -> None:
    """Make a keypair. An existing file is never replaced."""
    from decai.chain import LocalWallet
    from decai.config import load_settings

    made = LocalWallet.create(out or load_settings(home=home).wallet_path)
    if json_:
        print_json({"address": str(made.pubkey), "path": str(made.path)})
    else:
        print(f"{made.pubkey}  {made.path}")


@wallet.command()
def fund(
    amount: Annotated[float, typer.Argument(help="SOL.", min=0.000000001, max=10000)] = 10.0,
    home: HomeOption = None,
    url: UrlOption = None,
    path: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Ask the cluster's faucet for SOL: on the embedded chain, devnet and testnet."""
    with open_collective(url, home, path) as c:
        done = c.chain.airdrop(c.signer(), round(amount * 1e9))
        if json_:
            print_json({"signature": done.signature, "slot": done.slot, "lamports": c.balance()})
        else:
            say(f"The wallet holds {sol(c.balance())}.")


@tx.command()
def status(signature: str, home: HomeOption = None, url: UrlOption = None, json_: JsonFlag = False) -> None:
    """Say what became of a transaction."""
    with open_collective(url, home) as c:
        found = c.chain.resolve(signature)
        state = "unknown" if found is None else "confirmed"
        if json_:
            print_json({"signature": signature, "status": state, "slot": None if found is None else found.slot})
        elif found is None:
            say("The cluster doesn't know it (yet). If its blockhash has run out, it will never be executed.")
        else:
            say(f"Confirmed in slot {found.slot}.")
    if found is None:
        raise typer.Exit(1)
