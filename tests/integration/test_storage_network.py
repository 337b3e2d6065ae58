"""The store over HTTP: Kubo RPC through ipfshttpclient, gateway, fetching from honest and other sources, kill -9."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from decai.errors import (
    BlockNotFound,
    FetchCancelled,
    IntegrityError,
    InvalidCID,
    PathNotFound,
    PortInUse,
    QuotaExceeded,
    SettingsError,
    SourceUnavailable,
    StorageError,
)
from decai.storage import KuboClient, Progress, Store, StoreServer, StoreSource, car, cid_of_path, cids, open_server
from decai.storage.client import multiaddr
from decai.storage.fetch import Fetcher


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Store]:
    """A store that is served, with ``.kubo_url`` and ``.gateways`` pointing at itself."""
    store = Store(tmp_path / "served")
    with store.server() as server:
        store.kubo_url, store.gateways = server.kubo_url, (server.gateway_url,)
        yield store


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "sub dir").mkdir(parents=True)
    (folder / "encoder.bin").write_bytes(os.urandom(3_000_000))
    (folder / "sub dir" / "ü.txt").write_text("hi")
    (folder / "manifest.json").write_text("{}")
    (folder / "empty").mkdir()
    return folder


# Kubo RPC


def test_publish_pin_cat_through_ipfshttpclient(served: Store, bundle: Path) -> None:
    client = KuboClient(served.kubo_url or "")
    cid = client.publish(bundle)
    assert cid == cid_of_path(bundle)
    assert client.pins() == [cid]
    assert client.cat(f"{cid}/encoder.bin") == (bundle / "encoder.bin").read_bytes()
    assert client.cat(f"{cid}/sub dir/ü.txt", offset=1) == b"i"
    assert (
        client.cat(f"{cid}/encoder.bin", offset=300_000, length=7) == served.read(cid, "encoder.bin")[300_000:300_007]
    )
    client.unpin(cid)
    with pytest.raises(StorageError, match="not pinned"):
        client.unpin(cid)
    with pytest.raises(InvalidCID):
        client.cat("nonsense")
    with pytest.raises(StorageError, match="missing"):
        client.pin("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")


def test_ipfshttpclients_own_calls(served: Store, bundle: Path) -> None:
    import ipfshttpclient

    KuboClient(served.kubo_url or "").version()  # filters the warning of urllib3
    with ipfshttpclient.connect(multiaddr(served.kubo_url or "")) as client:
        # Kubo's documented answers for these bytes.
        assert client.add_bytes(b"hello\n") == "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN"
        assert client.add_bytes(b"hello\n", opts={"cid-version": 1}) == (
            "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"
        )
        before = served.stat().blocks
        answer = client.add(bundle, recursive=True, only_hash=True)
        assert served.stat().blocks == before
        names = [item["Name"] for item in answer]
        assert names[-1] == "bundle" and "bundle/sub dir/ü.txt" in names and "bundle/empty" in names
        wrapped = client.add(bundle / "manifest.json", wrap_with_directory=True)
        assert [item["Name"] for item in wrapped] == ["manifest.json", ""]
        listing = client.ls(wrapped[1]["Hash"])["Objects"][0]["Links"]
        assert [(link["Name"], link["Size"], link["Type"]) for link in listing] == [("manifest.json", 2, 2)]
        key = client.block.put(io.BytesIO(b"block"))["Key"]
        assert client.block.get(key) == b"block"
        assert client.block.stat(key)["Size"] == 5
        assert client.repo.stat()["NumObjects"] == served.stat().blocks
        kinds = {pin["Type"] for pin in client.pin.ls()["Keys"].values()}
        assert kinds == {"recursive", "indirect"}


def test_rpc_refuses_as_kubo_does(served: Store) -> None:
    url = f"{served.kubo_url}/api/v0"
    assert requests.get(f"{url}/version", timeout=5).status_code == 405
    assert requests.post(f"{url}/nonsense", timeout=5).status_code == 404
    for headers in ({"Origin": "http://evil.example"}, {"Referer": "http://evil.example/x"},
                    {"User-Agent": "Mozilla/5.0"}, {"Host": "evil.example"}):  # fmt: skip
        assert requests.post(f"{url}/repo/gc", headers=headers, timeout=5).status_code == 403
    bad = requests.post(f"{url}/add?pin=maybe", timeout=5)
    assert (bad.status_code, bad.json()["Code"], bad.json()["Type"]) == (400, 1, "error")
    bad = requests.post(f"{url}/cat?arg=xyz", timeout=5)
    assert (bad.status_code, bad.json()["Code"], bad.json()["Type"]) == (500, 0, "error")
    assert requests.post(f"{url}/cat", timeout=5).status_code == 400
    for name in ("..%2Fx", "a%2F..%2Fb", "a%00b"):
        files = {"file": (name, b"x", "text/plain")}
        assert requests.post(f"{url}/add", files=files, timeout=5).status_code == 500
    truncated = b'--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nhalf'
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    answer = requests.post(f"{url}/add", data=truncated, headers=headers, timeout=5)
    assert answer.status_code == 500 and "ended before" in answer.json()["Message"]
    assert served.pinned() == []


def test_publish_notices_another_cid(served: Store, bundle: Path) -> None:
    with pytest.raises(IntegrityError, match="Nothing was pinned"):
        KuboClient(served.kubo_url or "").publish(bundle, expected=cids.text(cids.of(b"other")))
    assert served.pinned() == []


def test_no_daemon_is_a_clear_error(tmp_path: Path, bundle: Path) -> None:
    store = Store(tmp_path / "mine", kubo_url="http://127.0.0.1:9")
    with pytest.raises(StorageError, match="Nothing answers"):
        store.publish(bundle)
    assert store.pinned() == []
    with pytest.raises(SettingsError):
        multiaddr("ftp://x")


# Gateway


def test_gateway(served: Store, bundle: Path) -> None:
    cid = served.add(bundle)
    data = (bundle / "encoder.bin").read_bytes()
    url = f"{served.gateways[0]}/ipfs/{cid}"
    raw = requests.get(f"{url}?format=raw", timeout=5)
    assert raw.headers["Content-Type"] == "application/vnd.ipld.raw"
    assert cids.text(cids.of(raw.content, cids.DAG_PB)) == cid
    archive = requests.get(url, headers={"Accept": "application/vnd.ipld.car"}, timeout=5)
    roots, blocks = car.read(io.BytesIO(archive.content))
    assert [cids.text(root) for root in roots] == [cid]
    assert len(list(blocks)) == served.stat().blocks
    whole = requests.get(f"{url}/encoder.bin", timeout=5)
    assert whole.content == data and "immutable" in whole.headers["Cache-Control"]
    assert (
        requests.get(f"{url}/encoder.bin", headers={"If-None-Match": whole.headers["ETag"]}, timeout=5).status_code
        == 304
    )
    for asked, begin, end in (("5-9", 5, 10), ("2999990-", 2_999_990, 3_000_000), ("-7", 2_999_993, 3_000_000)):
        part = requests.get(f"{url}/encoder.bin", headers={"Range": f"bytes={asked}"}, timeout=5)
        assert (part.status_code, part.content) == (206, data[begin:end])
        assert part.headers["Content-Range"] == f"bytes {begin}-{end - 1}/3000000"
    assert requests.get(f"{url}/encoder.bin", headers={"Range": "bytes=3000000-"}, timeout=5).status_code == 416
    head = requests.head(f"{url}/encoder.bin", timeout=5)
    assert (head.headers["Content-Length"], head.content) == ("3000000", b"")
    assert "manifest.json" in requests.get(url, timeout=5).text
    assert requests.get(f"{url}/nope", timeout=5).status_code == 404
    assert requests.get(f"{served.gateways[0]}/ipfs/junk", timeout=5).status_code == 400
    missing = cids.text(cids.of(b"missing"))
    assert requests.get(f"{served.gateways[0]}/ipfs/{missing}?format=raw", timeout=5).status_code == 404


def test_archives_travel_between_stores(served: Store, bundle: Path, tmp_path: Path) -> None:
    cid = served.add(bundle)
    exported = requests.post(f"{served.kubo_url}/api/v0/dag/export?arg={cid}", timeout=5).content
    with open_server(tmp_path / "other") as other:
        url = f"{other.kubo_url}/api/v0/dag/import"
        cut = requests.post(url, files={"file": exported[:-9]}, timeout=5)
        assert cut.status_code == 500 and "middle of a block" in cut.json()["Message"]
        assert other.pins.all() == []
        answer = requests.post(url, files={"file": exported}, timeout=5).json()
        assert answer["Root"]["Cid"] == {"/": cid}
        assert [pin.cid for pin in other.pins.all()] == [cid]


# Fetching


class Liar:
    """A source that works, is quick, and sends other bytes."""

    name = "liar"

    def get_block(self, cid: bytes, timeout: float) -> bytes:
        return b"lies"

    def close(self) -> None:
        pass


class Dead:
    name = "dead"

    def get_block(self, cid: bytes, timeout: float) -> bytes:
        raise SourceUnavailable("unplugged")

    def close(self) -> None:
        pass


def test_fetch_over_http_then_offline(served: Store, bundle: Path, tmp_path: Path) -> None:
    cid = served.add(bundle)
    seen: list[Progress] = []
    mine = Store(tmp_path / "mine", served.kubo_url, served.gateways)
    fetched = mine.fetch(cid, seen.append)
    assert fetched.bytes_total == fetched.bytes_fetched == served.stat().bytes == mine.verify(cid)
    assert all(source.blocks for source in fetched.sources) and len(fetched.sources) == 2
    assert set(seen[-1].states) == {"#"} and len(seen[-1].states) == fetched.blocks == seen[-1].blocks_total
    assert seen[-1].bytes_done == seen[-1].bytes_total
    # The total is the whole DAG's as soon as its root is here.
    assert {p.bytes_total for p in seen if p.blocks_done} == {fetched.bytes_total}
    alone = Store(tmp_path / "mine", kubo_url="http://127.0.0.1:9")
    again = alone.fetch(cid)
    assert (again.bytes_fetched, again.bytes_cached) == (0, fetched.bytes_total)
    assert cid_of_path(alone.path(cid)) == cid


def test_a_liar_costs_retries_and_is_demoted(served: Store, bundle: Path, tmp_path: Path) -> None:
    cid = served.add(bundle)
    mine = Store(tmp_path / "mine", sources=[Liar(), Dead(), StoreSource(served.blocks)])
    fetched = mine.fetch(cid)
    liar, dead, honest = fetched.sources
    assert fetched.refused == liar.refused >= 1 and "wrong block" in liar.reason
    assert dead.failures >= 1 and dead.reason == "unplugged"
    assert honest.blocks == fetched.blocks and liar.blocks == dead.blocks == 0
    assert mine.verify(cid) == fetched.bytes_total


def test_nobody_has_it(served: Store, tmp_path: Path) -> None:
    missing = cids.text(cids.of(b"nobody has this"))
    mine = Store(tmp_path / "mine", served.kubo_url, served.gateways, sources=[Liar(), Dead()])
    with pytest.raises(BlockNotFound, match="unplugged") as caught:
        mine.fetch(missing)
    assert "liar" in str(caught.value) and str(served.kubo_url) in str(caught.value)
    assert mine.stat().blocks == 0
    with pytest.raises(BlockNotFound, match="no source"):
        Store(tmp_path / "other").fetch(missing)


def test_fetch_resumes_and_repairs(served: Store, bundle: Path, tmp_path: Path) -> None:
    cid = served.add(bundle)
    mine = Store(tmp_path / "mine", sources=[StoreSource(served.blocks)])
    stalls = _Stalls(served)
    with pytest.raises(FetchCancelled):
        Fetcher(mine.blocks, [stalls], workers=1).fetch(cid, cancelled=lambda: stalls.given == 3)
    had = mine.stat().bytes
    assert mine.stat().blocks == 3
    fetched = mine.fetch(cid)
    assert fetched.bytes_cached == had > 0 and fetched.bytes_fetched == fetched.bytes_total - had
    # A truncated block and one that is gone: only these come again.
    encoder = mine.blocks.path / "blocks"
    files = sorted((f for f in encoder.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    lost = files[-1].stat().st_size + files[-2].stat().st_size
    files[-1].write_bytes(b"truncated")
    files[-2].unlink()
    assert mine.fetch(cid).bytes_fetched == lost
    assert mine.verify(cid) == fetched.bytes_total


class _Stalls:
    """Gives three blocks; the next request waits until the fetch has ended."""

    name = "stalls"

    def __init__(self, store: Store) -> None:
        self.store, self.given, self.ended = store, 0, threading.Event()

    def get_block(self, cid: bytes, timeout: float) -> bytes:
        if self.given == 3:
            self.ended.wait(30)
            raise SourceUnavailable("ended")
        self.given += 1
        return self.store.blocks.get(cid)

    def close(self) -> None:
        self.ended.set()


def test_limits_of_a_fetch(served: Store, bundle: Path, tmp_path: Path) -> None:
    cid = served.add(bundle)
    source = StoreSource(served.blocks)
    with pytest.raises(StorageError, match="limit is 1,000"):
        Store(tmp_path / "a", sources=[source]).fetch(cid, max_bytes=1000)
    with pytest.raises(QuotaExceeded):
        Store(tmp_path / "b", sources=[source], quota_bytes=1_000_000).fetch(cid)


def test_a_new_head_moves_little(served: Store, bundle: Path, tmp_path: Path) -> None:
    mine = Store(tmp_path / "mine", sources=[StoreSource(served.blocks)])
    mine.fetch(served.add(bundle))
    (bundle / "manifest.json").write_text('{"version": 2}')
    fetched = mine.fetch(served.add(bundle))
    assert fetched.bytes_fetched < 0.02 * fetched.bytes_total


# Store, pins, garbage


def test_extracted_copies_are_checked(served: Store, bundle: Path, tmp_path: Path) -> None:
    cid = served.add(bundle)
    copy = served.path(cid)
    (copy / "manifest.json").write_text("tampered")
    assert (served.path(cid) / "manifest.json").read_text() == "{}"
    with pytest.raises(PathNotFound):
        served.read(cid, "nope.json")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("mine")
    with pytest.raises(StorageError, match="something else"):
        served.extract(cid, tmp_path / "taken")


def test_an_extraction_that_was_killed_is_tidied_away_and_a_running_one_left(served: Store, bundle: Path) -> None:
    cid = served.add(bundle)
    files = served.path(cid).parent
    for name, age in (("killed", 7200), ("running", 5)):
        scratch = files / f".extract-{name}"
        (scratch / "content").mkdir(parents=True)
        os.utime(scratch, (time.time() - age,) * 2)
    shutil.rmtree(files / cid)
    served.path(cid)
    assert sorted(p.name for p in files.iterdir()) == [".extract-running", cid]
    served.collect(grace_seconds=-1)
    assert (files / ".extract-running").is_dir()


def test_garbage_collection_spares_pins_and_the_young(tmp_path: Path, bundle: Path) -> None:
    store = Store(tmp_path / "s")
    kept = store.add(bundle)
    (bundle / "manifest.json").write_text("two")
    dropped = store.add(bundle)
    only = store.blocks.put(b"direct")
    store.pins.add(only, recursive=False)
    assert store.unpin(dropped) == dropped
    assert store.collect().blocks == 0  # all young
    collected = store.collect(grace_seconds=-1)
    assert collected.blocks == 2  # the root and the changed leaf; everything else is shared
    assert store.has(kept) and not store.has(dropped)
    assert store.blocks.get(only) == b"direct"
    with pytest.raises(BlockNotFound):
        store.pin(dropped)
    assert [pin.cid for pin in Store(tmp_path / "s").pinned()] == [kept, cids.text(only)]


def test_ports(tmp_path: Path) -> None:
    first = open_server(tmp_path / "a").start()
    try:
        port = int(first.kubo_url.rpartition(":")[2])
        with pytest.raises(PortInUse, match=str(port)):
            open_server(tmp_path / "b", kubo_port=port).start()
    finally:
        first.stop()
    with open_server(tmp_path / "a", kubo_port=port) as again:
        assert again.kubo_url == first.kubo_url
    with pytest.raises(SettingsError):
        StoreServer(first.store, first.pins, host="0.0.0.0")


def test_server_in_an_asyncio_program(tmp_path: Path) -> None:
    import asyncio

    async def main() -> int:
        async with open_server(tmp_path / "a") as server:
            url = f"{server.kubo_url}/api/v0/version"
            return (await asyncio.to_thread(requests.post, url, timeout=5)).status_code

    assert asyncio.run(main()) == 200


# kill -9

_ADD = """
import sys
from decai.storage import Store
Store(sys.argv[1]).add(sys.argv[2], progress=lambda n: print(n, flush=True))
"""
_FETCH = """
import sys
from decai.storage import Store
Store(sys.argv[1], gateways=[sys.argv[3]]).fetch(sys.argv[2], lambda p: print(p.bytes_done, flush=True))
"""
_PUBLISH = """
import sys
from decai.storage import Store
print(0, flush=True)
Store(sys.argv[1], sys.argv[3]).publish(sys.argv[2], progress=lambda n: print(n, flush=True))
"""


def _run_and_kill(script: str, *arguments: str, after: int) -> None:
    """Start a program that prints how far it is, and SIGKILL it past a mark."""
    with subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        for line in program.stdout:
            if int(line) >= after:
                os.kill(program.pid, signal.SIGKILL)
                break
        program.stdout.read()
        assert program.wait(30) == -signal.SIGKILL


@pytest.fixture
def large(tmp_path: Path) -> Path:
    folder = tmp_path / "large"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_bytes(os.urandom(20_000_000))
    return folder


def _is_clean(home: Path) -> Store:
    store = Store(home)
    assert list((home / "tmp").iterdir()) == []
    for digest, _, _ in store.blocks.iterate():
        store.blocks.get(cids.make(cids.RAW, digest))  # each block that has its name is whole
    assert store.pinned() == []
    return store


def test_killed_while_adding_and_publishing(served: Store, large: Path, tmp_path: Path) -> None:
    home = tmp_path / "mine"
    _run_and_kill(_ADD, str(home), str(large), after=10_000_000)
    store = _is_clean(home)
    held = store.stat().bytes
    assert held > 0
    _run_and_kill(_PUBLISH, str(home), str(large), str(served.kubo_url), after=45_000_000)
    store = _is_clean(home)
    assert served.pinned() == []
    store.kubo_url = served.kubo_url
    cid = store.publish(large)
    assert cid == cid_of_path(large)
    assert [pin.cid for pin in store.pinned()] == [pin.cid for pin in served.pinned()] == [cid]


def test_killed_while_fetching(served: Store, large: Path, tmp_path: Path) -> None:
    cid = served.add(large)
    home = tmp_path / "mine"
    _run_and_kill(_FETCH, str(home), cid, served.gateways[0], after=8_000_000)
    store = _is_clean(home)
    had = store.stat().bytes
    store.gateways = served.gateways
    fetched = store.fetch(cid)
    assert had > 0 and fetched.bytes_cached == had
    assert fetched.bytes_fetched == fetched.bytes_total - had
    assert store.verify(cid) == fetched.bytes_total
