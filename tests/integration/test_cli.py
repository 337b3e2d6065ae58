"""The command line as scripts use it: JSON on the last line, exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_world import World

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(world: World, tmp_path: Path) -> Run:
    """Run ``decai`` on the shared chain with a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "network.json").write_text(world.settings.network_file.read_text())

    def call(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "DECAI_HOME": str(home)}
        return subprocess.run(
            [sys.executable, "-m", "decai", *words], env=env, capture_output=True, text=True, timeout=120, input=stdin,
            cwd=tmp_path,
        )  # fmt: skip

    return call


def last(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_ask_save_verify(run: Run, tmp_path: Path) -> None:
    address = last(run("wallet", "new", "--json"))["address"]
    assert last(run("wallet", "fund", "3", "--json"))["lamports"] == 3_000_000_000
    assert last(run("wallet", "show", "--json"))["address"] == address
    asked = last(run("infer", "-", "--json", "--save", "r.json", stdin="What a wonderful day."))
    assert asked["label"] == "positive" and asked["receipt"]["worker"] == address
    assert asked["bytes_fetched"] == asked["bytes_total"]
    assert last(run("verify", "r.json", "--json")) == {
        "status": "exact",
        "detail": json.loads(run("verify", "r.json", "--json").stdout)["detail"],
    }
    receipt = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "bad.json").write_text(json.dumps({**receipt, "version": receipt["version"] + 1}))
    bad = run("verify", "bad.json", "--json")
    assert (bad.returncode, json.loads(bad.stdout)["status"]) == (1, "mismatch")
    assert last(run("tx", "status", asked["receipt"]["signature"], "--json"))["status"] == "confirmed"


def test_reading_needs_no_wallet(run: Run) -> None:
    (sentiment, *_) = [m for m in last(run("models", "--json")) if m["name"] == "sentiment"]
    shown = last(run("model", f"{sentiment['address']}@1", "--json"))
    assert (shown["number"], shown["status"]) == (1, "live")
    whole = last(run("model", sentiment["address"], "--json"))
    assert whole["versions"][0]["cid"] == shown["cid"]
    pulled = last(run("pull", sentiment["address"], "--to", "copy", "--json"))
    assert pulled["bytes_fetched"] == pulled["bytes_total"] and Path(pulled["path"]).name == "copy"
    human = run("model", sentiment["address"])
    assert human.returncode == 0 and shown["cid"][:12] in human.stdout


def test_refusals_end_in_1_with_what_to_do(run: Run, tmp_path: Path) -> None:
    for words, says in (
        (("infer", "hello"), "decai wallet new"),
        (("model", "sentiment@99"), "no version 99"),
        (("model", "nothing"), "decai models"),
        (("verify", "missing.json"), "can't be read"),
        (("wallet", "show"), "decai wallet new"),
        (("proposals", "--dao", "nobody"), "decai init"),
        (("publish", str(tmp_path)), "manifest.json"),
        (("models", "--url", "http://127.0.0.1:9"), "decai up"),
        (("models", "--url", "nonsense"), "DECAI_URL"),
    ):
        done = run(*words)
        assert done.returncode == 1, (words, done.stdout, done.stderr)
        assert "error: " in done.stderr and says in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr


def test_wrong_usage_ends_in_2(run: Run) -> None:
    for words in (
        ("nonsense",),
        ("infer",),
        ("propose",),
        ("vote", "1", "maybe"),
        ("stake", "-1"),
        ("up", "--rpc-port", "x"),
        ("infer", "hello", "--save", "nowhere/receipt.json"),
    ):
        assert run(*words).returncode == 2, words


def test_help_is_for_every_command(run: Run) -> None:
    for words in ((), ("up",), ("demo",), ("infer",), ("propose",), ("worker",), ("tx", "status"), ("sets", "add")):
        done = run(*words, "--help")
        assert done.returncode == 0 and "Usage" in done.stdout, words


def test_doctor_compares_the_programs_with_the_shipped(run: Run) -> None:
    found = last(run("doctor", "--json"))
    named = {f["what"]: f for f in found["findings"]}
    assert found["ok"]
    for program in ("model-manager", "dao", "compute-verifier"):
        assert named[f"Program {program}"]["found"].endswith("as shipped")
        assert "upgrade authority" in named[f"Program {program}"]["found"]
    without = run("doctor", "--url", "http://127.0.0.1:9", "--json")
    assert without.returncode == 1 and not json.loads(without.stdout)["ok"]


def test_a_transaction_travels_as_a_file(run: Run, world: World, tmp_path: Path) -> None:
    import time

    address = last(run("wallet", "new", "--json"))["address"]
    last(run("wallet", "fund", "3", "--json"))
    other = last(run("wallet", "new", "--out", str(tmp_path / "other.json"), "--json"))["address"]
    owner = world.person()
    made = owner.create_registry(f"travels-{time.time_ns()}")
    owner.act(made.offer_action(address))
    from decai.governance import Governance

    name = f"files-{time.time_ns()}"
    dao = Governance.found(owner, name, distribution={str(owner.signer()): 1})
    words = ("--dao", str(dao.address))
    built = last(run("tx", "build", address, "t.json", "fund", "1.5", *words, "--json"))
    assert built["title"].startswith("Give 1.5 SOL")
    assert run("tx", "build", address, "t.json", "fund", "1", *words).returncode == 1, "never replaced"
    assert run("tx", "send", "t.json").returncode == 1, "not signed yet"
    assert run("tx", "sign", "t.json", "--wallet", str(tmp_path / "other.json"), "--yes").returncode == 1, other
    signed = run("tx", "sign", "t.json", "--yes")
    assert signed.returncode == 0 and "It is complete" in signed.stderr
    sent = last(run("tx", "send", "t.json", "--json"))
    assert last(run("tx", "status", sent["signature"], "--json"))["status"] == "confirmed"
    assert dao.treasury_lamports() == 1_500_000_000
    assert run("tx", "build", address, "u.json", "fly", *words).returncode == 2
    assert run("tx", "build", address, "u.json", "stake", "none", *words).returncode == 2
