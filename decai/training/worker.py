"""The provider's worker: takes jobs of a collective, trains for real, submits the record, is paid."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decai.energy import Intensity, Reading, intensity_of
from decai.errors import (
    BlockNotFound,
    DecAIError,
    MarketError,
    ModelError,
    StorageError,
    TrainingError,
    TransactionFailed,
)
from decai.market.jobs import Job
from decai.training.task import Limits, TaskResult, run_task

if TYPE_CHECKING:
    from decai.collective import Collective

__all__ = ["Worker", "WorkerOffer"]


@dataclass(frozen=True)
class WorkerOffer:
    """What a worker asks and allows.

    Attributes
    ----------
    price_lamports_per_hour : int
    limits : Limits
    region : str
        ISO 3166-1 alpha-3, or "WORLD".
    pue : float
    market : str
        "local", or "peer" for a provider elsewhere.
    """

    price_lamports_per_hour: int
    limits: Limits
    region: str = "WORLD"
    pue: float = 1.0
    market: str = "local"


class Worker:
    """Takes jobs one at a time. It keeps nothing: what to do next follows from the chain, so it can be killed.

    Parameters
    ----------
    collective : Collective
        With the worker's own wallet.
    dao : str
        Whose jobs.
    offer : WorkerOffer
    say : callable
        Told what is done.
    """

    SETUP_SECONDS = 60.0
    SECONDS_A_CHUNK = 1.0

    def __init__(
        self, collective: Collective, dao: str, offer: WorkerOffer, *, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.collective = collective
        self.dao = dao
        self.offer = offer
        self.say = say
        self.wallet = str(collective.signer())
        self.submitted = 0
        self._outbid: set[tuple[str, int]] = set()
        self._unable: set[str] = set()

    def announce(self) -> None:
        """Publish the offer on chain, becoming a provider first if needed."""
        grid = intensity_of(self.offer.region)
        self.collective.market.set_offer(
            self.dao,
            price_lamports_per_hour=self.offer.price_lamports_per_hour,
            cores=self.offer.limits.cores,
            memory_mb=self.offer.limits.memory_mb,
            device=_processor(),
            region=grid.region,
            carbon_mg_per_kwh=grid.mg_per_kwh,
        )
        self.say(f"offering {self.offer.price_lamports_per_hour / 1e9:g} SOL an hour as {self.wallet}")

    def price(self, job: Job) -> int:
        """What this worker asks for a job: its hourly price for the time it expects, in lamports."""
        seconds = self.SETUP_SECONDS + self.SECONDS_A_CHUNK * job.train_chunks
        return max(1, round(self.offer.price_lamports_per_hour * seconds / 3600))

    def run(
        self, *, stop: Callable[[], bool], poll_s: float = 0.5, wait: Callable[[float], object] = time.sleep
    ) -> int:
        """Work until told to stop.

        Parameters
        ----------
        stop : callable
            Asked between steps.
        poll_s : float
            Seconds between looks at the chain when there is nothing to do.

        Returns
        -------
        int
            Jobs submitted.
        """
        before = self.submitted
        while not stop():
            worked = False
            try:
                for job in self.collective.market.jobs(self.dao):
                    if stop():
                        break
                    outcome = self.step(job, stop=stop)
                    worked = worked or outcome is not None
            except DecAIError as e:
                self.say(f"{e}")
            if not worked:
                wait(poll_s)
        return self.submitted - before

    def step(self, job: Job, *, stop: Callable[[], bool] = lambda: False) -> str | None:
        """Do the next thing that this worker can do for a job; None when there is nothing."""
        todo = job.next_step(self.collective.chain.now())
        mine = job.provider == self.wallet
        able = job.address not in self._unable
        market = self.collective.market
        if todo == "bid" and not mine and able and (job.address, job.attempts) not in self._outbid:
            return self._bid(job)
        if todo == "lease" and (mine or self._abandoned(job)):
            return self._try(market.lease, job, "leased")
        if todo == "train" and mine and able:
            return self._work(job, stop)
        if todo == "settle" and mine:
            return self._try(market.settle, job, "settled")
        if todo == "fail":
            return self._try(market.fail_lease, job, "took back the lease of")
        if todo == "refund":
            return self._try(market.refund, job, "refunded")
        return None

    def _abandoned(self, job: Job) -> bool:
        """Whether the winner hasn't leased for another bidding period: then anyone's lease starts its deadline."""
        return self.collective.chain.now() > job.bids_end.timestamp() + job.terms.bid_period

    def _try(self, action: Callable[[Job], object], job: Job, done: str) -> str | None:
        """Do what anyone may do; another worker may have been faster."""
        try:
            action(job)
        except TransactionFailed as e:
            self.say(f"job {job.address} isn't {done} by this worker: {e.message}")
            return None
        self.say(f"{done} job {job.address}")
        return done

    def _bid(self, job: Job) -> str | None:
        price = self.price(job)
        if price > job.budget or (job.provider is not None and price >= job.best_price):
            self._outbid.add((job.address, job.attempts))
            self.say(f"no bid for job {job.address}: {price / 1e9:g} SOL wouldn't win")
            return None
        try:
            self.collective.market.bid(job, price, market=self.offer.market)
        except TransactionFailed as e:
            self.say(f"bid refused: {e.message}")  # somebody was faster; the next look tells
            return None
        self.say(f"bid {price / 1e9:g} SOL for job {job.address}")
        return "bid"

    def _work(self, job: Job, stop: Callable[[], bool]) -> str | None:
        self.say(f"training for job {job.address}")
        work = Path(tempfile.mkdtemp(prefix="decai-job-"))
        try:
            result, bundle = self._train(job, work, stop)
            cid = self.collective.store.publish(bundle)
            self.collective.market.submit(
                job,
                model_cid=cid,
                manifest_sha256=bytes.fromhex(result.manifest_sha256),
                w_after=bytes.fromhex(result.w_after),
                correct_before=result.correct_before,
                correct_after=result.correct_after,
                reading=reading_of(result),
                device=str(result.reading["device"]),
            )
        except (StorageError, TrainingError, MarketError, ModelError, TransactionFailed) as e:
            if not stop() and not isinstance(e, BlockNotFound):  # a source may come back
                self._unable.add(job.address)
            self.say(f"job {job.address} failed: {e}")
            return None
        finally:
            shutil.rmtree(work, ignore_errors=True)
        self.submitted += 1
        self.say(f"submitted job {job.address}: {result.correct_after} of {result.rows} right, {cid}")
        return "submitted"

    def _train(self, job: Job, work: Path, stop: Callable[[], bool]) -> tuple[TaskResult, Path]:
        spec = self.collective.training.spec(job, work / "bundle", region=self.offer.region, pue=self.offer.pue)
        result = run_task(spec, self.offer.limits, work, say=self.say, cancelled=stop)
        return result, work / "bundle"


def reading_of(result: TaskResult) -> Reading:
    """The energy reading of a task's result."""
    fields = dict(result.reading)
    return Reading(**{**fields, "intensity": Intensity(**fields["intensity"])})


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    import platform

    return platform.processor() or platform.machine() or "unknown"
