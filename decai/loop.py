"""The whole loop once, for real: from a proposal to the next version, with wallets and workers of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decai.chain import LocalWallet
from decai.errors import GovernanceError, MarketError
from decai.governance import Governance, Policy, Proposal
from decai.lineage import lineage_of
from decai.market.jobs import Job
from decai.network import LAMPORTS_PER_SOL, ensure_funds

if TYPE_CHECKING:
    from decai.collective import Collective
    from decai.registry import Registry

__all__ = ["LoopResult", "run_loop"]

TEXTS = ("Honestly the best update so far.", "What a dreadful waste of an evening.")
BUDGET = 50_000_000
WORKER_PRICES_SOL = (1.2, 0.9)
PATIENCE_S = 120.0


@dataclass(frozen=True)
class LoopResult:
    """What the loop left behind. Lamports, joules, milligrams; votes in millionths of a token."""

    proposal: int
    votes_for: int
    votes_against: int
    job: str
    offer: dict[str, Any]
    provider: str
    accuracy_before: float
    accuracy_after: float
    energy_joules: int
    energy_grade: str
    co2e_mg: int
    proof: dict[str, str]
    reward_lamports: int
    version_before: int
    version_after: int
    lineage: list[str]
    badge: str | None
    seconds: float


def run_loop(collective: Collective, say: Callable[[str], None] = lambda _: None) -> LoopResult:
    """Take a collective from one version to the next: stake, propose, vote, execute, train, attest, settle, publish.

    Three members with wallets of their own, two competing workers in processes of their own. Periods are seconds.

    Parameters
    ----------
    collective : Collective
        On the embedded chain, with a funded wallet and a published first model.
    say : callable
        Told each step.
    """
    began = time.perf_counter()
    home = collective.settings.home / "demo"
    registry = _own_registry(collective, say)
    before = registry.resolve()
    say(f"1. {registry.name} is at version {before.number}")
    people = [collective, *(_person(collective, home / f"member-{n}.json") for n in (2, 3))]
    shares = dict(zip((str(p.signer()) for p in people), (500_000_000, 300_000_000, 150_000_000), strict=True))
    dao = Governance.found(
        collective, f"{registry.name} collective"[:32], distribution=shares, policy=Policy.quick(), registry=registry,
        treasury_lamports=BUDGET * 2,
    )  # fmt: skip
    train_set, eval_set = collective.training.register_sets_of(before)
    say(f"2. The collective {dao.address} owns it; members stake and deposit")
    for person, tokens in zip(people, shares.values(), strict=True):
        g = Governance(person, dao.address)
        g.stake(LAMPORTS_PER_SOL)
        g.deposit(tokens)
    with _workers(collective, str(dao.address), home) as workers:
        _until(lambda: len([o for o in collective.market.offers(dao.address) if o.available]) == len(workers),
               "the workers' offers", workers)  # fmt: skip
        _until(lambda: _aged(people[0], dao), "the stake to be old enough")
        proposal = dao.propose_train(
            "sentiment", budget=BUDGET, train_set=train_set.address, eval_set=eval_set.address,
            description="Train on every chunk of the lexicon, so that short texts are judged better",
            work_period=120, prove_period=120,
        )  # fmt: skip
        say(f"3. Proposal {proposal.id}: {proposal.description}")
        _vote(people, dao, proposal, ("for", "for", "against"))
        counted = _execute(dao, proposal, say)
        job = collective.market.job(counted.job or "")
        say(f"4. Executed: job {job.address} holds {job.budget / 1e9:g} SOL")
        job = _trained(collective, job, people[1], workers, say)
    record = collective.market.record(job.address)
    assert record is not None and job.provider is not None
    _until(
        lambda: collective.market.job(job.address).next_step(collective.chain.now()) == "publish", "the publish hold"
    )
    done = dao.publish_trained(proposal)
    say(f"7. Published version {done.published_version} through the DAO; members decide whether to use it")
    chosen = dao.propose_set_current(done.published_version, description="Use what was trained: it judges better")
    _vote(people, dao, chosen, ("for", "for", "for"))
    _execute(dao, chosen, say)
    registry.refresh()
    after = registry.resolve()
    if after.number != done.published_version:
        raise GovernanceError(f"Version {after.number} is in use, not {done.published_version}.")
    for text in TEXTS:
        answer = collective.infer(text, registry=registry)
        say(f"8. Version {after.number}: {text!r} is {answer.prediction.label} ({answer.prediction.score:.4f})")
    offer = next(o for o in collective.market.offers(dao.address) if o.provider == job.provider)
    return LoopResult(
        proposal=proposal.id,
        votes_for=counted.votes_for,
        votes_against=counted.votes_against,
        job=job.address,
        offer={
            "market": job.market,
            "price_lamports": job.best_price,
            "provider": job.provider,
            "device": offer.device,
            "price_lamports_per_hour": offer.price_lamports_per_hour,
        },
        provider=job.provider,
        accuracy_before=record.correct_before / job.eval_rows,
        accuracy_after=record.correct_after / job.eval_rows,
        energy_joules=record.energy_joules,
        energy_grade={1: "measured", 2: "estimated", 3: "declared"}[record.energy_grade],
        co2e_mg=record.co2e_mg,
        proof={"kind": record.proof},
        reward_lamports=record.reward_lamports,
        version_before=before.number,
        version_after=after.number,
        lineage=lineage_of(collective, after).addresses,
        badge=None,
        seconds=round(time.perf_counter() - began, 3),
    )


# --- steps ------------------------------------------------------------------------------------------------------


def _own_registry(collective: Collective, say: Callable[[str], None]) -> Registry:
    """A registry of this wallet at its first version; made from the first model when all have moved on."""
    wallet = str(collective.signer())
    found = collective.registries()
    for r in found:
        if r.owner == wallet and r.current_number == 1 == r.latest:
            return r
    first = next(r for r in found if r.latest)
    say(f"0. {first.name} has moved on; a new registry starts from its version 1")
    taken = {r.name for r in found}
    name = next(f"{first.name}-{n}" for n in range(2, 10_000) if f"{first.name}-{n}" not in taken)
    cid = first.version(1).cid
    collective.store.fetch(cid)
    made = collective.create_registry(name)
    made.publish(Path(collective.store.path(cid)), note="First model, one training segment")
    return made


def _person(collective: Collective, path: Path) -> Collective:
    other = collective.with_wallet(LocalWallet.load_or_create(path))
    ensure_funds(other)
    return other


def _aged(person: Collective, dao: Governance) -> bool:
    member = Governance(person, dao.address).member()
    policy = dao.dao().policy
    return member is not None and member.aged(person.chain.now(), policy.stake_age) >= policy.min_stake


def _vote(people: Sequence[Collective], dao: Governance, proposal: Proposal, choices: Sequence[str]) -> None:
    for person, choice in zip(people, choices, strict=True):
        Governance(person, dao.address).vote(proposal, choice)


def _execute(dao: Governance, proposal: Proposal, say: Callable[[str], None]) -> Proposal:
    _until(lambda: dao.proposal(proposal.id).phase(dao.chain.now()) == "to count", "the end of voting")
    counted = dao.finalize(proposal)
    say(f"   {counted.votes_for / 1e6:g} for, {counted.votes_against / 1e6:g} against: {counted.state}")
    if counted.state != "succeeded":
        raise GovernanceError(f"Proposal {proposal.id} was {counted.state}.")
    _until(lambda: dao.proposal(proposal.id).phase(dao.chain.now()) == "executable", "the hold-up")
    return dao.execute(proposal)


def _trained(
    collective: Collective,
    job: Job,
    reviewer: Collective,
    workers: Sequence[_WorkerProcess],
    say: Callable[[str], None],
) -> Job:
    market = collective.market
    _until(lambda: market.job(job.address).state == "submitted", "a worker's record", workers)
    record = market.record(job.address)
    assert record is not None
    say(f"5. {record.provider} trained: {record.correct_before} → {record.correct_after} of {job.eval_rows} right,"
        f" {record.energy_joules} J")  # fmt: skip
    reviewer.training.attest(market.job(job.address))
    _until(lambda: market.job(job.address).state == "settled", "the settlement", workers)
    settled = market.job(job.address)
    say(f"6. A member recomputed it bit for bit and attested; {settled.best_price / 1e9:g} SOL paid")
    return settled


class _WorkerProcess:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def check(self) -> None:
        if self.process.poll() is not None:
            tail = " / ".join(self.log.read_text(errors="replace").strip().splitlines()[-3:])
            raise MarketError(f"A worker ended with code {self.process.returncode}: {tail}", hint=f"See {self.log}.")


@contextmanager
def _workers(collective: Collective, dao: str, home: Path) -> Iterator[list[_WorkerProcess]]:
    with ExitStack() as stack:
        started = []
        for n, price in enumerate(WORKER_PRICES_SOL, start=1):
            path = home / f"worker-{n}.json"
            _person(collective, path)
            log = home / f"worker-{n}.log"
            command = [
                sys.executable, "-m", "decai", "worker", "--dao", dao, "--price", str(price), "--wallet", str(path),
                "--url", collective.chain.url, "--home", str(collective.settings.home),
            ]  # fmt: skip
            with log.open("wb") as out:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ}
                )
            stack.callback(_end, process)
            started.append(_WorkerProcess(process, log))
        yield started


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _until(
    ready: Callable[[], bool], what: str, workers: Sequence[_WorkerProcess] = (), timeout_s: float = PATIENCE_S
) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        for w in workers:
            w.check()
        if time.monotonic() > deadline:
            raise MarketError(
                f"Waited {timeout_s:.0f} s for {what} in vain.", hint="See the workers' logs in the home."
            )
        time.sleep(0.1)
