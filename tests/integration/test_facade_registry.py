"""Publishing: whole or not at all."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shared_world import World
from solders.keypair import Keypair

from decai.chain.layouts import content_id
from decai.errors import (
    GovernanceError,
    InsufficientFunds,
    InvalidBundle,
    ModelNotFound,
    SettingsError,
    TransactionFailed,
)
from decai.explorer import CurrentChange
from decai.models import Parent, derive_bundle, load_bundle


@pytest.fixture
def bundle(world: World, tmp_path: Path) -> Path:
    """A copy of the first model's bundle."""
    person = world.person(sol=0)
    version = person.registry.version(1)
    person.store.fetch(version.cid)
    return Path(shutil.copytree(person.store.path(version.cid), tmp_path / "bundle"))


def second(bundle: Path, to: Path, cid: str) -> Path:
    base = load_bundle(bundle)
    weights = [int(w) for w in base.weights]
    weights[0] += 1
    return derive_bundle(to, base, parent=Parent(version=1, cid=cid), weights=weights).path


def test_two_versions_their_timeline_and_the_way_back(world: World, bundle: Path, tmp_path: Path) -> None:
    person = world.person()
    registry = person.create_registry("mine")
    assert person.create_registry("mine").address == registry.address, "making it again is harmless"
    assert registry.current is None and registry.versions == []
    first = registry.publish(bundle, note="one")
    done = registry.publish(second(bundle, tmp_path / "two", first.version.cid), note="two", make_current=False)
    assert (done.version.number, done.version.parent, registry.current_number, registry.latest) == (2, 1, 1, 2)
    assert done.version.cid != first.version.cid
    registry.set_current(2)
    assert registry.current == done.version
    with pytest.raises(TransactionFailed, match=r"[Cc]urrent"):
        registry.yank(2)
    registry.set_current(1)
    registry.yank(2)
    assert registry.version(2).status == "yanked"
    with pytest.raises(TransactionFailed):
        registry.set_current(2)
    changes = person.explorer.current_changes(registry.key)
    assert [c.version for c in changes] == [1, 2, 1]
    assert registry.at(datetime.now(UTC) + timedelta(days=1)).number == 1
    frame = registry.to_frame()
    assert list(frame.number) == [1, 2] and list(frame.status) == ["live", "yanked"]
    assert "yanked" in registry._repr_html_()
    with pytest.raises(ModelNotFound, match="yanked"):
        person.infer("x", registry=registry, version=2)


def test_the_version_in_use_at_a_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    person = world.person()
    registry = person.registry
    began = datetime(2026, 1, 1, tzinfo=UTC)
    changes = [
        CurrentChange(began + timedelta(days=day), 1, version, "s") for day, version in ((0, 1), (10, 2), (20, 1))
    ]
    monkeypatch.setattr(person.explorer, "current_changes", lambda _: changes)
    monkeypatch.setattr(registry, "version", lambda number: number)
    for day, number in ((0, 1), (9.99, 1), (10, 2), (19, 2), (20, 1), (400, 1)):
        assert registry.at(began + timedelta(days=day)) == number
    assert registry.at(datetime(2026, 1, 15)) == 2, "a naive time is UTC"
    assert registry.resolve("2026-01-11T01:00+01:00") == 2
    with pytest.raises(ModelNotFound, match="no version in use"):
        registry.at(began - timedelta(seconds=1))


def test_an_update_moves_kilobytes(world: World, bundle: Path, tmp_path: Path) -> None:
    person = world.person(home=tmp_path / "other")
    registry = person.create_registry("small-step")
    first = registry.publish(bundle)
    publisher = world.person(home=tmp_path / "publisher")
    reader = world.person(home=tmp_path / "reader")
    reader.store.fetch(first.version.cid)
    cid = publisher.store.publish(second(bundle, tmp_path / "two", first.version.cid))
    fetched = reader.store.fetch(cid)
    assert 0 < fetched.bytes_fetched < fetched.bytes_total * 0.02


def test_a_refused_publication_leaves_no_pin(world: World, bundle: Path, tmp_path: Path) -> None:
    person = world.person(home=tmp_path / "home")
    registry = person.create_registry("refused")
    with pytest.raises(SettingsError, match="64"):
        registry.publish(bundle, note="x" * 65)
    stranger = world.person(home=tmp_path / "stranger")
    with pytest.raises(GovernanceError, match="Only the owner"):
        stranger.registry_at(registry.address).publish(second(bundle, tmp_path / "two", "bafkqaaa"))
    assert not stranger.store.pinned() and not person.store.pinned()
    assert registry.refresh().latest == 0


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda b: (b / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda b: (b / "encoder.onnx").write_bytes(b"not onnx"), "encoder.onnx"),
        (lambda b: (b / "manifest.json").write_text("{}"), "manifest.json"),
        (lambda b: (b / "extra.pkl").write_bytes(b"x"), "extra.pkl"),
    ],
)
def test_a_broken_bundle_is_refused_before_anything_is_stored(
    world: World, bundle: Path, tmp_path: Path, broken: object, says: str
) -> None:
    broken(bundle)  # type: ignore[operator]
    person = world.person(home=tmp_path / "home")
    registry = person.create_registry(f"broken-{says}"[:32])
    with pytest.raises(InvalidBundle, match=says):
        registry.publish(bundle)
    assert person.store.stat().blocks == 0 and registry.refresh().latest == 0


def test_a_new_registry_and_its_first_version_come_together_or_not_at_all(
    world: World, bundle: Path, tmp_path: Path
) -> None:
    person = world.person(home=tmp_path / "home")
    name = str(Keypair().pubkey())[:20]
    with pytest.raises(SettingsError, match="64"):
        person.publish(bundle, registry=name, note="x" * 65)
    with pytest.raises(SettingsError, match="33 bytes"):
        person.publish(bundle, registry="n" * 33)
    with pytest.raises(ModelNotFound):
        person.publish(bundle, registry=str(Keypair().pubkey()))
    whole = (bundle / "head.onnx").read_bytes()
    (bundle / "head.onnx").write_bytes(b"not onnx")
    with pytest.raises(InvalidBundle, match=r"head\.onnx"):
        person.publish(bundle, registry=name)
    (bundle / "head.onnx").write_bytes(whole)
    poor = world.person(sol=0, home=tmp_path / "poor")
    with pytest.raises(InsufficientFunds):
        poor.publish(bundle, registry=name)
    assert not poor.store.pinned() and not person.store.pinned()
    assert name not in {r.name for r in person.registries()}
    done = person.publish(bundle, registry=name)
    registry = person.registry_at(name)
    assert (done.version.number, registry.latest, registry.current) == (1, 1, done.version)
    (signature,) = {e.signature for e in person.explorer.transactions(address=registry.address)}
    assert signature == done.confirmation.signature, "one transaction made both"
    assert person.publish(bundle, registry=name).version.number == 2
    other = world.person(home=tmp_path / "home-2")
    with pytest.raises(GovernanceError, match="Only the owner"):
        other.publish(bundle, registry=name)


def test_names_that_do_not_fit(world: World) -> None:
    person = world.person()
    with pytest.raises(SettingsError, match="33 bytes"):
        person.create_registry("n" * 33)
    with pytest.raises(SettingsError, match="needs a name"):
        person.create_registry_action("  ")


def test_the_program_refuses_what_the_library_would_not_send(world: World, bundle: Path) -> None:
    person = world.person()
    registry = person.create_registry("strict")
    action = registry.publish_action(cid=content_and_cid(), manifest_sha256=bytes(32))
    with pytest.raises(TransactionFailed) as refused:
        person.act(action)
    assert refused.value.name == "MissingManifest" and refused.value.logs


def content_and_cid() -> str:
    cid = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
    assert content_id(cid)["scheme"] == 1
    return cid


def test_registries_by_name_and_address(world: World) -> None:
    one, two = world.person(), world.person()
    name = str(Keypair().pubkey())[:20]
    made = one.create_registry(name)
    assert one.registry_at(name).address == made.address == one.registry_at(made.address).address
    two.create_registry(name)
    with pytest.raises(ModelNotFound, match="2 registries"):
        one.registry_at(name)
    with pytest.raises(ModelNotFound, match="decai models"):
        one.registry_at("no such name")
    with pytest.raises(ModelNotFound):
        one.registry_at(str(Keypair().pubkey()))
    assert name in list(one.registries().to_frame().name)


def test_the_explorer_names_what_happened(world: World) -> None:
    person = world.person()
    made = person.create_registry("watched")
    seen = person.explorer.transactions(address=made.address)
    assert [t.what for t in seen] == ["create registry"]
    assert seen[0].ok and seen[0].payer == str(person.signer()) and seen[0].fee == 5000
    (event,) = seen[0].events
    assert (event.name, event.fields["name"], event.fields["registry"]) == ("RegistryCreated", "watched", made.address)
    account = person.explorer.account(made.address)
    assert (account.kind, account.fields["name"]) == ("ModelRegistry", "watched")
    pages, before = [], None
    while page := person.explorer.transactions(limit=3, before=before):
        assert len({t.signature for t in page}) == len(page)
        pages.append(page)
        before = page[-1].signature
    walked = [t.signature for page in pages for t in page]
    whole = [t.signature for t in person.explorer.transactions(limit=10_000)]
    assert len(pages) > 1 and len(set(walked)) == len(walked) and set(walked) == set(whole)
