"""The members' commands as scripts use them: one line of JSON, exit codes 0, 1 and 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from warped_world import POLICY, SOL, TOKEN, Founded, WarpedWorld

from decai.chain import LocalWallet
from decai.cli.app import app
from decai.errors import GovernanceError

Run = Callable[..., Any]


@pytest.fixture
def founded(warped: WarpedWorld) -> Founded:
    return warped.found()


@pytest.fixture
def run(warped: WarpedWorld, founded: Founded, tmp_path: Path) -> Run:
    """Run a command for a wallet in a file; gives the JSON of the last line."""
    wallet = LocalWallet.load_or_create(tmp_path / "wallet.json")
    chain = founded.people[0].chain
    chain.airdrop(wallet.pubkey, 10 * SOL)
    founded.dao.withdraw(400 * TOKEN)
    founded.dao.give(wallet.pubkey, 400 * TOKEN)
    where = ["--url", warped.url, "--home", str(warped.settings.home)]
    signing = ["--wallet", str(tmp_path / "wallet.json")]

    def call(*words: str, signs: bool = True, dao: bool = True) -> Any:
        whole = [*words, *where, "--json", *(signing if signs else []), *(["--dao", str(founded.dao.address)] * dao)]
        done = CliRunner().invoke(app, whole, catch_exceptions=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.output.strip().splitlines()[-1])

    return call


def test_from_a_stake_to_a_refunded_job(run: Run, founded: Founded, warped: WarpedWorld) -> None:
    assert set(run("stake", "1")) == {"signature", "slot"}
    run("deposit", "400")
    warped.warp(POLICY.stake_age + 1)
    name = warped.sets[0].name
    words = ["propose", "--train", "sentiment", "--budget", "0.05", "--set", name, "--description", "Better"]
    made = run(*words, "--registry", founded.registry.address)
    assert (made["kind"], made["phase"], made["training_budget"]) == ("train", "voting", 50_000_000)
    number = str(made["id"])
    run("vote", number, "for")
    run("relinquish", number)
    run("vote", number, "for")
    (seen,) = run("proposals", signs=False)
    assert (seen["votes_for"], seen["votes_against"], seen["quorate"]) == (400 * TOKEN, 0, True)
    with pytest.raises(GovernanceError, match="voting lasts until"):
        run("execute", number)
    warped.warp(POLICY.voting_period)
    with pytest.raises(GovernanceError, match="hold-up lasts until"):
        run("execute", number)
    warped.warp(POLICY.hold_up)
    done = run("execute", number)
    assert done["executed"] is True and done["phase"] == "executed"
    (job,) = run("jobs", signs=False)
    assert (job["address"], job["state"], job["next"], job["record"]) == (done["job"], "bidding", "bid", None)
    warped.warp(POLICY.bid_period + 1)
    warped.warp(POLICY.bid_period + 1)
    (job,) = run("jobs", signs=False)
    assert job["next"] == "refund"
    run("refund", done["job"], dao=False)
    assert run("jobs", signs=False)[0]["state"] == "refunded"
    run("withdraw", "400")
    run("unstake", "1")


def test_a_lapsed_proposal_is_closed(run: Run, founded: Founded, warped: WarpedWorld) -> None:
    run("stake", "1")
    run("deposit", "400")
    warped.warp(POLICY.stake_age + 1)
    number = str(run("propose", "--use", "2", "--registry", founded.registry.address)["id"])
    run("vote", number, "for")
    warped.warp(POLICY.voting_period)
    with pytest.raises(GovernanceError, match="hold-up"):
        run("execute", number)
    warped.warp(POLICY.hold_up + POLICY.execution_window)
    with pytest.raises(GovernanceError, match=f"decai expire {number}"):
        run("execute", number)
    assert run("expire", number)["state"] == "expired"
