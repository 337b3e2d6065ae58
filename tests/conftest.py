"""What the test suites share: one embedded network with the first model on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from solders.keypair import Keypair

from decai.chain import LocalWallet
from decai.collective import Collective, connect
from decai.config import Settings, load_settings
from decai.network import LAMPORTS_PER_SOL, Network, ensure_first_model


@dataclass(frozen=True)
class World:
    """A running network. Each test makes its own wallets, registries and collectives on it."""

    network: Network
    settings: Settings
    opened: list[Collective] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.network.urls["rpc_url"])

    def person(self, *, sol: float = 100, home: Path | None = None) -> Collective:
        """A collective for a new wallet; with ``home``, one with an empty cache of its own."""
        settings = self.settings
        if home is not None:
            settings = load_settings(home=home)
            settings.home.mkdir(parents=True, exist_ok=True)
            settings.network_file.write_text(self.settings.network_file.read_text())
        collective = connect(self.url, settings=settings, wallet=LocalWallet(Keypair()))
        self.opened.append(collective)
        if sol:
            collective.chain.airdrop(collective.signer(), round(sol * LAMPORTS_PER_SOL))
        return collective


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The network that integration tests share: node, store, the first model published once."""
    settings = load_settings(home=tmp_path_factory.mktemp("home"))
    with Network(settings, rpc_port=0, kubo_port=0, gateway_port=0) as network:
        made = World(network, settings)
        publisher = made.person()
        ensure_first_model(publisher)
        yield made
        for collective in made.opened:
            collective.close()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own DECAI_* variables must not decide a test."""
    import os

    for name in list(os.environ):
        if name.startswith("DECAI_") and not name.startswith(("DECAI_RECORD", "DECAI_CI")):
            monkeypatch.delenv(name)
