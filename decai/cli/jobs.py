"""Commands about compute: jobs, sets, offers, worker, attest, settle, publish-trained, energy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decai.cli.common import HomeOption, UrlOption, WalletOption, open_collective
from decai.cli.governance import DaoOption
from decai.cli.output import JsonFlag, print_json, say, show_table, sol

__all__ = ["register"]

sets = typer.Typer(help="Training and evaluation sets.", no_args_is_help=True)
JobAddress = Annotated[str, typer.Argument(metavar="JOB", help="A job's address.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (jobs, offers, worker, attest, settle, refund, energy):
        app.command()(command)
    app.command("publish-trained")(publish_trained)
    app.add_typer(sets, name="sets")


def jobs(dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None, json_: JsonFlag = False) -> None:
    """List the training jobs, newest first."""
    with open_collective(url, home) as c:
        found = c.market.jobs(c.dao(dao).address)
        now = c.chain.now()
        if json_:
            print_json([{**j.__dict__, "next": j.next_step(now), "record": c.market.record(j.address)} for j in found])
            return
        show_table(
            "", ["Job", "State", "Next", "Budget", "Price", "Provider", "Attested"],
            [(j.address, j.state, j.next_step(now), sol(j.budget), sol(j.best_price) if j.provider else "",
              j.provider, f"{j.attestations} of {j.terms.min_attestations}") for j in found],
        )  # fmt: skip


def offers(
    hours: Annotated[float, typer.Option(min=0.001, help="How long the job is assumed to take.")] = 1.0,
    dao: DaoOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    json_: JsonFlag = False,
) -> None:
    """Compare what the providers ask for a job."""
    with open_collective(url, home) as c:
        found = c.market.quotes(c.dao(dao).address, hours=hours)
        if json_:
            print_json({"quotes": list(found), "sources": found.sources})
            return
        for s in found.sources:
            if not s.ok:
                say(f"{s.source}: {s.reason}")
        show_table(
            "", ["", "Provider", "Device", "Region", "SOL/h", "Job", "g CO2e", "Why"],
            [("*" if q.chosen else "", q.provider, q.device, q.region, f"{q.price_sol_per_hour:g}",
              sol(q.total_lamports), "" if q.co2e_g is None else f"{q.co2e_g:.2f}", q.why) for q in found],
        )  # fmt: skip


def worker(
    price: Annotated[float, typer.Option(min=0.000001, help="SOL an hour.")] = 1.0,
    cores: Annotated[int, typer.Option(min=1, help="Cores a job may use.")] = 1,
    memory: Annotated[int, typer.Option(min=256, help="MB a job may use.")] = 2048,
    max_seconds: Annotated[float, typer.Option(min=1, help="Seconds a job may take.")] = 600.0,
    market: Annotated[str, typer.Option(help="local, or peer for another machine.")] = "local",
    once: Annotated[bool, typer.Option(help="End after the first submitted job.")] = False,
    dao: DaoOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
) -> None:
    """Take training jobs with this machine, until Ctrl-C. Killed at any time, it goes on where the chain says."""
    from decai.cli.common import stop_event
    from decai.config import load_settings
    from decai.training.task import Limits
    from decai.training.worker import Worker, WorkerOffer

    if market not in ("local", "peer"):
        raise typer.BadParameter(f"{market!r} isn't local or peer")
    settings = load_settings(home=home)
    stop = stop_event()
    with open_collective(url, home, wallet) as c:
        offer = WorkerOffer(
            price_lamports_per_hour=round(price * 1e9), limits=Limits(cores, memory, max_seconds),
            region=settings.region, pue=settings.pue, market=market,
        )  # fmt: skip
        hand = Worker(c, str(c.dao(dao).address), offer, say=say)
        hand.announce()
        hand.run(stop=lambda: stop.is_set() or (once and hand.submitted > 0), wait=stop.wait)


def attest(
    job: JobAddress, home: HomeOption = None, url: UrlOption = None, wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Recompute a submitted result on this machine and, only if it agrees, say so on chain. Members only."""
    with open_collective(url, home, wallet) as c:
        done = c.training.attest(c.market.job(job))
        if json_:
            print_json({"job": job, "signature": done.signature, "slot": done.slot})
        else:
            say(f"The result agrees bit for bit; attested with {done.signature}")


def settle(
    job: JobAddress, home: HomeOption = None, url: UrlOption = None, wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Pay the provider for an attested result, after the time for challenges. Anyone can."""
    with open_collective(url, home, wallet) as c:
        done = c.market.settle(c.market.job(job))
        if json_:
            print_json({"job": job, "signature": done.signature, "slot": done.slot})
        else:
            say(f"Settled with {done.signature}")


def refund(
    job: JobAddress, home: HomeOption = None, url: UrlOption = None, wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Return the budget of a job that nobody does to the treasury, or take back a lease that ran out. Anyone can.

    A job whose winner never leased it is leased to them first, so that the lease can run out.
    """
    with open_collective(url, home, wallet) as c:
        found = c.market.job(job)
        step = found.next_step(c.chain.now())
        act = {"fail": c.market.fail_lease, "lease": c.market.lease}.get(step, c.market.refund)
        done = act(found)
        if json_:
            print_json({"job": job, "signature": done.signature, "slot": done.slot})
        else:
            ends = {"fail": "The lease is taken back; the auction is open again.",
                    "lease": "Leased to the winner; it can be taken back after the work period."}  # fmt: skip
            say(ends.get(step, "The budget is in the treasury."))


def publish_trained(
    proposal: Annotated[int, typer.Argument(min=0, metavar="PROPOSAL")],
    dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None, wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:  # fmt: skip
    """Make what a settled job trained the next version. Anyone can, after the publish hold."""
    with open_collective(url, home, wallet) as c:
        done = c.dao(dao).publish_trained(proposal)
        if json_:
            print_json({"proposal": done.id, "version": done.published_version})
        else:
            say(f"Published version {done.published_version}.")


def energy(dao: DaoOption = None, home: HomeOption = None, url: UrlOption = None, json_: JsonFlag = False) -> None:
    """Show each job's energy and emissions, as recorded on chain."""
    with open_collective(url, home) as c:
        found = c.market.energy(c.dao(dao).address)
        if json_:
            print_json({"kwh": found.kwh, "co2e_mg": found.co2e_mg, "co2_offset_mg": found.co2_offset_mg,
                        "records": list(found)})  # fmt: skip
            return
        show_table(
            f"{found.kwh:.3g} kWh, {_milligrams(found.co2e_mg)} mg CO2e gross; offsets apart: {found.co2_offset_mg} mg",
            ["Job", "When", "J", "kWh", "Band, kWh", "Grade", "mg CO2e", "g/kWh", "Region"],
            [(r.job, f"{r.at:%Y-%m-%d %H:%M}", r.energy_joules, f"{r.kwh:.3g}", f"{r.kwh_low:.2g} to {r.kwh_high:.2g}",
              r.grade, _milligrams(r.co2e_mg), f"{r.carbon_g_per_kwh:g}", r.region) for r in found],
        )  # fmt: skip


def _milligrams(recorded: int) -> str:
    return str(recorded) if recorded else "< 1"  # the chain holds whole milligrams


@sets.command("list")
def list_sets(home: HomeOption = None, url: UrlOption = None, json_: JsonFlag = False) -> None:
    """List the registered sets."""
    with open_collective(url, home) as c:
        found = c.training.sets()
        if json_:
            print_json(found)
        else:
            show_table("", ["Name", "Kind", "Rows", "Licence", "Address", "CID"],
                       [(s.name, s.kind, s.rows, s.licence, s.address, s.cid) for s in found])  # fmt: skip


@sets.command("add")
def add_set(
    folder: Annotated[Path, typer.Argument(help="A set's folder, with set.json.")],
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Store a set and register it. Proposals can name it from then on."""
    with open_collective(url, home, wallet) as c:
        done = c.training.register(folder)
        if json_:
            print_json(done)
        else:
            say(f"Registered the {done.kind} set {done.name}: {done.address}")
