"""How long a start takes on a warm home: `decai up` until the Overview is seen, and the node alone. Prints JSON.

Seen means that the Overview's heading is visible in headless Chromium, from the command's first moment on. The peer
is Streamlit itself with a page of one heading, looked at in the same way; the two take turns. The node alone is a
process that opens the same home's ledger and answers its first JSON-RPC call. The first start of a home trains and
publishes the first model; it is done once and not counted. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parent.parent / "browser"))

from conftest import CHROMIUM, FLAGS, run_up  # type: ignore[import-not-found]

SEEN_GOAL, NODE_GOAL = 6.0, 1.0
NODE = """
import sys
from pathlib import Path
from decai.localnet import Node, NodeServer
server = NodeServer(Node(Path(sys.argv[1]))).start()
print(server.rpc_url, flush=True)
sys.stdin.read()
server.stop()
"""
PAGE = 'import streamlit as st\nst.title("Overview")\n'


def heading(browser: Any, url: str) -> None:
    """Wait until a person would see the Overview's heading."""
    page = browser.new_page()
    page.goto(url)
    page.get_by_role("heading", name="Overview", level=1).wait_for(timeout=60_000)
    page.close()


def ours(home: Path, look: Callable[[str], None]) -> tuple[float, float]:
    """Seconds until `decai up` prints its line of JSON, and until the heading is seen."""
    began = time.perf_counter()
    with run_up(home) as up:
        served = time.perf_counter() - began
        look(up.url)
        return served, time.perf_counter() - began


def streamlit(folder: Path, look: Callable[[str], None]) -> float:
    """Seconds until Streamlit alone shows a heading."""
    (folder / "page.py").write_text(PAGE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    flags = {"server.port": port, "server.address": "127.0.0.1", "server.headless": "true",
             "browser.gatherUsageStats": "false"}  # fmt: skip
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "page.py")]
    command += [f"--{name}={value}" for name, value in flags.items()]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not healthy(url):
            if process.poll() is not None or time.perf_counter() - began > 60:
                sys.exit("Streamlit alone didn't start.")
            time.sleep(0.02)
        look(url)
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(10)


def healthy(url: str) -> bool:
    try:
        return requests.get(f"{url}/_stcore/health", timeout=1).ok
    except requests.ConnectionError:
        return False


def node(home: Path) -> float:
    """Seconds until a process with the node alone answers a call."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", NODE, str(home / "node" / "ledger.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    url = process.stdout.readline().decode().strip()
    answer = requests.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": []}, timeout=10).json()
    seconds = time.perf_counter() - began
    process.stdin.close()
    process.wait(10)
    process.stdout.close()
    assert answer["result"] > 0
    return seconds


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one turn, to see that it works")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="decai-bench-") as folder, sync_playwright() as playwright:
        home = Path(folder) / "home"
        with run_up(home):
            pass
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        turns = []
        for _ in range(1 if given.quick else given.turns):
            served, seen = ours(home, lambda url: heading(browser, url))
            peer = streamlit(Path(folder), lambda url: heading(browser, url))
            turns.append({"served": served, "seen": seen, "streamlit": peer, "node": node(home)})
        browser.close()
    medians = {name: round(statistics.median(t[name] for t in turns), 3) for name in turns[0]}
    print(
        json.dumps(
            {
                "bench": "up",
                "peer": "streamlit with one heading",
                "ours_seconds": medians["seen"],
                "peer_seconds": medians["streamlit"],
                "ratio": round(statistics.median(t["seen"] / t["streamlit"] for t in turns), 3),
                "served_seconds": medians["served"],
                "node_seconds": medians["node"],
                "target_seconds_below": SEEN_GOAL,
                "target_node_seconds_below": NODE_GOAL,
                "turns": [{name: round(value, 3) for name, value in t.items()} for t in turns],
            }
        )
    )


if __name__ == "__main__":
    main()
