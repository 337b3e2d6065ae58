"""Slots, blocks, epochs and blockhashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solders.signature import Signature

from decai.localnet.encoding import TRANSACTION_ENCODINGS, encode_transaction
from decai.localnet.errors import BLOCK_NOT_AVAILABLE, RpcError, invalid
from decai.localnet.rpc import params
from decai.localnet.rpc.registry import method
from decai.localnet.slots import BLOCKHASH_SLOTS, SLOTS_PER_EPOCH

if TYPE_CHECKING:
    from decai.localnet.node import Node

_MAX_RANGE = 500_000


@method("getSlot")
def get_slot(node: Node, config: object = None) -> int:
    """The current slot."""
    params.config(node, config)
    return node.slot


@method("getBlockHeight")
def get_block_height(node: Node, config: object = None) -> int:
    """Every slot has a block, so this is the slot."""
    params.config(node, config)
    return node.slot


@method("getFirstAvailableBlock")
def get_first_available_block(node: Node) -> int:
    """Nothing is ever dropped."""
    return 0


@method("minimumLedgerSlot")
def minimum_ledger_slot(node: Node) -> int:
    """Nothing is ever dropped."""
    return 0


@method("getEpochInfo")
def get_epoch_info(node: Node, config: object = None) -> dict[str, object]:
    """Where the slot stands in its epoch."""
    params.config(node, config)
    return {
        "absoluteSlot": node.slot,
        "blockHeight": node.slot,
        "epoch": node.slot // SLOTS_PER_EPOCH,
        "slotIndex": node.slot % SLOTS_PER_EPOCH,
        "slotsInEpoch": SLOTS_PER_EPOCH,
        "transactionCount": node.runtime.sequence,
    }


@method("getEpochSchedule")
def get_epoch_schedule(node: Node) -> dict[str, object]:
    """Epochs of equal length from the first slot."""
    return {
        "slotsPerEpoch": SLOTS_PER_EPOCH,
        "leaderScheduleSlotOffset": SLOTS_PER_EPOCH,
        "warmup": False,
        "firstNormalEpoch": 0,
        "firstNormalSlot": 0,
    }


@method("getLatestBlockhash")
def get_latest_blockhash(node: Node, config: object = None) -> dict[str, object]:
    """The blockhash of this slot, and until when it holds."""
    params.config(node, config)
    return node.with_context(
        {
            "blockhash": str(node.runtime.clock.blockhash()),
            "lastValidBlockHeight": node.slot + BLOCKHASH_SLOTS,
        }
    )


@method("isBlockhashValid")
def is_blockhash_valid(node: Node, blockhash: object, config: object = None) -> dict[str, object]:
    """Whether a transaction may still carry a blockhash."""
    params.config(node, config)
    return node.with_context(node.runtime.clock.is_recent(params.blockhash(blockhash)))


@method("getBlockTime")
def get_block_time(node: Node, slot: object) -> int:
    """Unix time at which a slot began."""
    return node.runtime.clock.time_of(_existing(node, slot))


@method("getBlocks")
def get_blocks(node: Node, first: object, last: object = None, config: object = None) -> list[int]:
    """The slots from one to another, both included."""
    if isinstance(last, dict) and config is None:
        last, config = None, last
    params.config(node, config)
    start = params.integer(first, "start slot")
    end = node.slot if last is None else min(params.integer(last, "end slot"), node.slot)
    if end - start > _MAX_RANGE:
        invalid(f"Slot range too large; max {_MAX_RANGE}")
    return list(range(start, end + 1))


@method("getBlocksWithLimit")
def get_blocks_with_limit(node: Node, first: object, limit: object, config: object = None) -> list[int]:
    """So many slots from one on."""
    params.config(node, config)
    start = params.integer(first, "start slot")
    count = params.integer(limit, "limit", most=_MAX_RANGE)
    return list(range(start, min(start + count, node.slot + 1)))


@method("getBlock", heavy=True)
def get_block(node: Node, slot: object, config: object = None) -> dict[str, object]:
    """The transactions of a slot."""
    number = _existing(node, slot)
    options: params.Options = {"encoding": config} if isinstance(config, str) else params.config(node, config)
    encoding = params.choice(options, "encoding", TRANSACTION_ENCODINGS, "json")
    details = params.choice(options, "transactionDetails", ("full", "signatures", "none"), "full")
    version = options.get("maxSupportedTransactionVersion")
    newest = None if version is None else params.integer(version, "maxSupportedTransactionVersion", most=255)
    parent = max(0, number - 1)
    clock = node.runtime.clock
    block: dict[str, object] = {
        "blockHeight": number,
        "blockTime": clock.time_of(number),
        "blockhash": str(clock.hash_at(number)),
        "parentSlot": parent,
        "previousBlockhash": str(clock.hash_at(parent)),
    }
    stored = node.runtime.ledger.in_slot(number) if details != "none" else []
    if details == "full":
        block["transactions"] = [encode_transaction(each, encoding, newest) for each in stored]
    elif details == "signatures":
        block["signatures"] = [str(Signature.from_bytes(each.signature)) for each in stored]
    if params.flag(options, "rewards", True):
        block["rewards"] = []
    return block


def _existing(node: Node, slot: object) -> int:
    number = params.integer(slot, "slot")
    if number > node.slot:
        raise RpcError(BLOCK_NOT_AVAILABLE, f"Block not available for slot {number}")
    return number
