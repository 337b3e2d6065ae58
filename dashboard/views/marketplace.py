"""Marketplace: what a job would cost with each offer, the jobs under way, and what my machine has earned."""

from __future__ import annotations

import streamlit as st

from dashboard import data, failures, session, ui
from dashboard.ui.charts import chart
from dashboard.ui.format import ago, duration, emissions, energy, number, percent, short, sol
from decai import charts
from decai.energy import GRADES
from decai.explorer import Step
from decai.governance import Dao
from decai.market import Job, Offer, Quote, Record

COURSE = ("bidding", "leased", "submitted", "settled", "published")
WATTS = 10.0


def page() -> None:
    """Draw the page."""
    data.status()
    dao = data.chosen_dao()
    lede = "Every offer on one scale: what a whole job would cost, and what it would emit."
    if dao is None:
        ui.page_head("Marketplace", lede, ui.chip("No collective", "warn"))
        ui.show(
            ui.empty(
                "No collective on this chain yet",
                ui.join("Jobs belong to one: create it on the page ", ui.action("start", "Start"), "."),
            )
        )
        return
    running = sum(job.state not in ("published", "refunded") for job in data.jobs(dao.address))
    ui.page_head("Marketplace", lede, ui.chip(f"{running} running", "accent" if running else "", "cpu"))
    offers(dao.address)
    job_list(dao.address)
    with failures.shown():
        earnings(dao)


# --- offers ----------------------------------------------------------------------------------------


@st.fragment(run_every=5.0)
def offers(dao: str) -> None:
    """Every source's quotes for a job of a length, the chosen one first; kept fresh while they are looked at."""
    with failures.shown():
        offered(dao)


def offered(dao: str) -> None:
    """The offers' panel and their chart."""
    with ui.glass("offers"):
        ui.section("Offers", "The cheapest total is taken; the reason says why each other row was not")
        hours = st.slider("A job of this length, minutes", 1, 240, 10, key="job-minutes", width=320) / 60
        found = data.quotes(dao, hours, WATTS)
        missing = [source for source in found.sources if not source.ok]
        for source in missing:
            ui.show(ui.note("warn", f"{source.source.capitalize()} is missing: {source.reason}"))
        if not len(found):
            ui.show(
                ui.empty(
                    "No offer yet",
                    ui.join("A machine offers itself by running ", ui.mono("decai worker"), "."),
                    "cpu",
                )
            )
            return
        ui.show(
            ui.table(
                ["Offer", "SOL/h", "Job, SOL", "g CO₂e", "Reliability", "Why"],
                [quote(q) for q in found],
                numeric=(1, 2, 3, 4),
                chosen=next((k for k, q in enumerate(found) if q.chosen), None),
                caption="Offers",
            ),
            ui.sub(f"Emissions assume {WATTS:.0f} W for {duration(hours * 3600)} on the provider's grid."),
        )
    if any(q.co2e_g is not None for q in found) and len(found) > 1:
        table = found.to_frame()
        chart(
            "price-carbon",
            "Price against carbon",
            "Lower left is better",
            lambda dark: charts.price_against_carbon(table, dark=dark),
        )


def quote(q: Quote) -> list[ui.Html | str]:
    """One row of the offers."""
    name = ui.join(
        ui.el("b", q.device or "unnamed device"),
        ui.el("div", f"{q.source} · {q.region or 'region not named'} · {short(q.provider)}", cls="sub"),
    )
    why = ui.el("span", q.why, cls="sub")
    if q.chosen:
        why = ui.join(ui.chip("Chosen", "accent", "check"), ui.el("div", q.why, cls="sub"))
    return [
        name,
        f"{q.price_sol_per_hour:.6g}",
        sol(q.total_lamports),
        "not named" if q.co2e_g is None else f"{q.co2e_g:.3g}",
        "new" if q.reliability is None else percent(q.reliability, 0),
        why,
    ]


# --- jobs ------------------------------------------------------------------------------------------


@st.fragment(run_every=2.0)
def job_list(dao: str) -> None:
    """The jobs, kept fresh while they are looked at."""
    with failures.shown():
        found = data.jobs(dao)
        if not found:
            with ui.glass("jobs"):
                ui.section("Jobs")
                ui.show(ui.empty("No job yet", "Executing a Train proposal opens one, with its budget in escrow."))
            return
        records = {record.job: record for record in data.records(dao)}
        now = data.now()
        for job in found[:10]:
            job_card(job, records.get(job.address), now)


def job_card(job: Job, record: Record | None, now: int) -> None:
    """One job: how far it is, who works on it, and what came out."""
    with ui.glass(f"job-{job.address[:8]}"):
        ui.section(
            f"Job {short(job.address)}",
            f"On version {job.base_version}, {number(job.train_chunks)} training chunks",
            ui.row(ui.status(job.state), ui.sub(waiting_for(job, now))),
        )
        ui.show(ui.loop(course(job)))
        left, right = st.columns([1, 1], gap="medium")
        with left:
            ui.show(
                ui.facts(
                    ("Job", ui.address(job.address, 6)),
                    ("Budget", f"{sol(job.budget)} SOL" + ("" if job.settled_at else ", in escrow")),
                    ("Best price", f"{sol(job.best_price)} SOL" if job.provider else "no bid yet"),
                    ("Provider", ui.address(job.provider) if job.provider else "none yet"),
                    ("Market", job.market or "none yet"),
                    ("Attempts", str(job.attempts)),
                )
            )
        with right:
            ui.show(result(record) if record else ui.sub("The record appears here when the provider submits it."))
        with st.container():  # its place stays when there is nothing to do, so that what follows doesn't move
            actions(job, now)
        with failures.shown():
            timeline(job)


def course(job: Job) -> list[ui.Step]:
    """Where the job is between its auction and the new version."""
    at = COURSE.index(job.state) if job.state in COURSE else {"committed": 2, "disputed": 2}.get(job.state, 0)
    words = [
        ("clock", "Auction", f"until {job.bids_end:%H:%M:%S}"),
        ("cpu", "Training", f"by {short(job.provider)}" if job.provider and at > 0 else "by the cheapest"),
        ("shield", "Review", f"{job.attestations} of {job.terms.min_attestations} attested"),
        (
            "wallet",
            "Settled",
            f"{sol(job.best_price)} SOL paid" if job.settled_at else "then the provider is paid",
        ),
        (
            "layers",
            "Published",
            f"version {job.published_version}" if job.published_version else "as a new version",
        ),
    ]
    if job.state == "refunded":
        return [ui.Step("x", "Refunded", "the budget went back to the treasury", "done")]
    return [
        ui.Step(
            symbol,
            title,
            note,
            "done" if k < at or job.state == "published" else ("now" if k == at else "next"),
            1.0 if k < at else 0.0,
        )
        for k, (symbol, title, note) in enumerate(words)
    ]


def waiting_for(job: Job, now: int) -> str:
    """What the job waits for."""
    step = job.next_step(now)
    if step == "bid":
        return f"bids for {duration(max(0.0, job.bids_end.timestamp() - now))} more"
    if step == "train" and job.deadline:
        return f"due in {duration(max(0.0, job.deadline.timestamp() - now))}"
    return {
        "lease": "ready to be leased",
        "fail": "the lease ran out",
        "attest": "waiting for reviewers",
        "wait for challenges": "open to challenges",
        "settle": "ready to settle",
        "wait to publish": "in its hold",
        "publish": "ready to publish",
        "refund": "nobody took it; ready to refund",
        "wait to refund": "no bid yet",
    }.get(step, "")


def result(record: Record) -> ui.Html:
    """What a provider submitted."""
    used, gross = energy(record.energy_joules), emissions(record.co2e_mg, record.energy_joules)
    grade = GRADES.get(record.energy_grade, "unknown")
    return ui.facts(
        (
            "Accuracy",
            f"{percent(record.accuracy)}, {100 * record.accuracy_gain:+.1f} points".replace("-", "−"),
        ),
        (
            "Energy",
            ui.row(" ".join(used), ui.sub(f"± {record.energy_band_ppm / 10_000:.0f} %"), ui.status(grade)),
        ),
        ("Emissions", f"{' '.join(gross)}, gross"),
        ("Duration", duration(record.duration_s)),
        ("Device", record.device or "not named"),
        ("Proof", record.proof),
        ("Model", ui.address(record.model_cid, 6)),
        ("Reward", f"{sol(record.reward_lamports)} SOL"),
    )


def actions(job: Job, now: int) -> None:
    """What this wallet can do for the job now."""
    who = session.address()
    step = job.next_step(now)
    if who is None:
        return
    if step == "attest":
        mine = data.member(job.dao, str(who))
        staked = mine is not None and mine.aged(now, job.terms.stake_age) >= job.terms.min_stake
        if not staked or str(who) in (job.provider, job.proposer):
            ui.show(ui.sub("A staked member who neither trained nor proposed it recomputes the result and attests it."))
        elif st.button(
            "Recompute and attest", type="primary", icon=":material/fact_check:", key=f"attest-{job.address}"
        ):
            with st.spinner("Training again from the same data, to compare bit for bit"):
                session.run_action(lambda c: c.training.attest(job), key=f"attest-{job.address}")
    elif step == "settle" and st.button("Settle", icon=":material/payments:", key=f"settle-{job.address}"):
        session.run_action(lambda c: c.market.settle(job), key=f"settle-{job.address}")
    elif step == "refund" and st.button("Refund", icon=":material/undo:", key=f"refund-{job.address}"):
        session.run_action(lambda c: c.market.refund(job), key=f"refund-{job.address}")
    elif step == "publish":
        ui.show(ui.action("governance", "Publish it on its proposal"))


EVENTS = {
    "execute_train": "Opened by its proposal",
    "bid": "Bid",
    "lease": "Leased to the cheapest bidder",
    "fail_lease": "Lease taken back",
    "submit_record": "Result submitted",
    "attest": "Recomputed and attested",
    "settle": "Settled, provider paid",
    "publish_trained": "Published as a new version",
    "refund_expired": "Budget refunded",
}


def timeline(job: Job) -> None:
    """Every transaction that touched the job, oldest first, each to be looked up."""
    moments = [
        (t, s) for t in data.history(job.address)[::-1] if t.ok for s in t.steps if s.name in EVENTS and not s.inner
    ]
    if not moments:
        return
    ui.show(
        ui.section_title("What happened, on chain"),
        ui.table(
            ["When, UTC", "What", "Who", "Transaction"],
            [
                [
                    f"{t.at:%H:%M:%S}" if t.at else f"slot {t.slot}",
                    happened(s),
                    ui.address(t.payer),
                    ui.look_up(t.signature, short(t.signature)),
                ]
                for t, s in moments
            ],
            caption=f"What happened to job {short(job.address)}",
        ),
    )


def happened(step: Step) -> str:
    """One moment of a job in words."""
    words = EVENTS[step.name]
    price = step.args.get("price")
    return f"{words}: {sol(price)} SOL" if step.name == "bid" and isinstance(price, int) else words


# --- my machine ------------------------------------------------------------------------------------


def earnings(dao: Dao) -> None:
    """This wallet's machine: its offer, its record, its earnings."""
    who = session.address()
    mine = next((o for o in data.offers(dao.address) if who and o.provider == str(who)), None)
    if mine is None:
        return
    with ui.glass("earnings"):
        ui.section("My machine", health(mine))
        used = energy(mine.energy_joules)
        ui.show(
            ui.kpis(
                ui.kpi("Earned", sol(mine.reward_lamports), "SOL", f"{mine.jobs_settled} jobs settled"),
                ui.kpi("Failed", str(mine.jobs_failed), "jobs", "leases that ran out"),
                ui.kpi("Energy", *used, "in all settled jobs"),
            )
        )


def health(mine: Offer) -> str:
    """Whether the machine is on offer, and since when."""
    since = f", changed {ago(mine.updated_at)}" if mine.updated_at else ""
    return ("On offer" if mine.available else "Not on offer") + since
