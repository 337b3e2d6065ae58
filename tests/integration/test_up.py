"""``decai up`` as a process: one line of JSON, a clean end, and no end that leaves something behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from decai.collective import connect

PORTS = ("--rpc-port", "0", "--kubo-port", "0", "--gateway-port", "0")


@contextmanager
def up(home: Path, *words: str, dashboard: bool = False) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    flags = ("--dashboard-port", "0", "--no-browser") if dashboard else ("--no-dashboard",)
    process = subprocess.Popen(
        [sys.executable, "-m", "decai", "up", "--home", str(home), *(words or PORTS), *flags],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"ended with {process.wait(30)}"
        yield process, json.loads(line)
    finally:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pids: list[int], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while any(alive(p) for p in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


def test_it_serves_says_so_and_ends_cleanly(home: Path) -> None:
    with up(home) as (process, urls):
        assert set(urls) == {"rpc_url", "ws_url", "gateway_url", "kubo_url"}
        with connect(home=home) as c:
            version = c.registry.current
            assert version is not None and c.status().healthy
        head = requests.head(f"{urls['gateway_url']}/ipfs/{version.cid}?format=raw", timeout=10)
        assert head.status_code == 200
        other = subprocess.run(
            [sys.executable, "-m", "decai", "up", "--home", str(home), *PORTS, "--no-dashboard"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert other.returncode == 1 and "error: " in other.stderr and "Traceback" not in other.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not (home / "network.json").exists()


def test_a_port_in_use_is_named(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "decai", "up", "--home", str(home), "--rpc-port", port, *PORTS[2:],
             "--no-dashboard"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1 and port in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_killed_it_takes_the_dashboard_with_it_and_loses_nothing(home: Path) -> None:
    with up(home, dashboard=True) as (process, urls):
        assert requests.get(f"{urls['dashboard_url']}/_stcore/health", timeout=10).text == "ok"
        with connect(home=home) as c:
            name = f"made-{time.time_ns()}"
            address = c.create_registry(name).address
        kids = children(process.pid)
        assert kids
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert gone(kids)
    with up(home) as (process, urls), connect(home=home) as c:
        assert c.registry_at(name).address == address
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_publish_that_was_killed_leaves_the_chain_and_store_clean(home: Path, tmp_path: Path) -> None:
    with up(home) as (process, _), connect(home=home) as c:
        version = c.registry.version(1)
        c.store.fetch(version.cid)
        bundle = c.store.path(version.cid)
        name = f"killed-{time.time_ns()}"
        for pause in (0.6, 1.0, 1.4):
            publishing = subprocess.Popen(
                [sys.executable, "-m", "decai", "publish", str(bundle), "--registry", name, "--home", str(home)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(pause)  # anywhere in its work: what must hold doesn't depend on where
            publishing.kill()
            publishing.wait(30)
        done = subprocess.run(
            [sys.executable, "-m", "decai", "publish", str(bundle), "--registry", name, "--home", str(home), "--json"],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        made = c.registry_at(name)
        assert [v.number for v in made.versions] == list(range(1, made.latest + 1))
        assert c.store.verify(version.cid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_an_inference_that_was_killed_leaves_whole_blocks_and_whole_receipts(home: Path, tmp_path: Path) -> None:
    saved = tmp_path / "receipt.json"
    words = [sys.executable, "-m", "decai", "infer", "What a day", "--home", str(home), "--save", str(saved), "--json"]
    with up(home) as (process, _):
        shutil.rmtree(home / "cache", ignore_errors=True)
        for pause in (0.7, 1.1, 1.5):
            asking = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)  # anywhere in its work: what must hold doesn't depend on where
            asking.kill()
            asking.wait(30)
            assert not saved.exists() or json.loads(saved.read_text())["signature"]
        asked = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert asked.returncode == 0, asked.stderr
        receipt = json.loads(asked.stdout.splitlines()[-1])["receipt"]
        with connect(home=home) as c:
            assert c.verify(receipt).status == "exact"
            assert c.store.verify(receipt["cid"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
