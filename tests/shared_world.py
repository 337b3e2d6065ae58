"""A running embedded network, as the integration tests use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from solders.keypair import Keypair

from decai.chain import LocalWallet
from decai.collective import Collective, connect
from decai.config import Settings, load_settings
from decai.network import LAMPORTS_PER_SOL, Network


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
