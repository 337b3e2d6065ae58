"""compute-verifier: drafts, and the content-addressed sets they become."""

from __future__ import annotations

from typing import Any

import pytest
from compute_world import EVAL, FIELD_ORDER, PROGRAM, TRAIN, World, roots, set_id_of
from harness import NO_CONTENT, PACKET_SIZE, ComputeUnits, content_id
from solders.message import Message
from solders.transaction import Transaction


@pytest.fixture
def world() -> World:
    return World()


def drafted(world: World, chunks: int = 3, data: bytes | None = None, **changes: Any) -> tuple[bytes, dict[str, Any]]:
    """A draft of Eve's, complete, and the parameters of the set it is to become."""
    args = world.set_args(TRAIN, chunks, content=content_id("drafted"))
    args |= changes
    data = roots(chunks) if data is None else data
    set_id = set_id_of(args, data)
    world.draft(world.eve, set_id, data)
    return set_id, args


class TestRegistering:
    def test_the_largest_set_says_what_was_drafted(self, world: World, cu: ComputeUnits) -> None:
        set_id, args = drafted(world, 64)
        result = world.send(world.register_ix(world.eve, set_id, args))
        cu.check(f"{PROGRAM}.register_set", result, "64 chunks")
        fields = world.ledger.account(world.set_of(set_id))
        assert (fields["kind"], fields["chunks"], fields["n"], fields["features"]) == (TRAIN, 64, 16_384, 32)
        assert b"".join(map(bytes, fields["roots"])) == roots(64)
        assert (fields["id"], fields["content"]) == (set_id, args["content"])
        assert (fields["registrar"], fields["registered_at"]) == (world.eve.pubkey(), world.ledger.now)
        assert result.event("SetRegistered")["rows"] == 16_384

    def test_registering_returns_the_drafts_rent(self, world: World) -> None:
        (before,) = world.balances(world.eve)
        set_id, args = drafted(world)
        world.send(world.register_ix(world.eve, set_id, args))
        assert not world.ledger.exists(world.draft_of(world.eve, set_id))
        fees, rent = 3 * 5_000, world.ledger.lamports(world.set_of(set_id))
        assert world.balances(world.eve) == [before - fees - rent]

    def test_twenty_chunks_fit_one_transaction(self, world: World) -> None:
        args, data = world.set_args(EVAL, 20), roots(20)
        set_id = set_id_of(args, data)
        steps = [
            world.open_draft_ix(world.eve, set_id),
            world.write_draft_ix(world.eve, set_id, 0, data),
            world.register_ix(world.eve, set_id, args),
        ]
        blockhash = world.ledger.svm.latest_blockhash()
        message = Message.new_with_blockhash(steps, world.eve.pubkey(), blockhash)
        assert len(bytes(Transaction([world.eve], message, blockhash))) <= PACKET_SIZE
        world.ledger.send(*steps, signers=[world.eve])
        assert world.ledger.account(world.set_of(set_id))["n"] == 5_120

    def test_each_step_is_measured(self, world: World, cu: ComputeUnits) -> None:
        set_id = bytes(range(32))
        cu.check(f"{PROGRAM}.open_draft", world.send(world.open_draft_ix(world.eve, set_id)))
        write = world.write_draft_ix(world.eve, set_id, 0, roots(25))
        cu.check(f"{PROGRAM}.write_draft", world.send(write))
        close = world.ledger.ix(
            f"{PROGRAM}.close_draft", {"owner": world.eve, "draft": world.draft_of(world.eve, set_id)}
        )
        (before,) = world.balances(world.eve)
        rent = world.ledger.lamports(world.draft_of(world.eve, set_id))
        cu.check(f"{PROGRAM}.close_draft", world.send(close))
        assert world.balances(world.eve) == [before + rent - 5_000]

    def test_the_same_set_cannot_be_registered_twice(self, world: World) -> None:
        set_id, args = drafted(world)
        world.send(world.register_ix(world.eve, set_id, args))
        world.draft(world.ada, set_id, roots(3))
        world.refuse("AccountAlreadyInUse", world.register_ix(world.ada, set_id, args), world.ada)

    def test_nobody_can_squat_an_id(self, world: World) -> None:
        """Eve drafts rubbish under the id of Ada's set: Ada's own draft and the set are untouched by it."""
        args, data = world.set_args(TRAIN, 2, content=content_id("wanted")), roots(2)
        set_id = set_id_of(args, data)
        world.draft(world.eve, set_id, b"rubbish")
        world.refuse("WrongSetId", world.register_ix(world.eve, set_id, args))
        world.ledger.svm.airdrop(world.set_of(set_id), 1_000_000)  # nor by sending lamports there first
        world.draft(world.ada, set_id, data)
        world.send(world.register_ix(world.ada, set_id, args), world.ada)
        assert world.ledger.account(world.set_of(set_id))["registrar"] == world.ada.pubkey()


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"content": NO_CONTENT}, "MalformedContent"),
            ({"kind": 0}, "UnknownSetKind"),
            ({"kind": 3}, "UnknownSetKind"),
            ({"features": 0}, "FeatureCount"),
            ({"features": 513}, "FeatureCount"),
            ({"rows_per_chunk": 0}, "RowsPerChunk"),
            ({"rows_per_chunk": 255}, "RowsPerChunk"),
            ({"rows_per_chunk": 1 << 17}, "RowsPerChunk"),
            ({"chunks": 0}, "ChunkCount"),
            ({"chunks": 65}, "ChunkCount"),
            ({"chunks": 2**32 - 1}, "ChunkCount"),
        ],
    )
    def test_a_set_of_impossible_shape(self, world: World, changes: dict[str, Any], error: str) -> None:
        set_id, args = drafted(world, data=roots(3), **changes)
        world.refuse(error, world.register_ix(world.eve, set_id, args))

    @pytest.mark.parametrize("value", [FIELD_ORDER, 2**256 - 1])
    def test_a_root_outside_the_field(self, world: World, value: int) -> None:
        data = roots(2) + value.to_bytes(32, "big")
        set_id, args = drafted(world, data=data)
        world.refuse("NotAFieldElement", world.register_ix(world.eve, set_id, args))

    def test_a_root_just_inside_the_field_is_fine(self, world: World) -> None:
        data = roots(2) + (FIELD_ORDER - 1).to_bytes(32, "big")
        set_id, args = drafted(world, data=data)
        world.send(world.register_ix(world.eve, set_id, args))

    @pytest.mark.parametrize(
        "changed",
        [{"kind": EVAL}, {"features": 33}, {"rows_per_chunk": 512}, {"chunks": 2}, {"content": content_id("x")}],
    )
    def test_parameters_that_are_not_the_ids(self, world: World, changed: dict[str, Any]) -> None:
        set_id, args = drafted(world)
        world.refuse("WrongSetId", world.register_ix(world.eve, set_id, args | changed))

    def test_roots_that_are_not_the_ids(self, world: World) -> None:
        set_id, args = drafted(world)
        world.send(world.write_draft_ix(world.eve, set_id, 95, b"\xff"))
        world.refuse("WrongSetId", world.register_ix(world.eve, set_id, args))

    def test_an_unwritten_draft(self, world: World) -> None:
        args = world.set_args(TRAIN, 3)
        set_id = set_id_of(args, roots(3))
        world.send(world.open_draft_ix(world.eve, set_id))
        world.refuse("WrongSetId", world.register_ix(world.eve, set_id, args))

    def test_another_owners_draft(self, world: World) -> None:
        set_id, args = drafted(world)
        draft = world.draft_of(world.eve, set_id)
        world.refuse("ConstraintSeeds", world.register_ix(world.ada, set_id, args, draft=draft), world.ada)
        write = world.write_draft_ix(world.ada, set_id, 0, b"x", draft=draft)
        world.refuse("ConstraintSeeds", write, world.ada)
        close = world.ledger.ix(f"{PROGRAM}.close_draft", {"owner": world.ada, "draft": draft})
        world.refuse("ConstraintSeeds", close, world.ada)

    def test_missing_signatures(self, world: World) -> None:
        set_id, args = drafted(world)
        unsigned = [
            world.open_draft_ix(world.ada, set_id, unsigned=["owner"]),
            world.write_draft_ix(world.eve, set_id, 0, b"x", unsigned=["owner"]),
            world.register_ix(world.eve, set_id, args, unsigned=["registrar"]),
            world.ledger.ix(
                f"{PROGRAM}.close_draft",
                {"owner": world.eve, "draft": world.draft_of(world.eve, set_id)},
                unsigned=["owner"],
            ),
        ]
        for instruction in unsigned:
            world.refuse("AccountNotSigner", instruction, world.bob)

    def test_the_wrong_address_for_a_draft_or_set(self, world: World) -> None:
        set_id, args = drafted(world)
        other = bytes(32)
        elsewhere = world.set_of(other)
        world.refuse("ConstraintSeeds", world.register_ix(world.eve, set_id, args, set=elsewhere))
        draft = world.draft_of(world.eve, other)
        world.refuse("ConstraintSeeds", world.open_draft_ix(world.ada, set_id, draft=draft), world.ada)

    def test_opening_a_draft_twice(self, world: World) -> None:
        set_id, _ = drafted(world)
        world.refuse("AccountAlreadyInUse", world.open_draft_ix(world.eve, set_id))

    @pytest.mark.parametrize(("offset", "size"), [(2_048, 1), (2_041, 8), (65_535, 1)])
    def test_writing_beyond_the_end(self, world: World, offset: int, size: int) -> None:
        set_id, _ = drafted(world)
        write = world.write_draft_ix(world.eve, set_id, offset, bytes(size))
        world.refuse("DraftOverrun", write)

    def test_accounts_of_another_type_program_or_layout(self, world: World) -> None:
        set_id, args = drafted(world)
        draft = world.draft_of(world.eve, set_id)
        write = world.write_draft_ix(world.eve, set_id, 0, b"x", draft=world.train)
        world.refuse("AccountDiscriminatorMismatch", write)
        stolen = world.ledger.clone(draft, "draft", owner=world.dao)
        write = world.write_draft_ix(world.eve, set_id, 0, b"x", draft=stolen)
        world.refuse("AccountOwnedByWrongProgram", write)
        world.ledger.patch(draft, layout=2)
        world.refuse("UnknownLayout", world.write_draft_ix(world.eve, set_id, 0, b"x"))
        world.refuse("UnknownLayout", world.register_ix(world.eve, set_id, args))
        close = world.ledger.ix(f"{PROGRAM}.close_draft", {"owner": world.eve, "draft": draft})
        world.refuse("UnknownLayout", close)

    def test_one_account_as_draft_and_set(self, world: World) -> None:
        set_id, args = drafted(world)
        register = world.register_ix(world.eve, set_id, args, set=world.draft_of(world.eve, set_id))
        world.refuse("ConstraintSeeds", register)
