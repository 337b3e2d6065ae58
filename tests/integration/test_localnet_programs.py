"""Programs on the node: installed by it, deployed and upgraded by transactions, kept over restarts."""

import base64
import struct

import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account
from solders.transaction import VersionedTransaction

from decai.errors import NodeError
from decai.localnet import Node, RpcError
from decai.localnet.programs import LOADER_V3, programdata_address, read_programdata

SOL = 10**9
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
ATA = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
RENT = Pubkey.from_string("SysvarRent111111111111111111111111111111111")
CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
SYSTEM = Pubkey.default()


@pytest.fixture(scope="module")
def codes():
    """Two programs that behave differently: one logs its input, one refuses it."""
    with Node() as node:
        return node.runtime.account(MEMO).data, node.runtime.account(ATA).data


def send(node, instructions, *signers):
    blockhash = Hash.from_string(node.call("getLatestBlockhash")["value"]["blockhash"])
    message = Message.new_with_blockhash(instructions, signers[0].pubkey(), blockhash)
    sent = VersionedTransaction(message, list(signers))
    return node.call("sendTransaction", [base64.b64encode(bytes(sent)).decode(), {"encoding": "base64"}])


def is_memo(node, program, wallet, text):
    """Whether the program at this address behaves like the memo program."""
    try:
        signature = send(node, [Instruction(program, text, [])], wallet)
    except RpcError as error:
        assert error.data["err"] == {"InstructionError": [0, "InvalidInstructionData"]}
        return False
    logs = node.call("getTransaction", [signature])["meta"]["logMessages"]
    return any("Memo" in line and text.decode() in line for line in logs)


@pytest.fixture
def wallet():
    return Keypair()


def test_install_upgrade_and_restart(tmp_path, codes, wallet):
    path, program, authority = tmp_path / "ledger.sqlite", Keypair().pubkey(), Keypair().pubkey()
    memo, ata = codes
    with Node(path) as node:
        node.airdrop(wallet.pubkey(), SOL)
        first = node.deploy(program, memo, upgrade_authority=authority, name="ours")
        assert (first.status, first.programdata) == ("installed", programdata_address(program))
        assert node.deploy(program, memo, name="ours") == node.deploy(program, memo, upgrade_authority=authority)
        assert node.deploy(program, memo).status == "unchanged"
        assert is_memo(node, program, wallet, b"one")
        shown = node.call("getAccountInfo", [str(program), {"encoding": "jsonParsed"}])["value"]
        assert shown["executable"] is True
        assert shown["data"]["parsed"]["info"]["programData"] == str(first.programdata)
    with Node(path) as node:
        assert node.deploy(program, memo).status == "unchanged"
        assert is_memo(node, program, wallet, b"two")
        second = node.deploy(program, ata, name="ours")
        assert second.status == "upgraded"
        assert not is_memo(node, program, wallet, b"three")
        _, keeper, code = read_programdata(node.runtime.account(first.programdata).data)
        assert keeper == authority, "an upgrade leaves the authority"
        assert code == ata
        steps = node.steps()
        assert [step.name for step in steps] == ["install_programs", "upgrade_programs"]
        assert steps[1].detail["replaced_sha256"] == first.sha256
        assert steps[1].detail["name"] == "ours"
    with Node(path) as node:
        assert not is_memo(node, program, wallet, b"four")


def test_code_that_is_none_changes_nothing(codes, wallet):
    program = Keypair().pubkey()
    with Node() as node:
        node.airdrop(wallet.pubkey(), SOL)
        for present in (False, True):
            if present:
                node.deploy(program, codes[0])
            before = node.runtime.account(programdata_address(program))
            for elf in (b"", b"garbage" * 100, b"\x7fELF" + bytes(500), codes[1][:5000]):
                with pytest.raises(NodeError, match="isn't a program"):
                    node.deploy(program, elf)
            assert node.runtime.account(programdata_address(program)) == before
            assert len(node.steps()) == present
        assert is_memo(node, program, wallet, b"still")
        with pytest.raises(NodeError, match="another account"):
            node.deploy(wallet.pubkey(), codes[0])


def deploy(node, wallet, program, elf):
    """What ``solana program deploy`` does: a buffer, its writes, and the loader's deployment."""
    buffer, size = write_buffer(node, wallet, elf)
    programdata = programdata_address(program.pubkey())
    create = create_account(
        CreateAccountParams(
            from_pubkey=wallet.pubkey(),
            to_pubkey=program.pubkey(),
            lamports=node.runtime.rent(36),
            space=36,
            owner=LOADER_V3,
        )
    )
    keys = [
        AccountMeta(wallet.pubkey(), True, True),
        AccountMeta(programdata, False, True),
        AccountMeta(program.pubkey(), False, True),
        AccountMeta(buffer, False, True),
        AccountMeta(RENT, False, False),
        AccountMeta(CLOCK, False, False),
        AccountMeta(SYSTEM, False, False),
        AccountMeta(wallet.pubkey(), True, False),
    ]
    send(node, [create, Instruction(LOADER_V3, struct.pack("<IQ", 2, size), keys)], wallet, program)
    return programdata


def write_buffer(node, wallet, elf):
    buffer, size, me = Keypair(), len(elf) + 40_000, wallet.pubkey()
    create = create_account(
        CreateAccountParams(
            from_pubkey=me,
            to_pubkey=buffer.pubkey(),
            lamports=node.runtime.rent(37 + len(elf)),
            space=37 + len(elf),
            owner=LOADER_V3,
        )
    )
    owner = AccountMeta(me, False, False)
    start = Instruction(LOADER_V3, struct.pack("<I", 0), [AccountMeta(buffer.pubkey(), False, True), owner])
    send(node, [create, start], wallet, buffer)
    keys = [AccountMeta(buffer.pubkey(), False, True), AccountMeta(me, True, False)]
    for at in range(0, len(elf), 1000):
        part = elf[at : at + 1000]
        send(node, [Instruction(LOADER_V3, struct.pack("<IIQ", 1, at, len(part)) + part, keys)], wallet)
    return buffer.pubkey(), size


def test_deployed_and_upgraded_by_transactions(tmp_path, codes, wallet):
    path, program = tmp_path / "ledger.sqlite", Keypair()
    memo, ata = codes
    with Node(path, dev_clock=True) as node:
        node.airdrop(wallet.pubkey(), 100 * SOL)
        programdata = deploy(node, wallet, program, memo)
        node.call("decai_warp", [1])
        assert is_memo(node, program.pubkey(), wallet, b"deployed")
        assert node.runtime.account(programdata).owner == LOADER_V3
        buffer, _ = write_buffer(node, wallet, ata)
        keys = [
            AccountMeta(programdata, False, True),
            AccountMeta(program.pubkey(), False, True),
            AccountMeta(buffer, False, True),
            AccountMeta(wallet.pubkey(), False, True),
            AccountMeta(RENT, False, False),
            AccountMeta(CLOCK, False, False),
            AccountMeta(wallet.pubkey(), True, False),
        ]
        send(node, [Instruction(LOADER_V3, struct.pack("<I", 3), keys)], wallet)
        node.call("decai_warp", [1])
        assert not is_memo(node, program.pubkey(), wallet, b"upgraded")
        assert node.runtime.account(buffer) is None
        accounts = len(node.runtime.accounts)
    with Node(path, dev_clock=True) as node:
        node.call("decai_warp", [1])
        assert len(node.runtime.accounts) == accounts
        assert not is_memo(node, program.pubkey(), wallet, b"upgraded, restarted")
        # the node knows what was deployed by others, padding and all, as the same code
        assert node.deploy(program.pubkey(), ata).status == "unchanged"
