"""The program tests' own tools: what they refuse, and how they name failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import RECORD_COMPUTE_UNITS, ComputeUnits, Ledger, Result, content_id
from solders.instruction import Instruction
from solders.pubkey import Pubkey


def used(compute_units: int) -> Result:
    return Result(error=None, compute_units=compute_units, logs=[], events=[], return_data=b"")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "compute_units.json"
    monkeypatch.setenv(RECORD_COMPUTE_UNITS, "1")
    ComputeUnits(path).check("dao.vote", used(1000))
    ComputeUnits(path).check("dao.vote", used(3000), "first")
    monkeypatch.delenv(RECORD_COMPUTE_UNITS)
    return path


def test_compute_units_are_recorded_by_program_and_case(table: Path) -> None:
    assert json.loads(table.read_text()) == {"dao": {"vote": 1000, "vote (first)": 3000}}


def test_a_rise_of_five_percent_passes_and_more_fails(table: Path) -> None:
    ComputeUnits(table).check("dao.vote", used(1050))
    ComputeUnits(table).check("dao.vote", used(10))
    with pytest.raises(AssertionError, match="1051 CU, 1000 on file"):
        ComputeUnits(table).check("dao.vote", used(1051))


def test_an_instruction_without_a_record_fails(table: Path) -> None:
    with pytest.raises(AssertionError, match="none on file"):
        ComputeUnits(table).check("dao.stake", used(1))


def test_keys_come_from_their_labels() -> None:
    first, second = Ledger(), Ledger()
    assert first.keypair("ada").pubkey() == second.keypair("ada").pubkey() != first.keypair("eve").pubkey()


def test_a_failure_is_an_assertion_with_the_logs() -> None:
    ledger = Ledger("model_manager")
    ada = ledger.keypair("ada")
    nonsense = Instruction(ledger.idls["model_manager"].address, bytes(8), [])
    with pytest.raises(AssertionError, match=r"InstructionFallbackNotFound\n.*invoke"):
        ledger.send(nonsense, signers=[ada])
    with pytest.raises(AssertionError, match="expected NotOwner, got InstructionFallbackNotFound"):
        ledger.expect_error("NotOwner", nonsense, signers=[ada])


def test_a_program_that_is_not_there_is_named_as_the_runtime_does() -> None:
    ledger = Ledger()
    call = Instruction(Pubkey.new_unique(), b"", [])
    assert ledger.try_send(call, signers=[ledger.keypair("ada")]).error in {
        "ProgramAccountNotFound",
        "InvalidProgramForExecution",
    }


def test_a_transaction_too_large_for_a_cluster_is_refused() -> None:
    ledger = Ledger()
    call = Instruction(Pubkey.new_unique(), bytes(1300), [])
    with pytest.raises(AssertionError, match="a cluster takes 1232"):
        ledger.try_send(call, signers=[ledger.keypair("ada")])


def test_wrong_names_are_caught_before_anything_is_sent() -> None:
    ledger = Ledger("model_manager")
    ada = ledger.keypair("ada")
    with pytest.raises(TypeError, match="no account called"):
        ledger.ix("model_manager.create_registry", {"maker": ada}, name="x")
    with pytest.raises(TypeError, match="needs the account registry"):
        ledger.ix("model_manager.create_registry", {"creator": ada}, name="x")
    with pytest.raises(TypeError, match="takes \\['name'\\]"):
        ledger.ix("model_manager.create_registry", {"creator": ada, "registry": ada}, title="x")


def test_structs_survive_encoding_and_decoding() -> None:
    idl = Ledger("model_manager").idls["model_manager"]
    raw = idl.encode("ContentId", content_id("bytes"))
    assert idl.decode("ContentId", raw) == (content_id("bytes"), 40)
    with pytest.raises(TypeError, match="len"):
        idl.encode("ContentId", {"scheme": 1, "bytes": bytes(38)})
    with pytest.raises(ValueError, match="left"):
        idl.decode("ContentId", raw[:-1])


def test_the_clock_moves_in_seconds_and_in_slots_apart() -> None:
    ledger = Ledger()
    now, slot = ledger.now, ledger.slot
    ledger.warp(seconds=90)
    assert (ledger.now - now, ledger.slot - slot) == (90, 0)
    ledger.warp(slots=7)
    assert (ledger.now - now, ledger.slot - slot) == (90, 7)
