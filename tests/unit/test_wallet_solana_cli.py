"""Finding the keypair that the Solana CLI uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from decai.chain import LocalWallet
from decai.chain.solana_cli import solana_cli_keypair
from decai.config import load_settings
from decai.errors import WalletError
from decai.network import local_wallet


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("keypair_path: /keys/id.json", "/keys/id.json"),
        ("keypair_path: '/keys/it''s mine.json'", "/keys/it's mine.json"),
        ('keypair_path: "/keys/id.json"  # mine', "/keys/id.json"),
        ("keypair_path: /keys/my key.json # old", "/keys/my key.json"),
    ],
)
def test_its_configuration_is_read(tmp_path: Path, line: str, name: str) -> None:
    config = tmp_path / "config.yml"
    config.write_text(f"---\njson_rpc_url: https://api.devnet.solana.com\n{line}\ncommitment: confirmed\n")
    assert solana_cli_keypair(config) == Path(name)


def test_paths_relative_and_of_the_home(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("keypair_path: id.json\n")
    assert solana_cli_keypair(config) == tmp_path / "id.json"
    config.write_text("keypair_path: ~/id.json\n")
    assert solana_cli_keypair(config) == Path.home() / "id.json"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no keypair"),
        ("keypair_path:\n", "names no keypair"),
        ("keypair_path: ''\n", "names no keypair"),
        ("keypair_path: usb://ledger?key=0\n", "isn't a file"),
        ("keypair_path: prompt://\n", "isn't a file"),
        ("keypair_path: ASK\n", "isn't a file"),
        ("other_keypair_path: /x\n", "names no keypair"),
    ],
)
def test_what_names_no_file(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / "config.yml"
    config.write_text(text)
    with pytest.raises(WalletError, match=words):
        solana_cli_keypair(config)


def test_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="no Solana CLI configuration"):
        solana_cli_keypair(tmp_path / "none.yml")
    (tmp_path / "odd.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(WalletError, match="can't be read"):
        solana_cli_keypair(tmp_path / "odd.yml")


def test_it_is_the_wallet_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DECAI_WALLET", "solana-cli")
    config = tmp_path / ".config" / "solana" / "cli" / "config.yml"
    config.parent.mkdir(parents=True)
    config.write_text("keypair_path: ~/id.json\n")
    settings = load_settings(home=tmp_path / "home")
    with pytest.raises(WalletError, match="which doesn't exist"):
        local_wallet(settings)
    assert not (tmp_path / "id.json").exists(), "a key was made in the CLI's place"
    key = LocalWallet.create(tmp_path / "id.json")
    assert settings.wallet_path == tmp_path / "id.json"
    assert local_wallet(settings).pubkey == LocalWallet.load(Path("solana-cli")).pubkey == key.pubkey
