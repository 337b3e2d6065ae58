"""Offers, sets and jobs as members find them on the chain."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from solders.keypair import Keypair
from warped_world import BUDGET, POLICY, Founded, WarpedWorld

from decai.collective import Collective
from decai.errors import InsufficientFunds, MarketError, SettingsError, TrainingError, TransactionFailed
from decai.training.sets import ChunkedSet


@pytest.fixture(scope="module")
def founded(warped: WarpedWorld) -> Founded:
    return warped.found()


def offering(warped: WarpedWorld, founded: Founded, price: int, **more: object) -> Collective:
    person = warped.person()
    given = {"cores": 1, "memory_mb": 512, "device": "cpu", "region": "DEU", "carbon_mg_per_kwh": 380_000, **more}
    person.market.set_offer(founded.dao.address, price_lamports_per_hour=price, **given)  # type: ignore[arg-type]
    return person


def test_offers_become_quotes_cheapest_first(warped: WarpedWorld) -> None:
    founded = warped.found()
    market = founded.people[0].market
    none = market.quotes(founded.dao.address, hours=1)
    assert none.chosen is None and none.sources[0].ok and none.to_frame().empty
    dear = offering(warped, founded, 1_200_000_000)
    cheap = offering(warped, founded, 900_000_000, device="Ω" * 40)
    gone = offering(warped, founded, 1, available=False)
    found = market.quotes(founded.dao.address, hours=0.5, watts=20, budget_lamports=500_000_000)
    assert [q.provider for q in found] == [str(cheap.signer()), str(dear.signer())], "the unavailable isn't quoted"
    assert found.chosen is not None and found.chosen.total_lamports == 450_000_000
    assert found.chosen.co2e_g == pytest.approx(3.8) and found.chosen.device == "Ω" * 16, "cut to whole characters"
    assert found[1].why == "Dearer than the budget"
    cheap.market.set_offer(
        founded.dao.address, price_lamports_per_hour=2_000_000_000, cores=1, memory_mb=512, device="", region="DEU"
    )
    changed = {o.provider: o for o in market.offers(founded.dao.address)}
    assert len(changed) == 3 and changed[str(cheap.signer())].device == "unknown"
    assert not changed[str(gone.signer())].available and changed[str(dear.signer())].reliability is None
    assert market.quotes(founded.dao.address, hours=1).chosen.provider == str(dear.signer())  # type: ignore[union-attr]
    with pytest.raises(SettingsError, match="region"):
        offering(warped, founded, 1, region="much too long")


def test_bids_are_refused_in_words(warped: WarpedWorld, founded: Founded) -> None:
    _, job = warped.job(founded)
    one, two = offering(warped, founded, 1), offering(warped, founded, 1)
    market = founded.people[0].market
    for price, name in ((BUDGET + 1, "PriceAboveBudget"),):
        with pytest.raises(TransactionFailed) as refused:
            one.market.bid(job, price)
        assert refused.value.name == name
    one.market.bid(job, 1_000_000, usd=1.5)
    with pytest.raises(TransactionFailed) as dearer:
        two.market.bid(market.job(job.address), 1_000_000)
    assert dearer.value.name == "NotCheaper"
    with pytest.raises(TransactionFailed) as nobody:
        warped.person().market.bid(market.job(job.address), 1)
    assert nobody.value.name == "AccountNotInitialized", "only providers bid"
    broke = warped.person(sol=0.006)
    broke.market.set_offer(founded.dao.address, price_lamports_per_hour=1, cores=1, memory_mb=256, device="x",
                           region="DEU")  # fmt: skip
    with pytest.raises(InsufficientFunds):
        broke.market.bid(market.job(job.address), 1)
    warped.warp(POLICY.bid_period)
    with pytest.raises(TransactionFailed) as late:
        two.market.bid(market.job(job.address), 1)
    assert late.value.name == "BiddingEnded"
    with pytest.raises(TransactionFailed) as early:
        market.fail_lease(market.job(job.address))
    assert early.value.name == "WrongState"
    held = market.job(job.address)
    assert (held.provider, held.best_price, held.bond) == (str(one.signer()), 1_000_000, BUDGET // 10)
    assert held.next_step(one.chain.now()) == "lease"


def test_jobs_are_listed_by_collective(warped: WarpedWorld, founded: Founded) -> None:
    other = warped.found()
    _, job = warped.job(other)
    market = founded.people[0].market
    assert [j.address for j in market.jobs(other.dao.address)] == [job.address]
    assert job.address not in [j.address for j in market.jobs(founded.dao.address)]
    assert job.address in [j.address for j in market.jobs()]
    assert market.record(job.address) is None and market.records(other.dao.address) == []
    assert market.energy(other.dao.address).to_frame().empty
    with pytest.raises(MarketError, match=r"no job at.*decai jobs"):
        market.job(Keypair().pubkey())


def test_a_set_is_registered_once_for_everybody(warped: WarpedWorld, founded: Founded) -> None:
    stranger = warped.person()
    before = stranger.balance()
    train, judge = stranger.training.register_sets_of(warped.base[0])
    assert [train.address, judge.address] == [s.address for s in warped.sets]
    assert stranger.balance() == before, "nothing is sent for a set that is there"
    assert (train.kind, judge.kind) == ("train", "eval") and train.rows == 20 * 256 and judge.rows == 5 * 256
    known = {s.address: s for s in stranger.training.sets()}
    assert known[train.address] == train and known[judge.address] == judge
    assert (
        stranger.training.find_set(train.name, "train") == train == stranger.training.find_set(train.address, "train")
    )
    assert stranger.training.eval_set_for(warped.base[0]) == judge
    with pytest.raises(TrainingError, match=f"no registered eval set '{train.name}'.*decai sets add"):
        stranger.training.find_set(train.name, "eval")


def test_a_set_of_ones_own(warped: WarpedWorld, tmp_path: Path) -> None:
    person = warped.person()
    whole = ChunkedSet.load(Path(person.store.fetch(warped.sets[0].cid) and person.store.path(warped.sets[0].cid)))
    few = ChunkedSet(
        kind="train", features=whole.features, rows_per_chunk=whole.rows_per_chunk, chunks=whole.chunks[:1],
        projection=whole.projection, texts=whole.texts[:256], name="few", source="x", licence="MIT",
        licence_text="x",
    )  # fmt: skip
    made = person.training.register(few.write(tmp_path / "few"))
    row = person.chain.fetch("ChunkedSet", person.market.register_set(made.cid, few))
    assert row["address"] == made.address and row["roots"][0] == few.roots[0].hex() and row["chunks"] == 1
    assert person.training.find_set("few", "train") == made
    broken = shutil.copytree(tmp_path / "few", tmp_path / "broken")
    (broken / "chunk-000.bin").chmod(0o644)
    (broken / "chunk-000.bin").write_bytes(bytes(256 * 33))
    with pytest.raises(TrainingError, match=r"doesn't hold what its set\.json says"):
        person.training.register(Path(broken))
