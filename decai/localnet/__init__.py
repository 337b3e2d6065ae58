"""The embedded Solana node: LiteSVM behind the standard JSON-RPC and WebSocket, durable in SQLite.

For one machine: development, demonstrations, tests, air-gapped collectives. The same clients work unchanged
on a cluster by changing the URL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decai.localnet.errors import RpcError
    from decai.localnet.node import Node
    from decai.localnet.programs import Deployment
    from decai.localnet.server import NodeServer

__all__ = ["Deployment", "Node", "NodeServer", "RpcError"]

_HOMES = {"Deployment": "programs", "Node": "node", "NodeServer": "server", "RpcError": "errors"}


def __getattr__(name: str) -> object:
    # Imported when first used: whoever only talks to a node by URL needn't load a virtual machine.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
