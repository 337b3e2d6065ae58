"""Slots, blockhashes and the sysvars that tell time, under a clock that the test holds."""

import struct

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from decai.localnet import Node, RpcError

SLOT_HASHES = Pubkey.from_string("SysvarS1otHashes111111111111111111111111111")
CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")


class Watch:
    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def node(watch):
    with Node(clock=watch, dev_clock=True) as node:
        yield node


def sysvar(node, address):
    node.tick()
    return node.runtime.account(address).data


def test_a_slot_lasts_400_ms(node, watch):
    first = node.call("getSlot")
    watch.now += 0.39
    assert node.call("getSlot") == first
    watch.now += 0.02
    assert node.call("getSlot") == first + 1
    watch.now += 4
    assert node.call("getSlot") == first + 11


def test_time_never_runs_backwards(node, watch):
    watch.now += 100
    slot = node.call("getSlot")
    stamp = struct.unpack_from("<q", sysvar(node, CLOCK), 32)[0]
    watch.now -= 50
    assert node.call("getSlot") == slot
    assert struct.unpack_from("<q", sysvar(node, CLOCK), 32)[0] == stamp


def test_the_clock_sysvar_follows(node, watch):
    watch.now += 1234.5
    data = sysvar(node, CLOCK)
    assert struct.unpack_from("<Q", data)[0] == node.slot
    assert struct.unpack_from("<q", data, 32)[0] == int(watch.now)


def test_slot_hashes_are_the_blockhashes_of_earlier_slots(node, watch):
    watch.now += 400
    node.call("getSlot")
    watch.now += 4
    data = sysvar(node, SLOT_HASHES)
    (count,) = struct.unpack_from("<Q", data)
    entries = [(struct.unpack_from("<Q", data, 8 + 40 * i)[0], data[16 + 40 * i : 48 + 40 * i]) for i in range(count)]
    assert count == 512
    assert [slot for slot, _ in entries] == list(range(node.slot - 1, node.slot - 513, -1))
    assert all(Hash.from_bytes(raw) == node.runtime.clock.hash_at(slot) for slot, raw in entries)


def test_a_blockhash_holds_150_slots(node, watch):
    blockhash = node.call("getLatestBlockhash")["value"]["blockhash"]
    last = node.call("getLatestBlockhash")["value"]["lastValidBlockHeight"]
    watch.now += 149 * 0.4
    assert node.call("isBlockhashValid", [blockhash])["value"]
    while node.call("getSlot") < last:
        watch.now += 0.1
    assert node.call("isBlockhashValid", [blockhash])["value"]
    while node.call("getSlot") <= last:
        watch.now += 0.1
    assert not node.call("isBlockhashValid", [blockhash])["value"]


def test_blockhashes_of_two_ledgers_differ(node, watch):
    with Node(clock=watch) as other:
        assert other.runtime.clock.hash_at(7) != node.runtime.clock.hash_at(7)
        assert other.call("getGenesisHash") != node.call("getGenesisHash")


def test_warping(node, watch):
    before = node.call("getSlot")
    after = node.call("decai_warp", [3600])
    assert after["slot"] == before + 9000
    assert after["unixTimestamp"] == int(watch.now) + 3600
    moved = node.call("decai_setClock", [int(watch.now) + 10_000])
    assert moved["unixTimestamp"] == int(watch.now) + 10_000
    for method, value in (
        ("decai_setClock", 5),
        ("decai_warp", -1),
        ("decai_warp", "1"),
        ("decai_warp", None),
    ):
        with pytest.raises(RpcError) as caught:
            node.call(method, [value])
        assert caught.value.code == -32602


def test_a_warp_and_a_clock_set_back_survive_a_restart(tmp_path, watch):
    path = tmp_path / "ledger.sqlite"
    with Node(path, clock=watch, dev_clock=True) as node:
        node.call("decai_warp", [5000])
        node.airdrop(Keypair().pubkey(), 10**9)
        slot, stamp = node.slot, node.runtime.clock.unix_timestamp
    watch.now -= 86_400
    with Node(path, clock=watch) as node:
        assert node.slot >= slot
        assert node.runtime.clock.unix_timestamp >= stamp
        watch.now += 40
        assert node.call("getSlot") >= slot + 99, "time goes on from there"
