"""solana-py, spl.token and anchorpy against the embedded node, as against any cluster."""

import asyncio
import json
import time

import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.api import Client
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized
from solana.rpc.core import RPCException
from solana.rpc.types import MemcmpOpts, TokenAccountOpts, TxOpts
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction, VersionedTransaction
from spl.token.async_client import AsyncToken
from spl.token.client import Token
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from decai.localnet import Node, NodeServer

SOL = 10**9
QUICK = 0.01  # seconds between a client's polls


@pytest.fixture(scope="module")
def server():
    with Node() as node:
        server = NodeServer(node).start()
        yield server
        server.stop()


@pytest.fixture
def client(server):
    client = Client(server.rpc_url)
    yield client
    client._provider.session.close()


@pytest.fixture
def wallet(server):
    keypair = Keypair()
    server.node.airdrop(keypair.pubkey(), 100 * SOL)
    return keypair


def pay(wallet, to, lamports):
    return transfer(TransferParams(from_pubkey=wallet.pubkey(), to_pubkey=to, lamports=lamports))


def test_solana_py_sends_confirms_and_reads(client):
    wallet, to = Keypair(), Keypair().pubkey()
    airdrop = client.request_airdrop(wallet.pubkey(), 10 * SOL).value
    assert client.confirm_transaction(airdrop, Confirmed, sleep_seconds=QUICK).value[0].err is None
    latest = client.get_latest_blockhash().value
    sent = Transaction([wallet], Message([pay(wallet, to, SOL)], wallet.pubkey()), latest.blockhash)
    assert client.simulate_transaction(sent).value.err is None
    signature = client.send_transaction(sent).value
    confirmed = client.confirm_transaction(
        signature, Finalized, sleep_seconds=QUICK, last_valid_block_height=latest.last_valid_block_height
    )
    assert confirmed.value[0].err is None
    assert client.get_balance(to).value == SOL
    assert client.get_fee_for_message(sent.message).value == 5000
    for encoding in ("json", "jsonParsed", "base64"):
        found = client.get_transaction(signature, encoding, max_supported_transaction_version=0).value
        assert found.transaction.meta.fee == 5000
    assert [each.signature for each in client.get_signatures_for_address(to).value] == [signature]
    assert client.get_block(found.slot, max_supported_transaction_version=0).value.block_height == found.slot
    assert client.get_account_info(to).value.lamports == SOL
    assert client.get_multiple_accounts([to, Keypair().pubkey()]).value[1] is None
    assert client.is_connected()
    assert client.get_version().value.solana_core
    assert client.get_epoch_info().value.absolute_slot >= found.slot
    assert client.get_supply().value.total > 10 * SOL
    assert client.get_block_time(found.slot).value == pytest.approx(time.time(), abs=60)
    assert client.get_epoch_schedule().value.slots_per_epoch == 432_000
    assert len(client.get_cluster_nodes().value) == 1
    assert client.get_identity().value.identity
    assert client.get_minimum_balance_for_rent_exemption(165).value == 2_039_280
    assert client.get_transaction_count().value >= 2
    assert client.get_blocks(found.slot, found.slot).value == [found.slot]


def test_solana_py_understands_the_refusals(client, wallet):
    latest = client.get_latest_blockhash().value.blockhash
    too_much = Message([pay(wallet, Keypair().pubkey(), 1000 * SOL)], wallet.pubkey())
    with pytest.raises(RPCException) as caught:
        client.send_transaction(Transaction([wallet], too_much, latest))
    assert "InstructionErrorCustom(1)" in str(caught.value.args[0].data.err)
    sent = Transaction([wallet], Message([pay(wallet, Keypair().pubkey(), SOL)], wallet.pubkey()), latest)
    client.send_transaction(sent)
    with pytest.raises(RPCException) as caught:
        client.send_transaction(sent)
    assert "AlreadyProcessed" in str(caught.value.args[0].data.err)
    forged = bytearray(bytes(sent))
    forged[3] ^= 1
    with pytest.raises(RPCException):
        client.send_raw_transaction(bytes(forged))
    with pytest.raises((RPCException, SolanaRpcException)):
        client.request_airdrop(wallet.pubkey(), 10_001 * SOL)


@pytest.mark.parametrize("program", [TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID], ids=["spl-token", "token-2022"])
def test_tokens(client, wallet, program):
    friend = Keypair().pubkey()
    token = Token.create_mint(client, wallet, wallet.pubkey(), 6, program)
    mine = token.create_associated_token_account(wallet.pubkey())
    token.mint_to(mine, wallet, 1_000_000)
    theirs = token.create_associated_token_account(friend)
    token.transfer(mine, theirs, wallet, 250_000)
    assert token.get_balance(mine).value.amount == "750000"
    assert token.get_balance(theirs).value.ui_amount_string == "0.25"
    assert token.get_mint_info().supply == 1_000_000
    assert token.get_account_info(theirs).amount == 250_000
    assert client.get_token_supply(token.pubkey).value.amount == "1000000"
    assert len(client.get_token_accounts_by_owner(friend, TokenAccountOpts(mint=token.pubkey)).value) == 1
    parsed = client.get_token_accounts_by_owner_json_parsed(friend, TokenAccountOpts(program_id=program)).value
    assert parsed[0].account.data.parsed["info"]["tokenAmount"]["amount"] == "250000"
    by_owner = [MemcmpOpts(offset=32, bytes=str(friend))]
    assert [each.pubkey for each in client.get_program_accounts(program, filters=by_owner).value] == [theirs]
    token.approve(mine, friend, wallet.pubkey(), 5)
    by_delegate = client.get_token_accounts_by_delegate(friend, TokenAccountOpts(mint=token.pubkey)).value
    assert [each.pubkey for each in by_delegate] == [mine]
    token.burn(mine, wallet, 750_000)
    token.close_account(mine, wallet.pubkey(), wallet.pubkey())
    assert client.get_account_info(mine).value is None
    assert client.get_token_largest_accounts(token.pubkey).value[0].amount.amount == "250000"


@pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning")
def test_asynchronous_clients_and_subscriptions(server, wallet):
    to = Keypair().pubkey()

    async def main():
        from solana.rpc.websocket_api import RpcTransactionLogsFilterMentions, connect

        async with AsyncClient(server.rpc_url) as client, connect(server.ws_url) as ws:
            await ws.account_subscribe(to)
            await ws.recv()
            await ws.logs_subscribe(RpcTransactionLogsFilterMentions(wallet.pubkey()))
            await ws.recv()
            latest = (await client.get_latest_blockhash()).value
            message = MessageV0.try_compile(wallet.pubkey(), [pay(wallet, to, SOL)], [], latest.blockhash)
            sent = VersionedTransaction(message, [wallet])
            await ws.signature_subscribe(sent.signatures[0])
            await ws.recv()
            signature = (await client.send_transaction(sent)).value
            heard = {type((await asyncio.wait_for(ws.recv(), 5))[0]).__name__ for _ in range(3)}
            assert heard == {"AccountNotification", "LogsNotification", "SignatureNotification"}
            confirmed = await client.confirm_transaction(signature, Confirmed, sleep_seconds=QUICK)
            assert confirmed.value[0].err is None
            token = await AsyncToken.create_mint(client, wallet, wallet.pubkey(), 0, TOKEN_PROGRAM_ID)
            account = await token.create_associated_token_account(wallet.pubkey())
            await token.mint_to(account, wallet, 5)
            assert (await token.get_balance(account)).value.amount == "5"

    asyncio.run(main())


def test_an_address_lookup_table(server, client, wallet):
    import struct

    from solders.address_lookup_table_account import AddressLookupTableAccount
    from solders.instruction import AccountMeta, Instruction
    from solders.pubkey import Pubkey

    program = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
    system, me, to = Pubkey.default(), wallet.pubkey(), Keypair().pubkey()
    node = server.node
    node.tick()
    slot = node.slot - 1
    if slot < 1:
        node.runtime.warp(1)
        slot = node.slot - 1
    table, bump = Pubkey.find_program_address([bytes(me), slot.to_bytes(8, "little")], program)
    owner = [AccountMeta(table, False, True), AccountMeta(me, True, False), AccountMeta(me, True, True)]
    keys = [*owner, AccountMeta(system, False, False)]
    create = Instruction(program, struct.pack("<IQB", 0, slot, bump), keys)
    extend = Instruction(program, struct.pack("<IQ", 2, 1) + bytes(to), keys)
    latest = client.get_latest_blockhash().value.blockhash
    client.send_transaction(Transaction([wallet], Message([create, extend], me), latest))
    began = client.get_slot().value
    deadline = time.monotonic() + 10
    while client.get_slot().value == began:  # entries can be used from the next slot on
        assert time.monotonic() < deadline
    lookup = AddressLookupTableAccount(table, [to])
    latest = client.get_latest_blockhash().value.blockhash
    message = MessageV0.try_compile(me, [pay(wallet, to, SOL)], [lookup], latest)
    assert message.address_table_lookups
    signature = client.send_transaction(VersionedTransaction(message, [wallet])).value
    assert client.get_balance(to).value == SOL
    found = node.call("getTransaction", [str(signature), {"maxSupportedTransactionVersion": 0}])
    assert found["meta"]["loadedAddresses"] == {"writable": [str(to)], "readonly": []}
    assert [each.signature for each in client.get_signatures_for_address(to).value] == [signature]


def test_failed_and_skipped_preflight_is_confirmed_as_failed(client, wallet):
    latest = client.get_latest_blockhash().value.blockhash
    message = Message([pay(wallet, Keypair().pubkey(), 1000 * SOL)], wallet.pubkey())
    sent = Transaction([wallet], message, latest)
    signature = client.send_transaction(sent, opts=TxOpts(skip_preflight=True)).value
    status = client.get_signature_statuses([signature]).value[0]
    assert "InstructionErrorCustom(1)" in str(status.err)


def test_a_program_of_ours_through_anchorpy(server, wallet):
    """Installed as it ships, called by its IDL, its accounts read back by anchorpy; refusals have names."""
    from anchorpy import Context, Idl, Program, Provider
    from anchorpy import Wallet as AnchorWallet
    from anchorpy.error import ProgramError
    from solders.pubkey import Pubkey

    from decai.chain.idl import load_idls, program_elf

    shipped = load_idls()["model_manager"]
    elf = program_elf("model_manager")
    assert server.node.deploy(shipped.address, elf, name="model_manager").status == "installed"
    assert server.node.deploy(shipped.address, elf, name="model_manager").status == "unchanged"
    name = b"anchorpy's registry".ljust(32, b"\0")
    registry, _ = Pubkey.find_program_address([b"registry", bytes(wallet.pubkey()), name], shipped.address)
    accounts = {"creator": wallet.pubkey(), "registry": registry, "system_program": Pubkey.default()}

    async def main():
        client = AsyncClient(server.rpc_url)
        idl = Idl.from_json(json.dumps(shipped.legacy()))
        program = Program(idl, shipped.address, Provider(client, AnchorWallet(wallet)))
        try:
            create = program.rpc["create_registry"]
            await create(list(name), ctx=Context(accounts=accounts))
            fetched = await program.account["ModelRegistry"].fetch(registry)
            assert bytes(fetched.name) == name
            assert fetched.owner == wallet.pubkey()
            assert [each.public_key for each in await program.account["ModelRegistry"].all()] == [registry]
            with pytest.raises((ProgramError, RPCException)):
                await create(list(bytes(32)), ctx=Context(accounts=accounts))
        finally:
            await client.close()

    asyncio.run(main())
