"""Workers that are killed, late, limited or dishonest: the job goes on or is refunded, money where it belongs."""

from __future__ import annotations

import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair
from warped_world import BUDGET, POLICY, Founded, WarpedWorld

from decai.chain import LocalWallet
from decai.collective import Collective
from decai.errors import MarketError, TrainingError, TransactionFailed
from decai.market import Job
from decai.models import Parent, derive_bundle, load_bundle
from decai.training.task import Limits, TaskResult, TaskSpec, run_task
from decai.training.worker import Worker, WorkerOffer, reading_of

BOND = BUDGET // 10
OFFER = WorkerOffer(price_lamports_per_hour=900_000_000, limits=Limits())
PATIENCE_S = 90


class Hand:
    """``decai worker`` as a process; its lines are read as they come."""

    def __init__(self, warped: WarpedWorld, founded: Founded, wallet: Path) -> None:
        command = [
            sys.executable, "-m", "decai", "worker", "--dao", str(founded.dao.address), "--price", "0.9",
            "--wallet", str(wallet), "--url", warped.url, "--home", str(warped.settings.home),
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: queue.Queue[str] = queue.Queue()
        self.heard: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.process.stdout.close()

    def until(self, words: str) -> None:
        while not self.heard or words not in self.heard[-1]:
            try:
                self.heard.append(self.lines.get(timeout=PATIENCE_S))
            except queue.Empty:
                pytest.fail(f"no {words!r} in {self.heard}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self.reader.join(10)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.reader.join(10)
        return code


def trainer_of(pid: int) -> int:
    """The process that trains for a worker."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if b"decai.training.task" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise AssertionError(f"{pid} has no child that trains")


def ended(pidfd: int) -> bool:
    """Whether a process ends soon."""
    try:
        return bool(select.select([pidfd], [], [], 15)[0])
    finally:
        os.close(pidfd)


def treasury(founded: Founded) -> int:
    return founded.dao.treasury_lamports()


def provider(founded: Founded, wallet: Collective) -> Any:
    return next(o for o in founded.people[0].market.offers(founded.dao.address) if o.provider == str(wallet.signer()))


def worker_of(warped: WarpedWorld, founded: Founded, offer: WorkerOffer = OFFER) -> tuple[Worker, list[str]]:
    said: list[str] = []
    made = Worker(warped.person(), str(founded.dao.address), offer, say=said.append)
    made.announce()
    return made, said


def fresh(founded: Founded, job: Job) -> Job:
    return founded.people[0].market.job(job.address)


def payments(founded: Founded, job: Job) -> int:
    return sum(t.what == "settle" for t in founded.people[0].explorer.transactions(address=job.address))


# --- killed and started again ---------------------------------------------------------------------------------------


def test_a_worker_killed_at_every_stage_is_paid_once(warped: WarpedWorld, tmp_path: Path) -> None:
    founded = warped.found()
    _, job = warped.job(founded, work_period=3_000)
    path = tmp_path / "worker.json"
    wallet = founded.people[0].with_wallet(LocalWallet.load_or_create(path))
    wallet.chain.airdrop(wallet.signer(), 10**10)
    with ExitStack() as stack:

        def started() -> Hand:
            hand = Hand(warped, founded, path)
            stack.callback(hand.kill)
            return hand

        hand = started()
        hand.until("bid ")
        hand.kill()
        assert fresh(founded, job).provider == str(wallet.signer())
        warped.warp(POLICY.bid_period)

        hand = started()
        hand.until("leased job")
        hand.kill()
        assert fresh(founded, job).state == "leased"

        hand = started()
        hand.until("segment 2 of")
        child = os.pidfd_open(trainer_of(hand.process.pid))
        hand.kill()
        assert ended(child), "the training ends with its worker"
        assert fresh(founded, job).state == "leased"

        hand = started()
        hand.until("right before")
        hand.kill()
        assert fresh(founded, job).state in ("leased", "submitted")

        if fresh(founded, job).state == "leased":
            hand = started()
            hand.until("submitted job")
            hand.kill()
        assert fresh(founded, job).state == "submitted"
        founded.people[1].training.attest(fresh(founded, job))
        warped.warp(POLICY.challenge_period)

        hand = started()
        hand.until("settled job")
        assert hand.end() == 0
    done = fresh(founded, job)
    assert done.state == "settled" and done.attempts == 0 and payments(founded, job) == 1
    earned = provider(founded, wallet)
    assert (earned.jobs_settled, earned.jobs_failed, earned.reward_lamports) == (1, 0, done.best_price)
    assert treasury(founded) == 2 * BUDGET - done.best_price


# --- killed and never started again ---------------------------------------------------------------------------------


def test_a_lease_nobody_keeps_goes_to_another_worker(warped: WarpedWorld) -> None:
    founded = warped.found()
    proposal, job = warped.job(founded)
    gone, _ = worker_of(warped, founded)
    assert gone.step(job) == "bid"
    warped.warp(POLICY.bid_period)
    assert gone.step(fresh(founded, job)) == "leased"

    other, said = worker_of(warped, founded, replace(OFFER, price_lamports_per_hour=1_200_000_000))
    assert other.step(fresh(founded, job)) is None, "it is the other's until its deadline"
    assert other.run(stop=lambda: other.submitted > 0, wait=lambda _: warped.warp(20)) == 1
    taken = fresh(founded, job)
    assert (taken.state, taken.attempts, taken.provider) == ("submitted", 1, other.wallet)
    assert treasury(founded) == BUDGET + BOND, "the bond is slashed to the treasury"
    assert any(s.startswith("took back the lease") for s in said)
    assert provider(founded, gone.collective).jobs_failed == 1

    founded.people[1].training.attest(taken)
    before = other.collective.balance()
    settled: list[Job] = []

    def stop() -> bool:
        if fresh(founded, job).state == "settled":
            settled.append(fresh(founded, job))
        return bool(settled)

    other.run(stop=stop, wait=lambda _: warped.warp(10))
    assert other.collective.balance() == before + taken.best_price + BOND - 5_000
    assert treasury(founded) == 2 * BUDGET + BOND - taken.best_price and payments(founded, job) == 1
    warped.warp(POLICY.publish_hold)
    done = founded.dao.publish_trained(proposal)
    assert done.published_version == 3 and founded.registry.refresh().version(3).job == job.address


def test_a_winner_who_never_leases_loses_the_bond_too(warped: WarpedWorld) -> None:
    founded = warped.found()
    _, job = warped.job(founded)
    gone, _ = worker_of(warped, founded)
    other, _ = worker_of(warped, founded, replace(OFFER, price_lamports_per_hour=1_200_000_000))
    assert gone.step(job) == "bid"
    warped.warp(POLICY.bid_period)
    assert other.step(fresh(founded, job)) is None
    warped.warp(POLICY.bid_period + 1)
    assert other.step(fresh(founded, job)) == "leased"
    assert fresh(founded, job).provider == gone.wallet
    warped.warp(51)
    assert other.step(fresh(founded, job)) == "took back the lease of"
    assert treasury(founded) == BUDGET + BOND
    assert other.step(fresh(founded, job)) == "bid" and fresh(founded, job).provider == other.wallet


def test_after_three_lost_leases_the_budget_returns(warped: WarpedWorld) -> None:
    founded = warped.found()
    _, job = warped.job(founded)
    lazy, _ = worker_of(warped, founded)
    for attempt in range(1, 4):
        assert lazy.step(fresh(founded, job)) == "bid"
        warped.warp(POLICY.bid_period)
        assert lazy.step(fresh(founded, job)) == "leased"
        warped.warp(51)
        assert lazy.step(fresh(founded, job)) == "took back the lease of"
        assert fresh(founded, job).attempts == attempt
    assert fresh(founded, job).next_step(lazy.collective.chain.now()) == "refund"
    assert lazy.step(fresh(founded, job)) == "refunded"
    assert fresh(founded, job).state == "refunded"
    assert treasury(founded) == 2 * BUDGET + 3 * BOND


def test_a_job_nobody_wants_is_refunded_to_the_lamport(warped: WarpedWorld) -> None:
    founded = warped.found()
    _, job = warped.job(founded)
    assert treasury(founded) == BUDGET
    dear, said = worker_of(warped, founded, replace(OFFER, price_lamports_per_hour=10**12))
    assert dear.step(job) is None and "wouldn't win" in said[-1]
    assert dear.step(job) is None and sum("wouldn't win" in s for s in said) == 1, "said once"
    with pytest.raises(TransactionFailed) as early:
        dear.collective.market.refund(job)
    assert early.value.name == "TooEarlyToRefund"
    dear.run(stop=lambda: fresh(founded, job).state == "refunded", wait=lambda _: warped.warp(15))
    assert treasury(founded) == 2 * BUDGET
    assert dear.step(fresh(founded, job)) is None and fresh(founded, job).next_step(10**12) == "nothing"


def test_an_outbid_worker_gets_its_bond_back(warped: WarpedWorld) -> None:
    founded = warped.found()
    _, job = warped.job(founded)
    first, _ = worker_of(warped, founded)
    cheap, _ = worker_of(warped, founded, replace(OFFER, price_lamports_per_hour=800_000_000))
    before = first.collective.balance()
    assert first.step(job) == "bid" and first.collective.balance() == before - BOND - 5_000
    assert first.step(fresh(founded, job)) is None, "one's own bid isn't underbid"
    assert cheap.step(fresh(founded, job)) == "bid"
    assert first.collective.balance() == before - 5_000
    assert first.step(fresh(founded, job)) is None and fresh(founded, job).provider == cheap.wallet
    with pytest.raises(MarketError, match="no job at"):
        first.collective.market.job(Keypair().pubkey())


# --- limits ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Honest:
    """A leased job's task, done once."""

    spec: TaskSpec
    result: TaskResult
    cid: str
    cores: list[str]


@pytest.fixture(scope="module")
def honest(warped: WarpedWorld, tmp_path_factory: pytest.TempPathFactory) -> Honest:
    founded = warped.found()
    _, job = warped.job(founded)
    work = tmp_path_factory.mktemp("work")
    spec = founded.people[0].training.spec(job, work / "bundle", region="DEU", pue=1.2)
    cores: list[str] = []

    def say(line: str) -> None:
        if line.startswith("segment 1 "):
            status = Path(f"/proc/{trainer_of(os.getpid())}/status").read_text()
            cores.extend(s.split()[1] for s in status.splitlines() if s.startswith("Cpus_allowed_list"))

    result = run_task(spec, Limits(cores=1), work, say=say)
    return Honest(spec, result, founded.people[0].store.publish(work / "bundle"), cores)


def test_a_task_keeps_to_its_cores(honest: Honest) -> None:
    (allowed,) = honest.cores
    assert allowed.isdigit(), f"one core, not {allowed}"


def test_the_same_task_gives_the_same_bits(honest: Honest, tmp_path: Path) -> None:
    again = run_task(replace(honest.spec, out=str(tmp_path / "bundle")), Limits(), tmp_path)
    assert (again.w_after, again.weights) == (honest.result.w_after, honest.result.weights)
    assert (again.correct_before, again.correct_after) == (honest.result.correct_before, honest.result.correct_after)
    assert again.reading["energy_joules"] > 0 and again.reading["pue"] == 1.2


@pytest.mark.parametrize("limits", [{"cores": 0}, {"memory_mb": 255}, {"seconds": 0}])
def test_limits_that_allow_nothing(limits: dict[str, int]) -> None:
    with pytest.raises(TrainingError, match="at least one core, 256 MB and some time"):
        Limits(**limits)


def test_a_task_that_takes_too_long(honest: Honest, tmp_path: Path) -> None:
    spec = replace(honest.spec, out=str(tmp_path / "bundle"))
    with pytest.raises(TrainingError, match=r"more than 0\.2 s.*--max-seconds"):
        run_task(spec, Limits(seconds=0.2), tmp_path)
    assert not (tmp_path / "bundle").exists() and not (tmp_path / "result.json").exists()


def test_a_task_that_needs_too_much_memory(honest: Honest, tmp_path: Path) -> None:
    huge = Path(shutil.copytree(honest.spec.train_set, tmp_path / "set"))
    chunk = huge / "chunk-000.bin"
    chunk.chmod(0o644)
    os.truncate(chunk, 4 * 2**30)  # of holes: the disk doesn't hold it, and neither can the memory allowed
    with pytest.raises(TrainingError, match=r"more than 256 MB.*--memory"):
        run_task(replace(honest.spec, train_set=str(huge), out=str(tmp_path / "b")), Limits(memory_mb=256), tmp_path)


def test_a_task_that_fails_or_is_cancelled_says_so(honest: Honest, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="The training failed: "):
        run_task(replace(honest.spec, base=str(tmp_path), out=str(tmp_path / "b")), Limits(), tmp_path)
    with pytest.raises(TrainingError, match="was cancelled"):
        run_task(replace(honest.spec, out=str(tmp_path / "b")), Limits(), tmp_path, cancelled=lambda: True)


def test_a_worker_that_cannot_do_a_job_does_not_try_again(warped: WarpedWorld) -> None:
    founded = warped.found()
    _, job = warped.job(founded)
    slow, said = worker_of(warped, founded, replace(OFFER, limits=Limits(seconds=0.1)))
    slow.step(job)
    warped.warp(POLICY.bid_period)
    slow.step(fresh(founded, job))
    assert slow.step(fresh(founded, job)) is None and "more than 0.1 s" in said[-1]
    assert slow.step(fresh(founded, job)) is None
    warped.warp(51)
    slow.step(fresh(founded, job))
    assert slow.step(fresh(founded, job)) is None, "nor does it bid for it again"
    assert sum("training for job" in s for s in said) == 1


# --- dishonest ------------------------------------------------------------------------------------------------------


@pytest.fixture
def leased(warped: WarpedWorld) -> Iterator[tuple[Founded, Worker, Job]]:
    founded = warped.found()
    _, job = warped.job(founded)
    hand, _ = worker_of(warped, founded)
    hand.step(job)
    warped.warp(POLICY.bid_period)
    hand.step(fresh(founded, job))
    yield founded, hand, fresh(founded, job)


def submit(hand: Worker, job: Job, honest: Honest, **lie: Any) -> Job:
    told = {
        "model_cid": honest.cid,
        "manifest_sha256": bytes.fromhex(honest.result.manifest_sha256),
        "w_after": bytes.fromhex(honest.result.w_after),
        "correct_before": honest.result.correct_before,
        "correct_after": honest.result.correct_after,
        "reading": reading_of(honest.result),
        "device": "a machine",
        **lie,
    }
    hand.collective.market.submit(job, **told)
    return hand.collective.market.job(job.address)


def lies(honest: Honest, store: Any, folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    base = load_bundle(Path(honest.spec.base))
    weights = [w + 1 for w in honest.result.weights]
    other = derive_bundle(folder, base, parent=Parent(version=1, cid=honest.spec.parent_cid), weights=weights)
    return {
        "weights": ({"w_after": bytes(31) + b"\1"}, "the weights differ"),
        "counts": ({"correct_after": honest.result.correct_after + 1}, "the counts differ"),
        "manifest": ({"manifest_sha256": bytes([7]) * 32}, "the stored bundle isn't the one submitted"),
        "bundle": (
            {"model_cid": store.publish(other.path), "manifest_sha256": bytes.fromhex(other.manifest_sha256)},
            "the stored bundle holds other weights",
        ),
    }


@pytest.mark.parametrize("about", ["weights", "counts", "manifest", "bundle"])
def test_a_lie_is_found_and_not_attested(
    leased: tuple[Founded, Worker, Job], honest: Honest, tmp_path: Path, warped: WarpedWorld, about: str
) -> None:
    founded, hand, job = leased
    lie, says = lies(honest, hand.collective.store, tmp_path / "other")[about]
    submitted = submit(hand, job, honest, **lie)
    reviewer = founded.people[1]
    found = reviewer.training.review(submitted)
    assert not found.agrees and says in found.reason and found.w_after.hex() == honest.result.w_after
    with pytest.raises(TrainingError, match=f"doesn't hold: {says}.*Don't attest"):
        reviewer.training.attest(submitted)
    if about == "weights":
        with pytest.raises(TransactionFailed) as refused:
            reviewer.market.attest(submitted, found.w_after)
        assert refused.value.name == "StatementMismatch"
    warped.warp(POLICY.challenge_period)
    with pytest.raises(TransactionFailed) as unpaid:
        hand.collective.market.settle(submitted)
    assert unpaid.value.name == "NotEnoughAttestations" and fresh(founded, job).attestations == 0
    assert treasury(founded) == BUDGET


def test_only_disinterested_members_attest_and_the_truth_holds(
    leased: tuple[Founded, Worker, Job], honest: Honest, warped: WarpedWorld
) -> None:
    founded, hand, job = leased
    with pytest.raises(TrainingError, match="Nothing was submitted"):
        founded.people[1].training.review(job)
    submitted = submit(hand, job, honest)
    review = founded.people[1].training.review(submitted)
    assert review.agrees and review.reason == "weights, counts and bundle agree"
    with pytest.raises(TransactionFailed) as proposer:
        founded.people[0].market.attest(submitted, review.w_after)
    assert proposer.value.name == "InterestedParty"
    with pytest.raises(TransactionFailed):
        warped.person().market.attest(submitted, review.w_after)  # not a member
    founded.people[1].market.attest(submitted, review.w_after)
    with pytest.raises(TransactionFailed):
        founded.people[1].market.attest(submitted, review.w_after)  # once
    record = hand.collective.market.record(job.address)
    assert record is not None and record.proof == "review" and record.region == "DEU"
    assert record.accuracy_gain == pytest.approx(record.accuracy - record.correct_before / honest.result.rows, abs=1e-6)
    energy = hand.collective.market.energy(founded.dao.address)
    assert [e.energy_joules for e in energy] == [record.energy_joules] and energy.co2e_mg == record.co2e_mg
