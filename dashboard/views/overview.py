"""Overview: what the collective has, where its model stands, and what waits for a person."""

from __future__ import annotations

import streamlit as st

from dashboard import choice, course, data, failures, session, ui
from dashboard.activity import activity_table
from dashboard.ui.format import ago, day, duration, number, percent, size
from decai.registry import Registry


def page() -> None:
    """Draw the page."""
    data.status()  # first of all: when the chain is gone, nothing else is worth drawing
    registry = data.chosen_registry()
    head(registry)
    if registry is None:
        first_steps()
        return
    choice.registry_switch()
    path(registry)
    figures(registry)
    left, right = st.columns([3, 2], gap="small")
    with left, failures.shown():
        needs(registry)
    with right, failures.shown():
        current_version(registry)
    recent()


def head(registry: Registry | None) -> None:
    """Name the page and the version in use."""
    if registry is None:
        chip = ui.chip("Nothing published", "warn", "inbox")
    elif registry.current_number:
        chip = ui.chip(f"Version {registry.current_number} live", "ok", "check")
    else:
        chip = ui.chip("No version in use", "warn", "alert")
    ui.page_head("Overview", "One collective, one model: what is happening now, and what waits for you.", chip)


def first_steps() -> None:
    """Say what to do on an empty chain."""
    with ui.glass("first"):
        ui.section("This chain is empty", "The network runs; no model has been published on it yet.")
        ui.show(
            ui.items(
                ui.item(
                    "layers",
                    "Publish a first model",
                    ui.join("Run ", ui.mono("decai publish FOLDER --registry NAME"), " with a bundle of your own."),
                    kind="accent",
                ),
                ui.item(
                    "spark",
                    "Or let DecAI do it",
                    ui.join(
                        "A plain ",
                        ui.mono("decai up"),
                        " trains and publishes a sentiment model by itself, once.",
                    ),
                ),
                ui.item(
                    "wallet",
                    "See your wallet",
                    ui.join("It is in the sidebar; ", ui.mono("decai wallet"), " shows it too."),
                ),
            )
        )
        ui.show(ui.sub("This page fills by itself as soon as something is published."))
    watch_for_first()


@st.fragment(run_every=3.0)
def watch_for_first() -> None:
    """Draw the page again when the first registry appears."""
    with failures.quiet():
        if data.registries():
            st.rerun()


@st.fragment(run_every=4.0)
def path(registry: Registry) -> None:
    """The loop: a training proposal on its way to a version.

    Without one, the way from a model to a receipt.
    """
    with ui.glass("path"), failures.shown():
        dao = data.chosen_dao()
        asked = [p for p in data.proposals(dao.address) if p.kind == "train"] if dao else []
        if dao is None or not asked:
            ui.section("From model to receipt", f"Where {registry.name} stands")
            ui.show(ui.loop(model_path(registry)))
            return
        newest = asked[0]
        job = next((j for j in data.jobs(dao.address) if j.address == newest.job), None)
        ui.section("The loop", newest.description, ui.action("governance", "All proposals"))
        ui.show(ui.loop(course.of_proposal(newest, job, data.now())))


def model_path(registry: Registry) -> list[ui.Step]:
    """The four steps of :func:`path`, each with what is true now."""
    current = registry.current
    if current is None:
        return [
            ui.Step("layers", "Model", "none in use yet", "now"),
            ui.Step("link", "Bundle", "comes with the model", "next"),
            ui.Step("cpu", "Inference", "needs a model", "next"),
            ui.Step("shield", "Receipts", "come with inference", "next"),
        ]
    here = data.bundle_here(current.cid)
    posted = data.posted_results(registry.address)
    age = ago(current.published_at)
    return [
        ui.Step("layers", f"Version {current.number}", ui.join("published", ui.el("br"), age), "done", 1.0),
        ui.Step(
            "link",
            "Bundle",
            ui.join("verified", ui.el("br"), "on this machine")
            if here
            else ui.join("not here yet", ui.el("br"), "arrives when asked for"),
            "done" if here else "now",
            1.0 if here else 0.0,
        ),
        ui.Step(
            "cpu",
            "Inference",
            ui.join(f"{number(posted)} answer{'' if posted == 1 else 's'}", ui.el("br"), "hashed on chain")
            if posted
            else "ask the first question",
            "done" if posted else ("now" if here else "next"),
            1.0 if posted else 0.0,
        ),
        ui.Step(
            "shield",
            "Receipts",
            ui.join("anyone can", ui.el("br"), "replay an answer"),
            "done" if posted else "next",
        ),
    ]


def figures(registry: Registry) -> None:
    """Key figures, each with what it is compared with."""
    with ui.glass("figures"), failures.shown():
        versions = registry.versions
        known = [v.accuracy for v in versions if v.accuracy is not None]
        current = registry.current
        now = f"{current.accuracy:.3f}" if current and current.accuracy is not None else "not stated"
        parent = next((v for v in versions if current and v.number == current.parent), None)
        if current and parent and current.accuracy is not None and parent.accuracy is not None:
            note = f"{current.accuracy - parent.accuracy:+.3f} since version {parent.number}"
        else:
            note = "the first version's"
        posted = data.posted_results(registry.address)
        stored = data.store_stat()
        amount, unit = size(stored.bytes).rsplit(" ", 1)
        ui.show(
            ui.kpis(
                ui.kpi("Accuracy, held-out terms", now, "", note.replace("-", "−"), known),
                ui.kpi("Versions", number(registry.latest), "", f"since {registry.created_at:%-d %b %Y}"),
                ui.kpi("Answers on chain", number(posted), "", "hashes of results, all workers"),
                ui.kpi(
                    "Content store",
                    amount,
                    unit,
                    f"{number(stored.blocks)} verified blocks, {stored.pins} pins",
                ),
            )
        )


def needs(registry: Registry) -> None:
    """What waits for the person at this browser."""
    with ui.glass("needs", fill=True):
        lines = waiting(registry)
        count = f"{len(lines)} thing{'' if len(lines) == 1 else 's'} to do" if lines else "Nothing right now"
        ui.section("What needs you", count)
        if lines:
            ui.show(ui.items(*lines))
        else:
            ui.show(ui.empty("Nothing waits for you", "The model is here and answers leave receipts.", "check"))


def waiting(registry: Registry) -> list[ui.Html]:
    """The lines of :func:`needs`."""
    lines = votes_to_cast()
    current = registry.current
    if current is None:
        lines.append(
            ui.item(
                "layers",
                "Put a version in use",
                ui.join("The registry's owner publishes one: ", ui.mono("decai publish FOLDER"), "."),
                kind="warn",
            )
        )
        return lines
    if current.status == "yanked":
        lines.append(
            ui.item("alert", f"Version {current.number} is withdrawn", "Its owner says not to use it.", kind="bad")
        )
    if not data.posted_results(registry.address):
        lines.append(
            ui.item(
                "spark",
                "Ask the model something",
                "Type a sentence, see its answer, and its hash confirmed on chain.",
                ui.action("inference", "Ask"),
                kind="accent",
            )
        )
    if not data.bundle_here(current.cid):
        lines.append(
            ui.item(
                "link",
                "The model isn't on this machine yet",
                "It arrives block by block with the first question.",
                ui.action("inference", "Fetch"),
            )
        )
    return lines


def votes_to_cast() -> list[ui.Html]:
    """What the collective waits for: votes of this wallet, and decisions ready to execute."""
    who, dao = session.address(), data.chosen_dao()
    if who is None or dao is None:
        return []
    lines = []
    now = data.now()
    mine = data.member(dao.address, str(who))
    for proposal in data.proposals(dao.address):
        phase = proposal.phase(now)
        may_vote = mine is not None and mine.weight(proposal.id) > 0
        if phase == "voting" and may_vote and data.vote(dao.address, proposal, str(who)) is None:
            left = duration(max(0.0, proposal.voting_ends.timestamp() - now))
            lines.append(
                ui.item(
                    "vote",
                    f"Vote on proposal {proposal.id}",
                    f"{proposal.description} Closes in {left}.",
                    ui.action("governance", "Vote"),
                    kind="warn",
                )
            )
        elif phase in ("to count", "executable"):
            what = "Count the votes of" if phase == "to count" else "Execute"
            lines.append(
                ui.item(
                    "clock",
                    f"{what} proposal {proposal.id}",
                    "Anyone can; it costs a transaction fee.",
                    ui.action("governance", "Do it"),
                )
            )
    return lines[:4]


def current_version(registry: Registry) -> None:
    """The version in use, in facts."""
    with ui.glass("current", fill=True):
        current = registry.current
        if current is None:
            ui.section("No version in use")
            ui.show(ui.empty("Nothing published", "The registry exists, but holds no version yet."))
            return
        ui.section(f"Version {current.number}", f"Published {ago(current.published_at)}, {day(current.published_at)}")
        accuracy = "not stated" if current.accuracy is None else percent(current.accuracy)
        ui.show(
            ui.facts(
                ("Model", registry.name),
                ("Bundle", ui.address(current.cid, 6)),
                ("Registry", ui.address(registry.address)),
                ("Publisher", ui.address(current.publisher)),
                ("Accuracy", accuracy),
                ("Came from", ui.join("job ", ui.address(current.job)) if current.job else "its owner"),
            )
        )
        ui.show(ui.action("registry", "Every version, and how they differ"))


@st.fragment(run_every=4.0)
def recent() -> None:
    """The newest transactions of our programs."""
    with ui.glass("recent"), failures.shown():
        found = data.transactions(6)
        ui.section("Recent on-chain activity", right=ui.action("explorer", "All of it"))
        if found:
            ui.show(activity_table(found))
        else:
            ui.show(ui.empty("No transactions yet", "Publishing, asking and voting all appear here."))
