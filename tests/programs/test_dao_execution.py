"""From a decision to what it does: jobs funded, registries changed, models published."""

import pytest
from dao_scene import (
    ADOPT_REGISTRY,
    AGAINST,
    BUDGET,
    EXECUTED,
    EXPIRED,
    FOR,
    GROTH16,
    JOB_PUBLISHED,
    JOB_SUBMITTED,
    NOBODY,
    SET_CURRENT,
    SUCCEEDED,
    TOKEN_PROGRAM,
    VETOED,
    Scene,
    Sets,
)
from harness import GENESIS_TIME, ComputeUnits, content_id, text


def decided_current(scene: Scene, version: int = 1) -> int:
    """A succeeded SetCurrent proposal, in its hold-up."""
    number = scene.propose_current(version)
    assert scene.decide(number) == SUCCEEDED
    return number


# --- Train -------------------------------------------------------------------------------------------------------


def test_executing_moves_exactly_the_budget_into_the_job(cu: ComputeUnits) -> None:
    scene = Scene().found()
    number, sets = scene.decided_train(treasury=BUDGET + 5)
    vault = scene.ledger.lamports(scene.of_dao["vault"])
    result = scene.execute_train(number, sets)
    cu.check("dao.execute_train", result)
    job = scene.read(scene.job(number))
    assert {f: job[f] for f in ("dao", "proposal", "proposer", "registry", "train_set", "eval_set")} == {
        "dao": scene.dao,
        "proposal": scene.proposal(number),
        "proposer": scene.wallet("ada"),
        "registry": scene.registry,
        "train_set": sets.train,
        "eval_set": sets.evaluation,
    }
    assert (job["budget"], job["base_version"], job["work_period"]) == (BUDGET, 1, 1_000)
    assert job["base_commitment"] == scene.read(scene.version(1))["head_commitment"]
    assert job["policy"] == {field: scene.policy[field] for field in job["policy"]}
    size = len(scene.ledger.svm.get_account(scene.job(number)).data)
    assert scene.ledger.lamports(scene.job(number)) == scene.ledger.rent(size) + BUDGET
    assert scene.ledger.lamports(scene.of_dao["treasury"]) == scene.ledger.rent(0) + 5
    assert scene.ledger.lamports(scene.of_dao["vault"]) == vault
    proposal = scene.read(scene.proposal(number))
    assert (proposal["state"], proposal["executed"], proposal["job"]) == (EXECUTED, 1, scene.job(number))
    assert scene.read(scene.dao)["spent"] == BUDGET
    assert scene.read(scene.member("ada"))["open_proposals"] == 0
    assert result.event("TrainingExecuted")["budget"] == BUDGET


def test_a_proposal_is_executed_once() -> None:
    scene = Scene().found()
    number, sets = scene.decided_train(treasury=2 * BUDGET)
    scene.execute_train(number, sets)
    scene.refuse("WrongState", "execute_train", "eve", number, over=scene.train_accounts(number, sets))
    assert scene.ledger.lamports(scene.of_dao["treasury"]) == scene.ledger.rent(0) + BUDGET


def test_the_treasury_never_pays_with_its_rent_or_the_members_stake() -> None:
    scene = Scene().found()
    number, sets = scene.decided_train(treasury=BUDGET - 1)
    scene.do("stake", "bob", amount=BUDGET)
    over = scene.train_accounts(number, sets)
    scene.refuse("TreasuryTooSmall", "execute_train", "eve", number, over=over)
    vault = {**over, "treasury": scene.of_dao["vault"]}
    scene.refuse("ConstraintSeeds", "execute_train", "eve", number, over=vault)
    scene.do("fund_treasury", "creator", amount=1)
    scene.execute_train(number, sets)


def test_execution_waits_for_the_hold_up_and_ends_with_the_window() -> None:
    scene = Scene().found()
    scene.do("fund_treasury", "creator", amount=BUDGET)
    sets = scene.sets()
    number = scene.propose_train(sets)
    over = scene.train_accounts(number, sets)
    scene.refuse("WrongState", "execute_train", "eve", number, over=over)
    assert scene.decide(number) == SUCCEEDED
    scene.ledger.warp(49)
    scene.refuse("HoldUpRunning", "execute_train", "eve", number, over=over)
    scene.ledger.warp(201)
    scene.refuse("ExecutionWindowClosed", "execute_train", "eve", number, over=over)
    scene.ledger.warp(-1)
    scene.execute_train(number, sets)


def test_a_defeated_proposal_is_not_executed() -> None:
    scene = Scene().found()
    scene.do("fund_treasury", "creator", amount=BUDGET)
    sets = scene.sets()
    number = scene.propose_train(sets)
    scene.decide(number, {"ada": AGAINST})
    scene.hold_up()
    scene.refuse("WrongState", "execute_train", "eve", number, over=scene.train_accounts(number, sets))


def test_a_job_is_opened_only_with_what_was_decided() -> None:
    scene = Scene().found()
    number, sets = scene.decided_train()
    good = scene.train_accounts(number, sets)

    def refuse(error: str, **changes: object) -> None:
        scene.refuse(error, "execute_train", "eve", number, over={**good, **changes})

    refuse("InvalidPayload", train_set=sets.evaluation)
    refuse("InvalidPayload", eval_set=sets.train)
    refuse("ConstraintSeeds", job=scene.job(7))
    refuse("ConstraintSeeds", authority=scene.wallet("eve"))
    refuse("ConstraintSeeds", treasury=scene.wallet("eve"))
    refuse("ConstraintSeeds", proposer_member=scene.member("bob"))
    refuse("InvalidProgramId", compute_verifier_program=TOKEN_PROGRAM)
    refuse("WrongRegistry", registry=scene.offer("second"))
    refuse("InvalidVersion", base_version=scene.version(1, scene.offer("third")))
    forged = scene.ledger.clone(scene.version(1), "version", owner=TOKEN_PROGRAM)
    refuse("AccountOwnedByWrongProgram", base_version=forged)
    refuse("AccountDiscriminatorMismatch", base_version=scene.registry)
    scene.ledger.patch(scene.version(1), status=2)
    refuse("InvalidVersion")


def test_what_was_decided_about_must_still_be_the_collective_s() -> None:
    scene = Scene().found()
    number, sets = scene.decided_train()
    current = decided_current(scene)
    scene.hold_up()
    scene.ledger.patch(scene.registry, owner=scene.wallet("mallory"))
    over = scene.train_accounts(number, sets)
    scene.refuse("RegistryNotOwned", "execute_train", "eve", number, over=over)
    scene.refuse("RegistryNotOwned", "execute_set_current", "eve", current, over={"version": scene.version(1)})


@pytest.mark.parametrize("account", ["dao", "proposal", "proposer_member", "registry", "base_version", "train_set"])
def test_accounts_of_a_newer_layout_open_no_job(account: str) -> None:
    scene = Scene().found()
    number, sets = scene.decided_train()
    over = scene.train_accounts(number, sets)
    fixed = {"dao": scene.dao, "proposal": scene.proposal(number), "registry": scene.registry}
    addresses = {**over, **fixed, "proposer_member": scene.member("ada")}
    scene.ledger.patch(addresses[account], layout=2)
    scene.refuse("UnknownLayout", "execute_train", "eve", number, over=over)


def test_sets_of_the_wrong_kind_open_no_job_and_move_no_money() -> None:
    scene = Scene().found()
    scene.do("fund_treasury", "creator", amount=BUDGET)
    sets = scene.sets()
    swapped = Sets(sets.evaluation, sets.train)
    number = scene.propose_train(swapped)
    scene.decide(number)
    scene.hold_up()
    over = scene.train_accounts(number, swapped)
    scene.refuse("WrongSetKind", "execute_train", "eve", number, over=over)
    assert scene.state(number) == SUCCEEDED and not scene.ledger.exists(scene.job(number))
    assert scene.ledger.lamports(scene.of_dao["treasury"]) == scene.ledger.rent(0) + BUDGET


def test_kinds_are_executed_by_their_own_instruction() -> None:
    scene = Scene().found()
    number, sets = scene.decided_train()
    current = {"version": scene.version(1)}
    scene.refuse("WrongKind", "execute_set_current", "eve", number, over=current)
    other = scene.offer("second")
    scene.refuse("WrongRegistry", "execute_adopt_registry", "eve", number, over={"registry": other})
    second = decided_current(scene)
    scene.hold_up()
    over = {**scene.train_accounts(second, sets), "job": scene.job(second)}
    scene.refuse("WrongKind", "execute_train", "eve", second, over=over)


# --- SetCurrent and AdoptRegistry --------------------------------------------------------------------------------


def test_a_vote_adopts_a_registry(cu: ComputeUnits) -> None:
    scene = Scene().found()
    other = scene.offer("second")
    number = scene.propose(scene.opening(ADOPT_REGISTRY, b""), registry=other)
    scene.decide(number)
    over = {"registry": other}
    scene.refuse("HoldUpRunning", "execute_adopt_registry", "eve", number, over=over)
    scene.hold_up()
    result = scene.do("execute_adopt_registry", "eve", number, over=over)
    cu.check("dao.execute_adopt_registry", result)
    assert scene.read(other)["owner"] == scene.of_dao["authority"]
    assert result.event("RegistryAdopted")["proposal"] == scene.proposal(number)
    assert scene.state(number) == EXECUTED
    scene.refuse("RegistryNotOffered", "execute_adopt_registry", "eve", number, over=over)


def test_only_the_offered_registry_that_was_voted_on_is_adopted() -> None:
    scene = Scene().found()
    other, third = scene.offer("second"), scene.offer("third")
    number = scene.propose(scene.opening(ADOPT_REGISTRY, b""), registry=other)
    scene.decide(number)
    scene.hold_up()
    scene.refuse("WrongRegistry", "execute_adopt_registry", "eve", number, over={"registry": third})


def test_a_vote_makes_a_version_current(cu: ComputeUnits) -> None:
    scene = Scene().found()
    scene.ledger.patch(scene.registry, current=0, current_cid={"scheme": 0, "len": 0, "bytes": bytes(38)})
    number = decided_current(scene)
    over = {"version": scene.version(1)}
    scene.refuse("HoldUpRunning", "execute_set_current", "eve", number, over=over)
    scene.hold_up()
    result = scene.do("execute_set_current", "eve", number, over=over)
    cu.check("dao.execute_set_current", result)
    registry = scene.read(scene.registry)
    assert (registry["current"], registry["current_cid"]) == (1, content_id("model 1"))
    assert scene.state(number) == EXECUTED and result.event("CurrentExecuted")["version"] == 1
    scene.refuse("WrongState", "execute_set_current", "eve", number, over=over)


def test_only_the_version_that_was_voted_on_becomes_current() -> None:
    scene = Scene()
    scene.create(founding_supply=600)
    scene.offer()
    scene.publish(number=2)
    scene.do("adopt_registry", "creator")
    scene.distribute("ada", 600)
    scene.do("join", "ada")
    scene.do("deposit", "ada", amount=600)
    scene.do("stake", "ada", amount=10_000_000)
    scene.ledger.warp(60)
    number = scene.propose_current(1)
    scene.open_vote()
    scene.cast(number, "ada", FOR)
    scene.end_vote()
    scene.do("finalize", "ada", number)
    scene.hold_up()
    scene.refuse("InvalidVersion", "execute_set_current", "eve", number, over={"version": scene.version(2)})
    foreign = scene.version(1, scene.offer("foreign", "mallory"))
    scene.refuse("InvalidVersion", "execute_set_current", "eve", number, over={"version": foreign})
    over = {"version": scene.version(1)}
    wrong = {**over, "model_manager_program": TOKEN_PROGRAM}
    scene.refuse("InvalidProgramId", "execute_set_current", "eve", number, over=wrong)
    scene.do("execute_set_current", "eve", number, over=over)
    assert scene.read(scene.registry)["current"] == 1


def test_a_yanked_version_does_not_become_current() -> None:
    scene = Scene().found()
    scene.ledger.patch(scene.registry, current=0, current_cid={"scheme": 0, "len": 0, "bytes": bytes(38)})
    number = decided_current(scene)
    scene.hold_up()
    scene.ledger.patch(scene.version(1), status=2)
    scene.refuse("VersionYanked", "execute_set_current", "eve", number, over={"version": scene.version(1)})
    assert scene.state(number) == SUCCEEDED


# --- one collective, another collective --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["finalize", "veto", "execute_train", "execute_set_current", "execute_adopt_registry"])
def test_a_collective_has_no_say_in_another_s_proposals(name: str) -> None:
    scene = Scene().found()
    sets = scene.sets()
    number = scene.propose_train(sets)
    other, of_other = scene.create_other(
        "mallory", guardian=scene.wallet("mallory"), guardian_expires_at=GENESIS_TIME + 999
    )
    scene.decide(number)
    usual = {"version": scene.version(1), **scene.train_accounts(number, sets), **of_other, "dao": other}
    if name == "execute_adopt_registry":
        usual["registry"] = scene.offer("second", to=of_other["authority"])
    if name == "execute_set_current":
        scene.ledger.patch(scene.registry, owner=of_other["authority"])
    taken = {account["name"] for account in scene.ledger.idls["dao"].instructions[name]["accounts"]}
    over = {key: value for key, value in usual.items() if key in taken}
    scene.refuse("WrongDao", name, "mallory", number, over=over)


# --- veto and expiry ---------------------------------------------------------------------------------------------


def guarded() -> Scene:
    """A collective with gus as its guardian for 1,000 seconds."""
    scene = Scene()
    return scene.found(guardian=scene.wallet("gus"), guardian_expires_at=GENESIS_TIME + 1_000)


def test_the_guardian_vetoes_in_the_hold_up(cu: ComputeUnits) -> None:
    scene = guarded()
    number = scene.propose_current()
    scene.refuse("WrongState", "veto", "gus", number)
    scene.decide(number)
    scene.refuse("NotGuardian", "veto", "mallory", number)
    result = scene.do("veto", "gus", number)
    cu.check("dao.veto", result)
    assert scene.state(number) == VETOED and result.event("ProposalVetoed")["guardian"] == scene.wallet("gus")
    assert scene.read(scene.member("ada"))["open_proposals"] == 0
    scene.hold_up()
    scene.refuse("WrongState", "execute_set_current", "eve", number, over={"version": scene.version(1)})


def test_the_guardian_s_power_ends_with_the_hold_up_and_with_the_term() -> None:
    scene = guarded()
    number = decided_current(scene)
    scene.hold_up()
    scene.refuse("HoldUpOver", "veto", "gus", number)
    scene.ledger.warp(GENESIS_TIME + 1_000 - scene.ledger.now - 111)
    second = decided_current(scene)
    scene.ledger.warp(1)
    scene.refuse("GuardianExpired", "veto", "gus", second)


def test_without_a_guardian_nobody_vetoes() -> None:
    scene = Scene().found()
    number = decided_current(scene)
    scene.refuse("NotGuardian", "veto", "creator", number)
    scene.refuse("AccountNotSigner", "veto", "creator", number, over={"guardian": NOBODY}, unsigned=("guardian",))


def test_what_was_not_executed_in_time_expires(cu: ComputeUnits) -> None:
    scene = Scene().found()
    number = decided_current(scene)
    scene.hold_up()
    scene.ledger.warp(199)
    scene.refuse("ExecutionWindowOpen", "expire", "stranger", number)
    scene.ledger.warp(1)
    scene.refuse("ConstraintSeeds", "expire", "stranger", number, over={"proposer_member": scene.member("bob")})
    cu.check("dao.expire", scene.do("expire", "stranger", number))
    assert scene.state(number) == EXPIRED
    assert scene.read(scene.member("ada"))["open_proposals"] == 0
    scene.refuse("WrongState", "expire", "stranger", number)


# --- publishing --------------------------------------------------------------------------------------------------


def test_the_loop_ends_in_a_reviewed_version_that_is_not_yet_current(cu: ComputeUnits) -> None:
    scene = Scene().found()
    number, sets = scene.settled_train()
    result = scene.do("publish_trained", "stranger", number, over=scene.publish_accounts(number, sets))
    cu.check("dao.publish_trained", result)
    version = scene.read(scene.version(2))
    expected = {
        "number": 2,
        "parent": 1,
        "content": content_id("trained"),
        "training_data": content_id("set 1"),
        "manifest_sha256": b"\5" * 32,
        "head_commitment": bytes(31) + b"\7",
        "accuracy_ppm": 220 * 1_000_000 // 256,
        "job": scene.job(number),
        "publisher": scene.of_dao["authority"],
        "note": text("sentiment", 64),
    }
    assert {field: version[field] for field in expected} == expected
    assert scene.read(scene.registry)["current"] == 1, "a reviewed model needs a vote to become current"
    assert scene.read(scene.proposal(number))["published_version"] == 2
    job = scene.read(scene.job(number))
    assert (job["state"], job["published_version"]) == (JOB_PUBLISHED, 2)
    event = result.event("TrainedModelPublished")
    assert (event["version"], event["made_current"]) == (2, 0)

    vote = scene.propose_current(2)
    scene.decide(vote)
    scene.hold_up()
    scene.do("execute_set_current", "stranger", vote, over={"version": scene.version(2)})
    assert scene.read(scene.registry)["current_cid"] == content_id("trained")


def test_money_ends_where_it_belongs() -> None:
    scene = Scene().found()
    scene.do("fund_treasury", "creator", amount=7)
    scene.settled_train()
    treasury = scene.ledger.lamports(scene.of_dao["treasury"])
    assert treasury == scene.ledger.rent(0) + 7 + BUDGET - BUDGET // 2, "what the job did not cost came back"
    stakes = 11 * scene.policy["min_stake"]  # ada's ten, bob's one
    assert scene.ledger.lamports(scene.of_dao["vault"]) == scene.ledger.rent(0) + stakes


def test_a_model_is_published_once() -> None:
    scene = Scene().found()
    number, sets = scene.settled_train()
    scene.do("publish_trained", "stranger", number, over=scene.publish_accounts(number, sets))
    again = scene.publish_accounts(number, sets, version=3)
    scene.refuse("AlreadyPublished", "publish_trained", "stranger", number, over=again)
    scene.ledger.patch(scene.proposal(number), published_version=0)
    scene.refuse("JobNotSettled", "publish_trained", "stranger", number, over=again)


def test_publishing_waits_for_settlement_and_hold() -> None:
    scene = Scene().found()
    number, sets = scene.settled_train()
    over = scene.publish_accounts(number, sets)
    scene.ledger.warp(-1)
    scene.refuse("PublishHoldRunning", "publish_trained", "stranger", number, over=over)
    scene.ledger.warp(1)
    scene.ledger.patch(scene.job(number), state=JOB_SUBMITTED)
    scene.refuse("JobNotSettled", "publish_trained", "stranger", number, over=over)


@pytest.mark.parametrize(
    ("proof", "gain", "current", "becomes"),
    [
        pytest.param(GROTH16, 1_000, 1, 2, id="proven_with_just_enough_gain"),
        pytest.param(GROTH16, 999, 1, 1, id="proven_with_too_little_gain"),
        pytest.param(GROTH16, -5, 1, 1, id="proven_but_worse"),
        pytest.param(GROTH16, 50_000, 0, 0, id="proven_from_another_base"),
        pytest.param(0, 50_000, 1, 1, id="unproven"),
    ],
)
def test_what_becomes_current_by_itself(proof: int, gain: int, current: int, becomes: int) -> None:
    scene = Scene().found()
    number, sets = scene.settled_train()
    scene.ledger.patch(scene.record(number), proof=proof, accuracy_gain_ppm=gain)
    if current == 0:
        none = {"scheme": 0, "len": 0, "bytes": bytes(38)}
        scene.ledger.patch(scene.registry, current=0, current_cid=none)
    scene.do("publish_trained", "stranger", number, over=scene.publish_accounts(number, sets))
    assert scene.read(scene.registry)["current"] == becomes


def test_only_the_proposal_s_own_job_record_and_set_are_published() -> None:
    scene = Scene().found()
    number, sets = scene.settled_train()
    good = scene.publish_accounts(number, sets)

    def refuse(error: str, **changes: object) -> None:
        scene.refuse(error, "publish_trained", "mallory", number, over={**good, **changes})

    refuse("WrongJob", job=scene.ledger.clone(scene.job(number), "job"))
    refuse("WrongJob", train_set=sets.evaluation)
    refuse("ConstraintSeeds", record=scene.ledger.clone(scene.record(number), "record"))
    refuse("AccountOwnedByWrongProgram", record=scene.proposal(number))
    refuse("AccountDiscriminatorMismatch", record=scene.job(number))
    refuse("WrongRegistry", registry=scene.offer("second"))
    refuse("ConstraintSeeds", version=scene.version(3))
    refuse("ConstraintSeeds", authority=scene.wallet("mallory"))
    refuse("InvalidProgramId", model_manager_program=TOKEN_PROGRAM)
    refuse("InvalidProgramId", compute_verifier_program=TOKEN_PROGRAM)
    refuse("InvalidProgramId", system_program=TOKEN_PROGRAM)
    unexecuted = scene.propose_current()
    over = {**good, "proposal": scene.proposal(unexecuted)}
    scene.refuse("WrongJob", "publish_trained", "mallory", number, over=over)


@pytest.mark.parametrize("account", ["dao", "proposal", "job", "record", "train_set", "registry"])
def test_accounts_of_a_newer_layout_are_not_published(account: str) -> None:
    scene = Scene().found()
    number, sets = scene.settled_train()
    over = scene.publish_accounts(number, sets)
    addresses = {**over, "dao": scene.dao, "proposal": scene.proposal(number), "registry": scene.registry}
    scene.ledger.patch(addresses[account], layout=2)
    scene.refuse("UnknownLayout", "publish_trained", "stranger", number, over=over)


def test_a_registry_that_moved_away_is_not_published_in() -> None:
    scene = Scene().found()
    number, sets = scene.settled_train()
    scene.ledger.patch(scene.registry, owner=scene.wallet("mallory"))
    over = scene.publish_accounts(number, sets)
    scene.refuse("RegistryNotOwned", "publish_trained", "mallory", number, over=over)


def test_another_collective_cannot_publish_this_one_s_model() -> None:
    scene = Scene().found()
    number, sets = scene.settled_train()
    other, of_other = scene.create_other("mallory")
    over = {**scene.publish_accounts(number, sets), "dao": other, "authority": of_other["authority"]}
    scene.refuse("WrongDao", "publish_trained", "mallory", number, over=over)


def test_kind_codes_are_those_of_the_idl() -> None:
    constants = {c["name"]: c["value"] for c in Scene().ledger.idls["dao"].raw["constants"]}
    assert constants["KIND_SET_CURRENT"] == str(SET_CURRENT)
    assert constants["KIND_ADOPT_REGISTRY"] == str(ADOPT_REGISTRY)
    assert constants["STATE_EXPIRED"] == str(EXPIRED) and constants["VOTE_FOR"] == str(FOR)
