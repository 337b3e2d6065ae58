"""Every RPC method of the embedded node: what it answers, and that bad input gets a JSON-RPC error."""

import base64
import json
import random
import struct

import base58
import pytest
from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from decai.localnet import Node, RpcError
from decai.localnet.rpc import DEVELOPMENT, METHODS
from decai.localnet.tokens import TOKEN, TOKEN_2022

SOL = 10**9
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


@pytest.fixture(scope="module")
def node():
    with Node() as node:
        yield node


@pytest.fixture
def wallet(node):
    keypair = Keypair()
    node.airdrop(keypair.pubkey(), 10 * SOL)
    return keypair


def transaction(node, instructions, *signers, version=None):
    blockhash = Hash.from_string(node.call("getLatestBlockhash")["value"]["blockhash"])
    payer = signers[0].pubkey()
    if version == 0:
        message = MessageV0.try_compile(payer, instructions, [], blockhash)
    else:
        message = Message.new_with_blockhash(instructions, payer, blockhash)
    return VersionedTransaction(message, list(signers))


def pay(sender, to, lamports):
    return transfer(TransferParams(from_pubkey=sender.pubkey(), to_pubkey=to, lamports=lamports))


def encoded(sent):
    return base64.b64encode(bytes(sent)).decode()


def send(node, sent, **options):
    return node.call("sendTransaction", [encoded(sent), {"encoding": "base64", **options}])


def refusal(node, method, *params):
    with pytest.raises(RpcError) as caught:
        node.call(method, params)
    return caught.value


def refused(run, *arguments, **options):
    with pytest.raises(RpcError) as caught:
        run(*arguments, **options)
    return caught.value


def token_account(mint, owner, amount):
    data = bytes(mint) + bytes(owner) + struct.pack("<Q", amount) + bytes(36) + b"\x01" + bytes(56)
    return Account(2_039_280, data, TOKEN)


def mint_account(supply, decimals, authority):
    data = struct.pack("<I", 1) + bytes(authority) + struct.pack("<QBB", supply, decimals, 1) + bytes(36)
    return Account(1_461_600, data, TOKEN)


# Sending ---------------------------------------------------------------------------------------------------


def test_a_transfer_moves_lamports_and_costs_the_fee(node, wallet):
    to = Keypair().pubkey()
    signature = send(node, transaction(node, [pay(wallet, to, SOL)], wallet))
    assert node.call("getBalance", [str(to)])["value"] == SOL
    assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 9 * SOL - 5000
    [status] = node.call("getSignatureStatuses", [[signature]])["value"]
    assert status["err"] is None
    assert status["confirmationStatus"] == "finalized"


def test_base58_is_the_default_wire_encoding(node, wallet):
    sent = transaction(node, [pay(wallet, Keypair().pubkey(), SOL)], wallet)
    text = base58.b58encode(bytes(sent)).decode()
    assert node.call("sendTransaction", [text]) == str(sent.signatures[0])


def test_preflight_refuses_what_fails_and_charges_nothing(node, wallet):
    sent = transaction(node, [pay(wallet, Keypair().pubkey(), 99 * SOL)], wallet)
    error = refused(send, node, sent)
    assert error.code == -32002
    assert error.data["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert "custom program error: 0x1" in error.message
    assert any("insufficient lamports" in line for line in error.data["logs"])
    assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 10 * SOL
    assert node.call("getTransaction", [str(sent.signatures[0])]) is None


def test_without_preflight_a_failure_is_on_record_and_the_fee_charged(node, wallet):
    to = Keypair().pubkey()
    sent = transaction(node, [pay(wallet, to, 99 * SOL)], wallet)
    signature = send(node, sent, skipPreflight=True)
    meta = node.call("getTransaction", [signature])["meta"]
    assert meta["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert meta["fee"] == 5000
    assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 10 * SOL - 5000
    assert node.call("getBalance", [str(to)])["value"] == 0
    [status] = node.call("getSignatureStatuses", [[signature]])["value"]
    assert status["err"] == meta["err"]


def test_sent_twice_it_runs_once(node, wallet):
    to = Keypair().pubkey()
    sent = transaction(node, [pay(wallet, to, SOL)], wallet)
    signature = send(node, sent)
    assert send(node, sent, skipPreflight=True) == signature
    assert refused(send, node, sent).data["err"] == "AlreadyProcessed"
    assert node.call("getBalance", [str(to)])["value"] == SOL


@pytest.mark.parametrize("skip", [True, False])
def test_unknown_blockhash(node, wallet, skip):
    message = Message.new_with_blockhash([pay(wallet, Keypair().pubkey(), 1)], wallet.pubkey(), Hash.new_unique())
    error = refused(send, node, VersionedTransaction(message, [wallet]), skipPreflight=skip)
    assert (error.code, error.data["err"]) == (-32002, "BlockhashNotFound")


@pytest.mark.parametrize("skip", [True, False])
def test_forged_signature(node, wallet, skip):
    raw = bytearray(bytes(transaction(node, [pay(wallet, Keypair().pubkey(), SOL)], wallet)))
    raw[10] ^= 1
    error = refused(send, node, bytes(raw), skipPreflight=skip)
    assert error.code == -32003
    assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 10 * SOL


def test_a_payer_without_an_account_leaves_no_trace(node):
    poor = Keypair()
    sent = transaction(node, [pay(poor, Keypair().pubkey(), 1)], poor)
    assert refused(send, node, sent, skipPreflight=True).data["err"] == "AccountNotFound"
    assert node.call("getSignaturesForAddress", [str(poor.pubkey())]) == []


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("0OIl", {}),
        ("é" * 10, {}),
        ("****", {"encoding": "base64"}),
        ("A" * 2000, {"encoding": "base64"}),
        ("AA==", {"encoding": "base64"}),
        (base64.b64encode(b"\x01" + bytes(64) + b"\xff" * 40).decode(), {"encoding": "base64"}),
        ("1", {"encoding": "hex"}),
        ("1", {"encoding": 7}),
        ("1", {"skipPreflight": "no"}),
        ("1", {"maxRetries": -1}),
        (7, {}),
        ([], {}),
    ],
)
def test_what_is_no_transaction_is_refused(node, text, options):
    assert refusal(node, "sendTransaction", text, options).code == -32602


def test_mangled_transactions_never_break_the_node(node, wallet):
    raw = bytes(transaction(node, [pay(wallet, Keypair().pubkey(), SOL)], wallet))
    dice = random.Random(5)
    for _ in range(300):
        mangled = bytearray(raw)
        for _ in range(dice.randint(1, 4)):
            mangled[dice.choice([0, *range(65, len(raw))])] = dice.randrange(256)
        if mangled == raw:
            continue
        text = base64.b64encode(mangled).decode()
        for method in ("simulateTransaction", "sendTransaction"):
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [text, {"encoding": "base64"}]}
            answer = json.loads(node.respond(json.dumps(body)))
            assert ("result" in answer) != ("error" in answer)
            assert answer.get("error", {}).get("code") != -32603, answer
    assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 10 * SOL


def test_a_disk_that_fails_leaves_nothing_done(node, wallet, monkeypatch):
    import sqlite3

    to = Keypair().pubkey()

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    sent = transaction(node, [pay(wallet, to, SOL)], wallet)
    with monkeypatch.context() as patch:
        patch.setattr(node.runtime.ledger, "keep_transaction", full)
        error = refused(send, node, sent)
    assert "disk is full" in error.message
    assert node.call("getBalance", [str(to)])["value"] == 0
    assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 10 * SOL
    send(node, sent)
    assert node.call("getBalance", [str(to)])["value"] == SOL


def test_an_emptied_account_is_gone_and_its_address_free(node, wallet):
    rich = Keypair()
    node.airdrop(rich.pubkey(), SOL)
    send(node, transaction(node, [pay(rich, wallet.pubkey(), SOL - 5000)], rich))
    assert node.call("getAccountInfo", [str(rich.pubkey())])["value"] is None
    assert bytes(rich.pubkey()) not in node.runtime.accounts
    node.airdrop(rich.pubkey(), SOL)
    assert node.call("getBalance", [str(rich.pubkey())])["value"] == SOL


@pytest.mark.parametrize("skip", [True, False])
def test_an_account_below_its_rent_exemption_undoes_the_transaction(node, wallet, skip):
    to, minimum = Keypair().pubkey(), node.call("getMinimumBalanceForRentExemption", [0])
    short = transaction(node, [pay(wallet, to, minimum - 1)], wallet)
    broke = {"InsufficientFundsForRent": {"account_index": 1}}
    if not skip:
        assert refused(send, node, short).data["err"] == broke
        assert simulate(node, short)["err"] == broke
        assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 10 * SOL
    else:
        signature = send(node, short, skipPreflight=True)
        meta = node.call("getTransaction", [signature])["meta"]
        assert (meta["err"], meta["fee"]) == (broke, 5000)
        assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 10 * SOL - 5000
    assert node.call("getBalance", [str(to)])["value"] == 0
    send(node, transaction(node, [pay(wallet, to, minimum)], wallet))
    assert node.call("getBalance", [str(to)])["value"] == minimum


@pytest.mark.parametrize("skip", [True, False])
def test_a_payer_may_not_be_left_with_crumbs(node, wallet, skip):
    sent = transaction(node, [pay(wallet, Keypair().pubkey(), 10 * SOL - 5000 - 1)], wallet)
    if skip:  # the fee alone leaves enough, so the failure is on record
        send(node, sent, skipPreflight=True)
        assert node.call("getBalance", [str(wallet.pubkey())])["value"] == 10 * SOL - 5000
    else:
        error = refused(send, node, sent)
        assert error.data["err"] == {"InsufficientFundsForRent": {"account_index": 0}}
    poor, minimum = Keypair(), node.call("getMinimumBalanceForRentExemption", [0])
    node.airdrop(poor.pubkey(), minimum + 1)
    failing = transaction(node, [pay(poor, wallet.pubkey(), SOL)], poor)
    refused(send, node, failing, skipPreflight=True)
    assert node.call("getBalance", [str(poor.pubkey())])["value"] == minimum + 1


# The faucet ------------------------------------------------------------------------------------------------


def test_equal_airdrops_are_different_transactions(node):
    address = str(Keypair().pubkey())
    signatures = {node.call("requestAirdrop", [address, SOL]) for _ in range(5)}
    assert len(signatures) == 5
    assert node.call("getBalance", [address])["value"] == 5 * SOL
    assert node.call("getTransaction", [signatures.pop()])["meta"]["err"] is None


@pytest.mark.parametrize("lamports", [0, -1, 10_000 * SOL + 1, 1.5, "1", None, True, 2**64])
def test_airdrops_are_bounded(node, lamports):
    assert refusal(node, "requestAirdrop", str(Keypair().pubkey()), lamports).code == -32602


def test_an_airdrop_too_small_for_an_account(node):
    error = refusal(node, "requestAirdrop", str(Keypair().pubkey()), 1)
    assert error.data["err"] == {"InsufficientFundsForRent": {"account_index": 1}}


# Simulating ------------------------------------------------------------------------------------------------


def simulate(node, sent, **options):
    return node.call("simulateTransaction", [encoded(sent), {"encoding": "base64", **options}])["value"]


def test_simulation_changes_nothing_and_shows_accounts_after(node, wallet):
    to = Keypair().pubkey()
    sent = transaction(node, [pay(wallet, to, SOL)], wallet)
    outcome = simulate(node, sent, accounts={"addresses": [str(to)], "encoding": "base64"})
    assert outcome["err"] is None
    assert outcome["accounts"][0]["lamports"] == SOL
    assert outcome["unitsConsumed"] == 150
    assert node.call("getBalance", [str(to)])["value"] == 0


def test_simulation_needs_no_signature_unless_told(node, wallet):
    sent = transaction(node, [pay(wallet, Keypair().pubkey(), SOL)], wallet)
    unsigned = bytes([1]) + bytes(64) + bytes(sent)[65:]
    assert simulate(node, unsigned)["err"] is None
    assert refused(simulate, node, unsigned, sigVerify=True).code == -32003
    # and the check is on again for what is sent
    assert refused(send, node, unsigned).code == -32003


def test_simulation_with_a_blockhash_of_any_age(node, wallet):
    message = Message.new_with_blockhash([pay(wallet, Keypair().pubkey(), SOL)], wallet.pubkey(), Hash.default())
    sent = VersionedTransaction(message, [wallet])
    assert simulate(node, sent)["err"] == "BlockhashNotFound"
    replaced = simulate(node, sent, replaceRecentBlockhash=True)
    assert replaced["err"] is None
    assert replaced["replacementBlockhash"]["blockhash"] == str(node.runtime.clock.blockhash())
    both = refused(simulate, node, sent, replaceRecentBlockhash=True, sigVerify=True)
    assert both.code == -32602


def test_simulation_of_a_failure_gives_logs(node, wallet):
    outcome = simulate(node, transaction(node, [pay(wallet, Keypair().pubkey(), 99 * SOL)], wallet))
    assert outcome["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert outcome["logs"]


def test_inner_instructions_when_asked(node, wallet):
    ata_program = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
    mint = Keypair().pubkey()
    node.runtime.put([(mint, mint_account(0, 0, wallet.pubkey()))])
    ata, _ = Pubkey.find_program_address([bytes(wallet.pubkey()), bytes(TOKEN), bytes(mint)], ata_program)
    keys = [
        AccountMeta(wallet.pubkey(), True, True),
        AccountMeta(ata, False, True),
        AccountMeta(wallet.pubkey(), False, False),
        AccountMeta(mint, False, False),
        AccountMeta(Pubkey.default(), False, False),
        AccountMeta(TOKEN, False, False),
    ]
    sent = transaction(node, [Instruction(ata_program, b"", keys)], wallet)
    assert simulate(node, sent)["innerInstructions"] is None
    [group] = simulate(node, sent, innerInstructions=True)["innerInstructions"]
    assert {each["programId"] for each in group["instructions"]} == {str(TOKEN), str(Pubkey.default())}
    signature = send(node, sent)
    for encoding in ("json", "jsonParsed"):
        [group] = node.call("getTransaction", [signature, encoding])["meta"]["innerInstructions"]
        assert group["index"] == 0
        assert len(group["instructions"]) == 4
    [balance] = node.call("getTransaction", [signature])["meta"]["postTokenBalances"]
    assert (balance["owner"], balance["uiTokenAmount"]["amount"]) == (str(wallet.pubkey()), "0")


# Finding ---------------------------------------------------------------------------------------------------


def test_signatures_for_an_address_page_newest_first(node, wallet):
    to = Keypair().pubkey()
    sent = [send(node, transaction(node, [pay(wallet, to, SOL + i)], wallet)) for i in range(5)]
    found = [each["signature"] for each in node.call("getSignaturesForAddress", [str(to)])]
    assert found == sent[::-1]

    def page(**options):
        return [each["signature"] for each in node.call("getSignaturesForAddress", [str(to), options])]

    assert page(limit=2) == [sent[4], sent[3]]
    assert page(limit=2, before=sent[3]) == [sent[2], sent[1]]
    assert page(until=sent[2]) == [sent[4], sent[3]]
    assert page(before=sent[3], until=sent[0]) == [sent[2], sent[1]]
    assert refusal(node, "getSignaturesForAddress", str(to), {"limit": 1001}).code == -32602


def test_memos_are_listed(node, wallet):
    sent = transaction(node, [Instruction(MEMO, b"hi there", [])], wallet)
    send(node, sent)
    assert node.call("getSignaturesForAddress", [str(wallet.pubkey())])[0]["memo"] == "[8] hi there"


@pytest.mark.parametrize("encoding", ["base64", "base58", "json", "jsonParsed", "binary"])
def test_a_transaction_in_every_encoding(node, wallet, encoding):
    sent = transaction(node, [pay(wallet, Keypair().pubkey(), SOL)], wallet)
    signature = send(node, sent)
    shown = node.call("getTransaction", [signature, {"encoding": encoding}])["transaction"]
    if encoding == "base64":
        assert base64.b64decode(shown[0]) == bytes(sent)
    elif encoding == "base58":
        assert base58.b58decode(shown[0]) == bytes(sent)
    elif encoding == "binary":
        assert base58.b58decode(shown) == bytes(sent)
    else:
        assert shown["signatures"] == [signature]
        keys = [key if isinstance(key, str) else key["pubkey"] for key in shown["message"]["accountKeys"]]
        assert keys == [str(key) for key in sent.message.account_keys]


def test_version_0_needs_a_client_that_says_it_understands(node, wallet):
    sent = transaction(node, [pay(wallet, Keypair().pubkey(), SOL)], wallet, version=0)
    signature = send(node, sent)
    assert refusal(node, "getTransaction", signature).code == -32015
    found = node.call("getTransaction", [signature, {"maxSupportedTransactionVersion": 0}])
    assert found["version"] == 0
    assert found["transaction"]["message"]["addressTableLookups"] == []


def test_a_block_holds_its_transactions(node, wallet):
    signature = send(node, transaction(node, [pay(wallet, Keypair().pubkey(), SOL)], wallet))
    slot = node.call("getTransaction", [signature])["slot"]
    assert signature in node.call("getBlock", [slot, {"transactionDetails": "signatures"}])["signatures"]
    block = node.call("getBlock", [slot, {"maxSupportedTransactionVersion": 0}])
    assert signature in [each["transaction"]["signatures"][0] for each in block["transactions"]]
    assert block["blockhash"] == str(node.runtime.clock.hash_at(slot))
    assert refusal(node, "getBlock", slot + 1000).code == -32004


# Accounts --------------------------------------------------------------------------------------------------


def test_account_encodings_and_windows(node):
    import pyarrow

    address, owner, data = Keypair().pubkey(), Keypair().pubkey(), bytes(range(100))
    node.runtime.put([(address, Account(SOL, data, owner, False, 2**64 - 1))])

    def value(**options):
        return node.call("getAccountInfo", [str(address), options])["value"]

    assert value()["data"] == base58.b58encode(data).decode()
    assert value(encoding="base58")["data"] == [base58.b58encode(data).decode(), "base58"]
    shown = value(encoding="base64")
    assert base64.b64decode(shown["data"][0]) == data
    assert (shown["owner"], shown["lamports"], shown["space"]) == (str(owner), SOL, 100)
    assert shown["rentEpoch"] == 2**64 - 1
    packed, name = value(encoding="base64+zstd")["data"]
    assert name == "base64+zstd"
    assert pyarrow.decompress(base64.b64decode(packed), 100, codec="zstd", asbytes=True) == data
    cut = value(encoding="base64", dataSlice={"offset": 10, "length": 5})
    assert base64.b64decode(cut["data"][0]) == data[10:15]
    assert cut["space"] == 100
    assert value(encoding="jsonParsed")["data"][1] == "base64"
    assert refusal(node, "getAccountInfo", str(address), {"dataSlice": {"offset": -1, "length": 5}}).code == -32602


def test_base58_of_a_long_account_is_refused_as_on_a_cluster(node):
    address = Keypair().pubkey()
    node.runtime.put([(address, Account(SOL, bytes(200), Keypair().pubkey()))])
    assert refusal(node, "getAccountInfo", str(address)).code == -32600


def test_many_accounts_at_once(node, wallet):
    missing = str(Keypair().pubkey())
    found = node.call("getMultipleAccounts", [[str(wallet.pubkey()), missing]])["value"]
    assert found[0]["lamports"] == 10 * SOL
    assert found[1] is None
    assert refusal(node, "getMultipleAccounts", [missing] * 101).code == -32602


def test_program_accounts_by_filters(node):
    owner = Keypair().pubkey()
    keys = [Keypair().pubkey() for _ in range(20)]
    node.runtime.put([(key, Account(SOL, bytes([i % 4]) * (10 + i // 10), owner)) for i, key in enumerate(keys)])

    def found(**options):
        rows = node.call("getProgramAccounts", [str(owner), {"encoding": "base64", **options}])
        return {row["pubkey"] for row in rows}

    assert found() == {str(key) for key in keys}
    assert found(filters=[{"dataSize": 10}]) == {str(key) for key in keys[:10]}
    two = base58.b58encode(bytes([2, 2])).decode()
    assert found(filters=[{"memcmp": {"offset": 3, "bytes": two}}]) == {str(k) for k in keys[2::4]}
    raw = {"memcmp": {"offset": 3, "bytes": [2, 2]}}
    assert found(filters=[raw, {"dataSize": 11}]) == {str(k) for k in keys[10::4]}
    in64 = {"memcmp": {"offset": 3, "bytes": "AgI=", "encoding": "base64"}}
    assert found(filters=[in64]) == {str(k) for k in keys[2::4]}
    assert found(filters=[{"memcmp": {"offset": 9, "bytes": two}}]) == {str(k) for k in keys[10::4]}
    assert found(filters=[{"dataSize": 10}, {"dataSize": 11}]) == set()
    with_context = node.call("getProgramAccounts", [str(owner), {"withContext": True, "encoding": "base64"}])
    assert len(with_context["value"]) == 20


def test_program_accounts_as_text_equal_those_as_objects(node):
    owner = Keypair().pubkey()
    rows = [(Keypair().pubkey(), Account(i + 1, bytes(range(i)), owner, False, 2**64 - 1)) for i in range(30)]
    node.runtime.put(rows)
    for options in ({"encoding": "base64"}, {"encoding": "base64", "dataSlice": {"offset": 2, "length": 3}}):
        for more in ({}, {"withContext": True}):
            params = [str(owner), options | more]
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "getProgramAccounts", "params": params})
            text = json.loads(node.respond(body))["result"]
            plain = node.call("getProgramAccounts", params)
            if more:
                text, plain = text["value"], plain["value"]
            assert text == plain
            assert len(text) == 30


@pytest.mark.parametrize(
    "filters",
    [
        7,
        [7],
        [{}],
        [{"dataSize": "1"}],
        [{"dataSize": 1, "memcmp": {}}],
        [{"memcmp": {"offset": 0}}],
        [{"memcmp": {"offset": 0, "bytes": "0"}}],
        [{"memcmp": {"offset": -1, "bytes": "1"}}],
        [{"memcmp": {"offset": 0, "bytes": [256]}}],
        [{"memcmp": {"offset": 0, "bytes": "1" * 300}}],
        [{"dataSize": 1}] * 5,
        [{"colour": 1}],
    ],
)
def test_bad_filters_are_refused(node, filters):
    options = {"filters": filters, "encoding": "base64"}
    assert refusal(node, "getProgramAccounts", str(Keypair().pubkey()), options).code == -32602


def test_an_account_that_changes_owner_is_found_under_the_new_one(node):
    key, first, second = (Keypair().pubkey() for _ in range(3))
    node.runtime.put([(key, Account(SOL, b"x", first))])
    node.runtime.put([(key, Account(SOL, b"x", second))])
    options = {"encoding": "base64"}
    assert node.call("getProgramAccounts", [str(first), options]) == []
    assert [row["pubkey"] for row in node.call("getProgramAccounts", [str(second), options])] == [str(key)]


# Tokens ----------------------------------------------------------------------------------------------------


@pytest.fixture
def mint(node):
    address = Keypair().pubkey()
    node.runtime.put([(address, mint_account(1_500_000, 6, Keypair().pubkey()))])
    return address


def test_token_balances_supply_and_holders(node, mint):
    owner = Keypair().pubkey()
    held = {Keypair().pubkey(): 1_000_000, Keypair().pubkey(): 500_000}
    node.runtime.put([(key, token_account(mint, owner, amount)) for key, amount in held.items()])
    assert node.call("getTokenSupply", [str(mint)])["value"] == {
        "amount": "1500000",
        "decimals": 6,
        "uiAmount": 1.5,
        "uiAmountString": "1.5",
    }
    first = next(iter(held))
    assert node.call("getTokenAccountBalance", [str(first)])["value"]["uiAmountString"] == "1"
    for which in ({"mint": str(mint)}, {"programId": str(TOKEN)}):
        rows = node.call("getTokenAccountsByOwner", [str(owner), which, {"encoding": "jsonParsed"}])["value"]
        assert {row["pubkey"] for row in rows} == {str(key) for key in held}
        info = rows[0]["account"]["data"]["parsed"]["info"]
        assert (info["mint"], info["owner"], info["state"]) == (str(mint), str(owner), "initialized")
    largest = node.call("getTokenLargestAccounts", [str(mint)])["value"]
    assert [each["amount"] for each in largest] == ["1000000", "500000"]
    nobody = str(Keypair().pubkey())
    assert node.call("getTokenAccountsByOwner", [nobody, {"mint": str(mint)}])["value"] == []
    assert node.call("getTokenAccountsByOwner", [nobody, {"programId": str(TOKEN_2022)}])["value"] == []


def test_a_mint_parsed(node, mint):
    value = node.call("getAccountInfo", [str(mint), {"encoding": "jsonParsed"}])["value"]["data"]
    assert value["program"] == "spl-token"
    assert value["parsed"]["type"] == "mint"
    assert value["parsed"]["info"]["supply"] == "1500000"


@pytest.mark.parametrize("which", [None, {}, 7, {"mint": "x"}, {"programId": str(Keypair().pubkey())}])
def test_bad_token_questions(node, which):
    assert refusal(node, "getTokenAccountsByOwner", str(Keypair().pubkey()), which).code == -32602


def test_what_is_no_token_has_no_balance(node, wallet):
    for method in ("getTokenAccountBalance", "getTokenSupply", "getTokenLargestAccounts"):
        assert refusal(node, method, str(wallet.pubkey())).code == -32602
        assert refusal(node, method, str(Keypair().pubkey())).code == -32602


# The rest --------------------------------------------------------------------------------------------------


def test_fee_for_a_message_is_what_it_costs(node, wallet):
    second = Keypair()
    node.airdrop(second.pubkey(), SOL)
    for signers in ([wallet], [wallet, second]):
        instructions = [pay(each, Keypair().pubkey(), SOL // 10) for each in signers]
        sent = transaction(node, instructions, *signers)
        text = base64.b64encode(bytes(sent.message)).decode()
        quoted = node.call("getFeeForMessage", [text])["value"]
        assert quoted == node.call("getTransaction", [send(node, sent)])["meta"]["fee"] == 5000 * len(signers)
    old = Message.new_with_blockhash([], wallet.pubkey(), Hash.default())
    text = base64.b64encode(bytes(old)).decode()
    assert node.call("getFeeForMessage", [text])["value"] is None
    assert refusal(node, "getFeeForMessage", "AAAA").code == -32602


def test_small_facts(node):
    assert node.call("getHealth") == "ok"
    assert node.call("getMinimumBalanceForRentExemption", [165]) == 2_039_280
    assert len(base58.b58decode(node.call("getGenesisHash"))) == 32
    assert len(base58.b58decode(node.call("getIdentity")["identity"])) == 32
    assert node.call("getVersion")["solana-core"].startswith("2.")
    slot = node.call("getSlot")
    assert node.call("getBlockHeight") >= slot
    assert node.call("getEpochInfo")["slotsInEpoch"] == 432_000
    assert node.call("getBlocks", [max(0, slot - 2), slot])[-1] == slot
    assert node.call("getBlocksWithLimit", [0, 1]) == [0]
    assert node.call("getFirstAvailableBlock") == node.call("minimumLedgerSlot") == 0
    assert node.call("getTransactionCount") == node.call("getEpochInfo")["transactionCount"]
    assert node.call("getRecentPrioritizationFees", [[]])[-1]["prioritizationFee"] == 0
    supply = node.call("getSupply")["value"]
    assert supply["circulating"] == supply["total"] - supply["nonCirculating"]
    assert node.call("decai_stats")["methods"]["getHealth"]["calls"] >= 1
    latest = node.call("getLatestBlockhash")["value"]
    assert latest["lastValidBlockHeight"] >= slot + 150
    assert node.call("isBlockhashValid", [latest["blockhash"]])["value"] is True
    assert node.call("isBlockhashValid", [str(Hash.default())])["value"] is False


def test_a_slot_not_reached_is_refused(node):
    error = refusal(node, "getSlot", {"minContextSlot": node.slot + 1000})
    assert error.code == -32016
    assert error.data["contextSlot"] == node.slot


def test_the_clock_can_be_moved_on_development_nodes_only(node):
    for method in DEVELOPMENT:
        assert refusal(node, method, 10).code == -32601


# Anything at all -------------------------------------------------------------------------------------------

JUNK = [
    None,
    True,
    -1,
    2**70,
    1.5,
    "",
    "x" * 40,
    "\ud800",
    [],
    [[]],
    {},
    {"encoding": "nope"},
    {"commitment": "soon"},
    {"minContextSlot": "x"},
    {"filters": 3},
    "1" * 32,
    str(Keypair().pubkey()),
]


@pytest.mark.parametrize("method", sorted(METHODS))
def test_any_parameters_get_an_answer(node, method):
    dice = random.Random(method)
    for _ in range(60):
        params = [dice.choice(JUNK) for _ in range(dice.randint(0, 4))]
        answer = json.loads(node.respond(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})))
        assert answer["id"] == 1
        assert ("result" in answer) != ("error" in answer)
        assert answer.get("error", {}).get("code") != -32603, (params, answer)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_wrong_arity_is_an_error(node, method):
    most = METHODS[method].most
    expected = -32601 if method in DEVELOPMENT else -32602
    assert refusal(node, method, *[None] * (most + 1)).code == expected
    if METHODS[method].least:
        assert refusal(node, method).code == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", -32700),
        (b"\xff\xfe", -32700),
        (b"{", -32700),
        (b"[" * 100_000, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"getSlot","params":[NaN]}', -32700),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"getSlot"}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"getBlock","params":[-1e999]}', -32700),
        (b"9" * 5000, -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"getSlot"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"getSlot"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"getSlot","params":{"a":1}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"nope"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"__class__"}', -32601),
        (b" " * (3 * 2**20), -32600),
    ],
)
def test_bodies_that_are_no_calls(node, text, code):
    assert json.loads(node.respond(text))["error"]["code"] == code


def test_random_json_gets_an_answer(node):
    dice = random.Random(11)

    def value(depth):
        kind = dice.randrange(8 if depth < 3 else 6)
        if kind == 6:
            return [value(depth + 1) for _ in range(dice.randrange(4))]
        if kind == 7:
            names = ["jsonrpc", "id", "method", "params", "x"]
            return {dice.choice(names): value(depth + 1) for _ in range(dice.randrange(5))}
        return dice.choice([None, True, "2.0", "getSlot", "getBalance", dice.randrange(-5, 10**6), 0.5, ""])

    for _ in range(500):
        answer = node.respond(json.dumps(value(0)))
        if answer is not None:
            parsed = json.loads(answer)
            for each in parsed if isinstance(parsed, list) else [parsed]:
                assert each["jsonrpc"] == "2.0"
                assert ("result" in each) != ("error" in each)


def test_batches_and_notifications(node):
    calls = [
        {"jsonrpc": "2.0", "id": "a", "method": "getHealth"},
        {"jsonrpc": "2.0", "method": "getHealth"},
        {"jsonrpc": "2.0", "id": 2, "method": "nope"},
        5,
    ]
    answers = json.loads(node.respond(json.dumps(calls)))
    assert [each["id"] for each in answers] == ["a", 2, None]
    assert answers[0]["result"] == "ok"
    assert node.respond(json.dumps(calls[1])) is None
    assert node.respond(json.dumps([calls[1]])) is None
    assert json.loads(node.respond(json.dumps(calls * 300)))["error"]["code"] == -32600
