"""What the node is: version, identity, health; and the calls of a development node."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from decai import __version__
from decai.localnet.errors import invalid
from decai.localnet.rpc import params
from decai.localnet.rpc.registry import method

if TYPE_CHECKING:
    from decai.localnet.node import Node

RUNTIME_VERSION = "2.2.1"
"""The Agave release whose runtime solders 0.26's LiteSVM is built from."""


@method("getHealth")
def get_health(node: Node) -> str:
    """The node answers, so it is well."""
    return "ok"


@method("getVersion")
def get_version(node: Node) -> dict[str, object]:
    """The runtime's version; ``decai`` tells that this is an embedded node, and whose."""
    return {
        "decai": __version__,
        "solana-core": RUNTIME_VERSION,
        "feature-set": zlib.crc32(b"decai localnet " + RUNTIME_VERSION.encode()),
    }


@method("getGenesisHash")
def get_genesis_hash(node: Node) -> str:
    """A hash that no other ledger has."""
    return str(node.runtime.genesis_hash)


@method("getIdentity")
def get_identity(node: Node) -> dict[str, object]:
    """The node's own address."""
    return {"identity": str(node.runtime.identity)}


@method("getClusterNodes")
def get_cluster_nodes(node: Node) -> list[dict[str, object]]:
    """This node, alone."""
    return [
        {
            "pubkey": str(node.runtime.identity),
            "gossip": None,
            "tpu": None,
            "rpc": None,
            "version": RUNTIME_VERSION,
            "featureSet": get_version(node)["feature-set"],
            "shredVersion": 0,
        }
    ]


@method("getSlotLeader")
def get_slot_leader(node: Node, config: object = None) -> str:
    """The node leads every slot."""
    params.config(node, config)
    return str(node.runtime.identity)


@method("getRecentPrioritizationFees")
def get_recent_prioritization_fees(node: Node, addresses: object = None) -> list[dict[str, object]]:
    """Zero in every recent slot: no one competes for block space here."""
    for address in params.array([] if addresses is None else addresses, "addresses", 128):
        params.pubkey(address)
    first = max(0, node.slot - 149)
    return [{"slot": slot, "prioritizationFee": 0} for slot in range(first, node.slot + 1)]


@method("getSupply", heavy=True)
def get_supply(node: Node, config: object = None) -> dict[str, object]:
    """All lamports; the faucet's are those that don't circulate."""
    params.config(node, config)
    faucet = node.runtime.faucet.pubkey()
    total = sum(account.lamports for account in node.runtime.accounts.values())
    idle = node.runtime.accounts.get(bytes(faucet))
    held = 0 if idle is None else idle.lamports
    return node.with_context(
        {
            "total": total,
            "circulating": total - held,
            "nonCirculating": held,
            "nonCirculatingAccounts": [str(faucet)],
        }
    )


@method("decai_stats")
def decai_stats(node: Node) -> dict[str, object]:
    """What the node holds, and how often and how long each method ran (seconds)."""
    return node.stats()


@method("decai_setClock", development=True)
def decai_set_clock(node: Node, unix_timestamp: object) -> dict[str, object]:
    """Move the node's clock forward to a unix time."""
    wanted = params.integer(unix_timestamp, "unix_timestamp", most=2**40)
    ahead = wanted - node.runtime.clock.now()
    if ahead < 0:
        invalid(f"the clock can't go back: it is {node.runtime.clock.unix_timestamp} already")
    node.runtime.warp(ahead)
    return _time(node)


@method("decai_warp", development=True)
def decai_warp(node: Node, seconds: object) -> dict[str, object]:
    """Let so many seconds pass at once."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 2**40:
        invalid("seconds must be a number, not negative")
    node.runtime.warp(float(seconds))
    return _time(node)


def _time(node: Node) -> dict[str, object]:
    return {"slot": node.slot, "unixTimestamp": node.runtime.clock.unix_timestamp}
