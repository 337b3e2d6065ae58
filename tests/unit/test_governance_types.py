"""Members, proposals and rules as values: weights, forecasts and phases."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from solders.pubkey import Pubkey

from decai.governance import Member, Policy, Proposal, Proposals

NOBODY = str(Pubkey.default())
START, END, COUNTED, EXPIRES = 1_000, 2_000, 2_100, 3_000


def proposal(**over: Any) -> Proposal:
    row = {
        "address": "P", "dao": "D", "id": 3, "proposer": "A", "registry": "R", "kind": 3,
        "payload": (7).to_bytes(128, "little").hex(), "description": "d", "details": "", "target_param": "",
        "training_budget": 0, "quorum_votes": 100, "approval_ppm": 600_000, "hold_up": 50, "votes_for": 0,
        "votes_against": 0, "abstain": 0, "created_at": 900, "voting_starts": START, "voting_ends": END,
        "finalized_at": 0, "expires_at": 0, "state": 0, "executed": 0, "job": NOBODY, "published_version": 0, **over,
    }  # fmt: skip
    return Proposal.of(row)


@pytest.mark.parametrize(
    ("now", "phase"),
    [(0, "waiting"), (START - 1, "waiting"), (START, "voting"), (END - 1, "voting"), (END, "to count")],
)
@pytest.mark.parametrize("state", [0, 1])
def test_phases_before_the_count(state: int, now: int, phase: str) -> None:
    assert proposal(state=state).phase(now) == phase


@pytest.mark.parametrize(
    ("now", "phase"),
    [
        (COUNTED, "in hold-up"),
        (COUNTED + 49, "in hold-up"),
        (COUNTED + 50, "executable"),
        (EXPIRES - 1, "executable"),
        (EXPIRES, "lapsed"),
    ],
)
def test_phases_after_the_count(now: int, phase: str) -> None:
    counted = proposal(state=2, finalized_at=COUNTED, expires_at=EXPIRES)
    assert counted.executable_at == datetime.fromtimestamp(COUNTED + 50, UTC)
    assert counted.phase(now) == phase


@pytest.mark.parametrize(
    ("state", "name"),
    [(3, "defeated"), (4, "executed"), (5, "vetoed"), (6, "cancelled"), (7, "expired"), (99, "unknown (99)")],
)
def test_an_ended_proposal_stays_what_it_is(state: int, name: str) -> None:
    assert proposal(state=state).phase(0) == proposal(state=state).phase(10**9) == name


@pytest.mark.parametrize(
    ("votes", "quorate", "passing"),
    [
        ((0, 0, 0), False, False),
        ((99, 0, 0), False, False),
        ((100, 0, 0), True, True),
        ((60, 40, 0), True, True),
        ((59, 41, 0), True, False),
        ((1, 0, 99), True, True),
        ((0, 0, 100), True, False),
    ],
)
def test_forecasts(votes: tuple[int, int, int], quorate: bool, passing: bool) -> None:
    given = proposal(votes_for=votes[0], votes_against=votes[1], abstain=votes[2])
    assert (given.cast, given.quorate, given.passing) == (sum(votes), quorate, passing)


def test_equal_sides_do_not_pass_whatever_the_approval() -> None:
    assert not proposal(votes_for=50, votes_against=50, approval_ppm=500_000).passing
    assert proposal(votes_for=51, votes_against=49, approval_ppm=500_000).passing
    assert proposal(votes_for=51, votes_against=49).approval == 0.51 and proposal().approval == 0.0


def test_what_a_proposal_would_do() -> None:
    assert proposal().payload == {"version": 7} and proposal().job is None
    keys = [Pubkey.new_unique(), Pubkey.new_unique()]
    raw = b"".join(map(bytes, keys)) + b"".join(n.to_bytes(8, "little") for n in (1, 60, 90))
    train = proposal(kind=1, payload=raw.ljust(128, b"\0").hex(), job="J")
    assert train.kind == "train" and train.job == "J"
    assert train.payload == {
        "train_set": str(keys[0]), "eval_set": str(keys[1]), "base_version": 1, "work_period": 60, "prove_period": 90,
    }  # fmt: skip
    assert proposal(kind=77).kind == "unknown (77)" and proposal(kind=77).payload == {}


def test_proposals_are_newest_first_and_empties_keep_their_columns() -> None:
    found = Proposals([proposal(id=1), proposal(id=4), proposal(id=2)])
    assert [p.id for p in found] == [4, 2, 1] and list(found.to_frame().id) == [4, 2, 1]
    assert len(found) == 3 and found[0].id == 4
    empty = Proposals([]).to_frame()
    assert empty.empty and list(empty.columns) == [f.name for f in dataclasses.fields(Proposal)]
    assert "quorum_votes" in empty and Proposals([])._repr_html_().startswith("<table")


def member(**over: Any) -> Member:
    lots = [{"amount": 10, "first_id": 0}, {"amount": 20, "first_id": 3}] + [{"amount": 0, "first_id": 0}] * 6
    row = {
        "address": "M", "dao": "D", "wallet": "W", "aged_stake": 5, "pending_stake": 7, "pending_since": 1_000,
        "lots": lots, "locked_until": 0, "delegate": NOBODY, "open_proposals": 0, "proposals": 0, "votes": 0, **over,
    }  # fmt: skip
    return Member.of(row)


def test_weight_is_what_was_deposited_before() -> None:
    given = member()
    assert given.deposited == 30 and given.lots == ((10, 0), (20, 3))
    assert [given.weight(n) for n in (0, 2, 3, 9)] == [10, 10, 30, 30]


def test_stake_counts_once_it_is_old_enough() -> None:
    given = member()
    assert given.stake == 12 and given.delegate is None and given.locked_until is None
    assert [given.aged(now, 60) for now in (1_000, 1_059, 1_060)] == [5, 5, 12]
    assert member(pending_since=0).aged(10**9, 60) == 5


def test_rules_become_the_programs_arguments() -> None:
    args = Policy.quick().to_args()
    assert args["vk_steps"] == bytes(32) and args["voting_period"] == 6
    assert Policy.of(dataclasses.asdict(Policy())) == Policy()
