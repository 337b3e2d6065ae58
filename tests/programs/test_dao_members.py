"""Membership: staked SOL that ages, deposited tokens in lots, delegates."""

import pytest
from dao_scene import FOR, NOBODY, TOKEN_PROGRAM, Scene
from harness import SYSTEM_PROGRAM, ComputeUnits

MIN_STAKE = 1_000_000


def joined(**policy: int) -> Scene:
    """A collective where ada is a member with nothing yet."""
    scene = Scene(**policy)
    scene.create()
    scene.do("join", "ada")
    return scene


def stakes(scene: Scene, label: str = "ada") -> tuple[int, int]:
    """(aged, pending) lamports."""
    member = scene.read(scene.member(label))
    return member["aged_stake"], member["pending_stake"]


def test_joining_makes_one_member_account(cu: ComputeUnits) -> None:
    scene = Scene()
    scene.create()
    cu.check("dao.join", scene.do("join", "ada"))
    member = scene.read(scene.member("ada"))
    assert (member["layout"], member["dao"], member["wallet"]) == (1, scene.dao, scene.wallet("ada"))
    assert (member["delegate"], member["open_proposals"], scene.lots("ada")) == (NOBODY, 0, [])
    scene.refuse("AccountAlreadyInUse", "join", "ada")
    scene.refuse("ConstraintSeeds", "join", "bob", over={"member": scene.member("eve")})


def test_stake_goes_to_the_vault_and_comes_back_whole(cu: ComputeUnits) -> None:
    scene = joined()
    vault, rent = scene.of_dao["vault"], scene.ledger.rent(0)
    cu.check("dao.stake", scene.do("stake", "ada", amount=5_000_000))
    assert scene.ledger.lamports(vault) == rent + 5_000_000
    assert scene.read(scene.dao)["staked"] == 5_000_000
    before = scene.ledger.lamports(scene.wallet("ada"))
    result = scene.do("unstake", "ada", amount=5_000_000)
    cu.check("dao.unstake", result)
    assert scene.ledger.lamports(vault) == rent
    assert scene.ledger.lamports(scene.wallet("ada")) == before + 5_000_000 - 5_000  # the fee
    assert scene.read(scene.dao)["staked"] == 0 and stakes(scene) == (0, 0)
    assert result.event("SolUnstaked")["amount"] == 5_000_000


def test_stake_counts_as_aged_after_the_stake_age() -> None:
    scene = joined(stake_age=60)
    scene.do("stake", "ada", amount=3)
    scene.ledger.warp(59)
    scene.do("stake", "ada", amount=4)
    assert stakes(scene) == (0, 7)
    scene.ledger.warp(60)
    scene.do("stake", "ada", amount=1)
    assert stakes(scene) == (7, 1)
    scene.do("unstake", "ada", amount=2)
    assert stakes(scene) == (6, 0)


def test_stake_of_others_cannot_be_taken() -> None:
    scene = joined()
    scene.do("stake", "ada", amount=5_000_000)
    scene.do("join", "mallory")
    scene.refuse("InsufficientStake", "unstake", "mallory", amount=1)
    scene.refuse("ConstraintSeeds", "unstake", "mallory", amount=1, over={"member": scene.member("ada")})
    scene.refuse(
        "AccountNotSigner",
        "unstake",
        "mallory",
        amount=1,
        over={"wallet": scene.wallet("ada"), "member": scene.member("ada")},
        unsigned=("wallet",),
    )
    forged = scene.ledger.clone(scene.member("ada"), "member", owner=TOKEN_PROGRAM)
    scene.refuse("AccountOwnedByWrongProgram", "unstake", "ada", amount=1, over={"member": forged})


@pytest.mark.parametrize("name", ["stake", "unstake"])
def test_stake_and_treasury_are_never_mixed(name: str) -> None:
    scene = joined()
    scene.do("stake", "ada", amount=10)
    scene.do("fund_treasury", "creator", amount=1_000)
    scene.refuse("ConstraintSeeds", name, "ada", amount=1, over={"vault": scene.of_dao["treasury"]})
    scene.refuse("ZeroAmount", name, "ada", amount=0)
    scene.refuse("InvalidProgramId", name, "ada", amount=1, over={"system_program": TOKEN_PROGRAM})
    scene.ledger.patch(scene.member("ada"), layout=2)
    scene.refuse("UnknownLayout", name, "ada", amount=1)


def test_more_stake_than_the_wallet_holds_is_refused() -> None:
    scene = joined()
    scene.refuse("ResultWithNegativeLamports", "stake", "ada", amount=10**12)
    scene.do("stake", "ada", amount=1)
    scene.refuse("Overflow", "stake", "ada", amount=2**64 - 1)
    assert stakes(scene) == (0, 1)


def test_a_vault_that_holds_less_than_all_stakes_pays_nobody() -> None:
    scene = joined()
    scene.do("stake", "ada", amount=1_000)
    scene.ledger.set_account(scene.of_dao["vault"], b"", SYSTEM_PROGRAM, lamports=scene.ledger.rent(0) + 999)
    scene.refuse("InvariantBroken", "unstake", "ada", amount=10)


def test_stake_behind_an_open_proposal_stays() -> None:
    scene = Scene().found()  # ada has ten times min_stake
    first, second = scene.propose_current(), scene.propose_current()
    scene.refuse("StakeLocked", "unstake", "ada", amount=8 * MIN_STAKE + 1)
    scene.do("unstake", "ada", amount=8 * MIN_STAKE)
    scene.refuse("StakeLocked", "unstake", "ada", amount=1)
    scene.do("cancel", "ada", first)
    scene.do("unstake", "ada", amount=MIN_STAKE)
    scene.decide(second, {})
    scene.do("unstake", "ada", amount=MIN_STAKE)
    assert stakes(scene) == (0, 0)


def test_tokens_are_deposited_and_withdrawn(cu: ComputeUnits) -> None:
    scene = Scene().found(deposit=False)
    result = scene.do("deposit", "ada", amount=600)
    cu.check("dao.deposit", result)
    assert result.event("TokensDeposited")["first_id"] == 0
    assert scene.balance(scene.of_dao["deposits"]) == 600 == scene.read(scene.dao)["deposited"]
    result = scene.do("withdraw", "ada", amount=250)
    cu.check("dao.withdraw", result)
    assert result.event("TokensWithdrawn")["deposited"] == 350
    assert scene.balance(scene.tokens("ada")) == 250 and scene.lots("ada") == [(350, 0)]
    assert scene.balance(scene.of_dao["deposits"]) == 350 == scene.read(scene.dao)["deposited"]


def test_deposits_of_others_cannot_be_taken() -> None:
    scene = Scene().found({"ada": 600, "bob": 300}, founding_supply=901)
    scene.do("join", "mallory")
    scene.distribute("mallory", 1)
    scene.refuse("InsufficientDeposit", "withdraw", "mallory", amount=1)
    scene.refuse("ConstraintSeeds", "withdraw", "mallory", amount=1, over={"member": scene.member("ada")})
    scene.refuse("ConstraintTokenOwner", "withdraw", "ada", amount=1, over={"tokens": scene.tokens("bob")})
    scene.refuse(
        "ConstraintDuplicateMutableAccount",
        "withdraw",
        "ada",
        amount=1,
        over={"tokens": scene.of_dao["deposits"]},
    )
    scene.refuse("ConstraintSeeds", "withdraw", "ada", amount=1, over={"deposits": scene.tokens("bob")})
    scene.refuse("ConstraintSeeds", "withdraw", "ada", amount=1, over={"authority": scene.wallet("ada")})
    scene.refuse("ZeroAmount", "withdraw", "ada", amount=0)


def test_a_deposit_needs_own_tokens_of_this_mint() -> None:
    scene = Scene().found(deposit=False)
    scene.refuse("ConstraintTokenOwner", "deposit", "ada", amount=1, over={"tokens": scene.tokens("bob")})
    data = bytearray(scene.ledger.svm.get_account(scene.tokens("ada")).data)
    data[:32] = bytes(scene.dao)
    fake = scene.ledger.keypair("fake tokens").pubkey()
    scene.ledger.set_account(fake, bytes(data), TOKEN_PROGRAM)
    scene.refuse("ConstraintTokenMint", "deposit", "ada", amount=1, over={"tokens": fake})
    scene.refuse("ConstraintSeeds", "deposit", "ada", amount=1, over={"deposits": scene.tokens("bob")})
    scene.refuse("ZeroAmount", "deposit", "ada", amount=0)
    scene.refuse("InvalidProgramId", "deposit", "ada", amount=1, over={"token_program": SYSTEM_PROGRAM})
    poor = scene.ledger.try_send(scene.ix("deposit", "ada", amount=601), signers=[scene.key("ada")])
    assert poor.error is not None and scene.lots("ada") == []


def test_each_proposal_starts_a_new_lot_and_the_newest_is_withdrawn_first() -> None:
    scene = Scene(min_stake=1).found(deposit=False)
    for number in range(3):
        scene.do("deposit", "ada", amount=10)
        if number:
            scene.do("deposit", "ada", amount=number)
        assert scene.propose_current() == number
    scene.do("deposit", "ada", amount=5)
    assert scene.lots("ada") == [(10, 0), (11, 1), (12, 2), (5, 3)]
    scene.do("withdraw", "ada", amount=20)
    assert scene.lots("ada") == [(10, 0), (8, 1)]


def test_a_ninth_lot_merges_the_two_oldest_under_the_larger_id() -> None:
    scene = Scene(min_stake=1).found(deposit=False)
    for number in range(9):
        scene.do("deposit", "ada", amount=10)
        assert scene.propose_current() == number
        scene.ledger.warp(1)
    assert scene.lots("ada") == [(20, 1), *((10, first_id) for first_id in range(2, 9))]


def test_withdrawing_waits_for_the_end_of_the_last_vote() -> None:
    scene = Scene().found()
    number = scene.propose_current()
    scene.open_vote()
    scene.cast(number, "bob")
    scene.do("relinquish_vote", "bob", number)
    scene.refuse("DepositLocked", "withdraw", "bob", amount=1)
    scene.do("withdraw", "eve", amount=100)
    scene.ledger.warp(99)
    scene.refuse("DepositLocked", "withdraw", "bob", amount=1)
    scene.ledger.warp(1)
    scene.do("withdraw", "bob", amount=300)


def test_a_delegate_votes_for_the_member_and_for_nobody_else(cu: ComputeUnits) -> None:
    scene = Scene().found()
    result = scene.do("set_delegate", "bob", delegate=scene.wallet("dan"))
    cu.check("dao.set_delegate", result)
    assert scene.read(scene.member("bob"))["delegate"] == scene.wallet("dan")
    number = scene.propose_current()
    scene.open_vote()

    def as_delegate(label: str) -> dict[str, object]:
        return {"member": scene.member(label), "record": scene.vote(number, label)}

    scene.refuse("NotVoter", "cast_vote", "dan", number, choice=FOR, over=as_delegate("ada"))
    scene.refuse("NotVoter", "cast_vote", "mallory", number, choice=FOR, over=as_delegate("bob"))
    scene.do("cast_vote", "dan", number, choice=FOR, over=as_delegate("bob"))
    record = scene.read(scene.vote(number, "bob"))
    assert (record["voter"], record["weight"]) == (scene.wallet("dan"), 300)
    scene.refuse("AccountAlreadyInUse", "cast_vote", "bob", number, choice=FOR)
    scene.refuse("DepositLocked", "withdraw", "bob", amount=1)


def test_a_delegation_ends_and_cannot_be_made_for_others() -> None:
    scene = Scene().found()
    scene.do("set_delegate", "bob", delegate=scene.wallet("dan"))
    scene.do("set_delegate", "bob", delegate=NOBODY)
    scene.refuse(
        "ConstraintSeeds",
        "set_delegate",
        "dan",
        delegate=scene.wallet("dan"),
        over={"member": scene.member("bob")},
    )
    number = scene.propose_current()
    scene.open_vote()
    over = {"member": scene.member("bob"), "record": scene.vote(number, "bob")}
    scene.refuse("NotVoter", "cast_vote", "dan", number, choice=FOR, over=over)


def test_a_delegate_takes_back_only_what_they_cast() -> None:
    scene = Scene().found()
    scene.do("set_delegate", "bob", delegate=scene.wallet("dan"))
    number = scene.propose_current()
    scene.open_vote()
    scene.cast(number, "bob")
    mine = {"member": scene.member("bob"), "record": scene.vote(number, "bob")}
    scene.refuse("NotVoter", "relinquish_vote", "dan", number, over={**mine, "voter": scene.wallet("bob")})
    scene.do("relinquish_vote", "bob", number)
    scene.do("cast_vote", "dan", number, choice=FOR, over=mine)
    rent = scene.ledger.lamports(scene.vote(number, "bob"))
    before = scene.ledger.lamports(scene.wallet("dan"))
    scene.refuse("WrongRentPayer", "relinquish_vote", "bob", number)
    scene.do("relinquish_vote", "bob", number, over={"voter": scene.wallet("dan")})
    assert scene.ledger.lamports(scene.wallet("dan")) == before + rent, "rent returns to who paid it"
