"""A DAO's accounts as they were when read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from solders.pubkey import Pubkey

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dao", "Member", "Policy", "Proposal", "Proposals"]

NO_KEY = str(Pubkey.default())
KINDS = {
    1: "train", 2: "publish", 3: "set current", 4: "yank", 5: "adopt registry", 6: "transfer registry",
    7: "configure", 8: "spend", 9: "resolve dispute", 10: "revoke badge", 11: "upgrade",
}  # fmt: skip
STATES = {0: "pending", 1: "voting", 2: "succeeded", 3: "defeated", 4: "executed", 5: "vetoed", 6: "cancelled",
          7: "expired"}  # fmt: skip
DAY = 86_400


@dataclass(frozen=True)
class Policy:
    """The rules of a collective. Periods are in seconds, amounts in lamports, shares in millionths (ppm).

    Attributes
    ----------
    voting_delay, voting_period, hold_up, execution_window : int
        From creation to voting, its length, from the count to execution, and how long execution stays possible.
    quorum_ppm : int
        Share of the supply that must vote (for, against or abstaining).
    approval_ppm : int
        for / (for + against) that must be reached.
    min_stake : int
        What a proposer must have staked for at least ``stake_age`` seconds, for each open proposal.
    reward_pool, min_counted_reward : int
        Tokens for voters of a proposal; the least reward that counts in a provider's statistics.
    bid_period, publish_hold, challenge_period : int
        Length of a job's auction, wait between settling and publishing, time to dispute a record.
    min_attestations : int
        Members who must have recomputed an unproven result.
    dispute_bond, min_gain_ppm : int
        What disputing costs; the least gain in accuracy for a proven version to become current by itself.
    """

    voting_delay: int = 0
    voting_period: int = 3 * DAY
    hold_up: int = DAY
    execution_window: int = 7 * DAY
    quorum_ppm: int = 200_000
    approval_ppm: int = 600_000
    min_stake: int = 1_000_000_000
    reward_pool: int = 0
    min_counted_reward: int = 10_000_000
    bid_period: int = 3600
    publish_hold: int = 3600
    challenge_period: int = DAY
    min_attestations: int = 1
    dispute_bond: int = 100_000_000
    min_gain_ppm: int = 1_000
    stake_age: int = DAY
    vk_steps: str = "00" * 32
    vk_eval: str = "00" * 32
    allow_development_keys: int = 0

    @classmethod
    def quick(cls) -> Policy:
        """Periods of seconds, for demonstrations and tests on the embedded chain."""
        return cls(
            voting_delay=0, voting_period=6, hold_up=1, execution_window=3600, min_stake=100_000_000, bid_period=3,
            publish_hold=1, challenge_period=2, stake_age=1, min_counted_reward=1_000_000, dispute_bond=10_000_000,
        )  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Policy:
        """From a decoded account."""
        return cls(**{f.name: row[f.name] for f in dataclasses.fields(cls)})

    def to_args(self) -> dict[str, Any]:
        """As the program's arguments."""
        args = dataclasses.asdict(self)
        for key in ("vk_steps", "vk_eval"):
            args[key] = bytes.fromhex(args[key])
        return args


@dataclass(frozen=True)
class Dao:
    """A collective.

    Attributes
    ----------
    address, name, creator, mint : str
    authority, vault, treasury, deposits : str
        The program's addresses for this DAO: who owns registries, where stake, budget and votes are kept.
    policy : Policy
    guardian : str or None
        Who may veto until ``guardian_until``.
    proposal_count : int
    supply : int
        Voting tokens there are, in millionths of a token.
    treasury_lamports : int
        What may be spent.
    staked_lamports, deposited : int
    created_at : datetime
    """

    address: str
    name: str
    creator: str
    mint: str
    authority: str
    vault: str
    treasury: str
    deposits: str
    policy: Policy
    guardian: str | None
    guardian_until: datetime | None
    proposal_count: int
    supply: int
    treasury_lamports: int
    staked_lamports: int
    deposited: int
    spent_lamports: int
    created_at: datetime


@dataclass(frozen=True)
class Member:
    """A member of a collective. Amounts in lamports and millionths of a token."""

    address: str
    dao: str
    wallet: str
    aged_stake: int
    pending_stake: int
    pending_since: datetime | None
    lots: tuple[tuple[int, int], ...]
    locked_until: datetime | None
    delegate: str | None
    open_proposals: int
    proposals: int
    votes: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Member:
        """From a decoded ``Member`` account."""
        return cls(
            address=row["address"],
            dao=row["dao"],
            wallet=row["wallet"],
            aged_stake=row["aged_stake"],
            pending_stake=row["pending_stake"],
            pending_since=_time(row["pending_since"]),
            lots=tuple((lot["amount"], lot["first_id"]) for lot in row["lots"] if lot["amount"]),
            locked_until=_time(row["locked_until"]),
            delegate=None if row["delegate"] == NO_KEY else row["delegate"],
            open_proposals=row["open_proposals"],
            proposals=row["proposals"],
            votes=row["votes"],
        )

    @property
    def deposited(self) -> int:
        """All voting tokens in deposit."""
        return sum(amount for amount, _ in self.lots)

    @property
    def stake(self) -> int:
        """All stake, aged or not."""
        return self.aged_stake + self.pending_stake

    def aged(self, now: int, stake_age: int) -> int:
        """Stake that counts at ``now`` (unix seconds)."""
        ripe = self.pending_since is not None and now - self.pending_since.timestamp() >= stake_age
        return self.aged_stake + (self.pending_stake if ripe else 0)

    def weight(self, proposal_id: int) -> int:
        """Votes on a proposal: what was deposited before it was made."""
        return sum(amount for amount, first in self.lots if first <= proposal_id)


@dataclass(frozen=True)
class Proposal:
    """A proposal, in the seed's terms and with the rules it is decided by.

    Attributes
    ----------
    state : str
        As on chain: pending, voting, succeeded, defeated, executed, vetoed, cancelled, expired. What the clock makes
        of it is :meth:`phase`.
    votes_for, votes_against, abstain, quorum_votes : int
        Millionths of a token.
    payload : dict
        What it would do, by kind.
    """

    address: str
    dao: str
    id: int
    proposer: str
    registry: str
    kind: str
    payload: dict[str, Any]
    description: str
    details: str
    target_param: str
    training_budget: int
    quorum_votes: int
    approval_ppm: int
    hold_up: int
    votes_for: int
    votes_against: int
    abstain: int
    created_at: datetime
    voting_starts: datetime
    voting_ends: datetime
    finalized_at: datetime | None
    expires_at: datetime | None
    state: str
    executed: bool
    job: str | None
    published_version: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Proposal:
        """From a decoded ``Proposal`` account."""
        kind = KINDS.get(row["kind"], f"unknown ({row['kind']})")
        return cls(
            address=row["address"],
            dao=row["dao"],
            id=row["id"],
            proposer=row["proposer"],
            registry=row["registry"],
            kind=kind,
            payload=_payload(kind, bytes.fromhex(row["payload"])),
            description=row["description"],
            details=row["details"],
            target_param=row["target_param"],
            training_budget=row["training_budget"],
            quorum_votes=row["quorum_votes"],
            approval_ppm=row["approval_ppm"],
            hold_up=row["hold_up"],
            votes_for=row["votes_for"],
            votes_against=row["votes_against"],
            abstain=row["abstain"],
            created_at=_time(row["created_at"]) or datetime.fromtimestamp(0, UTC),
            voting_starts=_time(row["voting_starts"]) or datetime.fromtimestamp(0, UTC),
            voting_ends=_time(row["voting_ends"]) or datetime.fromtimestamp(0, UTC),
            finalized_at=_time(row["finalized_at"]),
            expires_at=_time(row["expires_at"]),
            state=STATES.get(row["state"], f"unknown ({row['state']})"),
            executed=bool(row["executed"]),
            job=None if row["job"] == NO_KEY else row["job"],
            published_version=row["published_version"],
        )

    @property
    def approval(self) -> float:
        """for / (for + against), 0 to 1; 0 while nobody has taken a side."""
        sides = self.votes_for + self.votes_against
        return self.votes_for / sides if sides else 0.0

    @property
    def cast(self) -> int:
        """All votes, abstentions included."""
        return self.votes_for + self.votes_against + self.abstain

    @property
    def quorate(self) -> bool:
        """Whether enough have voted."""
        return self.cast >= self.quorum_votes

    @property
    def passing(self) -> bool:
        """Whether it would succeed if voting ended now."""
        sides = self.votes_for + self.votes_against
        enough = self.votes_for * 1_000_000 >= sides * self.approval_ppm
        return self.quorate and self.votes_for > self.votes_against and enough

    @property
    def executable_at(self) -> datetime | None:
        """When the hold-up ends; None before the count."""
        if self.finalized_at is None:
            return None
        return datetime.fromtimestamp(self.finalized_at.timestamp() + self.hold_up, UTC)

    def phase(self, now: int) -> str:
        """What can be done with it at ``now`` (unix seconds): waiting, voting, to count, in hold-up, executable, …"""
        if self.state in ("pending", "voting"):
            if now < self.voting_starts.timestamp():
                return "waiting"
            return "voting" if now < self.voting_ends.timestamp() else "to count"
        if self.state == "succeeded" and self.executable_at is not None and self.expires_at is not None:
            if now < self.executable_at.timestamp():
                return "in hold-up"
            return "executable" if now < self.expires_at.timestamp() else "lapsed"
        return self.state


class Proposals(Sequence[Proposal]):
    """Proposals, newest first."""

    def __init__(self, items: Sequence[Proposal]) -> None:
        self._items = sorted(items, key=lambda p: p.id, reverse=True)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __iter__(self) -> Iterator[Proposal]:
        return iter(self._items)

    def to_frame(self) -> pd.DataFrame:
        """One row a proposal."""
        import pandas as pd

        names = [f.name for f in dataclasses.fields(Proposal)]
        return pd.DataFrame([{n: getattr(p, n) for n in names} for p in self._items], columns=names)

    def _repr_html_(self) -> str:
        shown = ["id", "kind", "description", "state", "votes_for", "votes_against", "abstain", "training_budget"]
        return str(self.to_frame()[shown].to_html(index=False))


def _payload(kind: str, raw: bytes) -> dict[str, Any]:
    if kind == "train":
        return {
            "train_set": str(Pubkey.from_bytes(raw[:32])),
            "eval_set": str(Pubkey.from_bytes(raw[32:64])),
            "base_version": int.from_bytes(raw[64:72], "little"),
            "work_period": int.from_bytes(raw[72:80], "little"),
            "prove_period": int.from_bytes(raw[80:88], "little"),
        }
    if kind == "set current":
        return {"version": int.from_bytes(raw[:8], "little")}
    return {}


def _time(unix: int) -> datetime | None:
    return datetime.fromtimestamp(unix, UTC) if unix else None
