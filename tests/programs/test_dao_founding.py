"""Creating a collective: its accounts, its token, its first registry."""

from typing import Any

import pytest
from dao_scene import NOBODY, SET_CURRENT, SHARES, SUPPLY, TOKEN_PROGRAM, Scene
from harness import GENESIS_TIME, SYSTEM_PROGRAM, ComputeUnits

YEAR = 365 * 86_400


def test_a_collective_starts_with_nothing_but_its_rules(cu: ComputeUnits) -> None:
    scene = Scene()
    result = scene.create()
    cu.check("dao.create_dao", result)
    dao = scene.read(scene.dao)
    assert dao["layout"] == 1
    assert dao["creator"] == scene.wallet("creator")
    assert dao["mint"] == scene.of_dao["mint"]
    assert dao["policy"] == scene.policy
    assert dao["founding_supply"] == SUPPLY
    assert dao["created_at"] == GENESIS_TIME
    totals = ("proposal_count", "staked", "deposited", "spent", "reward_window_minted")
    assert [dao[total] for total in totals] == [0] * 5
    assert result.event("DaoCreated")["dao"] == scene.dao


def test_the_token_obeys_the_authority_alone_and_cannot_be_frozen() -> None:
    scene = Scene()
    scene.create()
    mint = bytes(scene.ledger.svm.get_account(scene.of_dao["mint"]).data)
    assert mint[:4] == b"\1\0\0\0" and mint[4:36] == bytes(scene.of_dao["authority"])
    assert scene.supply() == 0 and mint[44] == 6
    assert mint[46:50] == bytes(4), "there is no freeze authority"
    deposits = bytes(scene.ledger.svm.get_account(scene.of_dao["deposits"]).data)
    assert deposits[32:64] == bytes(scene.of_dao["authority"])


def test_vault_and_treasury_are_system_accounts_holding_their_rent() -> None:
    scene = Scene()
    scene.create()
    for name in ("vault", "treasury"):
        account = scene.ledger.svm.get_account(scene.of_dao[name])
        assert account.owner == SYSTEM_PROGRAM and account.lamports == scene.ledger.rent(0)


def test_lamports_sent_before_the_founding_do_not_hinder_it() -> None:
    scene = Scene()
    for name, lamports in {"vault": 1, "treasury": 5_000_000}.items():
        scene.ledger.svm.airdrop(scene.of_dao[name], max(lamports, scene.ledger.rent(0)))
    scene.create()
    assert scene.ledger.lamports(scene.of_dao["treasury"]) == 5_000_000


def test_a_collective_is_created_once() -> None:
    scene = Scene()
    scene.create()
    charter = scene.charter()
    scene.refuse("AccountAlreadyInUse", "create_dao", "creator", name=scene.name, charter=charter)


@pytest.mark.parametrize("account", ["dao", "authority", "mint", "deposits", "vault", "treasury"])
def test_other_addresses_are_refused(account: str) -> None:
    scene = Scene()
    charter = scene.charter()
    over = {account: scene.wallet("mallory")}
    scene.refuse("ConstraintSeeds", "create_dao", "creator", name=scene.name, charter=charter, over=over)


@pytest.mark.parametrize(
    ("error", "charter"),
    [
        ("ZeroAmount", {"founding_supply": 0}),
        ("InvalidGuardian", {"guardian_expires_at": GENESIS_TIME + 1}),
        ("InvalidGuardian", {"guardian": TOKEN_PROGRAM}),
        ("InvalidGuardian", {"guardian": TOKEN_PROGRAM, "guardian_expires_at": GENESIS_TIME}),
        ("InvalidGuardian", {"guardian": TOKEN_PROGRAM, "guardian_expires_at": GENESIS_TIME + YEAR + 1}),
    ],
)
def test_a_charter_that_makes_no_sense_is_refused(error: str, charter: dict[str, Any]) -> None:
    scene = Scene()
    full = scene.charter(**charter)
    scene.refuse(error, "create_dao", "creator", name=scene.name, charter=full)


@pytest.mark.parametrize(
    "policy", [{"voting_period": 0}, {"quorum_ppm": 1_000_001}, {"approval_ppm": 499_999}, {"min_attestations": 0}]
)
def test_a_policy_out_of_bounds_is_refused(policy: dict[str, int]) -> None:
    scene = Scene(**policy)
    charter = scene.charter()
    scene.refuse("InvalidPolicy", "create_dao", "creator", name=scene.name, charter=charter)


def test_a_name_must_be_text() -> None:
    scene = Scene()
    scene.name = bytes(32)
    creator = scene.key("creator")
    scene.dao = scene.ledger.pda("dao", b"dao", creator, scene.name)
    scene.of_dao = {name: scene.ledger.pda("dao", name.encode(), scene.dao) for name in scene.of_dao}
    charter = scene.charter()
    scene.refuse("InvalidName", "create_dao", "creator", name=scene.name, charter=charter)


def test_the_founding_supply_is_distributed_and_no_more(cu: ComputeUnits) -> None:
    scene = Scene()
    scene.create()
    cu.check("dao.distribute", scene.distribute("ada", 600), "to a new holder")
    cu.check("dao.distribute", scene.distribute("ada", 300), "to a holder")
    assert scene.balance(scene.tokens("ada")) == 900
    over = {"holder": scene.wallet("bob"), "holder_tokens": scene.tokens("bob")}
    scene.refuse("FoundingSupplyExceeded", "distribute", "creator", amount=101, over=over)
    scene.refuse("FoundingSupplyExceeded", "distribute", "creator", amount=2**64 - 1, over=over)
    scene.refuse("ZeroAmount", "distribute", "creator", amount=0, over=over)
    event = scene.distribute("bob", 100).event("TokensDistributed")
    assert (event["holder"], event["supply"], scene.supply()) == (scene.wallet("bob"), 1_000, 1_000)


def test_only_the_creator_distributes_until_the_first_proposal() -> None:
    scene = Scene().found({"ada": 600}, founding_supply=601)
    over = {"holder": scene.wallet("mallory"), "holder_tokens": scene.tokens("mallory")}
    scene.refuse("NotCreator", "distribute", "mallory", amount=1, over=over)
    scene.refuse("AccountNotSigner", "distribute", "mallory", amount=1, over={
        **over, "creator": scene.wallet("creator")}, unsigned=("creator",))  # fmt: skip
    scene.distribute("eve", 1)
    scene.propose_current()
    scene.refuse("FoundingOver", "distribute", "creator", amount=1, over=over)


def test_nobody_ends_the_founding_before_all_is_distributed() -> None:
    scene = Scene().found({"ada": 600}, founding_supply=601)
    opening = scene.opening(SET_CURRENT, b"\1")
    scene.refuse("FoundingUnfinished", "create_proposal", "ada", 0, opening=opening)
    scene.distribute("eve", 1)
    scene.propose(opening)


def test_tokens_go_to_the_holder_s_own_account_of_this_mint() -> None:
    scene = Scene().found()
    over = {"holder": scene.wallet("mallory"), "holder_tokens": scene.tokens("ada")}
    scene.refuse("ConstraintTokenOwner", "distribute", "creator", amount=1, over=over)
    over = {"holder": scene.wallet("ada"), "holder_tokens": scene.tokens("ada"), "mint": scene.dao}
    scene.refuse("AccountOwnedByWrongProgram", "distribute", "creator", amount=1, over=over)


def test_the_creator_brings_the_first_registry(cu: ComputeUnits) -> None:
    scene = Scene()
    scene.create()
    scene.offer()
    result = scene.do("adopt_registry", "creator")
    cu.check("dao.adopt_registry", result)
    registry = scene.read(scene.registry)
    assert (registry["owner"], registry["pending_owner"]) == (scene.of_dao["authority"], NOBODY)
    assert result.event("RegistryAdopted")["proposal"] == NOBODY


def test_a_registry_must_be_offered_to_be_adopted() -> None:
    scene = Scene()
    scene.create()
    scene.offer()
    scene.do("adopt_registry", "creator")
    scene.refuse("RegistryNotOffered", "adopt_registry", "creator")
    scene.refuse("AccountOwnedByWrongProgram", "adopt_registry", "creator", over={"registry": scene.dao})
    scene.refuse("InvalidProgramId", "adopt_registry", "creator", over={"model_manager_program": TOKEN_PROGRAM})
    scene.refuse("ConstraintSeeds", "adopt_registry", "creator", over={"authority": scene.wallet("mallory")})


def test_adopting_without_a_vote_ends_with_the_first_proposal() -> None:
    scene = Scene().found()
    other = scene.offer("second")
    scene.refuse("NotCreator", "adopt_registry", "mallory", over={"registry": other})
    scene.propose_current()
    scene.refuse("FoundingOver", "adopt_registry", "creator", over={"registry": other})


def test_nobody_but_the_collective_publishes_in_its_registry() -> None:
    scene = Scene().found()
    with pytest.raises(AssertionError, match="NotOwner"):
        scene.publish(number=2)


def test_anyone_funds_the_treasury(cu: ComputeUnits) -> None:
    scene = Scene()
    scene.create()
    result = scene.do("fund_treasury", "stranger", amount=7)
    cu.check("dao.fund_treasury", result)
    assert scene.ledger.lamports(scene.of_dao["treasury"]) == scene.ledger.rent(0) + 7
    assert result.event("TreasuryFunded")["balance"] == scene.ledger.rent(0) + 7
    scene.refuse("ZeroAmount", "fund_treasury", "stranger", amount=0)
    scene.refuse("ResultWithNegativeLamports", "fund_treasury", "stranger", amount=2**63)
    scene.refuse("ConstraintSeeds", "fund_treasury", "stranger", amount=1, over={
        "treasury": scene.of_dao["vault"]})  # fmt: skip


def test_an_account_of_another_program_or_layout_is_no_collective() -> None:
    scene = Scene()
    scene.create()
    forged = scene.ledger.clone(scene.dao, "dao of another program", owner=TOKEN_PROGRAM)
    scene.refuse("AccountOwnedByWrongProgram", "join", "ada", over={"dao": forged})
    scene.do("join", "ada")
    scene.refuse("AccountDiscriminatorMismatch", "join", "bob", over={"dao": scene.member("ada")})
    scene.ledger.patch(scene.dao, layout=2)
    scene.refuse("UnknownLayout", "join", "bob")


def test_shares_of_these_tests_are_the_supply() -> None:
    assert sum(SHARES.values()) == SUPPLY
