"""The chain side without a chain: layouts, addresses, wallets, faults."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from decai.chain import LocalWallet, fixed_text, parse_address
from decai.chain.faults import explain
from decai.chain.idl import PROGRAMS, load_idls, program_elf
from decai.chain.layouts import cid_of, content_id, dtype_of, plain
from decai.chain.pda import Addresses
from decai.chain.reader import decode_rows
from decai.errors import (
    AccountMismatch,
    InsufficientFunds,
    SettingsError,
    TransactionExpired,
    TransactionFailed,
    WalletError,
)

IDLS = load_idls()
CIDS = (
    "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
    "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
    "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_account_is_one_packed_dtype_with_its_idl_fields(name: str) -> None:
    idl = IDLS[name]
    assert program_elf(name)[:4] == b"\x7fELF"
    assert idl.account_dtypes
    for account, dtype in idl.account_dtypes.items():
        assert dtype.names is not None
        assert dtype.names[:3] == ("discriminator", "layout", "bump"), account
        fields = [f["name"] for f in idl.types[account]["fields"]]
        assert list(dtype.names[1:]) == fields
        inner = dtype.fields
        assert inner is not None
        assert sum(inner[n][0].itemsize for n in dtype.names) == dtype.itemsize, "packed"


def test_a_type_without_fixed_width_is_refused() -> None:
    with pytest.raises(AccountMismatch):
        dtype_of("string", {})


@pytest.mark.parametrize("cid", CIDS)
def test_cids_survive_the_chain(cid: str) -> None:
    args = content_id(cid)
    raw = bytes([args["scheme"], args["len"], *args["bytes"]])
    assert len(raw) == 40
    assert cid_of(raw) == cid


def test_no_content_is_empty() -> None:
    assert cid_of(bytes(40)) == ""
    assert content_id("") == {"scheme": 0, "len": 0, "bytes": [0] * 38}


def test_a_record_reads_as_plain_python() -> None:
    dtype = IDLS["model_manager"].account_dtypes["ModelRegistry"]
    row = np.zeros(1, dtype)
    key = Pubkey.from_bytes(bytes(range(32)))
    row["owner"] = np.void(bytes(key))
    row["name"] = np.void("modèle".encode().ljust(32, b"\0"))
    row["latest"] = 7
    read = plain(row[0])
    assert (read["owner"], read["name"], read["latest"], read["current_cid"]) == (str(key), "modèle", 7, "")
    assert "reserved" not in read and "discriminator" not in read


def test_rows_of_an_unknown_layout_are_left_out() -> None:
    dtype = IDLS["model_manager"].account_dtypes["ModelRegistry"]
    rows = np.zeros(3, dtype)
    rows["layout"] = [1, 9, 1]
    import base64

    found = [(str(n), base64.b64encode(r.tobytes()).decode()) for n, r in enumerate(rows)]
    addresses, kept = decode_rows(found, dtype)
    assert addresses == ["0", "2"] and len(kept) == 2


def test_addresses_depend_on_every_seed() -> None:
    pda = Addresses(IDLS)
    a, b = Keypair().pubkey(), Keypair().pubkey()
    assert pda.registry(a, "x") != pda.registry(b, "x") != pda.registry(b, "y")
    assert pda.version(a, 1) != pda.version(a, 2)
    assert len({pda.of_dao(k, a) for k in ("authority", "vault", "treasury", "deposits", "mint")}) == 5


def test_text_that_does_not_fit_is_refused_by_its_bytes() -> None:
    assert fixed_text("abc", 4, "name") == b"abc\0"
    with pytest.raises(SettingsError, match="6 bytes"):
        fixed_text("äöü", 5, "name")
    with pytest.raises(SettingsError, match="NUL"):
        fixed_text("a\0b", 5, "name")
    with pytest.raises(SettingsError, match="Unicode"):
        fixed_text("\udcff", 5, "name")


def test_not_an_address() -> None:
    with pytest.raises(SettingsError, match="base58"):
        parse_address("not-an-address")


def test_a_wallet_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "wallet.json"
    made = LocalWallet.create(path)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert LocalWallet.load(path).pubkey == made.pubkey
    assert LocalWallet.load_or_create(path).pubkey == made.pubkey
    with pytest.raises(WalletError, match="never overwritten"):
        LocalWallet.create(path)
    assert LocalWallet.load(path).pubkey == made.pubkey
    assert [p.name for p in path.parent.iterdir()] == ["wallet.json"]


@pytest.mark.parametrize("text", ["", "[1, 2, 3]", "{}", json.dumps([300] * 64), json.dumps([0] * 64)])
def test_a_file_that_is_no_keypair_says_what_one_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.json"
    path.write_text(text)
    with pytest.raises(WalletError, match="64 numbers"):
        LocalWallet.load(path)


def test_a_missing_keypair_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="decai wallet new"):
        LocalWallet.load(tmp_path / "none.json")


MM = str(IDLS["model_manager"].address)


def test_our_programs_errors_are_named_from_the_idl() -> None:
    code, (name, text) = next(iter(IDLS["model_manager"].errors.items()))
    logs = [f"Program {MM} invoke [1]", f"Program {MM} failed: custom program error: {code:#x}"]
    fault = explain({"InstructionError": [0, {"Custom": code}]}, logs, IDLS)
    assert isinstance(fault, TransactionFailed)
    assert (fault.code, fault.name) == (code, name) and text in fault.message


def test_anchors_errors_name_the_account() -> None:
    logs = [
        f"Program {MM} invoke [1]",
        "Program log: AnchorError caused by account: registry. Error Code: ConstraintSeeds. Error Number: 2006. "
        "Error Message: A seeds constraint was violated.",
        f"Program {MM} failed: custom program error: 0x7d6",
    ]
    fault = explain({"InstructionError": [0, {"Custom": 2006}]}, logs, IDLS)
    assert isinstance(fault, TransactionFailed)
    assert fault.name == "ConstraintSeeds" and "registry" in fault.message


def test_poverty_and_expiry_are_errors_of_their_own() -> None:
    system = str(Pubkey.default())
    poor = [f"Program {system} invoke [1]", f"Program {system} failed: custom program error: 0x1"]
    assert isinstance(explain({"InstructionError": [0, {"Custom": 1}]}, poor, IDLS), InsufficientFunds)
    assert isinstance(explain("InsufficientFundsForFee", [], IDLS), InsufficientFunds)
    assert isinstance(explain("BlockhashNotFound", [], IDLS), TransactionExpired)


def test_a_code_of_another_program_is_not_taken_for_ours() -> None:
    other = str(Keypair().pubkey())
    logs = [f"Program {other} invoke [1]", f"Program {other} failed: custom program error: 0x1770"]
    fault = explain({"InstructionError": [0, {"Custom": 6000}]}, logs, IDLS)
    assert isinstance(fault, TransactionFailed)
    assert fault.name is None and other in fault.message
