"""Governance: what is proposed, how the vote stands, what executing would do, and my part in it."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard import data, failures, session, ui
from dashboard.ui.format import LAMPORTS_PER_SOL, day, duration, number, short, sol
from decai.governance import TOKEN_DECIMALS, Dao, Member, Proposal

ONE_TOKEN = 10**TOKEN_DECIMALS
OPEN = ("waiting", "voting", "to count", "in hold-up", "executable")
PHASE = {
    "waiting": ("Starts soon", "", "clock"),
    "voting": ("Voting", "accent", "vote"),
    "to count": ("To be counted", "warn", "clock"),
    "in hold-up": ("In hold-up", "warn", "clock"),
    "executable": ("Ready to execute", "accent", "check"),
    "lapsed": ("Lapsed", "", "clock"),
}


def page() -> None:
    """Draw the page."""
    data.status()
    dao = data.chosen_dao()
    if dao is None:
        ui.page_head("Governance", "Proposals change the model; members decide.", ui.chip("No collective", "warn"))
        ui.show(
            ui.empty(
                "No collective on this chain yet",
                ui.join("Create one on the page ", ui.action("start", "Start"), " or with ", ui.mono("decai init")),
                "vote",
            )
        )
        return
    found = data.proposals(dao.address)
    now = data.now()
    waiting = sum(p.phase(now) in OPEN for p in found)
    ui.page_head(
        "Governance",
        "Proposals change the model. Each says what it would do, what it costs, and how the vote stands.",
        ui.chip(f"{waiting} open", "accent" if waiting else "", "vote"),
    )
    with failures.shown():
        membership(dao)
    with failures.shown():
        propose(dao)
    picked = st.segmented_control(
        "Show",
        ["Open", "Decided", "All"],
        default="All",
        label_visibility="collapsed",
        required=True,
        key="proposals-shown",
    )
    proposal_list(dao.address, str(picked))


@st.fragment(run_every=2.0)
def proposal_list(dao_address: str, picked: str) -> None:
    """The proposals, kept fresh while they are looked at."""
    with failures.shown():
        dao = next(d for d in data.daos() if d.address == dao_address)
        now = data.now()
        chosen = [
            p for p in data.proposals(dao.address) if picked == "All" or (p.phase(now) in OPEN) == (picked == "Open")
        ]
        if not chosen:
            ui.show(
                ui.empty(
                    f"No {picked.lower()} proposal" if picked != "All" else "No proposal yet",
                    "A member with enough stake makes one above.",
                    "vote",
                )
            )
        for proposal in chosen[:20]:
            card(dao, proposal, now)


# --- my part ---------------------------------------------------------------------------------------


def membership(dao: Dao) -> None:
    """The collective in figures, and this wallet's part in it."""
    with ui.glass("membership"):
        who = session.address()
        mine = data.member(dao.address, str(who)) if who else None
        held = data.tokens(dao.address, str(who)) if who else 0
        ui.section(dao.name, f"{len(data.members(dao.address))} members, founded {day(dao.created_at)}")
        ui.show(
            ui.kpis(
                ui.kpi("Treasury", sol(dao.treasury_lamports), "SOL", f"{sol(dao.spent_lamports)} SOL spent"),
                ui.kpi("Staked by members", sol(dao.staked_lamports), "SOL", "theirs; never spent"),
                ui.kpi("Voting tokens", tokens(dao.supply), "", f"{tokens(dao.deposited)} in deposit"),
                ui.kpi("My votes", tokens(mine.deposited) if mine else "0", "", f"{tokens(held)} in my wallet"),
            )
        )
        if who is None:
            ui.show(ui.note("", "Connect a wallet in the sidebar to take part. Looking needs none."))
            return
        part(dao, mine, held)


def part(dao: Dao, mine: Member | None, held: int) -> None:
    """Joining, staking and depositing."""
    if mine is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Join the collective", type="primary", icon=":material/group_add:", key="join"):
                session.run_action(lambda c: c.dao(dao.address).actions.join(), key="join")
            ui.show(ui.sub("Membership is an account; its rent comes back when it is closed."))
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        stake = st.number_input("Stake, SOL", 0.0, value=1.0, step=0.5, key="stake-amount", width=150)
        if st.button("Stake", icon=":material/lock:", key="stake", disabled=not stake):
            lamports = round(float(stake) * LAMPORTS_PER_SOL)
            session.run_action(lambda c: c.dao(dao.address).actions.stake(lamports), key="stake")
        amount = st.number_input(
            "Deposit, tokens", 0.0, value=held / ONE_TOKEN, step=1.0, key="deposit-amount", width=150
        )
        if st.button("Deposit", icon=":material/savings:", key="deposit", disabled=not held or not amount):
            units = round(float(amount) * ONE_TOKEN)
            session.run_action(lambda c: c.dao(dao.address).actions.deposit(units), key="deposit")
    ui.show(
        ui.sub(
            f"Staked {sol(mine.stake)} SOL, deposited {tokens(mine.deposited)} tokens. "
            "Tokens vote on proposals made after their deposit."
        )
    )


def propose(dao: Dao) -> None:
    """Making a proposal."""
    if session.address() is None:
        return
    line = st.expander("New proposal", icon=":material/add:", key="new-proposal", on_change="rerun")
    if not line.open:
        return
    with line:
        kind = st.segmented_control(
            "Kind", ["Train", "Use another version"], default="Train", required=True, key="proposal-kind"
        )
        with failures.shown():
            if kind == "Train":
                propose_train(dao)
            else:
                propose_version(dao)


def propose_train(dao: Dao) -> None:
    """A proposal to train the model further."""
    found = data.sets()
    training = {s["address"]: s for s in found if s["kind"] == 1}
    evaluation = {s["address"]: s for s in found if s["kind"] == 2}
    if not training or not evaluation:
        no_sets(dao)
        return
    names: dict[str, str] = {}
    with failures.quiet():  # their bytes may be elsewhere: the address does, too
        names = data.named_sets()

    def named(sets: dict[str, dict[str, object]], address: str) -> str:
        return f"{names.get(address, short(address))}, {number(int(str(sets[address]['n'])))} rows"

    with st.form("train", border=False):
        target = st.text_input("What is to get better", "sentiment", max_chars=32)
        description = st.text_input("Why, for the voters", max_chars=160)
        with st.container(horizontal=True):
            budget = st.number_input("Budget, SOL", 0.0, value=0.5, step=0.1, format="%.3f")
            train_set = st.selectbox("Training set", list(training), format_func=lambda a: named(training, a))
            eval_set = st.selectbox("Evaluation set", list(evaluation), format_func=lambda a: named(evaluation, a))
        if not st.form_submit_button("Propose", type="primary", icon=":material/how_to_vote:"):
            return
    lamports = round(float(budget) * LAMPORTS_PER_SOL)
    session.run_action(
        lambda c: c.dao(dao.address).train_action(
            target, budget=lamports, train_set=train_set, eval_set=eval_set, description=description
        ),
        key="propose",
    )


def no_sets(dao: Dao) -> None:
    """What to do when there is nothing registered to train on."""
    registry = next((r for r in data.registries() if r.owner == dao.authority), None)
    current = registry.current if registry else None
    ui.show(ui.empty("No training set registered", "Voters approve data by its content: register sets first.", "inbox"))
    if current is None or not current.training_data_cid:
        ui.show(ui.sub("A set of your own: ", ui.mono("decai sets add FOLDER")))
    elif st.button(f"Register the sets of version {current.number}", icon=":material/dataset:", key="register-sets"):
        session.run_action(lambda c: c.training.register_sets_of(current), key="register-sets")


def propose_version(dao: Dao) -> None:
    """A proposal to use another version from now on."""
    registry = next((r for r in data.registries() if r.owner == dao.authority), None)
    others = [v.number for v in registry.versions if v.number != registry.current_number] if registry else []
    if registry is None or not others:
        ui.show(ui.empty("Nothing to choose", "The collective's registry has no other version."))
        return
    with st.form("set-current", border=False):
        version = st.selectbox("Version", others[::-1], width=160)
        description = st.text_input("Why, for the voters", max_chars=160)
        if not st.form_submit_button("Propose", type="primary", icon=":material/how_to_vote:"):
            return
    session.run_action(
        lambda c: c.dao(dao.address).set_current_action(
            int(version), description=description, registry=c.registry_at(registry.address)
        ),
        key="propose",
    )


# --- a proposal ------------------------------------------------------------------------------------


def card(dao: Dao, proposal: Proposal, now: int) -> None:
    """One proposal: what it is, how it stands, and what can be done with it."""
    phase = proposal.phase(now)
    with ui.glass(f"proposal-{proposal.id}"):
        left, right = st.columns([5, 6], gap="medium")
        with left:
            ui.show(
                ui.row(
                    ui.chip(*PHASE[phase]) if phase in PHASE else ui.status(phase),
                    ui.sub(f"#{proposal.id}"),
                    ui.sub(clock(proposal, phase, now)),
                ),
                ui.el(
                    "div",
                    proposal.description or f"Proposal {proposal.id}",
                    cls="title proposal",
                    role="heading",
                    aria_level="2",
                ),
                ui.facts(
                    ("Would", effect(proposal)),
                    *budget(proposal),
                    ("By", ui.address(proposal.proposer)),
                    *outcome(proposal),
                ),
            )
        with right:
            ui.show(
                ui.vote_meter(
                    votes_for=proposal.votes_for // ONE_TOKEN,
                    against=proposal.votes_against // ONE_TOKEN,
                    abstain=proposal.abstain // ONE_TOKEN,
                    supply=dao.supply // ONE_TOKEN,
                    quorum=proposal.quorum_votes / dao.supply if dao.supply else 0.0,
                    approval=proposal.approval_ppm / 1_000_000,
                )
            )
        actions(dao, proposal, phase)


def effect(proposal: Proposal) -> str:
    """What executing it would do."""
    if proposal.kind == "train":
        base = proposal.payload["base_version"]
        return f"open one training job on version {base}, for {proposal.target_param or 'the model'}"
    if proposal.kind == "set current":
        return f"use version {proposal.payload['version']} from now on"
    if proposal.kind == "adopt registry":
        return "take over the registry"
    return proposal.kind


def budget(proposal: Proposal) -> list[tuple[str, str]]:
    """The budget line of a proposal that has one."""
    if not proposal.training_budget:
        return []
    return [("Budget", f"at most {sol(proposal.training_budget)} SOL from the treasury")]


def outcome(proposal: Proposal) -> list[tuple[str, ui.Html | str]]:
    """What came of it."""
    lines: list[tuple[str, ui.Html | str]] = []
    if proposal.job:
        lines.append(("Job", ui.address(proposal.job)))
    if proposal.published_version:
        lines.append(("Published", f"version {proposal.published_version}"))
    return lines


def clock(proposal: Proposal, phase: str, now: int) -> str:
    """How long the phase still lasts, or when it ended."""

    def left(until: datetime | None) -> str:
        return duration(max(0.0, until.timestamp() - now)) if until else ""

    return {
        "waiting": f"voting starts in {left(proposal.voting_starts)}",
        "voting": f"{left(proposal.voting_ends)} left",
        "to count": "voting has ended",
        "in hold-up": f"{left(proposal.executable_at)} until it can be executed",
        "executable": f"{left(proposal.expires_at)} left to execute it",
    }.get(phase, f"made {day(proposal.created_at)}")


def actions(dao: Dao, proposal: Proposal, phase: str) -> None:
    """The buttons that make sense now for this wallet."""
    who = session.address()
    if who is None:
        return
    address, number_ = dao.address, proposal.id
    if phase == "voting":
        voting(dao, proposal, str(who))
    elif phase == "to count":
        if st.button("Count the votes", icon=":material/calculate:", key=f"finalize-{number_}"):
            session.run_action(lambda c: c.dao(address).actions.finalize(proposal), key=f"finalize-{number_}")
    elif phase == "executable":
        if st.button("Execute", type="primary", icon=":material/play_arrow:", key=f"execute-{number_}"):
            session.run_action(lambda c: c.dao(address).actions.execute(proposal), key=f"execute-{number_}")
    elif phase == "waiting" and proposal.proposer == str(who):
        if st.button("Take it back", icon=":material/undo:", key=f"cancel-{number_}"):
            session.run_action(lambda c: c.dao(address).actions.cancel(proposal), key=f"cancel-{number_}")
    elif phase == "executed" and proposal.job and not proposal.published_version:
        job = next((j for j in data.jobs(address) if j.address == proposal.job), None)
        if job is not None and job.next_step(data.now()) == "publish":
            publish(dao, proposal)


def voting(dao: Dao, proposal: Proposal, who: str) -> None:
    """The three vote buttons, or how this wallet has voted."""
    address = dao.address
    cast = data.vote(address, proposal, who)
    if cast is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            ui.show(ui.note("ok", f"You voted {cast[0]} with {tokens(cast[1])} tokens."))
            if st.button("Take it back", icon=":material/undo:", key=f"relinquish-{proposal.id}"):
                session.run_action(
                    lambda c: c.dao(address).actions.relinquish(proposal), key=f"relinquish-{proposal.id}"
                )
        return
    mine = data.member(address, who)
    if mine is None or not mine.weight(proposal.id):
        ui.show(ui.note("", "This wallet has no votes here: only tokens deposited before the proposal count."))
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for choice, symbol in (("for", "check"), ("against", "close"), ("abstain", "remove")):
            if st.button(choice.capitalize(), icon=f":material/{symbol}:", key=f"vote-{proposal.id}-{choice}"):
                cast_vote(dao, proposal, choice)
        ui.show(ui.sub(f"with {tokens(mine.weight(proposal.id))} tokens, locked until voting ends"))


def cast_vote(dao: Dao, proposal: Proposal, choice: str) -> None:
    """Have a vote signed."""
    session.run_action(lambda c: c.dao(dao.address).vote_action(proposal, choice), key=f"vote-{proposal.id}")


def publish(dao: Dao, proposal: Proposal) -> None:
    """Publishing what a settled job trained."""
    registry = next(r for r in data.registries() if r.address == proposal.registry)
    if st.button(
        f"Publish as version {registry.latest + 1}",
        type="primary",
        icon=":material/publish:",
        key=f"publish-{proposal.id}",
    ):
        session.run_action(
            lambda c: c.dao(dao.address).actions.publish_trained(proposal, registry.latest + 1),
            key=f"publish-{proposal.id}",
        )


def tokens(units: int) -> str:
    """Millionths of a voting token in whole tokens, with decimals only when there are any."""
    whole, rest = divmod(units, ONE_TOKEN)
    return number(whole) + (f".{rest:06d}".rstrip("0") if rest else "")
