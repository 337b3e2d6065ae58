"""``decai demo --loop`` once, whole: what it prints is what the chain holds, to the lamport."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from solders.pubkey import Pubkey
from warped_world import WarpedWorld

from decai.chain import Action
from decai.collective import Collective, connect
from decai.errors import GovernanceError, TransactionFailed
from decai.lineage import lineage_of
from decai.loop import BUDGET

KEYS = {
    "proposal", "votes_for", "votes_against", "job", "offer", "provider", "accuracy_before", "accuracy_after",
    "energy_joules", "energy_grade", "co2e_mg", "proof", "reward_lamports", "version_before", "version_after",
    "lineage", "badge", "seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def printed(warped: WarpedWorld) -> dict[str, Any]:
    """The last line of the command, run on a network that is up already."""
    env = {**os.environ, "DECAI_HOME": str(warped.settings.home)}
    done = subprocess.run(
        [sys.executable, "-m", "decai", "demo", "--loop", "--json"],
        env=env,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def creator(warped: WarpedWorld, printed: dict[str, Any]) -> Collective:
    """Who made the registry and the collective: the home's own wallet."""
    made = connect(warped.url, settings=warped.settings)
    warped.opened.append(made)
    return made


def test_the_contract(printed: dict[str, Any]) -> None:
    assert set(printed) == KEYS
    assert (printed["votes_for"], printed["votes_against"]) == (800_000_000, 150_000_000)
    assert printed["proof"] == {"kind": "review"} and printed["badge"] is None
    assert printed["version_after"] == printed["version_before"] + 1 == 2
    assert printed["accuracy_after"] > printed["accuracy_before"] + 0.05
    assert printed["energy_joules"] > 0 and printed["energy_grade"] in ("measured", "estimated")
    assert printed["co2e_mg"] == pytest.approx(printed["energy_joules"] * 475_000 / 3_600_000, abs=1)
    assert 0 < printed["reward_lamports"] == printed["offer"]["price_lamports"] <= BUDGET
    assert printed["offer"]["provider"] == printed["provider"]


def test_the_cheaper_worker_won(printed: dict[str, Any], creator: Collective) -> None:
    job = creator.market.job(printed["job"])
    offers = {o.provider: o.price_lamports_per_hour for o in creator.market.offers(job.dao)}
    assert len(offers) == 2 and offers[printed["provider"]] == min(offers.values()) == 900_000_000


def test_the_lineage_leads_from_the_version_to_the_proposal(printed: dict[str, Any], creator: Collective) -> None:
    chain, (version, record, job, proposal) = creator.chain, map(Pubkey.from_string, printed["lineage"])
    assert chain.fetch("ModelVersion", version)["job"] == str(job) == printed["job"]
    assert chain.fetch("TrainingJobRecord", record)["job"] == str(job)
    assert chain.fetch("Job", job)["proposal"] == str(proposal)
    held = chain.fetch("Proposal", proposal)
    assert (held["id"], held["votes_for"]) == (printed["proposal"], printed["votes_for"])
    registry = creator.registry_at(chain.fetch("Job", job)["registry"])
    assert registry.current_number == registry.latest == printed["version_after"]
    lineage = lineage_of(creator, registry.resolve())
    assert lineage.addresses == printed["lineage"] and lineage.cost_lamports == printed["reward_lamports"]
    assert lineage.parent is not None and lineage.parent.number == printed["version_before"]
    first = lineage_of(creator, registry.version(1))
    assert first.addresses == [registry.version(1).address] and first.cost_lamports == 0 and first.proposal is None


def test_money_is_where_it_belongs(printed: dict[str, Any], creator: Collective) -> None:
    chain, job = creator.chain, creator.market.job(printed["job"])
    dao = creator.dao(job.dao).dao()
    assert dao.treasury_lamports == 2 * BUDGET - printed["reward_lamports"]
    assert dao.staked_lamports == 3_000_000_000 == creator.balance(dao.vault) - chain.rent(0)
    left = chain.rpc("getAccountInfo", job.address, {"encoding": "base64"})["value"]["lamports"]
    assert left == chain.rent(899), "the escrow is empty but for its rent"
    settling = [t for t in creator.explorer.transactions(address=job.address) if t.what == "settle"]
    assert len(settling) == 1, "paid once"
    detail = chain.rpc(
        "getTransaction", settling[0].signature, {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    )
    at = detail["transaction"]["message"]["accountKeys"].index(printed["provider"])
    meta = detail["meta"]
    assert settling[0].payer == printed["provider"]
    earned = meta["postBalances"][at] - meta["preBalances"][at] + meta["fee"]
    assert earned == printed["reward_lamports"] + BUDGET // 10, "the price and the bond"


def test_no_key_but_the_collectives_authority_publishes(printed: dict[str, Any], creator: Collective) -> None:
    chain = creator.chain
    registry = creator.registry_at(creator.market.job(printed["job"]).registry)
    wallet = creator.signer()
    assert chain.fetch("ModelRegistry", registry.key)["creator"] == str(wallet) != registry.owner
    assert registry.owner == creator.dao(creator.market.job(printed["job"]).dao).dao().authority
    version = registry.version(1)
    with pytest.raises(GovernanceError, match="decai propose"):
        registry.publish_action(cid=version.cid, manifest_sha256=bytes.fromhex(version.manifest_sha256))
    forced = chain.instruction(
        "model_manager",
        "publish_version",
        {
            "content": {"scheme": 1, "len": 36, "bytes": bytes(38)}, "training_data": {"scheme": 0, "len": 0,
            "bytes": bytes(38)}, "manifest_sha256": bytes([1] * 32), "head_commitment": bytes(32), "accuracy_ppm": 0,
            "job": Pubkey.default(), "note": bytes(64), "make_current": True,
        },
        {"payer": wallet, "owner": wallet, "registry": registry.key, "version": chain.pda.version(registry.key, 3),
         "system_program": Pubkey.default()},
    )  # fmt: skip
    for action in (Action("Publish past the collective", (forced,), wallet), registry.set_current_action(1)):
        with pytest.raises(TransactionFailed) as refused:
            creator.act(action)
        assert refused.value.name == "NotOwner", refused.value
    assert registry.refresh().latest == 2 == registry.current_number
