"""Jobs, records and offers as they were when read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from solders.pubkey import Pubkey

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JOB_STATES", "MARKETS", "Job", "Jobs", "Offer", "Record", "Terms"]

NO_KEY = str(Pubkey.default())
JOB_STATES = {0: "bidding", 1: "leased", 2: "committed", 3: "submitted", 4: "disputed", 5: "settled", 6: "published",
              7: "refunded"}  # fmt: skip
MARKETS = {1: "akash", 2: "golem", 3: "peer", 4: "local"}
PROOFS = {0: "none", 1: "groth16", 2: "review"}
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Terms:
    """The rules a job was opened under. Seconds and lamports."""

    bid_period: int
    publish_hold: int
    challenge_period: int
    min_attestations: int
    dispute_bond: int
    min_gain_ppm: int
    min_counted_reward: int
    min_stake: int
    stake_age: int
    vk_steps: str
    vk_eval: str
    allow_development_keys: int


@dataclass(frozen=True)
class Job:
    """A training job.

    Attributes
    ----------
    state : str
        bidding, leased, committed, submitted, disputed, settled, published or refunded.
    budget, best_price, bond : int
        Lamports.
    provider : str or None
        The best bidder so far, then the lessee.
    """

    address: str
    state: str
    attempts: int
    dao: str
    proposal: str
    proposer: str
    registry: str
    base_version: int
    base_commitment: str
    train_set: str
    eval_set: str
    train_chunks: int
    eval_rows: int
    terms: Terms
    budget: int
    work_period: int
    opened_at: datetime
    bids_end: datetime
    best_price: int
    provider: str | None
    bond: int
    market: str | None
    external_id: str
    leased_at: datetime | None
    deadline: datetime | None
    w_after: str
    submitted_at: datetime | None
    attestations: int
    settled_at: datetime | None
    published_version: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Job:
        """From a decoded ``Job`` account."""
        policy = row["policy"]
        return cls(
            address=row["address"],
            state=JOB_STATES.get(row["state"], f"unknown ({row['state']})"),
            attempts=row["attempts"],
            dao=row["dao"],
            proposal=row["proposal"],
            proposer=row["proposer"],
            registry=row["registry"],
            base_version=row["base_version"],
            base_commitment=row["base_commitment"],
            train_set=row["train_set"],
            eval_set=row["eval_set"],
            train_chunks=row["train_chunks"],
            eval_rows=row["eval_rows"],
            terms=Terms(**{f.name: policy[f.name] for f in dataclasses.fields(Terms)}),
            budget=row["budget"],
            work_period=row["work_period"],
            opened_at=_time(row["opened_at"]) or datetime.fromtimestamp(0, UTC),
            bids_end=_time(row["bids_end"]) or datetime.fromtimestamp(0, UTC),
            best_price=row["best_price"],
            provider=None if row["provider"] == NO_KEY else row["provider"],
            bond=row["bond"],
            market=MARKETS.get(row["market"]),
            external_id=row["external_id"],
            leased_at=_time(row["leased_at"]),
            deadline=_time(row["deadline"]),
            w_after=row["w_after"],
            submitted_at=_time(row["submitted_at"]),
            attestations=row["attestations"],
            settled_at=_time(row["settled_at"]),
            published_version=row["published_version"],
        )

    def next_step(self, now: int) -> str:
        """What can be done with it at ``now`` (unix seconds), with the program's own bounds.

        "bid", "lease", "train", "fail" (take an overdue lease back), "attest", "settle", "publish" or "refund";
        "wait to refund", "wait for challenges" or "wait to publish" while only time has to pass; else "nothing".
        """
        if self.state == "bidding":
            if self.attempts >= MAX_ATTEMPTS:
                return "refund"
            if now < self.bids_end.timestamp():
                return "bid"
            if self.provider is not None:
                return "lease"
            return "refund" if now > self.bids_end.timestamp() + self.terms.bid_period else "wait to refund"
        if self.state == "leased" and self.deadline is not None:
            return "train" if now <= self.deadline.timestamp() else "fail"
        if self.state == "submitted" and self.submitted_at is not None:
            if self.attestations < self.terms.min_attestations:
                return "attest"
            ends = self.submitted_at.timestamp() + self.terms.challenge_period
            return "settle" if now >= ends else "wait for challenges"
        if self.state == "settled" and self.settled_at is not None:
            ends = self.settled_at.timestamp() + self.terms.publish_hold
            return "publish" if now >= ends else "wait to publish"
        return "nothing"


class Jobs(Sequence[Job]):
    """Jobs, newest first."""

    def __init__(self, items: Sequence[Job]) -> None:
        self._items = sorted(items, key=lambda j: (j.opened_at, j.address), reverse=True)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __iter__(self) -> Iterator[Job]:
        return iter(self._items)

    def to_frame(self) -> pd.DataFrame:
        """One row a job."""
        import pandas as pd

        names = [f.name for f in dataclasses.fields(Job) if f.name != "terms"]
        return pd.DataFrame([{n: getattr(j, n) for n in names} for j in self._items], columns=names)

    def _repr_html_(self) -> str:
        shown = ["address", "state", "budget", "best_price", "provider", "market", "attestations"]
        return str(self.to_frame()[shown].to_html(index=False))


@dataclass(frozen=True)
class Record:
    """What a provider submitted for a job.

    Attributes
    ----------
    model_cid : str
        The trained bundle.
    correct_before, correct_after : int
        Rows of the evaluation set answered rightly by the base and by the trained head.
    accuracy, accuracy_gain : float
        Shares, computed by the program from these counts.
    energy_grade : int
        1 measured, 2 estimated, 3 declared.
    proof : str
        none, groth16 or review.
    """

    address: str
    job: str
    provider: str
    model_cid: str
    manifest_sha256: str
    w_after: str
    correct_before: int
    correct_after: int
    accuracy: float
    accuracy_gain: float
    energy_joules: int
    energy_grade: int
    energy_band_ppm: int
    carbon_mg_per_kwh: int
    co2e_mg: int
    co2_offset_mg: int
    hardware_efficiency_ppm: int
    region: str
    duration_s: int
    device: str
    proof: str
    reward_lamports: int
    submitted_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Record:
        """From a decoded ``TrainingJobRecord``."""
        same = ("address", "job", "provider", "manifest_sha256", "w_after", "correct_before", "correct_after",
                "energy_joules", "energy_grade", "energy_band_ppm", "carbon_mg_per_kwh", "co2e_mg", "co2_offset_mg",
                "hardware_efficiency_ppm", "region", "duration_s", "device")  # fmt: skip
        return cls(
            **{n: row[n] for n in same},
            model_cid=row["model"],
            accuracy=row["accuracy_ppm"] / 1e6,
            accuracy_gain=row["accuracy_gain_ppm"] / 1e6,
            proof=PROOFS.get(row["proof"], f"unknown ({row['proof']})"),
            reward_lamports=row["reward_distributed"],
            submitted_at=datetime.fromtimestamp(row["submitted_at"], UTC),
        )


@dataclass(frozen=True)
class Offer:
    """What a provider of the collective offers.

    Attributes
    ----------
    price_lamports_per_hour : int
    cores : int
    memory_mb : int
    carbon_mg_per_kwh : int
        Declared by the provider.
    device, region : str
    jobs_settled, jobs_failed : int
        The provider's record in this collective.
    """

    provider: str
    available: bool
    price_lamports_per_hour: int
    cores: int
    memory_mb: int
    carbon_mg_per_kwh: int
    device: str
    region: str
    jobs_settled: int
    jobs_failed: int
    energy_joules: int
    reward_lamports: int
    updated_at: datetime | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Offer:
        """From a decoded ``Provider`` account."""
        offer = row["offer"]
        return cls(
            provider=row["wallet"],
            available=bool(offer["available"]),
            price_lamports_per_hour=offer["price_lamports_per_hour"],
            cores=offer["cores"],
            memory_mb=offer["memory_mb"],
            carbon_mg_per_kwh=offer["carbon_mg_per_kwh"],
            device=offer["device"],
            region=offer["region"],
            jobs_settled=row["jobs_settled"],
            jobs_failed=row["jobs_failed"],
            energy_joules=row["energy_joules"],
            reward_lamports=row["reward"],
            updated_at=_time(row["offer_updated_at"]),
        )

    @property
    def reliability(self) -> float | None:
        """Settled jobs among all that ended; None before the first."""
        ended = self.jobs_settled + self.jobs_failed
        return self.jobs_settled / ended if ended else None


def _time(unix: int) -> datetime | None:
    return datetime.fromtimestamp(unix, UTC) if unix else None
