"""Offers and jobs as values: ranking, reports on sources, a job's next step."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from solders.pubkey import Pubkey

from decai.errors import DecAIError, MarketError
from decai.market import Job, Jobs, Offer, Quote, Quotes, best_quotes
from decai.market.offers import price_for, quote_of_offer

NOBODY = str(Pubkey.default())


def quote(provider: str, total: int, *, reliability: float | None = None, source: str = "peer") -> Quote:
    return Quote(source, provider, "cpu", "DEU", total / 1e9, total, None, reliability)


def ask(*quotes: Quote, **more: Any) -> Quotes:
    return best_quotes({"peers": lambda: quotes}, **more)


def test_the_lowest_total_is_chosen_and_each_other_says_why_not() -> None:
    found = ask(quote("B", 150), quote("A", 100), quote("C", 300))
    assert [q.provider for q in found] == ["A", "B", "C"]
    assert found.chosen is not None and found.chosen.provider == "A" and "Lowest total" in found.chosen.why
    assert [q.why for q in found][1:] == ["50% dearer", "200% dearer"]
    assert list(found.to_frame().chosen) == [True, False, False] and "Lowest total" in found._repr_html_()


def test_among_equals_the_reliable_one() -> None:
    found = ask(quote("A", 100), quote("B", 100, reliability=0.5), quote("C", 100, reliability=0.9))
    assert [q.provider for q in found] == ["C", "B", "A"]
    assert found[1].why.startswith("Same price")


def test_dearer_than_the_budget_is_shown_and_never_chosen() -> None:
    found = ask(quote("A", 100), quote("B", 101), budget_lamports=100)
    assert found.chosen is not None and found.chosen.provider == "A" and found[1].why == "Dearer than the budget"
    none = ask(quote("A", 100), budget_lamports=99)
    assert none.chosen is None and len(none) == 1 and none[0].why == "Dearer than the budget"


def test_a_source_that_fails_is_reported_and_the_others_count() -> None:
    def fails(error: Exception) -> Any:
        def source() -> Sequence[Quote]:
            raise error

        return source

    found = best_quotes(
        {
            "down": fails(DecAIError("The exchange is closed.")),
            "refused": fails(ConnectionRefusedError("refused")),
            "slow": fails(TimeoutError()),
            "odd": fails(KeyError("price")),
            "peers": lambda: [quote("A", 1)],
        }
    )
    reports = {r.source: r for r in found.sources}
    assert [r.ok for r in found.sources] == [False, False, False, False, True]
    assert "exchange is closed" in reports["down"].reason and "refused" in reports["refused"].reason
    assert reports["slow"].reason == "TimeoutError" and "price" in reports["odd"].reason
    assert reports["peers"].quotes == 1 and found.chosen is not None


def test_a_late_source_is_left_behind() -> None:
    release = threading.Event()

    def late() -> Sequence[Quote]:
        release.wait(30)
        return [quote("late", 1)]

    try:
        found = best_quotes({"late": late, "peers": lambda: [quote("A", 5)]}, timeout_s=0.05)
    finally:
        release.set()
    assert [q.provider for q in found] == ["A"]
    assert found.sources[0].reason == "no answer within 0.05 s" and not found.sources[0].ok


def test_a_mistake_of_ours_is_not_taken_for_a_source_that_failed() -> None:
    def broken() -> Sequence[Quote]:
        raise AttributeError("a bug")

    with pytest.raises(AttributeError):
        best_quotes({"broken": broken})


def test_no_sources_and_no_quotes() -> None:
    for empty in (best_quotes({}), ask()):
        assert empty.chosen is None and len(empty) == 0
        assert "total_lamports" in empty.to_frame() and empty.to_frame().empty


def offer(**over: Any) -> Offer:
    row = {
        "wallet": "W", "jobs_settled": 0, "jobs_failed": 0, "energy_joules": 0, "reward": 0, "offer_updated_at": 0,
        "offer": {"available": 1, "price_lamports_per_hour": 900_000_000, "cores": 1, "memory_mb": 512,
                  "carbon_mg_per_kwh": 380_000, "device": "cpu", "region": "DEU"}, **over,
    }  # fmt: skip
    return Offer.of(row)


def test_an_offer_becomes_a_total_with_emissions() -> None:
    made = quote_of_offer(offer(), source="peer", hours=0.5, watts=20.0)
    assert made.total_lamports == 450_000_000 and made.price_sol_per_hour == 0.9
    assert made.co2e_g == pytest.approx(0.01 * 380) and made.reliability is None
    assert quote_of_offer(offer(jobs_settled=3, jobs_failed=1), source="peer", hours=1, watts=1).reliability == 0.75
    nowhere = {**offer().__dict__, "carbon_mg_per_kwh": 0}
    assert quote_of_offer(Offer(**nowhere), source="peer", hours=1, watts=1).co2e_g is None
    assert quote_of_offer(offer(), source="peer", hours=1e-12, watts=1).total_lamports == 1, "never for nothing"


def test_a_bid_is_bound_by_the_budget() -> None:
    assert price_for(quote("A", 100), 100) == 100
    with pytest.raises(MarketError, match="budget is 99 lamports; this offer asks 100"):
        price_for(quote("A", 100), 99)


# --- jobs -----------------------------------------------------------------------------------------------------------

POLICY = {
    "bid_period": 60, "publish_hold": 30, "challenge_period": 40, "min_attestations": 2, "dispute_bond": 1,
    "min_gain_ppm": 0, "min_counted_reward": 0, "min_stake": 0, "stake_age": 0, "vk_steps": "", "vk_eval": "",
    "allow_development_keys": 0,
}  # fmt: skip
BIDS_END, DEADLINE, SUBMITTED, SETTLED = 1_060, 2_000, 1_900, 3_000


def job(state: int, *, provider: str | None = None, attempts: int = 0, attestations: int = 0, **over: Any) -> Job:
    row = {
        "address": "J", "state": state, "attempts": attempts, "dao": "D", "proposal": "P", "proposer": "A",
        "registry": "R", "base_version": 1, "base_commitment": "", "train_set": "T", "eval_set": "E",
        "train_chunks": 20, "eval_rows": 1280, "policy": POLICY, "budget": 100, "work_period": 600,
        "opened_at": 1_000, "bids_end": BIDS_END, "best_price": 0, "provider": provider or NOBODY, "bond": 0,
        "market": 4, "external_id": "", "leased_at": 0, "deadline": DEADLINE if state == 1 else 0, "w_after": "",
        "submitted_at": SUBMITTED if state >= 3 else 0, "attestations": attestations,
        "settled_at": SETTLED if state >= 5 else 0, "published_version": 0, **over,
    }  # fmt: skip
    return Job.of(row)


@pytest.mark.parametrize(
    ("given", "now", "step"),
    [
        (job(0), BIDS_END - 1, "bid"),
        (job(0, provider="W"), BIDS_END - 1, "bid"),
        (job(0, provider="W"), BIDS_END, "lease"),
        (job(0), BIDS_END, "wait to refund"),
        (job(0), BIDS_END + 60, "wait to refund"),
        (job(0), BIDS_END + 61, "refund"),
        (job(0, attempts=3), BIDS_END - 1, "refund"),
        (job(1, provider="W"), DEADLINE, "train"),
        (job(1, provider="W"), DEADLINE + 1, "fail"),
        (job(3, attestations=1), SUBMITTED + 40, "attest"),
        (job(3, attestations=2), SUBMITTED + 39, "wait for challenges"),
        (job(3, attestations=2), SUBMITTED + 40, "settle"),
        (job(5), SETTLED + 29, "wait to publish"),
        (job(5), SETTLED + 30, "publish"),
        *((job(state), 10**9, "nothing") for state in (2, 4, 6, 7, 99)),
    ],
)
def test_the_next_step(given: Job, now: int, step: str) -> None:
    assert given.next_step(now) == step


def test_jobs_are_newest_first_and_empties_keep_their_columns() -> None:
    found = Jobs([job(0, opened_at=1), job(5, opened_at=3), job(7, opened_at=2)])
    assert [j.state for j in found] == ["settled", "refunded", "bidding"]
    assert list(found.to_frame().state) == ["settled", "refunded", "bidding"] and "settled" in found._repr_html_()
    empty = Jobs([])
    assert empty.to_frame().empty and "best_price" in empty.to_frame() and "best_price" in empty._repr_html_()
    assert job(99).state == "unknown (99)" and job(0).market == "local" and job(0, market=9).market is None
