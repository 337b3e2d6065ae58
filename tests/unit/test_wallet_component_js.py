"""The wallet component's own tests run in Node; here they run as one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

WALLET = Path(__file__).parents[2] / "dashboard" / "components" / "wallet"


@pytest.mark.node
def test_the_components_javascript() -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node and npm, "this test needs Node.js 20 or later"
    if not (WALLET / "node_modules" / "linkedom").exists():
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=WALLET, check=True, timeout=120)
    done = subprocess.run([node, "--test", "tests/"], cwd=WALLET, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = next(line for line in done.stdout.splitlines() if line.startswith("# pass "))
    assert int(passed.split()[-1]) >= 30


def test_both_modules_become_one_text() -> None:
    from dashboard.components.wallet import source

    text = source()
    assert "import " not in [line[:7] for line in text.splitlines()]
    assert text.count("export default function") == 1
    assert not any(line.startswith("export ") and "default" not in line for line in text.splitlines())
    assert "class Hub" in text and "class Mount" in text


def test_the_lock_file_names_no_place_to_download_from() -> None:
    assert '"resolved"' not in (WALLET / "package-lock.json").read_text("utf-8")
