"""model-manager: every instruction, and each of its constraints violated once."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from harness import NO_CONTENT, ComputeUnits, Event, Ledger, Result, content_id, text
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

NAME = "sentiment"
LIVE, YANKED = 1, 2
NOBODY = Pubkey.default()
U32_MAX, U64_MAX = 2**32 - 1, 2**64 - 1
LEAF = hashlib.sha256(b"a receipt").digest()


class World:
    """A registry of Ada's on a fresh ledger; Eve owns nothing."""

    def __init__(self) -> None:
        self.ledger = Ledger("model_manager")
        self.ada, self.eve = self.ledger.keypair("ada"), self.ledger.keypair("eve")
        self.registry = self.create(self.ada, NAME)

    # addresses

    def registry_of(self, creator: Keypair, name: str | bytes) -> Pubkey:
        raw = name if isinstance(name, bytes) else text(name, 32)
        return self.ledger.pda("model_manager", b"registry", creator, raw)

    def version(self, number: int, registry: Pubkey | None = None) -> Pubkey:
        seed = number.to_bytes(4, "little")
        return self.ledger.pda("model_manager", b"version", registry or self.registry, seed)

    def log(self, worker: Keypair, registry: Pubkey | None = None) -> Pubkey:
        return self.ledger.pda("model_manager", b"log", registry or self.registry, worker)

    # instructions, right unless told otherwise

    def create_ix(self, creator: Keypair, name: str | bytes, registry: Pubkey | None = None) -> Instruction:
        accounts = {"creator": creator, "registry": registry or self.registry_of(creator, name)}
        return self.ledger.ix("model_manager.create_registry", accounts, name=name)

    def publish_ix(self, number: int, make_current: bool = True, **changes: Any) -> Instruction:
        """Version ``number`` of Ada's registry; ``changes`` are accounts or arguments."""
        accounts = {
            "payer": changes.pop("payer", self.ada),
            "owner": changes.pop("owner", self.ada),
            "registry": changes.pop("registry", self.registry),
            "version": changes.pop("version", self.version(number)),
        }
        unsigned = changes.pop("unsigned", ())
        args: dict[str, Any] = {
            "content": content_id(f"bundle {number}"),
            "training_data": content_id(f"training set {number}"),
            "manifest_sha256": hashlib.sha256(f"manifest {number}".encode()).digest(),
            "head_commitment": bytes([number % 256]) * 32,
            "accuracy_ppm": 860_000,
            "job": NOBODY,
            "note": f"version {number}",
            "make_current": make_current,
        }
        return self.ledger.ix(
            "model_manager.publish_version", accounts, unsigned=unsigned, **(args | changes)
        )

    def owner_ix(self, name: str, number: int | None = None, **changes: Any) -> Instruction:
        """An instruction of the owner, on version ``number`` if it is about one."""
        accounts = {"owner": self.ada, "registry": self.registry}
        if number is not None:
            accounts["version"] = self.version(number)
        names = {*accounts, "unsigned"}
        args = {key: value for key, value in changes.items() if key not in names}
        accounts |= {key: value for key, value in changes.items() if key in accounts}
        return self.ledger.ix(f"model_manager.{name}", accounts, unsigned=changes.get("unsigned", ()), **args)

    def accept_ix(self, pending: Keypair, **changes: Any) -> Instruction:
        accounts = {"pending_owner": pending, "registry": changes.get("registry", self.registry)}
        unsigned = changes.get("unsigned", ())
        return self.ledger.ix("model_manager.accept_owner", accounts, unsigned=unsigned)

    def post_ix(
        self, worker: Keypair, number: int = 1, batch: int | None = None, **changes: Any
    ) -> Instruction:
        accounts = {
            "worker": worker,
            "registry": changes.get("registry", self.registry),
            "version": changes.get("version", self.version(number)),
            "log": changes.get("log", self.log(worker)),
        }
        unsigned, leaf = changes.get("unsigned", ()), changes.get("leaf", LEAF)
        if batch is None:
            return self.ledger.ix("model_manager.post_result", accounts, unsigned=unsigned, leaf=leaf)
        name = "model_manager.post_result_batch"
        return self.ledger.ix(name, accounts, unsigned=unsigned, root=leaf, count=batch)

    # shorthands

    def send(self, instruction: Instruction, *signers: Keypair) -> Result:
        return self.ledger.send(instruction, signers=signers or [self.ada])

    def refuse(self, error: str, instruction: Instruction, *signers: Keypair) -> None:
        self.ledger.expect_error(error, instruction, signers=signers or [self.ada])

    def create(self, creator: Keypair, name: str) -> Pubkey:
        self.send(self.create_ix(creator, name), creator)
        return self.registry_of(creator, name)

    def publish(self, *numbers: int, make_current: bool = False) -> None:
        for number in numbers:
            self.send(self.publish_ix(number, make_current=make_current))

    def fields(self) -> dict[str, Any]:
        return self.ledger.account(self.registry)


@pytest.fixture
def world() -> World:
    return World()


def test_every_instruction_of_the_idl_is_tested_here(world: World) -> None:
    tested = {
        "create_registry",
        "publish_version",
        "set_current",
        "yank_version",
        "offer_owner",
        "accept_owner",
        "post_result",
        "post_result_batch",
    }
    assert set(world.ledger.idls["model_manager"].instructions) == tested


class TestCreateRegistry:
    def test_a_new_registry_belongs_to_its_creator_and_runs_nothing(
        self, world: World, cu: ComputeUnits
    ) -> None:
        address = world.registry_of(world.eve, "emotions")
        result = world.send(world.create_ix(world.eve, "emotions"), world.eve)
        cu.check("model_manager.create_registry", result)
        fields = world.ledger.account(address)
        assert fields["owner"] == fields["creator"] == world.eve.pubkey()
        assert fields["name"] == text("emotions", 32)
        assert (fields["latest"], fields["current"], fields["current_cid"]) == (0, 0, NO_CONTENT)
        assert (fields["pending_owner"], fields["layout"]) == (NOBODY, 1)
        assert fields["created_at"] == fields["updated_at"] == world.ledger.now
        event = result.event("RegistryCreated")
        assert (event["registry"], event["creator"]) == (address, world.eve.pubkey())

    def test_a_name_may_fill_its_field_and_be_any_script(self, world: World) -> None:
        for name in ("x" * 32, "感情分析", "grün"):
            assert world.ledger.account(world.create(world.eve, name))["name"] == text(name, 32)

    def test_two_people_may_use_one_name(self, world: World) -> None:
        assert world.create(world.eve, NAME) != world.registry

    def test_creating_it_again_is_refused(self, world: World) -> None:
        world.publish(1)
        before = world.fields()
        world.refuse("AccountAlreadyInUse", world.create_ix(world.ada, NAME))
        assert world.fields() == before

    @pytest.mark.parametrize(
        "name",
        [
            bytes(32),
            b"\0name".ljust(32, b"\0"),
            b"na\0me".ljust(32, b"\0"),
            b"\xff".ljust(32, b"\0"),
            b"a\nb".ljust(32, b"\0"),
        ],
        ids=["empty", "starts with zero", "zero inside", "not UTF-8", "two lines"],
    )
    def test_a_bad_name_is_refused(self, world: World, name: bytes) -> None:
        world.refuse("InvalidName", world.create_ix(world.ada, name))

    def test_the_address_must_be_that_of_creator_and_name(self, world: World) -> None:
        elsewhere = world.registry_of(world.eve, "other")
        world.refuse("ConstraintSeeds", world.create_ix(world.ada, "other", registry=elsewhere))

    def test_the_creator_must_sign(self, world: World) -> None:
        accounts = {"creator": world.eve, "registry": world.registry_of(world.eve, "x")}
        create = world.ledger.ix("model_manager.create_registry", accounts, unsigned=["creator"], name="x")
        world.refuse("AccountNotSigner", create)

    def test_another_program_in_place_of_the_system_program_is_refused(self, world: World) -> None:
        create = world.create_ix(world.ada, "x")
        accounts = [*create.accounts[:-1], AccountMeta(world.eve.pubkey(), False, False)]
        world.refuse("InvalidProgramId", Instruction(create.program_id, create.data, accounts))

    def test_lamports_sent_to_the_address_beforehand_do_not_block_it(self, world: World) -> None:
        address = world.registry_of(world.ada, "donated")
        world.ledger.svm.airdrop(address, 5_000_000)
        world.create(world.ada, "donated")
        size = len(world.ledger.svm.get_account(address).data)
        assert world.ledger.lamports(address) >= world.ledger.rent(size)


class TestPublishVersion:
    def test_the_first_version(self, world: World, cu: ComputeUnits) -> None:
        world.ledger.warp(seconds=60, slots=9)
        result = world.send(world.publish_ix(1))
        cu.check("model_manager.publish_version", result, "current")
        version, registry = world.ledger.account(world.version(1)), world.fields()
        assert (version["number"], version["parent"], version["status"]) == (1, 0, LIVE)
        assert version["content"] == registry["current_cid"] == content_id("bundle 1")
        assert version["training_data"] == registry["training_data_cid"] == content_id("training set 1")
        assert version["manifest_sha256"] == hashlib.sha256(b"manifest 1").digest()
        assert version["head_commitment"] == bytes([1]) * 32
        assert (version["accuracy_ppm"], version["job"]) == (860_000, NOBODY)
        assert (version["registry"], version["publisher"]) == (world.registry, world.ada.pubkey())
        assert (version["published_at"], version["slot"]) == (world.ledger.now, world.ledger.slot)
        assert version["note"] == text("version 1", 64)
        assert (registry["latest"], registry["current"], registry["updated_at"]) == (1, 1, world.ledger.now)
        published, changed = result.event("VersionPublished"), result.event("CurrentChanged")
        assert published["content"] == content_id("bundle 1") and published["version"] == world.version(1)
        assert (changed["previous"], changed["current"]) == (0, 1)

    def test_a_version_that_is_not_made_current(self, world: World, cu: ComputeUnits) -> None:
        world.publish(1, make_current=True)
        result = world.send(world.publish_ix(2, make_current=False))
        cu.check("model_manager.publish_version", result)
        registry = world.fields()
        assert (registry["latest"], registry["current"]) == (2, 1)
        assert registry["current_cid"] == content_id("bundle 1")
        assert [event.name for event in result.events] == ["VersionPublished"]

    def test_the_parent_is_the_current_version_not_the_latest(self, world: World) -> None:
        world.publish(1, make_current=True)
        world.publish(2, 3)
        parents = [world.ledger.account(world.version(number))["parent"] for number in (1, 2, 3)]
        assert parents == [0, 1, 1]

    def test_a_version_may_have_no_training_data_no_note_and_come_from_a_job(self, world: World) -> None:
        job = world.ledger.keypair("a job").pubkey()
        world.send(world.publish_ix(1, training_data=NO_CONTENT, note="", job=job))
        version = world.ledger.account(world.version(1))
        assert (version["training_data"], version["note"], version["job"]) == (NO_CONTENT, bytes(64), job)

    def test_another_may_pay_the_rent(self, world: World) -> None:
        before = world.ledger.lamports(world.eve.pubkey())
        world.send(world.publish_ix(1, payer=world.eve), world.eve, world.ada)
        rent = world.ledger.lamports(world.version(1))
        assert before - world.ledger.lamports(world.eve.pubkey()) >= rent > 0

    def test_one_account_may_not_stand_for_registry_and_version(self, world: World) -> None:
        world.refuse("ConstraintSeeds", world.publish_ix(1, version=world.registry))

    @pytest.mark.parametrize("number", [1, 3])
    def test_numbers_are_neither_used_twice_nor_skipped(self, world: World, number: int) -> None:
        world.publish(1)
        world.refuse("ConstraintSeeds", world.publish_ix(number))

    def test_numbers_end(self, world: World) -> None:
        world.ledger.patch(world.registry, latest=U32_MAX - 1)
        world.send(world.publish_ix(U32_MAX))
        world.refuse("AccountAlreadyInUse", world.publish_ix(U32_MAX))
        # Even were the last version's account gone, the counter would not wrap.
        world.ledger.set_account(world.version(U32_MAX), b"", lamports=0)
        world.refuse("Overflow", world.publish_ix(U32_MAX))

    def test_only_the_owner_may_publish(self, world: World) -> None:
        world.refuse("NotOwner", world.publish_ix(1, owner=world.eve), world.ada, world.eve)
        world.refuse("AccountNotSigner", world.publish_ix(1, payer=world.eve, unsigned=["owner"]), world.eve)
        unpaid = world.publish_ix(1, payer=world.eve, unsigned=["payer"])
        world.refuse("AccountNotSigner", unpaid)

    @pytest.mark.parametrize("field", ["content", "training_data"])
    @pytest.mark.parametrize(
        "change",
        [
            {"scheme": 0},
            {"scheme": 3},
            {"len": 35},
            {"len": 39},
            {"bytes": content_id("x", codec=0x71)["bytes"]},
            {"bytes": content_id("x")["bytes"][:37] + b"\1"},
        ],
        ids=["no scheme", "unknown scheme", "short", "too long", "dag-cbor", "dirty padding"],
    )
    def test_a_bad_content_id_is_refused(self, world: World, field: str, change: dict[str, Any]) -> None:
        world.refuse("InvalidContentId", world.publish_ix(1, **{field: content_id("x") | change}))

    def test_a_version_without_content_is_refused(self, world: World) -> None:
        world.refuse("InvalidContentId", world.publish_ix(1, content=NO_CONTENT))

    def test_the_other_forms_of_content_ids_are_accepted(self, world: World) -> None:
        digest = hashlib.sha256(b"bytes").digest()
        cidv0 = {"scheme": 1, "len": 34, "bytes": (b"\x12\x20" + digest).ljust(38, b"\0")}
        arweave = {"scheme": 2, "len": 32, "bytes": digest.ljust(38, b"\0")}
        for number, content in enumerate([cidv0, arweave, content_id("raw", codec=0x55)], start=1):
            world.send(world.publish_ix(number, content=content))
            assert world.fields()["current_cid"] == content

    def test_other_bad_arguments_are_refused(self, world: World) -> None:
        world.refuse("MissingManifest", world.publish_ix(1, manifest_sha256=bytes(32)))
        world.refuse("RatioAboveOne", world.publish_ix(1, accuracy_ppm=1_000_001))
        world.refuse("InvalidNote", world.publish_ix(1, note=b"\xc3".ljust(64, b"\0")))
        world.refuse("InvalidNote", world.publish_ix(1, note=b"a\0b".ljust(64, b"\0")))
        assert world.fields()["latest"] == 0

    def test_a_bool_is_nothing_but_zero_or_one(self, world: World) -> None:
        publish = world.publish_ix(1)
        data = publish.data[:-1] + b"\2"
        world.refuse("InstructionDidNotDeserialize", Instruction(publish.program_id, data, publish.accounts))


class TestSetCurrent:
    def test_an_older_version_can_be_made_current_again(self, world: World, cu: ComputeUnits) -> None:
        world.publish(1, 2, make_current=True)
        world.ledger.warp(seconds=5)
        result = world.send(world.owner_ix("set_current", 1))
        cu.check("model_manager.set_current", result)
        registry = world.fields()
        assert (registry["current"], registry["latest"], registry["updated_at"]) == (1, 2, world.ledger.now)
        assert registry["current_cid"] == content_id("bundle 1")
        assert registry["training_data_cid"] == content_id("training set 1")
        event = result.event("CurrentChanged")
        assert (event["previous"], event["current"], event["content"]) == (2, 1, content_id("bundle 1"))

    def test_the_current_version_cannot_be_chosen_again(self, world: World) -> None:
        world.publish(1, make_current=True)
        world.refuse("AlreadyCurrent", world.owner_ix("set_current", 1))

    def test_a_yanked_version_cannot_be_chosen(self, world: World) -> None:
        world.publish(1)
        world.send(world.owner_ix("yank_version", 1))
        world.refuse("VersionYanked", world.owner_ix("set_current", 1))


class TestYankVersion:
    def test_a_version_is_withdrawn_and_its_record_stays(self, world: World, cu: ComputeUnits) -> None:
        world.publish(1, make_current=True)
        world.publish(2)
        before = world.ledger.account(world.version(2))
        result = world.send(world.owner_ix("yank_version", 2))
        cu.check("model_manager.yank_version", result)
        assert world.ledger.account(world.version(2)) == before | {"status": YANKED}
        event = result.event("VersionYanked")
        assert (event["number"], event["version"], event["yanked_at"]) == (
            2,
            world.version(2),
            world.ledger.now,
        )

    def test_the_current_version_cannot_be_yanked(self, world: World) -> None:
        world.publish(1, 2, make_current=True)
        world.refuse("CurrentVersion", world.owner_ix("yank_version", 2))
        world.send(world.owner_ix("set_current", 1))
        world.send(world.owner_ix("yank_version", 2))

    def test_once_is_enough(self, world: World) -> None:
        world.publish(1)
        world.send(world.owner_ix("yank_version", 1))
        world.refuse("VersionYanked", world.owner_ix("yank_version", 1))


class TestOwnership:
    def test_it_moves_in_two_steps(self, world: World, cu: ComputeUnits) -> None:
        offer = world.owner_ix("offer_owner", new_owner=world.eve.pubkey())
        offered = world.send(offer)
        cu.check("model_manager.offer_owner", offered)
        assert offered.event("OwnerOffered")["pending_owner"] == world.eve.pubkey()
        assert world.fields()["owner"] == world.ada.pubkey()
        accepted = world.send(world.accept_ix(world.eve), world.eve)
        cu.check("model_manager.accept_owner", accepted)
        fields = world.fields()
        assert (fields["owner"], fields["pending_owner"]) == (world.eve.pubkey(), NOBODY)
        assert fields["creator"] == world.ada.pubkey()
        event = accepted.event("OwnerAccepted")
        assert (event["previous"], event["owner"]) == (world.ada.pubkey(), world.eve.pubkey())

    def test_the_old_owner_has_no_power_left_and_the_new_one_has_all(self, world: World) -> None:
        world.send(world.owner_ix("offer_owner", new_owner=world.eve.pubkey()))
        world.send(world.accept_ix(world.eve), world.eve)
        world.refuse("NotOwner", world.publish_ix(1))
        world.send(world.publish_ix(1, owner=world.eve), world.ada, world.eve)

    def test_nobody_else_can_accept(self, world: World) -> None:
        mallory = world.ledger.keypair("mallory")
        world.refuse("NotPendingOwner", world.accept_ix(mallory), mallory)
        world.send(world.owner_ix("offer_owner", new_owner=world.eve.pubkey()))
        world.refuse("NotPendingOwner", world.accept_ix(mallory), mallory)
        world.refuse("AccountNotSigner", world.accept_ix(world.eve, unsigned=["pending_owner"]))

    def test_an_offer_is_good_once(self, world: World) -> None:
        world.send(world.owner_ix("offer_owner", new_owner=world.eve.pubkey()))
        world.send(world.accept_ix(world.eve), world.eve)
        world.refuse("NotPendingOwner", world.accept_ix(world.eve), world.eve)

    def test_an_offer_can_be_withdrawn(self, world: World) -> None:
        world.send(world.owner_ix("offer_owner", new_owner=world.eve.pubkey()))
        world.send(world.owner_ix("offer_owner", new_owner=NOBODY))
        world.refuse("NotPendingOwner", world.accept_ix(world.eve), world.eve)

    def test_an_offer_to_oneself_is_refused(self, world: World) -> None:
        world.refuse("AlreadyOwner", world.owner_ix("offer_owner", new_owner=world.ada.pubkey()))


class TestOwnersInstructionsCheckTheirAccounts:
    """What set_current, yank_version and offer_owner have in common."""

    CASES = (("set_current", 1, {}), ("yank_version", 1, {}), ("offer_owner", None, {"new_owner": NOBODY}))

    @pytest.fixture(params=CASES, ids=[case[0] for case in CASES])
    def case(self, request: pytest.FixtureRequest, world: World) -> tuple[str, int | None, dict[str, Any]]:
        world.publish(1, 2)
        return request.param  # type: ignore[no-any-return]

    def test_another_signer(self, world: World, case: tuple[str, int | None, dict[str, Any]]) -> None:
        name, number, args = case
        world.refuse("NotOwner", world.owner_ix(name, number, owner=world.eve, **args), world.eve)

    def test_no_signature(self, world: World, case: tuple[str, int | None, dict[str, Any]]) -> None:
        name, number, args = case
        unsigned = world.owner_ix(name, number, unsigned=["owner"], **args)
        world.refuse("AccountNotSigner", unsigned, world.eve)

    def test_a_copy_at_another_address(
        self, world: World, case: tuple[str, int | None, dict[str, Any]]
    ) -> None:
        name, number, args = case
        copy = world.ledger.clone(world.registry, "registry")
        world.refuse("ConstraintSeeds", world.owner_ix(name, number, registry=copy, **args))

    def test_a_copy_owned_by_another_program(
        self, world: World, case: tuple[str, int | None, dict[str, Any]]
    ) -> None:
        name, number, args = case
        foreign = world.ledger.clone(world.registry, "registry", owner=world.eve.pubkey())
        error = "AccountOwnedByWrongProgram"
        world.refuse(error, world.owner_ix(name, number, registry=foreign, **args))

    def test_an_account_of_another_type(
        self, world: World, case: tuple[str, int | None, dict[str, Any]]
    ) -> None:
        name, number, args = case
        other = world.version(2)
        world.refuse("AccountDiscriminatorMismatch", world.owner_ix(name, number, registry=other, **args))

    def test_an_account_that_does_not_exist(
        self, world: World, case: tuple[str, int | None, dict[str, Any]]
    ) -> None:
        name, number, args = case
        nothing = world.registry_of(world.ada, "nothing")
        world.refuse("AccountNotInitialized", world.owner_ix(name, number, registry=nothing, **args))

    @pytest.mark.parametrize("layout", [0, 2, 255])
    def test_an_unknown_layout(
        self, world: World, case: tuple[str, int | None, dict[str, Any]], layout: int
    ) -> None:
        name, number, args = case
        world.ledger.patch(world.registry, layout=layout)
        world.refuse("UnknownLayout", world.owner_ix(name, number, **args))


class TestVersionsAreChecked:
    """What set_current, yank_version and both post instructions have in common."""

    CASES = ("set_current", "yank_version", "post_result", "post_result_batch")

    @pytest.fixture(params=CASES)
    def name(self, request: pytest.FixtureRequest, world: World) -> str:
        world.publish(1, 2)
        return str(request.param)

    def instruction(self, world: World, name: str, version: Pubkey) -> Instruction:
        if name.startswith("post"):
            batch = 1 if name.endswith("batch") else None
            return world.post_ix(world.ada, batch=batch, version=version)
        return world.owner_ix(name, 1, version=version)

    def test_a_version_of_another_registry(self, world: World, name: str) -> None:
        other = world.create(world.ada, "other")
        foreign = world.version(1, other)
        world.send(world.publish_ix(1, registry=other, version=foreign))
        world.refuse("ConstraintSeeds", self.instruction(world, name, foreign))

    def test_a_copy_at_another_address(self, world: World, name: str) -> None:
        copy = world.ledger.clone(world.version(1), "version")
        world.refuse("ConstraintSeeds", self.instruction(world, name, copy))

    def test_a_copy_owned_by_another_program(self, world: World, name: str) -> None:
        foreign = world.ledger.clone(world.version(1), "version", owner=world.eve.pubkey())
        world.refuse("AccountOwnedByWrongProgram", self.instruction(world, name, foreign))

    def test_an_account_of_another_type(self, world: World, name: str) -> None:
        world.refuse("AccountDiscriminatorMismatch", self.instruction(world, name, world.registry))

    def test_a_version_that_was_never_published(self, world: World, name: str) -> None:
        world.refuse("AccountNotInitialized", self.instruction(world, name, world.version(3)))

    def test_an_unknown_layout(self, world: World, name: str) -> None:
        world.ledger.patch(world.version(1), layout=2)
        world.refuse("UnknownLayout", self.instruction(world, name, world.version(1)))


class TestPostResult:
    @pytest.fixture(autouse=True)
    def _published(self, world: World) -> None:
        world.publish(1, make_current=True)

    @staticmethod
    def link(tag: bytes, head: bytes, *parts: bytes) -> bytes:
        return hashlib.sha256(b"".join([tag, head, *parts])).digest()

    def test_results_form_a_chain_that_anyone_can_recompute(self, world: World, cu: ComputeUnits) -> None:
        leaves = [hashlib.sha256(bytes([number])).digest() for number in range(3)]
        head, events = bytes(32), list[Event]()
        for number, leaf in enumerate(leaves):
            result = world.send(world.post_ix(world.eve, leaf=leaf), world.eve)
            cu.check("model_manager.post_result", result, "first" if number == 0 else "")
            head = self.link(b"decai:result:v1", head, leaf)
            events.append(result.event("ResultPosted"))
        fields = world.ledger.account(world.log(world.eve))
        assert (fields["count"], fields["batches"], fields["head"]) == (3, 0, head)
        assert (fields["registry"], fields["worker"]) == (world.registry, world.eve.pubkey())
        assert [event["leaf"] for event in events] == leaves
        assert [event["count"] for event in events] == [1, 2, 3]
        assert (events[-1]["head"], events[-1]["version"]) == (head, 1)
        assert (events[-1]["registry"], events[-1]["worker"]) == (world.registry, world.eve.pubkey())

    def test_a_batch_counts_its_results(self, world: World, cu: ComputeUnits) -> None:
        cu.check(
            "model_manager.post_result_batch",
            world.send(world.post_ix(world.eve, batch=1000), world.eve),
            "first",
        )
        first = self.link(b"decai:batch:v1", bytes(32), LEAF, (1000).to_bytes(4, "little"))
        result = world.send(world.post_ix(world.eve, batch=2**20), world.eve)
        cu.check("model_manager.post_result_batch", result)
        head = self.link(b"decai:batch:v1", first, LEAF, (2**20).to_bytes(4, "little"))
        fields = world.ledger.account(world.log(world.eve))
        assert (fields["count"], fields["batches"], fields["head"]) == (1000 + 2**20, 2, head)
        event = result.event("ResultBatchPosted")
        assert (event["root"], event["results"], event["count"]) == (LEAF, 2**20, 1000 + 2**20)

    def test_a_result_cannot_pass_for_a_batch(self, world: World) -> None:
        world.send(world.post_ix(world.eve), world.eve)
        world.send(world.post_ix(world.ada, batch=1))
        heads = {world.ledger.account(world.log(worker))["head"] for worker in (world.ada, world.eve)}
        assert len(heads) == 2

    @pytest.mark.parametrize("count", [0, 2**20 + 1, U32_MAX])
    def test_a_batch_has_bounds(self, world: World, count: int) -> None:
        world.refuse("InvalidBatchCount", world.post_ix(world.eve, batch=count), world.eve)
        assert not world.ledger.exists(world.log(world.eve))

    def test_workers_and_registries_have_logs_of_their_own(self, world: World) -> None:
        other = world.create(world.ada, "other")
        version = world.version(1, other)
        world.send(world.publish_ix(1, registry=other, version=version))
        elsewhere = world.log(world.eve, other)
        world.send(world.post_ix(world.eve), world.eve)
        world.send(world.post_ix(world.ada))
        world.send(world.post_ix(world.eve, registry=other, version=version, log=elsewhere), world.eve)
        logs = (world.log(world.eve), world.log(world.ada), elsewhere)
        assert [world.ledger.account(log)["count"] for log in logs] == [1, 1, 1]

    def test_the_registry_and_the_version_are_only_read(self, world: World) -> None:
        post = world.post_ix(world.eve)
        writable = {meta.pubkey for meta in post.accounts if meta.is_writable}
        assert writable == {world.eve.pubkey(), world.log(world.eve)}

    def test_an_older_live_version_may_receive_results(self, world: World) -> None:
        world.publish(2, make_current=True)
        assert world.send(world.post_ix(world.eve, 1), world.eve).event("ResultPosted")["version"] == 1

    @pytest.mark.parametrize("batch", [None, 5])
    def test_a_yanked_version_may_not(self, world: World, batch: int | None) -> None:
        world.publish(2)
        world.send(world.owner_ix("yank_version", 2))
        world.refuse("VersionYanked", world.post_ix(world.eve, 2, batch=batch), world.eve)

    def test_a_worker_writes_in_no_other_log(self, world: World) -> None:
        world.send(world.post_ix(world.ada))
        world.refuse("ConstraintSeeds", world.post_ix(world.eve, log=world.log(world.ada)), world.eve)

    def test_the_worker_must_sign(self, world: World) -> None:
        world.refuse("AccountNotSigner", world.post_ix(world.eve, unsigned=["worker"]), world.ada)

    def test_a_worker_who_cannot_pay_the_rent_is_refused(self, world: World) -> None:
        poor = world.ledger.keypair("poor", sol=0.001)
        world.refuse("ResultWithNegativeLamports", world.post_ix(poor), poor)

    @pytest.mark.parametrize("batch", [None, 1])
    def test_the_count_does_not_wrap(self, world: World, batch: int | None) -> None:
        world.send(world.post_ix(world.eve), world.eve)
        world.ledger.patch(world.log(world.eve), count=U64_MAX)
        world.refuse("Overflow", world.post_ix(world.eve, batch=batch), world.eve)

    @pytest.mark.parametrize(
        "changes", [{"layout": 2}, {"batches": 2}], ids=["layout", "more batches than results"]
    )
    def test_a_log_that_cannot_be_is_refused(self, world: World, changes: dict[str, int]) -> None:
        world.send(world.post_ix(world.eve), world.eve)
        world.ledger.patch(world.log(world.eve), **changes)
        error = "UnknownLayout" if "layout" in changes else "InvariantViolated"
        world.refuse(error, world.post_ix(world.eve), world.eve)

    def test_an_account_of_another_type_in_the_log_s_place(self, world: World) -> None:
        address = world.log(world.eve)
        original = world.ledger.svm.get_account(world.registry)
        world.ledger.set_account(address, bytes(original.data), original.owner)
        world.refuse("AccountDiscriminatorMismatch", world.post_ix(world.eve), world.eve)

    def test_a_log_of_another_program_is_refused(self, world: World) -> None:
        address = world.log(world.eve)
        world.send(world.post_ix(world.eve), world.eve)
        original = world.ledger.svm.get_account(address)
        world.ledger.set_account(address, bytes(original.data), world.eve.pubkey())
        world.refuse("AccountOwnedByWrongProgram", world.post_ix(world.eve), world.eve)

    def test_a_registry_passed_as_its_own_version_or_log_is_refused(self, world: World) -> None:
        world.refuse("ConstraintSeeds", world.post_ix(world.eve, log=world.registry), world.eve)
        world.refuse(
            "AccountDiscriminatorMismatch", world.post_ix(world.eve, registry=world.version(1)), world.eve
        )


class TestInstructionData:
    def test_an_unknown_instruction_is_refused(self, world: World) -> None:
        nonsense = Instruction(world.ledger.idls["model_manager"].address, bytes(8), [])
        world.refuse("InstructionFallbackNotFound", nonsense)

    def test_arguments_cut_short_are_refused(self, world: World) -> None:
        create = world.create_ix(world.ada, "x")
        short = Instruction(create.program_id, create.data[:-1], create.accounts)
        world.refuse("InstructionDidNotDeserialize", short)

    def test_missing_accounts_are_refused(self, world: World) -> None:
        create = world.create_ix(world.ada, "x")
        world.refuse("AccountNotEnoughKeys", Instruction(create.program_id, create.data, create.accounts[:2]))


def test_layouts_are_final() -> None:
    """Sizes and first bytes of every account: a change here breaks what is on chain already."""
    idl = World().ledger.idls["model_manager"]
    offsets = {name: [field["name"] for field in idl.types[name]["fields"]] for name in idl.accounts.values()}
    assert all(fields[:2] == ["layout", "bump"] and fields[-1] == "reserved" for fields in offsets.values())
    assert offsets["ModelRegistry"][2:-1] == [
        *(
            "creator",
            "name",
            "owner",
            "pending_owner",
            "latest",
            "current",
            "current_cid",
            "training_data_cid",
        ),
        *("created_at", "updated_at"),
    ]
    assert offsets["ModelVersion"][2:-1] == [
        *("registry", "number", "content", "training_data", "manifest_sha256", "head_commitment", "parent"),
        *("accuracy_ppm", "job", "publisher", "published_at", "slot", "status", "note"),
    ]
    assert offsets["InferenceLog"][2:-1] == ["registry", "worker", "count", "batches", "head"]
