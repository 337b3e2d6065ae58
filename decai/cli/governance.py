"""Commands of members: init, stake, deposit, propose, vote, proposals, execute and their opposites."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decai.cli.common import HomeOption, RegistryOption, UrlOption, WalletOption, open_collective
from decai.cli.output import JsonFlag, print_json, say, show_table, sol
from decai.errors import SettingsError

if TYPE_CHECKING:
    from decai.chain import Confirmation
    from decai.governance import Policy, Proposal

__all__ = ["register"]

DaoOption = Annotated[
    str | None, typer.Option("--dao", help="Collective, by address or name (DECAI_DAO).", show_default=False)
]
Amount = Annotated[float, typer.Argument(min=0.000001, help="How much.")]
ProposalId = Annotated[int, typer.Argument(min=0, metavar="ID")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (
        init,
        members,
        stake,
        unstake,
        deposit,
        withdraw,
        give,
        fund,
        propose,
        proposals,
        vote,
        relinquish,
        cancel,
        delegate,
        veto,
        execute,
        expire,
    ):
        app.command()(command)


def init(
    name: Annotated[str, typer.Argument(help="The collective's name, at most 32 bytes.")],
    give: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS=TOKENS", help="A share of the founding tokens; may be repeated."),
    ] = None,
    tokens: Annotated[float, typer.Option(min=0, help="Founding tokens for this wallet.")] = 1000.0,
    treasury: Annotated[float, typer.Option(min=0, help="SOL from this wallet to the treasury.")] = 0.0,
    policy: Annotated[
        str, typer.Option(help="standard (days), quick (seconds), or a JSON file of rules.")
    ] = "standard",
    registry: RegistryOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Create a collective: its token and founding distribution, its rules, the registry it takes over, its sets.

    Runs again where it stopped: each step that is done already is skipped.
    """
    from decai.governance import Governance

    rules = read_policy(policy)
    with open_collective(url, home, wallet) as c:
        shares = {str(c.signer()): round(tokens * 1e6)} if tokens else {}
        for entry in give or []:
            address, _, amount = entry.partition("=")
            shares[address.strip()] = shares.get(address.strip(), 0) + _micro(amount, entry)
        target = c.registry_at(registry) if registry else c.registry
        dao = Governance.found(
            c, name, distribution=shares, policy=rules, registry=target, treasury_lamports=round(treasury * 1e9)
        )
        sets = c.training.register_sets_of(target.resolve()) if target.current_number else ()
        if json_:
            print_json({"dao": str(dao.address), "name": name, "registry": target.address,
                        "treasury_lamports": dao.treasury_lamports(), "sets": [s.address for s in sets]})  # fmt: skip
        else:
            say(f"The collective {name} is {dao.address}. It owns {target.name} ({target.address}).")


def read_policy(which: str) -> Policy:
    """Rules by name, or from a JSON file with the fields of Policy."""
    import dataclasses

    from decai.governance import Policy

    if which in ("standard", "quick"):
        return Policy() if which == "standard" else Policy.quick()
    try:
        given = json.loads(Path(which).read_text())
        if not isinstance(given, dict):
            raise ValueError("not a JSON object")
        return dataclasses.replace(Policy(), **given)
    except OSError:
        raise SettingsError(
            f"There is no policy {which!r}.", hint="Say standard, quick, or name a JSON file."
        ) from None
    except (ValueError, TypeError) as e:
        known = ", ".join(f.name for f in dataclasses.fields(Policy))
        raise SettingsError(f"{which} doesn't hold rules: {e}.", hint=f"Its fields are: {known}.") from None


def _micro(text: str, entry: str) -> int:
    try:
        amount = round(float(text) * 1e6)
    except ValueError:
        amount = 0
    if amount <= 0:
        raise SettingsError(f"{entry!r} isn't a share.", hint="Write ADDRESS=TOKENS, such as 7dQm…=250.")
    return amount


def members(dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None, json_: JsonFlag = False) -> None:
    """List the members with their stake and votes."""
    with open_collective(url, home) as c:
        found = c.dao(dao).members()
        if json_:
            print_json(found)
            return
        show_table(
            "", ["Wallet", "Stake", "Votes deposited", "Proposals", "Votes cast"],
            [(m.wallet, sol(m.stake), f"{m.deposited / 1e6:g}", m.proposals, m.votes) for m in found],
        )  # fmt: skip


def _done(confirmation: Confirmation, json_: bool, what: str) -> None:
    if json_:
        print_json({"signature": confirmation.signature, "slot": confirmation.slot})
    else:
        say(f"{what} {confirmation.signature}")


def stake(amount: Amount, dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None,
          wallet: WalletOption = None, json_: JsonFlag = False) -> None:  # fmt: skip
    """Stake SOL: needed to propose and to attest, and never spent. Joins first if needed."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).stake(round(amount * 1e9)), json_, f"Staked {amount:g} SOL.")


def unstake(amount: Amount, dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None,
            wallet: WalletOption = None, json_: JsonFlag = False) -> None:  # fmt: skip
    """Take staked SOL back, except what open proposals lock."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).unstake(round(amount * 1e9)), json_, f"Unstaked {amount:g} SOL.")


def deposit(amount: Amount, dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None,
            wallet: WalletOption = None, json_: JsonFlag = False) -> None:  # fmt: skip
    """Deposit voting tokens: they count on proposals made from then on."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).deposit(round(amount * 1e6)), json_, f"Deposited {amount:g} voting tokens.")


def withdraw(amount: Amount, dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None,
             wallet: WalletOption = None, json_: JsonFlag = False) -> None:  # fmt: skip
    """Take voting tokens back, once the votes they took part in have ended."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).withdraw(round(amount * 1e6)), json_, f"Withdrew {amount:g} voting tokens.")


def give(
    to: Annotated[str, typer.Argument(metavar="ADDRESS")],
    amount: Amount,
    dao: DaoOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Give voting tokens that aren't deposited to another wallet."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).give(to, round(amount * 1e6)), json_, f"Gave {amount:g} voting tokens to {to}.")


def fund(amount: Amount, dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None,
         wallet: WalletOption = None, json_: JsonFlag = False) -> None:  # fmt: skip
    """Give SOL to the collective's treasury."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).fund_treasury(round(amount * 1e9)), json_, f"Gave {amount:g} SOL to the treasury.")


def propose(
    train: Annotated[str | None, typer.Option(metavar="TARGET", help="Train the model further.")] = None,
    use: Annotated[int | None, typer.Option(metavar="VERSION", help="Use another version.")] = None,
    adopt: Annotated[str | None, typer.Option(metavar="REGISTRY", help="Take over an offered registry.")] = None,
    budget: Annotated[float, typer.Option(min=0, help="SOL, the most that a training may cost.")] = 0.0,
    train_set: Annotated[str, typer.Option("--set", metavar="NAME", help="Registered training set.")] = "",
    eval_set: Annotated[
        str, typer.Option(metavar="NAME", help="Registered evaluation set; by default the base version's.")
    ] = "",
    description: Annotated[str, typer.Option(help="What it is for, at most 160 bytes.")] = "",
    base: Annotated[int | None, typer.Option(help="Version to start from; by default the current.")] = None,
    work_period: Annotated[int, typer.Option(min=1, help="Seconds a provider has.")] = 3600,
    dao: DaoOption = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Put something to the vote: --train TARGET, --use VERSION or --adopt REGISTRY."""
    if sum(x is not None for x in (train, use, adopt)) != 1:
        raise typer.BadParameter("say one of --train, --use and --adopt")
    with open_collective(url, home, wallet) as c:
        g = c.dao(dao)
        target = c.registry_at(registry) if registry else None
        if train is not None:
            if not train_set:
                raise typer.BadParameter("--train needs --set NAME; see `decai sets`")
            used = target or c.registry
            from_version = used.resolve(base)
            training = c.training.find_set(train_set, "train")
            judged = c.training.find_set(eval_set, "eval") if eval_set else c.training.eval_set_for(from_version)
            made = g.propose_train(
                train, budget=round(budget * 1e9), train_set=training.address, eval_set=judged.address,
                description=description, registry=target, base_version=base, work_period=work_period,
            )  # fmt: skip
        elif use is not None:
            made = g.propose_set_current(use, description=description, registry=target)
        else:
            made = g.propose_adopt(c.registry_at(adopt or ""), description=description)
        if json_:
            print_json(proposal_json(made, c.chain.now()))
        else:
            say(f"Proposal {made.id}: {made.description}. Voting ends {made.voting_ends:%Y-%m-%d %H:%M:%S} UTC.")


def proposal_json(p: Proposal, now: int) -> dict[str, Any]:
    """A proposal as the command line prints it."""
    fields = dict(p.__dict__)
    return {**fields, "phase": p.phase(now), "approval": round(p.approval, 6), "quorate": p.quorate}


def proposals(dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None, json_: JsonFlag = False) -> None:
    """List the proposals, newest first."""
    with open_collective(url, home) as c:
        found, now = c.dao(dao).proposals(), c.chain.now()
        if json_:
            print_json([proposal_json(p, now) for p in found])
            return
        show_table(
            "", ["ID", "Kind", "Phase", "For", "Against", "Abstain", "Quorum", "Budget", "Description"],
            [
                (p.id, p.kind, p.phase(now), f"{p.votes_for / 1e6:g}", f"{p.votes_against / 1e6:g}",
                 f"{p.abstain / 1e6:g}", f"{p.quorum_votes / 1e6:g}", sol(p.training_budget), p.description)
                for p in found
            ],
        )  # fmt: skip


def vote(
    proposal: ProposalId,
    choice: Annotated[str, typer.Argument(metavar="for|against|abstain")],
    dao: DaoOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Vote with all tokens that were deposited before the proposal was made."""
    if choice not in ("for", "against", "abstain"):
        raise typer.BadParameter(f"{choice!r} isn't for, against or abstain")
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).vote(proposal, choice), json_, f"Voted {choice} on proposal {proposal}.")


def relinquish(
    proposal: ProposalId, dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None,
    wallet: WalletOption = None, json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Take your vote back while voting lasts."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).relinquish(proposal), json_, f"Took back the vote on proposal {proposal}.")


def cancel(
    proposal: ProposalId,
    dao: DaoOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Take your own proposal back before voting starts."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).cancel(proposal), json_, f"Cancelled proposal {proposal}.")


def delegate(
    to: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS]", help="Who may vote, too; nobody if left out.")
    ] = None,
    dao: DaoOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Let another wallet vote for you."""
    with open_collective(url, home, wallet) as c:
        done = c.dao(dao).set_delegate(to)
        _done(done, json_, f"{to} may vote for you now." if to else "Nobody else may vote for you now.")


def veto(
    proposal: ProposalId,
    dao: DaoOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Stop a succeeded proposal in its hold-up, as the guardian."""
    with open_collective(url, home, wallet) as c:
        _done(c.dao(dao).veto(proposal), json_, f"Vetoed proposal {proposal}.")


def execute(
    proposal: ProposalId, dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None,
    wallet: WalletOption = None, json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Count the votes if need be, and do what was decided. Anyone can."""
    with open_collective(url, home, wallet) as c:
        done = c.dao(dao).execute(proposal)
        if json_:
            print_json(proposal_json(done, c.chain.now()))
        else:
            say(f"Executed proposal {done.id}." + (f" Its job is {done.job}." if done.job else ""))


def expire(
    proposal: ProposalId, dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None,
    wallet: WalletOption = None, json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Close a proposal that wasn't executed in time, which frees its proposer's stake. Anyone can."""
    with open_collective(url, home, wallet) as c:
        done = c.dao(dao).expire(proposal)
        if json_:
            print_json(proposal_json(done, c.chain.now()))
        else:
            say(f"Closed proposal {done.id}.")
