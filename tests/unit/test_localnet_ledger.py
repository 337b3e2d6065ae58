"""The ledger file: migrations, its lock, and what is refused."""

import sqlite3
import subprocess
import sys

import pytest
from solders.keypair import Keypair

from decai.errors import HomeInUse, HomeNewer, NodeError
from decai.localnet import Node
from decai.localnet.ledger import MIGRATIONS, Ledger


def test_migrations_are_recorded_by_name_and_run_once(tmp_path):
    path = tmp_path / "home" / "ledger.sqlite"
    for _ in range(2):
        Ledger(path).close()
    with sqlite3.connect(path) as db:
        names = [name for (name,) in db.execute("SELECT name FROM migrations")]
    db.close()
    assert names == [migration.__name__ for migration in MIGRATIONS]


def test_a_ledger_of_a_newer_decai(tmp_path):
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    db = sqlite3.connect(path)
    with db:
        db.execute("INSERT INTO migrations VALUES ('m999_later', 0)")
    db.close()
    with pytest.raises(HomeNewer, match="m999_later") as caught:
        Node(path)
    assert "Upgrade DecAI" in caught.value.hint
    with pytest.raises(HomeNewer):  # and the lock was given back: not "in use"
        Node(path)


def test_a_ledger_is_open_once(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Node(path):
        with pytest.raises(HomeInUse, match="in use by process") as caught:
            Node(path)
        assert "--home" in caught.value.hint
        code = "import sys; from decai.localnet import Node; from pathlib import Path; Node(Path(sys.argv[1]))"
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
        assert other.returncode == 1
        assert "HomeInUse" in other.stderr
    Node(path).close()


def test_a_file_that_is_no_ledger(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(NodeError, match="can't be read"):
        Node(path)
    assert path.read_bytes().startswith(b"something else")


def test_a_place_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeError, match="can't be opened"):
        Node(tmp_path / "file" / "ledger.sqlite")


def test_a_failed_write_keeps_nothing(tmp_path):
    with Ledger(None) as ledger:
        with pytest.raises(ZeroDivisionError), ledger.transaction():
            ledger.keep_setting("a", 1)
            raise ZeroDivisionError
        assert ledger.setting("a") is None


def test_closing_twice_does_nothing(tmp_path):
    node = Node(tmp_path / "ledger.sqlite")
    node.airdrop(Keypair().pubkey(), 10**9)
    node.close()
    node.close()
