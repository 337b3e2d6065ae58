"""Subscriptions: what clients asked to be told about, and telling them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from solders.account import Account
from solders.pubkey import Pubkey

from decai.localnet.encoding import AccountView, encode_account
from decai.localnet.errors import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError, invalid
from decai.localnet.node import Node
from decai.localnet.rpc import params
from decai.localnet.runtime import Executed

MAX_SUBSCRIPTIONS = 1000
"""Of one connection."""

_GONE = {"lamports": 0, "owner": str(Pubkey.default()), "executable": False, "rentEpoch": 0, "space": 0}
_ARITY = {
    "account": (1, 2),
    "logs": (1, 2),
    "program": (1, 2),
    "signature": (1, 2),
    "slot": (0, 0),
    "root": (0, 0),
}

Push = Callable[[str], None]


@dataclass(frozen=True)
class Subscription:
    """One wish of one connection; which fields matter depends on its kind."""

    kind: str
    session: Session
    address: Pubkey | None = None
    signature: str | None = None
    view: AccountView = field(default_factory=AccountView)
    filters: params.Filters | None = None


class Hub:
    """All subscriptions to a node. Its state is guarded by the runtime's lock.

    Parameters
    ----------
    node : Node
        What is listened to, until `close`.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self._next = 0
        self._all: dict[int, Subscription] = {}
        with node.runtime.lock:
            node.runtime.listeners.append(self._executed)
            node.runtime.slot_listeners.append(self._slot_began)

    def close(self) -> None:
        """Stop listening."""
        with self.node.runtime.lock:
            self.node.runtime.listeners.remove(self._executed)
            self.node.runtime.slot_listeners.remove(self._slot_began)
            self._all.clear()

    def watches_slots(self) -> bool:
        """Whether anyone wants to hear of new slots."""
        with self.node.runtime.lock:
            return any(each.kind in ("slot", "root") for each in self._all.values())

    def add(self, subscription: Subscription) -> int:
        """Keep a subscription; returns its number."""
        self._next += 1
        self._all[self._next] = subscription
        return self._next

    def remove(self, number: int) -> None:
        """Forget a subscription."""
        del self._all[number]

    def of(self, session: Session) -> dict[int, Subscription]:
        """The subscriptions of a connection."""
        return {number: each for number, each in self._all.items() if each.session is session}

    def _executed(self, executed: Executed) -> None:
        for number, each in list(self._all.items()):
            for value in self._news(each, executed):
                each.session.push(notification(each.kind, number, self.node.with_context(value)))
            if each.kind == "signature" and each.signature == executed.signature:
                self.remove(number)

    def _news(self, wish: Subscription, executed: Executed) -> list[object]:
        if wish.kind == "signature":
            return [{"err": executed.error}] if wish.signature == executed.signature else []
        if wish.kind == "logs":
            if wish.address is not None and wish.address not in executed.keys:
                return []
            return [{"signature": executed.signature, "err": executed.error, "logs": executed.logs}]
        news: list[object] = []
        for key, account in executed.changed:
            if wish.kind == "account" and key == wish.address:
                if account is not None:
                    news.append(self._shown(account, wish.view))
                else:
                    encoding = "base64" if wish.view.encoding == "jsonParsed" else wish.view.encoding
                    news.append(_GONE | {"data": "" if encoding == "binary" else ["", encoding]})
            owned = account is not None and account.owner == wish.address
            if wish.kind != "program" or account is None or not owned:
                continue
            if wish.filters is None or wish.filters.accept(account.data):
                shown = self._shown(account, wish.view)
                news.append({"pubkey": str(key), "account": shown})
        return news

    def _shown(self, account: Account, view: AccountView) -> dict[str, object]:
        """An account for a notification, which can't be refused: what is too long for base58 says so instead."""
        try:
            return encode_account(account, view, self.node.runtime.account)
        except RpcError:
            shown = encode_account(account, replace(view, window=(0, 0)), self.node.runtime.account)
            words = "error: data too large for bs58 encoding"
            return shown | {"data": words if view.encoding == "binary" else [words, view.encoding]}

    def _slot_began(self, slot: int) -> None:
        for number, each in self._all.items():
            if each.kind == "slot":
                value = {"parent": max(0, slot - 1), "root": slot, "slot": slot}
                each.session.push(notification("slot", number, value))
            elif each.kind == "root":
                each.session.push(notification("root", number, slot))


def notification(kind: str, number: int, result: object) -> str:
    """A notification as it goes over the wire."""
    body = {
        "jsonrpc": "2.0",
        "method": f"{kind}Notification",
        "params": {"result": result, "subscription": number},
    }
    return json.dumps(body, separators=(",", ":"))


class Session:
    """One connection's view of the node: every RPC method, and subscriptions.

    Parameters
    ----------
    hub : Hub
        Where its subscriptions are kept.
    push : callable
        Sends text to the client, from any thread.
    """

    def __init__(self, hub: Hub, push: Push) -> None:
        self._hub = hub
        self.push = push
        self._after: list[str] = []

    def handle(self, text: bytes | str) -> None:
        """Answer a message; what its subscriptions have to say at once follows the answer."""
        from decai.localnet import protocol

        body = protocol.parse(text)
        # Under the lock, so that nothing can be said about a subscription before its number is known.
        with self._hub.node.runtime.lock:
            answer = protocol.respond(body, self.invoke)
            if answer is not None:
                self.push(answer)
            for late in self._after:
                self.push(late)
            self._after.clear()

    def close(self) -> None:
        """Forget the connection's subscriptions."""
        with self._hub.node.runtime.lock:
            for number in self._hub.of(self):
                self._hub.remove(number)

    def invoke(self, method: str, arguments: Sequence[object]) -> object:
        """Run a method; as `Node.invoke`, with the subscriptions added."""
        if method.endswith("Unsubscribe"):
            kind = method.removesuffix("Unsubscribe")
        elif method.endswith("Subscribe"):
            kind = method.removesuffix("Subscribe")
        else:
            return self._hub.node.invoke(method, arguments)
        if kind not in _ARITY:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        if method.endswith("Unsubscribe"):
            return self._unsubscribe(kind, arguments)
        least, most = _ARITY[kind]
        if not least <= len(arguments) <= most:
            raise RpcError(INVALID_PARAMS, f"Invalid params: {method} takes {least} to {most} parameters")
        if len(self._hub.of(self)) >= MAX_SUBSCRIPTIONS:
            invalid(f"a connection may hold {MAX_SUBSCRIPTIONS} subscriptions")
        with self._hub.node.runtime.lock:
            self._hub.node.runtime.tick()
            return self._subscribe(kind, *arguments)

    def _unsubscribe(self, kind: str, arguments: Sequence[object]) -> bool:
        if len(arguments) != 1:
            invalid("expected the number of a subscription")
        number = params.integer(arguments[0], "the subscription")
        mine = self._hub.of(self).get(number)
        if mine is None or mine.kind != kind:
            raise RpcError(INVALID_PARAMS, "Invalid subscription id.")
        self._hub.remove(number)
        return True

    def _subscribe(self, kind: str, target: object = None, config: object = None) -> int:
        node, hub = self._hub.node, self._hub
        options = params.config(node, config)
        if kind == "account":
            view = params.account_view(options, default="binary")
            return hub.add(Subscription(kind, self, params.pubkey(target), view=view))
        if kind == "program":
            view = params.account_view(options, default="binary")
            wanted = params.Filters(options.get("filters"))
            return hub.add(Subscription(kind, self, params.pubkey(target), view=view, filters=wanted))
        if kind == "logs":
            return hub.add(Subscription(kind, self, _mentioned(target)))
        if kind == "signature":
            params.flag(options, "enableReceivedNotification")
            signature = params.signature(target)
            number = hub.add(Subscription(kind, self, signature=str(signature)))
            status = node.runtime.ledger.status(bytes(signature))
            if status is not None:
                hub.remove(number)
                error = None if status[1] is None else json.loads(status[1])
                self._after.append(notification(kind, number, node.with_context({"err": error})))
            return number
        return hub.add(Subscription(kind, self))


def _mentioned(target: object) -> Pubkey | None:
    if target in ("all", "allWithVotes"):
        return None
    if isinstance(target, dict) and isinstance(target.get("mentions"), list) and len(target["mentions"]) == 1:
        return params.pubkey(target["mentions"][0])
    invalid('expected "all", "allWithVotes" or an object with one address in mentions')
