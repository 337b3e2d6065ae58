"""Nothing that was confirmed is ever lost: restarts, and kill -9 in the middle of work."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading

import pytest
import requests
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from decai.localnet import Node

SOL = 10**9
SERVE = """
import sys, threading
from pathlib import Path
from decai.localnet import Node, NodeServer
server = NodeServer(Node(Path(sys.argv[1]))).start()
print(server.rpc_url, flush=True)
threading.Event().wait()
"""


def payment(blockhash, wallet, to, lamports):
    move = transfer(TransferParams(from_pubkey=wallet.pubkey(), to_pubkey=to, lamports=lamports))
    return VersionedTransaction(Message.new_with_blockhash([move], wallet.pubkey(), blockhash), [wallet])


def encoded(sent):
    return base64.b64encode(bytes(sent)).decode()


def test_a_restart_finds_everything_as_it_was(tmp_path):
    path, wallet, to = tmp_path / "node" / "ledger.sqlite", Keypair(), Keypair().pubkey()
    with Node(path) as node:
        airdrop = node.airdrop(wallet.pubkey(), 10 * SOL)
        blockhash = Hash.from_string(node.call("getLatestBlockhash")["value"]["blockhash"])
        sent = payment(blockhash, wallet, to, SOL)
        signature = node.call("sendTransaction", [encoded(sent), {"encoding": "base64"}])
        found = node.call("getTransaction", [signature])
        genesis, count = node.call("getGenesisHash"), node.call("getTransactionCount")
        supply = node.call("getSupply")["value"]
    with Node(path) as node:
        assert node.call("getGenesisHash") == genesis
        assert node.call("getTransactionCount") == count
        assert node.call("getTransaction", [signature]) == found
        assert node.call("getSupply")["value"] == supply
        assert node.call("getBalance", [str(to)])["value"] == SOL
        listed = node.call("getSignaturesForAddress", [str(wallet.pubkey())])
        assert [each["signature"] for each in listed] == [signature, airdrop]
        # a blockhash outlives the restart, and so does the memory of what was sent
        assert node.call("isBlockhashValid", [str(blockhash)])["value"]
        again = node.call("sendTransaction", [encoded(sent), {"encoding": "base64", "skipPreflight": True}])
        assert again == signature
        assert node.call("getBalance", [str(to)])["value"] == SOL
        assert node.runtime.rent(0) == 890_880


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("confirmed_before", [1, 40, 150])
def test_kill_9_in_a_stream_of_transfers(tmp_path, confirmed_before):
    path, wallet = tmp_path / "ledger.sqlite", Keypair()
    child = subprocess.Popen([sys.executable, "-c", SERVE, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        url = child.stdout.readline().strip()
        session = requests.Session()

        def call(method, *params):
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            return session.post(url, json=body, timeout=20).json()["result"]

        call("requestAirdrop", str(wallet.pubkey()), 1000 * SOL)
        blockhash = Hash.from_string(call("getLatestBlockhash")["value"]["blockhash"])
        confirmed = {}
        reached = threading.Event()

        def stream():
            for i in range(2000):
                to = Keypair().pubkey()
                sent = payment(blockhash, wallet, to, 10_000_000 + i)
                try:
                    signature = call("sendTransaction", encoded(sent), {"encoding": "base64"})
                except requests.RequestException:
                    return
                confirmed[signature] = (str(to), 10_000_000 + i)
                if len(confirmed) >= confirmed_before:
                    reached.set()

        sender = threading.Thread(target=stream)
        sender.start()
        assert reached.wait(60)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
        sender.join(30)
        session.close()
    finally:
        child.kill()
        child.stdout.close()
        child.wait(10)
    assert confirmed_before <= len(confirmed) < 2000
    with Node(path) as node:
        for signature, (to, lamports) in confirmed.items():
            [status] = node.call("getSignatureStatuses", [[signature]])["value"]
            assert status is not None and status["err"] is None
            assert node.call("getBalance", [to])["value"] == lamports
        # one may have been executed whose answer never left; it is whole or not there
        executed = node.call("getTransactionCount") - 1
        assert len(confirmed) <= executed <= len(confirmed) + 1
        everyone = sum(account.lamports for account in node.runtime.accounts.values())
        spent = [
            json.loads(each)["fee"] for (each,) in node.runtime.ledger._db.execute("SELECT meta FROM transactions")
        ]
        with Node() as fresh:
            start = sum(account.lamports for account in fresh.runtime.accounts.values())
        assert everyone + sum(spent) == start, "no lamport was lost or made"
        balance = node.call("getBalance", [str(wallet.pubkey())])["value"]
        latest = node.call("getSignaturesForAddress", [str(wallet.pubkey()), {"limit": 1}])[0]["signature"]
        assert node.call("getTransaction", [latest])["meta"]["postBalances"][0] == balance
