"""web3.js and @solana/spl-token against the embedded node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from decai.localnet import Node, NodeServer

CLIENTS = Path(__file__).parents[1] / "node_clients"


@pytest.mark.node
def test_web3_js_and_spl_token():
    node_js, npm = shutil.which("node"), shutil.which("npm")
    assert node_js and npm, "Node.js is needed for the tests marked node"
    if not (CLIENTS / "node_modules").exists():
        install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=CLIENTS, check=True, capture_output=True, timeout=150)
    with Node() as node:
        server = NodeServer(node).start()
        try:
            ran = subprocess.run(
                [node_js, "client.mjs", server.rpc_url], cwd=CLIENTS, capture_output=True, text=True, timeout=100
            )
        finally:
            server.stop()
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "airdrop": None,
        "balance": 10**9,
        "simulated": None,
        "version": 0,
        "fee": 5000,
        "parsed": True,
        "signatures": True,
        "heard": 10**9 + 5,
        "logged": None,
        "tokens": [[777, "0.000777"], [777, "0.000777"]],
        "system": True,
    }
