"""The loop in steps: where a training proposal stands, and where a published version came from."""

from __future__ import annotations

from dashboard import ui
from dashboard.ui.format import percent, short, sol
from decai.governance import Proposal
from decai.lineage import Lineage
from decai.market import Job

_PHASES = {
    "waiting": "voting hasn't started",
    "to count": "voting has ended, to be counted",
    "in hold-up": "passed, in its hold-up",
    "executable": "passed, ready to execute",
    "lapsed": "passed, never executed",
}
_REVIEWED = ("settled", "published")


def of_proposal(proposal: Proposal, job: Job | None, now: int) -> list[ui.Step]:
    """Where a training proposal is on its way to a new version.

    Parameters
    ----------
    proposal : Proposal
    job : Job or None
        The job that executing it opened.
    now : int
        The cluster's clock, unix seconds.
    """
    steps = [_voting(proposal, now)]
    if job is None:
        steps += [
            ui.Step("cpu", "Job", "opens when it is executed", "next"),
            ui.Step("shield", "Review", "recomputed by members", "next"),
            ui.Step("layers", "Version", f"after version {proposal.payload.get('base_version', '?')}", "next"),
        ]
        return steps
    trained = job.submitted_at is not None
    reviewed = job.state in _REVIEWED
    published = bool(job.published_version)
    worker = f"by {short(job.provider)}" if job.provider else "waiting for bids"
    steps.append(
        ui.Step(
            "cpu",
            f"Job {short(job.address)}",
            ui.join(
                "refunded" if job.state == "refunded" else ("trained" if trained else job.state), ui.el("br"), worker
            ),
            "done" if trained else "now",
            1.0 if trained else 0.0,
        )
    )
    steps.append(
        ui.Step(
            "shield",
            "Review",
            ui.join(
                f"{job.attestations} of {job.terms.min_attestations} attested",
                ui.el("br"),
                f"{sol(job.best_price)} SOL paid" if reviewed else "then the provider is paid",
            ),
            "done" if reviewed else ("now" if trained else "next"),
            1.0 if reviewed else 0.0,
        )
    )
    steps.append(
        ui.Step(
            "layers",
            f"Version {job.published_version}" if published else "New version",
            "published by the collective" if published else "after the publish hold",
            "done" if published else ("now" if reviewed else "next"),
        )
    )
    return steps


def _voting(proposal: Proposal, now: int) -> ui.Step:
    phase = proposal.phase(now)
    done = phase not in ("waiting", "voting", "to count", "in hold-up", "executable")
    words = f"{percent(proposal.approval, 0)} for" if phase == "voting" else _PHASES.get(phase, phase)
    return ui.Step(
        "vote",
        f"Proposal {proposal.id}",
        ui.join(words, ui.el("br"), f"at most {sol(proposal.training_budget)} SOL"),
        "done" if done else "now",
        1.0 if done and proposal.job else 0.0,
    )


def of_lineage(found: Lineage) -> list[ui.Step]:
    """Where a version came from, oldest first; by hand, it is the version alone after its parent.

    Each step links to its account in the Explorer.
    """

    def step(symbol: str, title: str, words: str, address: str) -> ui.Step:
        note = ui.join(words, ui.el("br"), ui.address(address), ui.el("br"), ui.look_up(address))
        return ui.Step(symbol, title, note, "done", 1.0)

    steps = []
    if found.parent is not None:
        steps.append(step("layers", f"Version {found.parent.number}", "what it started from", found.parent.address))
    if found.proposal is not None:
        asked = f"{percent(found.proposal.approval, 0)} for"
        steps.append(step("vote", f"Proposal {found.proposal.id}", asked, found.proposal.address))
    if found.job is not None:
        by = f"by {short(found.job.provider or '')}, {sol(found.cost_lamports)} SOL"
        steps.append(step("cpu", "Job", by, found.job.address))
    if found.record is not None:
        gain = f"{100 * found.record.accuracy_gain:+.1f} points, {found.record.proof}".replace("-", "−")
        steps.append(step("shield", "Record", gain, found.record.address))
    how = "trained by the collective" if found.job else "published by its owner"
    steps.append(step("layers", f"Version {found.version.number}", how, found.version.address))
    return steps
