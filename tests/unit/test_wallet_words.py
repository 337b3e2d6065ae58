"""Instructions in words: read from the bytes, and said to be unknown where they aren't understood."""

from __future__ import annotations

import base58
import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, TransferParams, create_account, transfer

from decai.chain.arguments import show, sol, units
from decai.chain.idl import ProgramIdl
from decai.chain.layouts import content_id
from decai.chain.words import ASSOCIATED, COMPUTE_BUDGET, MEMO, TOKEN, describe

ME, TO = Keypair.from_seed(bytes([1] * 32)).pubkey(), Pubkey(bytes([9] * 32))
PROGRAM = Pubkey(bytes([7] * 32))
CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"

IDL = ProgramIdl(
    "model_manager",
    {
        "address": str(PROGRAM),
        "metadata": {"name": "model_manager", "version": "0.1.0", "spec": "0.1.0"},
        "instructions": [
            {
                "name": "publish_version",
                "docs": ["Adds a version.", "Only the owner can."],
                "discriminator": [1, 2, 3, 4, 5, 6, 7, 8],
                "accounts": [
                    {"name": "owner", "writable": True, "signer": True},
                    {
                        "name": "pair",
                        "accounts": [{"name": "registry", "writable": True}, {"name": "version"}],
                    },
                ],
                "args": [
                    {"name": "name", "type": {"array": ["u8", 32]}},
                    {"name": "content", "type": {"defined": {"name": "ContentId"}}},
                    {"name": "accuracy_ppm", "type": "u32"},
                    {"name": "make_current", "type": "bool"},
                    {"name": "budget", "type": "u64"},
                    {"name": "gain_ppm", "type": "i32"},
                    {"name": "energy_joules", "type": "u64"},
                    {"name": "to", "type": "pubkey"},
                    {"name": "leaf", "type": {"array": ["u8", 32]}},
                    {"name": "amounts", "type": {"vec": "u16"}},
                    {"name": "limit", "type": {"option": "u8"}},
                ],
            }
        ],
        "types": [
            {
                "name": "ContentId",
                "type": {
                    "kind": "struct",
                    "fields": [
                        {"name": "scheme", "type": "u8"},
                        {"name": "len", "type": "u8"},
                        {"name": "bytes", "type": {"array": ["u8", 38]}},
                    ],
                },
            }
        ],
    },
)
IDLS = {"model_manager": IDL}


def publish(tail: bytes = b"") -> Instruction:
    found = content_id(CID)
    data = b"".join(
        [
            bytes([1, 2, 3, 4, 5, 6, 7, 8]),
            "Gefühl".encode().ljust(32, b"\0"),
            bytes([found["scheme"], found["len"], *found["bytes"]]),
            (861_500).to_bytes(4, "little"),
            b"\1",
            (1_500_000_000).to_bytes(8, "little"),
            (-2_500).to_bytes(4, "little", signed=True),
            (7_200_000).to_bytes(8, "little"),
            bytes(TO),
            bytes(range(32)),
            (2).to_bytes(4, "little") + (7).to_bytes(2, "little") + (9).to_bytes(2, "little"),
            b"\0",
            tail,
        ]
    )
    metas = [AccountMeta(ME, True, True), AccountMeta(TO, False, True), AccountMeta(PROGRAM, False, False)]
    return Instruction(PROGRAM, data, metas)


def test_our_instructions_are_told_by_their_idl() -> None:
    found = describe(publish(), IDLS)
    assert (found.program, found.does, found.known) == ("Model manager", "Publish version", True)
    assert found.why == "Adds a version. Only the owner can."
    assert dict(found.values) == {
        "Name": "“Gefühl”",
        "Content": CID,
        "Accuracy": "86.15 %",
        "Make current": "yes",
        "Budget": "1.5 SOL",
        "Gain": "-0.25 %",
        "Energy": "2 kWh",
        "To": str(TO),
        "Leaf": bytes(range(32)).hex(),
        "Amounts": "7, 9",
        "Limit": "none",
    }
    assert [(a.name, a.writable, a.signer) for a in found.accounts] == [
        ("Owner", True, True),
        ("Registry", True, False),
        ("Version", False, False),
    ]


def test_bytes_that_dont_fit_the_idl_are_said_to_be_unknown() -> None:
    whole = publish()
    for cut in range(8, len(bytes(whole.data))):
        short = Instruction(PROGRAM, bytes(whole.data)[:cut], list(whole.accounts))
        assert not describe(short, IDLS).known
    assert not describe(publish(b"\0"), IDLS).known
    unknown = describe(Instruction(PROGRAM, b"12345678", []), IDLS)
    assert not unknown.known and "isn't in the program's IDL" in unknown.does


@pytest.mark.parametrize(
    ("instruction", "does"),
    [
        (
            transfer(TransferParams(from_pubkey=ME, to_pubkey=TO, lamports=1_234_567_891)),
            "Transfer 1.234567891 SOL",
        ),
        (
            create_account(CreateAccountParams(from_pubkey=ME, to_pubkey=TO, lamports=5, space=165, owner=PROGRAM)),
            "Create account",
        ),
        (
            Instruction(Pubkey.from_string(TOKEN), b"\x0c" + (1500).to_bytes(8, "little") + b"\2", []),
            "Transfer tokens",
        ),
        (Instruction(Pubkey.from_string(TOKEN), b"\4" + bytes(8), []), "Approve a delegate to spend tokens"),
        (Instruction(Pubkey.from_string(ASSOCIATED), b"\1", []), "Create token account if there is none"),
        (Instruction(Pubkey.from_string(COMPUTE_BUDGET), b"\2\x10\x27\0\0", []), "Limit compute units"),
        (Instruction(Pubkey.from_string(MEMO), "größer".encode(), []), "Note on the ledger"),
    ],
)
def test_the_clusters_own_programs(instruction: Instruction, does: str) -> None:
    found = describe(instruction, IDLS)
    assert found.known and found.does == does


def test_token_amounts_are_in_the_mints_unit() -> None:
    found = describe(Instruction(Pubkey.from_string(TOKEN), b"\x0c" + (1500).to_bytes(8, "little") + b"\2", []), {})
    assert dict(found.values) == {"Amount": "15"}


@pytest.mark.parametrize("program", [TOKEN, ASSOCIATED, COMPUTE_BUDGET, "11111111111111111111111111111111"])
@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xff\xff\xff", b"\0"])
def test_junk_never_raises(program: str, data: bytes) -> None:
    assert describe(Instruction(Pubkey.from_string(program), data, []), IDLS).does


def test_a_strange_program_is_named_by_its_address() -> None:
    found = describe(Instruction(TO, b"x", [AccountMeta(ME, True, True)]), IDLS)
    assert not found.known and found.program == str(TO)
    assert found.accounts[0].name == "Account 1"
    assert base58.b58decode(found.program) == bytes(TO)


@pytest.mark.parametrize(
    ("lamports", "shown"),
    [(0, "0 SOL"), (1, "0.000000001 SOL"), (-5000, "-0.000005 SOL"), (1_500 * 10**9, "1\u202f500 SOL")],
)
def test_sol(lamports: int, shown: str) -> None:
    assert sol(lamports) == shown


def test_units_without_decimals() -> None:
    assert units(1234567, 0) == "1\u202f234\u202f567"


@pytest.mark.parametrize(
    ("instruction", "name", "value", "rows"),
    [
        ("cast_vote", "choice", 2, [("Choice", "against")]),
        ("cast_vote", "choice", 9, [("Choice", "9 (not known here)")]),
        ("stake", "amount", 1_500_000_000, [("Amount", "1.5 SOL")]),
        ("deposit", "amount", 1_500_000, [("Amount", "1.5 tokens")]),
        ("another", "amount", 1_500_000, [("Amount", "1\u202f500\u202f000")]),
        ("create_dao", "stake_age", 172_800, [("Stake age", "2 d")]),
        ("create_dao", "voting_period", 6, [("Voting period", "6 s")]),
        ("create_dao", "min_stake", 100_000_000, [("Min stake", "0.1 SOL")]),
        ("create_dao", "reward_pool", 5_000_000, [("Reward pool", "5 tokens")]),
        ("create_dao", "guardian_expires_at", 0, [("Guardian expires at", "never")]),
        ("create_dao", "guardian_expires_at", 1_767_225_600, [("Guardian expires at", "2026-01-01 00:00 UTC")]),
        ("create_dao", "guardian_expires_at", 2**62, [("Guardian expires at", f"{units(2**62, 0)} s after 1970")]),
        ("x", "policy", {"hold_up": 60, "quorum_ppm": 200_000}, [("Hold up", "1 min"), ("Quorum", "20 %")]),
    ],
)
def test_units(instruction: str, name: str, value: object, rows: list[tuple[str, str]]) -> None:
    assert show(instruction, name, value) == rows


def test_the_codes_are_those_of_the_programs() -> None:
    from pathlib import Path
    from re import findall

    from decai.chain.arguments import _CODES

    source = Path(__file__).parents[2] / "programs"
    dao = (source / "dao" / "src" / "constants.rs").read_text("utf-8")
    verifier = (source / "compute-verifier" / "src" / "constants.rs").read_text("utf-8")
    for prefix, text, key in (
        ("VOTE", dao, "choice"),
        ("KIND", dao, ("create_proposal", "kind")),
        ("MARKET", verifier, "market"),
        ("SET", verifier, ("register_set", "kind")),
        ("ENERGY", verifier, "energy_grade"),
    ):
        found = {int(n): w.lower() for w, n in findall(rf"const {prefix}_(\w+): u8 = (\d+);", text)}
        known = _CODES[key]
        assert found.keys() == known.keys(), prefix
        for number, word in found.items():
            first = word.split("_")[0][:4]
            assert first in known[number].lower(), (prefix, number, word, known[number])
