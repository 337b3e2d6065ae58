"""The embedded node's figures as one JSON object.

Confirmed transfers a second (a transfer counts once its status was read as finalized), by solana-py over HTTP
and in-process; the node's start; a hundred thousand accounts read at once. Run it on an idle machine::

    python tests/bench/bench_node.py
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests
from solana.rpc.api import Client
from solana.rpc.async_api import AsyncClient
from solana.rpc.types import TxOpts
from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from decai.localnet import Node, NodeServer

SOL = 10**9
START = """
import sys, time
from pathlib import Path
from decai.localnet import Node, NodeServer
server = NodeServer(Node(Path(sys.argv[1]))).start()
print(server.rpc_url, flush=True)
sys.stdin.read()
server.stop()
"""


def transfers(blockhash: Hash, wallet: Keypair, count: int) -> list[VersionedTransaction]:
    """Signed transfers, each to a new account."""
    payer = wallet.pubkey()
    made = []
    for _ in range(count):
        to = Keypair().pubkey()
        move = transfer(TransferParams(from_pubkey=payer, to_pubkey=to, lamports=1_000_000))
        made.append(VersionedTransaction(Message.new_with_blockhash([move], payer, blockhash), [wallet]))
    return made


def rate(count: int, run: Callable[[], None]) -> float:
    """Times a second."""
    started = time.perf_counter()
    run()
    return count / (time.perf_counter() - started)


def in_process(node: Node, wallet: Keypair, count: int, *, preflight: bool) -> float:
    """Confirmed transfers a second without any network."""
    options = {"encoding": "base64", "skipPreflight": not preflight}
    blockhash = node.runtime.clock.blockhash()
    sent = [base64.b64encode(bytes(each)).decode() for each in transfers(blockhash, wallet, count)]

    def run() -> None:
        for text in sent:
            signature = node.call("sendTransaction", [text, options])
            status = node.call("getSignatureStatuses", [[signature]])
            assert isinstance(status, dict) and status["value"][0]["err"] is None

    return rate(count, run)


def over_http(url: str, wallet: Keypair, count: int, *, preflight: bool) -> float:
    """Confirmed transfers a second by solana-py's synchronous client, one after another."""
    client = Client(url)
    sent = transfers(client.get_latest_blockhash().value.blockhash, wallet, count)

    def run() -> None:
        for each in sent:
            signature = client.send_transaction(each, opts=TxOpts(skip_preflight=not preflight)).value
            client.confirm_transaction(signature, sleep_seconds=0.001)

    result = rate(count, run)
    client._provider.session.close()
    return result


def over_http_concurrently(url: str, wallet: Keypair, count: int, lanes: int) -> float:
    """Confirmed transfers a second by solana-py's asynchronous client, several at a time."""

    async def main() -> float:
        async with AsyncClient(url) as client:
            latest = (await client.get_latest_blockhash()).value.blockhash
            sent = transfers(latest, wallet, count)
            started = time.perf_counter()
            queue = iter(sent)

            async def lane() -> None:
                for each in queue:
                    signature = (await client.send_transaction(each)).value
                    await client.confirm_transaction(signature, sleep_seconds=0.001)

            await asyncio.gather(*(lane() for _ in range(lanes)))
            return count / (time.perf_counter() - started)

    return asyncio.run(main())


class Child:
    """A node in a process of its own, as `decai up` runs it; timed from the interpreter's start."""

    def __init__(self, ledger: Path) -> None:
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(ledger)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        requests.get(self.url + "/health", timeout=10).raise_for_status()
        self.start_seconds = time.perf_counter() - started

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)


def start_seconds(ledger: Path) -> float:
    """Seconds until a node has answered over HTTP."""
    with Child(ledger) as child:
        return child.start_seconds


def bulk_read(server: NodeServer, accounts: int, size: int) -> tuple[float, int]:
    """Seconds to receive all accounts of a program over HTTP, and the bytes of the answer."""
    owner = Keypair().pubkey()
    server.node.runtime.put(
        [(Pubkey.new_unique(), Account(SOL, bytes(size), owner, False, 2**64 - 1)) for _ in range(accounts)]
    )
    params = [str(owner), {"encoding": "base64"}]
    started = time.perf_counter()
    body = {"jsonrpc": "2.0", "id": 1, "method": "getProgramAccounts", "params": params}
    answer = requests.post(server.rpc_url, json=body, timeout=120)
    seconds = time.perf_counter() - started
    assert len(answer.json()["result"]) == accounts
    return seconds, len(answer.content)


def main() -> None:
    """Run everything and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=1000, help="of each kind")
    parser.add_argument("--accounts", type=int, default=100_000, help="of the bulk read")
    arguments = parser.parse_args()
    count = arguments.transfers
    wallet = Keypair()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as directory:
        ledger, other = Path(directory, "ledger.sqlite"), Path(directory, "other.sqlite")
        with Node(ledger) as node:
            node.airdrop(wallet.pubkey(), 1000 * SOL)
            for name, preflight in (("", True), ("_no_preflight", False)):
                figures[f"in_process_transfers_per_second{name}"] = in_process(node, wallet, count, preflight=preflight)
            server = NodeServer(node).start()
            try:
                seconds, size = bulk_read(server, arguments.accounts, 200)
            finally:
                server.stop()
            figures["bulk_read_accounts"] = arguments.accounts
            figures["bulk_read_seconds"] = seconds
            figures["bulk_read_megabytes"] = size / 1e6
        figures["restart_with_all_of_it_seconds"] = start_seconds(ledger)
        figures["start_seconds"] = min(start_seconds(other) for _ in range(3))
        with Child(other) as child:
            client = Client(child.url)
            client.request_airdrop(wallet.pubkey(), 1000 * SOL)
            client._provider.session.close()
            for name, preflight in (("", True), ("_no_preflight", False)):
                figures[f"http_transfers_per_second{name}"] = over_http(child.url, wallet, count, preflight=preflight)
            for lanes in (8,):
                figures[f"http_transfers_per_second_{lanes}_lanes"] = over_http_concurrently(
                    child.url, wallet, count, lanes
                )
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
