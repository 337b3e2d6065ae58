"""The node over HTTP and WebSocket: its doors, its limits, its life."""

import asyncio
import json
import socket

import pytest
import requests
from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from decai.errors import NodeError, PortInUse, SettingsError
from decai.localnet import Node, NodeServer

SOL = 10**9


@pytest.fixture(scope="module")
def server():
    with Node() as node:
        server = NodeServer(node).start()
        yield server
        server.stop()


def call(server, method, *params, **more):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return requests.post(server.rpc_url, json=body, timeout=10, **more)


def a_payment(node, wallet, to, lamports=SOL):
    blockhash = Hash.from_string(node.call("getLatestBlockhash")["value"]["blockhash"])
    move = transfer(TransferParams(from_pubkey=wallet.pubkey(), to_pubkey=to, lamports=lamports))
    return VersionedTransaction(Message.new_with_blockhash([move], wallet.pubkey(), blockhash), [wallet])


def send(node, sent):
    import base64

    return node.call("sendTransaction", [base64.b64encode(bytes(sent)).decode(), {"encoding": "base64"}])


# Doors -----------------------------------------------------------------------------------------------------


def test_json_rpc_health_and_a_look_with_a_browser(server):
    assert call(server, "getHealth").json() == {"jsonrpc": "2.0", "result": "ok", "id": 1}
    assert requests.get(server.rpc_url, timeout=10).text == "ok"
    assert requests.get(server.rpc_url + "/health", timeout=10).text == "ok"
    on_next = server.rpc_url.replace(str(server.port), str(server.port + 1))
    assert requests.get(on_next + "/health", timeout=10).text == "ok"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "example.org", ""])
def test_it_serves_this_machine_only(host):
    with Node() as node, pytest.raises(SettingsError, match="doesn't serve"):
        NodeServer(node, host)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost@evil.x", ""])
def test_a_host_name_pointed_here_is_refused(server, host):
    answer = call(server, "getHealth", headers={"Host": host})
    assert answer.status_code in (400, 403)
    assert requests.get(server.rpc_url + "/health", headers={"Host": host}, timeout=10).status_code in (
        400,
        403,
    )


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://[", ""])
def test_pages_of_other_sites_are_refused(server, origin):
    answer = call(server, "requestAirdrop", str(Keypair().pubkey()), SOL, headers={"Origin": origin})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == -32600
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["http://localhost:8501", "http://127.0.0.1:3000", "https://localhost"])
def test_pages_of_this_machine_are_served(server, origin):
    answer = call(server, "getHealth", headers={"Origin": origin})
    assert answer.json()["result"] == "ok"
    assert answer.headers["access-control-allow-origin"] == origin
    asked = requests.options(
        server.rpc_url, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}, timeout=10
    )
    assert asked.status_code == 204
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "content-type" in asked.headers["access-control-allow-headers"]


def test_websockets_of_other_sites_are_refused(server):
    async def knock(**more):
        async with connect(server.ws_url, **more) as ws:
            await ws.send('{"jsonrpc":"2.0","id":1,"method":"getHealth"}')
            return json.loads(await asyncio.wait_for(ws.recv(), 5))["result"]

    assert asyncio.run(knock(origin="http://localhost:8501")) == "ok"
    with pytest.raises(InvalidStatus):
        asyncio.run(knock(origin="https://evil.example"))


# Bad input -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"5", b'{"jsonrpc":"2.0","id":1}'])
def test_bad_bodies_get_json_rpc_errors(server, body):
    answer = requests.post(server.rpc_url, data=body, timeout=10)
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] in (-32700, -32600)


def test_a_body_too_big_gets_a_json_rpc_error(server):
    answer = requests.post(server.rpc_url, data=b" " * (5 * 2**20), timeout=20)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == -32600
    assert call(server, "getHealth").json()["result"] == "ok"


def test_other_methods_of_http(server):
    answer = requests.delete(server.rpc_url, timeout=10)
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == -32600


def test_a_notification_gets_no_content(server):
    answer = requests.post(server.rpc_url, json={"jsonrpc": "2.0", "method": "getHealth"}, timeout=10)
    assert (answer.status_code, answer.content) == (204, b"")


# Life ------------------------------------------------------------------------------------------------------


def test_inside_an_asyncio_program():
    async def main():
        with Node() as node:
            async with NodeServer(node) as server:
                answer = await asyncio.to_thread(call, server, "getHealth")
                url = server.rpc_url
            with pytest.raises(NodeError, match="isn't running"):
                _ = server.rpc_url
            with pytest.raises(requests.ConnectionError):
                await asyncio.to_thread(requests.get, url, timeout=5)
            return answer.json()["result"]

    assert asyncio.run(main()) == "ok"


def test_stop_and_start_again():
    with Node() as node:
        server = NodeServer(node)
        for _ in range(2):
            server.start()
            assert call(server, "getHealth").json()["result"] == "ok"
            server.stop()
            server.stop()


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_that_is_taken(offset):
    with socket.socket() as taken, Node() as node:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = NodeServer(node, port=port - offset)
        with pytest.raises(PortInUse, match=str(port)) as caught:
            server.start()
        assert caught.value.hint
        with pytest.raises(NodeError):
            _ = server.port


@pytest.mark.parametrize("port", [-1, 65535, 70000])
def test_a_number_that_is_no_port(port):
    with Node() as node, pytest.raises(SettingsError):
        NodeServer(node, port=port)


def test_stopping_ends_open_connections():
    async def main():
        with Node() as node:
            async with NodeServer(node) as server:
                ws = await connect(server.ws_url)
                await ws.send('{"jsonrpc":"2.0","id":1,"method":"slotSubscribe"}')
                await asyncio.wait_for(ws.recv(), 5)
            await asyncio.wait_for(ws.wait_closed(), 5)
            assert node.runtime.listeners == []

    asyncio.run(main())


# Subscriptions ---------------------------------------------------------------------------------------------


class Client:
    """A WebSocket with answers and notifications told apart."""

    def __init__(self, ws):
        self.ws = ws
        self.number = 0

    async def ask(self, method, *params):
        self.number += 1
        body = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        await self.ws.send(json.dumps(body))
        answer = await self.next()
        assert answer["id"] == self.number
        return answer.get("result", answer.get("error"))

    async def next(self):
        return json.loads(await asyncio.wait_for(self.ws.recv(), 5))


def talk(server, conversation, url=None):
    async def main():
        async with connect(url or server.ws_url) as ws:
            await conversation(Client(ws))

    asyncio.run(main())


@pytest.fixture
def wallet(server):
    keypair = Keypair()
    server.node.airdrop(keypair.pubkey(), 10 * SOL)
    return keypair


def test_accounts_logs_and_signatures(server, wallet):
    node, to = server.node, Keypair().pubkey()

    async def conversation(client):
        account = await client.ask("accountSubscribe", str(to), {"encoding": "base64"})
        logs = await client.ask("logsSubscribe", {"mentions": [str(wallet.pubkey())]})
        elsewhere = await client.ask("logsSubscribe", {"mentions": [str(Keypair().pubkey())]})
        sent = a_payment(node, wallet, to)
        signature = await client.ask("signatureSubscribe", str(sent.signatures[0]))
        send(node, sent)
        heard = {}
        for _ in range(3):
            message = await client.next()
            heard[message["params"]["subscription"]] = message
        assert heard.keys() == {account, logs, signature}
        assert elsewhere not in heard
        assert heard[account]["method"] == "accountNotification"
        assert heard[account]["params"]["result"]["value"]["lamports"] == SOL
        assert heard[logs]["params"]["result"]["value"]["signature"] == str(sent.signatures[0])
        assert heard[signature]["params"]["result"]["value"] == {"err": None}
        # a signature is told of once; the rest until unsubscribed
        assert (await client.ask("signatureUnsubscribe", signature))["code"] == -32602
        assert await client.ask("accountUnsubscribe", account) is True
        assert await client.ask("logsUnsubscribe", logs) is True
        send(node, a_payment(node, wallet, to, 2 * SOL))
        assert await client.ask("getHealth") == "ok"

    talk(server, conversation)


def test_a_signature_known_already_is_told_at_once(server, wallet):
    sent = a_payment(server.node, wallet, Keypair().pubkey())
    send(server.node, sent)

    async def conversation(client):
        number = await client.ask("signatureSubscribe", str(sent.signatures[0]))
        message = await client.next()
        assert message["params"]["subscription"] == number
        assert message["params"]["result"]["value"] == {"err": None}

    talk(server, conversation)


def test_programs_by_filter_and_accounts_closed(server, wallet):
    node, other = server.node, Keypair()
    node.airdrop(other.pubkey(), SOL)

    async def conversation(client):
        system = "11111111111111111111111111111111"
        everything = await client.ask("programSubscribe", system, {"encoding": "base64"})
        nothing = await client.ask("programSubscribe", system, {"filters": [{"dataSize": 5}]})
        account = await client.ask("accountSubscribe", str(other.pubkey()), {"encoding": "base64"})
        send(node, a_payment(node, other, wallet.pubkey(), SOL - 5000))
        heard = [await client.next() for _ in range(2)]
        by_number = {each["params"]["subscription"]: each["params"]["result"]["value"] for each in heard}
        assert by_number[everything]["pubkey"] == str(wallet.pubkey())
        assert by_number[account]["lamports"] == 0
        assert nothing not in by_number

    talk(server, conversation)


def test_what_base58_cannot_show_is_said_and_the_transaction_stands(server, wallet):
    """The default encoding has a limit; a subscriber's choice may not fail someone's transaction."""
    node, to = server.node, Keypair().pubkey()
    node.runtime.put([(to, Account(SOL, bytes(200), Pubkey.default()))])

    async def conversation(client):
        await client.ask("accountSubscribe", str(to))
        send(node, a_payment(node, wallet, to))
        value = (await client.next())["params"]["result"]["value"]
        assert value["lamports"] == 2 * SOL
        assert "too large" in value["data"]

    talk(server, conversation)


@pytest.mark.parametrize("kind", ["slot", "root"])
def test_slots_pass_by_themselves(server, kind):
    async def conversation(client):
        await client.ask(f"{kind}Subscribe")
        first, second = [(await client.next())["params"]["result"] for _ in range(2)]
        if kind == "slot":
            first, second = first["slot"], second["slot"]
        assert second > first

    talk(server, conversation)


def test_subscriptions_work_on_the_rpc_port_too(server):
    async def conversation(client):
        assert isinstance(await client.ask("slotSubscribe"), int)

    talk(server, conversation, server.rpc_url.replace("http", "ws"))


def test_bad_subscriptions(server):
    async def conversation(client):
        for method, params in [
            ("accountSubscribe", []),
            ("accountSubscribe", ["nonsense"]),
            ("accountSubscribe", [7]),
            ("accountSubscribe", [str(Keypair().pubkey()), {"encoding": "hex"}]),
            ("programSubscribe", [str(Keypair().pubkey()), {"filters": 7}]),
            ("logsSubscribe", ["some"]),
            ("logsSubscribe", [{"mentions": []}]),
            ("signatureSubscribe", ["x"]),
            ("slotSubscribe", [1]),
            ("slotUnsubscribe", [10**9]),
            ("slotUnsubscribe", []),
            ("slotUnsubscribe", ["1"]),
        ]:
            assert (await client.ask(method, *params))["code"] == -32602, (method, params)
        assert (await client.ask("voteSubscribe"))["code"] == -32601
        assert (await client.ask("Subscribe"))["code"] == -32601
        await client.ws.send("{")
        assert (await client.next())["error"]["code"] == -32700
        await client.ws.send(b"\xff\x00")
        assert (await client.next())["error"]["code"] == -32700
        await client.ws.send('{"jsonrpc":"2.0","method":"ping"}')
        assert await client.ask("getHealth") == "ok"

    talk(server, conversation)


def test_a_connection_that_ends_takes_its_subscriptions_with_it(server):
    hub = server._hub

    async def conversation(client):
        before = len(hub._all)
        await client.ask("slotSubscribe")
        assert len(hub._all) == before + 1

    talk(server, conversation)

    async def settled(client):
        await client.ask("getHealth")

    talk(server, settled)
    for _ in range(100):
        if not hub._all:
            break
        call(server, "getHealth")
    assert not hub._all
