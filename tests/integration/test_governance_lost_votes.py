"""A vote whose confirmation is lost is known to be unknown, and found out about, never sent twice."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from warped_world import TOKEN, Founded, WarpedWorld

from decai.collective import Collective, connect
from decai.errors import TransactionFailed, TransactionUnknown
from decai.governance import Governance, Proposal


class Proxy:
    """Passes JSON-RPC on to a node; the answer to ``sendTransaction`` can be lost on either side of it.

    Attributes
    ----------
    lose : str
        "" passes everything; "answer" forwards a transaction and drops the connection; "request" drops it at once;
        "answers" also hides what became of it, as a node does that has fallen behind.
    asked : Counter
        How often each method was called.
    """

    def __init__(self, url: str) -> None:
        self.lose = ""
        self.asked: Counter[str] = Counter()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                method = json.loads(body)["method"]
                proxy.asked[method] += 1
                lost = proxy.lose if method == "sendTransaction" else ""
                if lost == "request":
                    self.close_connection = True
                    return
                answer = requests.post(url, data=body, headers={"content-type": "application/json"}, timeout=30).content
                if lost == "answer":
                    self.close_connection = True
                    return
                if proxy.lose == "answers" and method == "getSignatureStatuses":
                    answer = json.dumps(
                        {"jsonrpc": "2.0", "id": 1, "result": {"context": {"slot": 1}, "value": [None]}}
                    ).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Proxy:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()


@pytest.fixture
def proxy(warped: WarpedWorld) -> Iterator[Proxy]:
    with Proxy(warped.url) as made:
        yield made


@pytest.fixture
def founded(warped: WarpedWorld) -> Founded:
    return warped.found()


@pytest.fixture
def voter(warped: WarpedWorld, founded: Founded, proxy: Proxy) -> Iterator[Collective]:
    """The second member, connected through the proxy."""
    settings = warped.settings.model_copy(update={"confirm_timeout_s": 1.0})
    with connect(proxy.url, settings=settings, wallet=founded.people[1].wallet) as made:
        yield made


@pytest.fixture
def proposal(founded: Founded) -> Proposal:
    return founded.dao.propose_set_current(2)


def test_the_answer_is_lost_but_the_vote_counted(
    founded: Founded, voter: Collective, proxy: Proxy, proposal: Proposal
) -> None:
    seat = Governance(voter, founded.dao.address)
    proxy.lose = "answer"
    with pytest.raises(TransactionUnknown, match="may have arrived") as lost:
        seat.vote(proposal, "for")
    signature = lost.value.signature
    assert signature in (lost.value.hint or "") and "don't repeat" in (lost.value.hint or "")
    assert proxy.asked["sendTransaction"] == 1
    proxy.lose = ""
    found = voter.chain.resolve(signature)
    assert found is not None and found.signature == signature and found.slot > 0
    assert seat.my_vote(proposal) == ("for", 300 * TOKEN)
    assert founded.dao.proposal(proposal.id).votes_for == 300 * TOKEN
    with pytest.raises(TransactionFailed):
        seat.vote(proposal, "for")  # a person who votes again anyway is refused by the chain
    assert founded.dao.proposal(proposal.id).votes_for == 300 * TOKEN


def test_the_request_is_lost_and_the_vote_with_it(
    founded: Founded, voter: Collective, proxy: Proxy, proposal: Proposal
) -> None:
    seat = Governance(voter, founded.dao.address)
    proxy.lose = "request"
    with pytest.raises(TransactionUnknown) as lost:
        seat.vote(proposal, "against")
    assert proxy.asked["sendTransaction"] == 1, "nothing retries by itself"
    proxy.lose = ""
    assert voter.chain.resolve(lost.value.signature) is None
    assert seat.my_vote(proposal) is None and founded.dao.proposal(proposal.id).cast == 0
    done = seat.vote(proposal, "against")
    assert done.signature != lost.value.signature and proxy.asked["sendTransaction"] == 2
    assert founded.dao.proposal(proposal.id).votes_against == 300 * TOKEN


def test_a_confirmation_that_does_not_come_in_time(
    founded: Founded, voter: Collective, proxy: Proxy, proposal: Proposal
) -> None:
    seat = Governance(voter, founded.dao.address)
    proxy.lose = "answers"
    with pytest.raises(TransactionUnknown, match="didn't come within 1 s") as lost:
        seat.vote(proposal, "abstain")
    assert proxy.asked["sendTransaction"] == 1
    proxy.lose = ""
    assert voter.chain.resolve(lost.value.signature) is not None
    assert founded.dao.proposal(proposal.id).abstain == 300 * TOKEN
