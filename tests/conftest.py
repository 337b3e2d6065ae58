"""What the test suites share: one embedded network with the first model on it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from shared_world import World
from warped_world import WarpedWorld

from decai.config import load_settings
from decai.models import load_bundle
from decai.network import Network, ensure_first_model


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


@pytest.fixture(scope="session")
def warped(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarpedWorld]:
    """A network of its own whose clock tests move, with the shared one's first model and its sets."""
    settings = load_settings(home=tmp_path_factory.mktemp("warped"))
    source = world.person(sol=0)
    first = source.registry.version(1)
    with Network(settings, rpc_port=0, kubo_port=0, gateway_port=0, dev_clock=True) as network:
        made = WarpedWorld(network, settings)
        publisher = made.person()
        source.store.fetch(first.cid)
        bundle = load_bundle(source.store.path(first.cid))
        for reference in (bundle.manifest.training_set, bundle.manifest.evaluation_set):
            assert reference is not None and reference.cid is not None
            source.store.fetch(reference.cid)
            made.sets.append(publisher.training.register(source.store.path(reference.cid)))
        made.base.append(publisher.create_registry("sentiment").publish(bundle.path).version)
        yield made
        for collective in made.opened:
            collective.close()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own DECAI_* variables must not decide a test."""
    for name in list(os.environ):
        if name.startswith("DECAI_") and not name.startswith(("DECAI_RECORD", "DECAI_CI")):
            monkeypatch.delenv(name)
