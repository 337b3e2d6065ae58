"""Commands about the wallet and transactions: wallet show|new|fund, tx status|build|sign|send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decai.cli.common import HomeOption, RegistryOption, UrlOption, WalletOption, open_collective
from decai.cli.governance import DaoOption
from decai.cli.output import JsonFlag, print_json, say, sol

if TYPE_CHECKING:
    from decai.chain import Action
    from decai.collective import Collective

__all__ = ["register"]

BUILDABLE = {
    "join": "",
    "stake": "SOL",
    "unstake": "SOL",
    "deposit": "TOKENS",
    "withdraw": "TOKENS",
    "fund": "SOL",
    "vote": "PROPOSAL for|against|abstain",
    "cancel": "PROPOSAL",
    "finalize": "PROPOSAL",
    "execute": "PROPOSAL",
    "use": "VERSION",
    "offer": "NEW_OWNER",
}

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


@tx.command()
def build(
    signer: Annotated[str, typer.Argument(metavar="ADDRESS", help="The wallet that will sign and pay.")],
    file: Annotated[Path, typer.Argument(help="Where to write the transaction; a new file.")],
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help=", ".join(f"{k} {v}".strip() for k, v in BUILDABLE.items()))
    ],
    values: Annotated[list[str] | None, typer.Argument(metavar="[VALUE]...")] = None,
    nonce: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Durable nonce account, for signers that take long.")
    ] = None,
    registry: RegistryOption = None,
    dao: DaoOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    json_: JsonFlag = False,
) -> None:
    """Write an unsigned transaction to a file, for a signer on another machine."""
    from decai.chain import WatchedWallet, parse_address
    from decai.chain.offline import build_file

    with open_collective(url, home) as c:
        watcher = c.with_wallet(WatchedWallet(parse_address(signer)))
        action = _buildable(watcher, what, values or [], dao, registry)
        made = build_file(c.chain, action, file, nonce_account=parse_address(nonce) if nonce else None)
        if json_:
            print_json(
                {"file": str(file), "title": made.title, "last_valid_block_height": made.last_valid_block_height}
            )
        else:
            say(f"{made.title}: {file}. Sign it with `decai tx sign {file}`, then send it with `decai tx send {file}`.")


def _buildable(c: Collective, what: str, values: list[str], dao: str | None, registry: str | None) -> Action:
    wanted = BUILDABLE.get(what)
    if wanted is None:
        raise typer.BadParameter(f"{what!r} can't be built; one of: {', '.join(BUILDABLE)}")
    if len(values) != len(wanted.split()):
        raise typer.BadParameter(f"{what} takes {wanted or 'nothing more'}")
    if what in ("use", "offer"):
        target = c.registry_at(registry) if registry else c.registry
        return target.set_current_action(_whole(values[0])) if what == "use" else target.offer_action(values[0])
    g = c.dao(dao)
    if what == "join":
        return g.actions.join()
    if what in ("stake", "unstake", "fund"):
        lamports = _amount(values[0], 1e9)
        make = {"stake": g.actions.stake, "unstake": g.actions.unstake, "fund": g.actions.fund_treasury}[what]
        return make(lamports)
    if what in ("deposit", "withdraw"):
        return (g.actions.deposit if what == "deposit" else g.actions.withdraw)(_amount(values[0], 1e6))
    proposal = g.proposal(_whole(values[0]))
    if what == "vote":
        return g.vote_action(proposal, values[1])
    return {"cancel": g.actions.cancel, "finalize": g.actions.finalize, "execute": g.actions.execute}[what](proposal)


def _whole(text: str) -> int:
    if not text.isdigit():
        raise typer.BadParameter(f"{text!r} isn't a whole number")
    return int(text)


def _amount(text: str, unit: float) -> int:
    try:
        amount = round(float(text) * unit)
    except (ValueError, OverflowError):
        amount = 0
    if amount <= 0:
        raise typer.BadParameter(f"{text!r} isn't an amount")
    return amount


@tx.command()
def sign(
    file: Annotated[Path, typer.Argument(help="A file that `decai tx build` wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="Write here instead of into the same file.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    home: HomeOption = None,
    path: WalletOption = None,
) -> None:
    """Show what a file does and sign it. Needs no network."""
    from decai.chain import LocalWallet
    from decai.chain.idl import load_idls
    from decai.chain.offline import read_file, sign_file
    from decai.config import load_settings

    settings = load_settings(home=home, wallet=path)
    key = LocalWallet.load(settings.wallet_path)
    found = read_file(file)
    say(f"Cluster {found.cluster_genesis}, paid by {found.payer}:")
    for step in found.words(load_idls(settings.programs_dir)):
        say(f"  {step.program}: {step.does}. {step.why}")
        for name, value in step.values:
            say(f"    {name}: {value}")
    if not yes:
        typer.confirm("Sign this?", abort=True, err=True)
    done = sign_file(file, key, out)
    missing = ", ".join(str(m) for m in done.missing)
    say(f"Signed by {key.pubkey}. " + (f"Still missing: {missing}." if missing else "It is complete."))


@tx.command()
def send(
    file: Annotated[Path, typer.Argument(help="A fully signed file.")],
    home: HomeOption = None,
    url: UrlOption = None,
    json_: JsonFlag = False,
) -> None:
    """Send a signed file and wait for its confirmation."""
    from decai.chain.offline import send_file

    with open_collective(url, home) as c:
        done = send_file(c.chain, file)
        if json_:
            print_json({"signature": done.signature, "slot": done.slot})
        else:
            say(f"Confirmed in slot {done.slot}: {done.signature}")
