"""A network whose clock the tests move, so that nothing waits for votes, auctions and holds to end."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared_world import World

from decai.collective import Collective
from decai.governance import Governance, Policy, Proposal
from decai.market import Job
from decai.registry import Registry, Version
from decai.training.service import SetInfo

SOL = 1_000_000_000
TOKEN = 1_000_000
BUDGET = 50_000_000
POLICY = Policy(
    voting_delay=0, voting_period=40, hold_up=20, execution_window=600, min_stake=SOL // 10, bid_period=40,
    publish_hold=10, challenge_period=30, stake_age=10, min_counted_reward=1_000_000, dispute_bond=10_000_000,
)  # fmt: skip
"""Periods are long enough that a slow machine doesn't end them by itself, and shorter than the 60 s for which a
blockhash may be used, so that a warp over one of them doesn't expire what somebody is just sending."""


@dataclass(frozen=True)
class Founded:
    """A collective with members who have staked and deposited; the first member founded it."""

    dao: Governance
    registry: Registry
    people: list[Collective]
    seats: list[Governance]


@dataclass(frozen=True)
class WarpedWorld(World):
    """A network on which time passes at the tests' word.

    Attributes
    ----------
    base : list of Version
        The first model's version, once it is there.
    sets : list of SetInfo
        Its training and evaluation set, registered.
    """

    base: list[Version] = field(default_factory=list)
    sets: list[SetInfo] = field(default_factory=list)

    def warp(self, seconds: float) -> None:
        """Let time pass at once."""
        self.opened[0].chain.rpc("decai_warp", seconds)

    def found(
        self,
        tokens: Sequence[int] = (500, 300, 150),
        *,
        treasury: int = 2 * BUDGET,
        stake: int = SOL,
        **policy: int,
    ) -> Founded:
        """Found a collective whose registry holds the first model twice: version 1, in use, and 2."""
        people = [self.person() for _ in tokens]
        registry = people[0].create_registry("model")
        base = self.base[0]
        people[0].act(
            registry.publish_action(
                cid=base.cid,
                manifest_sha256=bytes.fromhex(base.manifest_sha256),
                head_commitment=bytes.fromhex(base.head_commitment),
                accuracy=base.accuracy,
            )
        )
        registry.refresh()
        people[0].act(
            registry.publish_action(
                cid=base.cid,
                manifest_sha256=bytes.fromhex(base.manifest_sha256),
                head_commitment=bytes.fromhex(base.head_commitment),
                make_current=False,
            )
        )
        shares = {str(p.signer()): n * TOKEN for p, n in zip(people, tokens, strict=True)}
        dao = Governance.found(
            people[0], "collective", distribution=shares, policy=dataclasses.replace(POLICY, **policy),
            registry=registry, treasury_lamports=treasury,
        )  # fmt: skip
        seats = [Governance(p, dao.address) for p in people]
        for seat, n in zip(seats, tokens, strict=True):
            if stake:
                seat.stake(stake)
            seat.deposit(n * TOKEN)
        self.warp(POLICY.stake_age + 1)
        return Founded(dao, registry, people, seats)

    def train(self, founded: Founded, *, budget: int = BUDGET, work_period: int = 50) -> Proposal:
        """Propose to train on the registered sets."""
        train_set, eval_set = self.sets
        return founded.dao.propose_train(
            "sentiment", budget=budget, train_set=train_set.address, eval_set=eval_set.address,
            description="Train on every chunk", work_period=work_period, prove_period=50,
        )  # fmt: skip

    def pass_(self, founded: Founded, proposal: Proposal) -> Proposal:
        """Vote for a proposal with everybody, and execute it."""
        for seat in founded.seats:
            seat.vote(proposal, "for")
        self.warp(POLICY.voting_period)
        founded.dao.finalize(proposal)
        self.warp(POLICY.hold_up)
        return founded.dao.execute(proposal)

    def job(self, founded: Founded, **given: int) -> tuple[Proposal, Job]:
        """Decide on a training and open its job."""
        done = self.pass_(founded, self.train(founded, **given))
        return done, founded.people[0].market.job(done.job or "")
