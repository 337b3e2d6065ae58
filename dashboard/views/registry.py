"""Registry: every version of a model, how they differ, which was in use when, its card, its copies."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, course, data, failures, ui
from dashboard.ui.charts import chart
from dashboard.ui.format import ago, day, emissions, energy, number, percent, size, sol
from dashboard.views import publishing
from decai import charts
from decai.registry import Registry, Version

NEWEST = 12


def page() -> None:
    """Draw the page."""
    data.status()
    registry = data.chosen_registry()
    if registry is None:
        ui.page_head("Registry", "Every version of a model, and who published it.", ui.chip("Empty", "warn", "inbox"))
        ui.show(
            ui.empty(
                "No registry on this chain yet",
                ui.join("Publish a bundle to make one: ", ui.mono("decai publish FOLDER --registry NAME")),
            )
        )
        return
    head(registry)
    choice.registry_switch()
    with failures.shown():
        publishing.publish(registry)
    left, right = st.columns([3, 2], gap="small")
    with left, failures.shown():
        timeline(registry)
    with right, failures.shown():
        about(registry)
        as_of(registry)
    if not registry.versions:
        return
    with failures.shown():
        accuracy(registry)
    with failures.shown():
        lineage(registry)
    with failures.shown():
        compare(registry)
    with failures.shown():
        card(registry)
    with failures.shown():
        copies(registry)


def head(registry: Registry) -> None:
    """Name the page and its registry."""
    current = (
        ui.chip(f"Version {registry.current_number} in use", "ok", "check")
        if registry.current_number
        else ui.chip("No version in use", "warn", "alert")
    )
    ui.page_head(
        "Registry",
        f"{registry.name}: every version on chain, its bytes named by their hash.",
        current,
        ui.chip(f"{registry.latest} published", "line", "layers"),
    )


def timeline(registry: Registry) -> None:
    """The newest versions, newest first."""
    with ui.glass("timeline", fill=True):
        ui.section("Timeline", "Newest first; a version is never changed, only followed or withdrawn")
        versions = registry.versions[::-1]
        if not versions:
            ui.show(ui.empty("No version yet", "The registry's owner publishes the first one."))
            return
        ui.show(ui.el("ol", *(moment(registry, v) for v in versions[:NEWEST]), cls="timeline"))
        if len(versions) > NEWEST:
            with st.popover(f"All {len(versions)} versions", icon=":material/table_rows:", type="tertiary"):
                st.dataframe(registry.to_frame(), hide_index=True, key="versions-all")


def moment(registry: Registry, version: Version) -> ui.Html:
    """One entry of the timeline."""
    chips = [ui.status("current")] if version.number == registry.current_number else []
    if version.status != "live":
        chips.append(ui.status(version.status))
    facts = [f"after version {version.parent}" if version.parent else "the first"]
    if version.accuracy is not None:
        facts.append(f"{percent(version.accuracy)} right on held-out terms")
    return ui.el(
        "li",
        ui.el("span", cls="knot"),
        ui.el(
            "div",
            ui.row(ui.el("b", f"Version {version.number}"), *chips, ui.sub(ago(version.published_at))),
            ui.el("div", version.note, cls="m") if version.note else "",
            ui.el("div", ", ".join(facts), cls="sub"),
            ui.row(ui.address(version.cid, 8), ui.sub("by"), ui.address(version.publisher)),
        ),
        cls="now" if version.number == registry.current_number else "",
    )


def about(registry: Registry) -> None:
    """The registry itself."""
    with ui.glass("about"):
        ui.section(registry.name, f"Made {day(registry.created_at)}")
        offered = [("Offered to", ui.address(registry.pending_owner))] if registry.pending_owner else []
        ui.show(
            ui.facts(
                ("Address", ui.address(registry.address)),
                ("Owner", ui.address(registry.owner)),
                *offered,
                ("Bundle in use", ui.address(registry.current_cid, 6)),
                ("Training data", ui.address(registry.training_data_cid, 6)),
                ("Changed", ago(registry.updated_at)),
            )
        )


def as_of(registry: Registry) -> None:
    """Which version was in use at a moment, from the transactions that changed it."""
    with ui.glass("as-of", fill=True):
        ui.section("As of a date", "Which version answered then? Read from the chain's own history.")
        picked = st.datetime_input(
            "Moment, UTC",
            value=datetime.now(UTC).replace(tzinfo=None, second=0, microsecond=0),
            key="as-of",
            step=60,
            format="YYYY-MM-DD",
        )
        with failures.shown():
            found = registry.version(data.version_at(registry.address, picked.replace(tzinfo=UTC, second=59)))
            ui.show(
                ui.row(ui.chip(f"Version {found.number}", "accent", "layers"), ui.address(found.cid, 6)),
            )


def accuracy(registry: Registry) -> None:
    """How the accuracy moved."""
    table = registry.to_frame()
    table["accuracy"] = pd.to_numeric(table["accuracy"])
    table["current"] = table["number"] == registry.current_number
    known = table["accuracy"].dropna()
    if known.empty:
        return
    if len(known) == 1:
        reading = "One version so far: the line begins with the next"
    else:
        change = 100 * (known.iloc[-1] - known.iloc[0])
        reading = f"{'Up' if change >= 0 else 'Down'} {abs(change):.1f} points since the first version"
    chart("accuracy", "Accuracy by version", reading, lambda dark: charts.accuracy_by_version(table, dark=dark))


def lineage(registry: Registry) -> None:
    """Where a version came from: proposal, job, record; the addresses can be looked up in the Explorer."""
    versions = registry.versions
    if all(v.job is None for v in versions) and len(versions) < 2:
        return
    with ui.glass("lineage"):
        ui.section("Lineage", "From the decision to the version; each address is an account on chain")
        numbers = [v.number for v in versions][::-1]
        picked = st.selectbox("Version", numbers, key="lineage-version", width=140)
        found = data.lineage(registry.version(int(picked)))
        ui.show(ui.loop(course.of_lineage(found)))
        if found.record is not None:
            used = energy(found.record.energy_joules)
            gross = emissions(found.record.co2e_mg, found.record.energy_joules)
            ui.show(
                ui.sub(
                    f"It cost {sol(found.cost_lamports)} SOL, {' '.join(used)} "
                    f"(± {found.record.energy_band_ppm / 10_000:.0f} %) and {' '.join(gross)}, gross."
                )
            )


def compare(registry: Registry) -> None:
    """Two versions side by side: facts, files, and how many bytes would move."""
    versions = registry.versions
    if len(versions) < 2:
        return
    numbers = [v.number for v in versions]
    with ui.glass("compare"):
        ui.section("Compare two versions", "Facts from the chain, files from the bundles' manifests")
        with st.container(horizontal=True, gap="small"):
            first = st.selectbox("From", numbers, index=len(numbers) - 2, key="compare-from", width=140)
            second = st.selectbox("To", numbers, index=len(numbers) - 1, key="compare-to", width=140)
        old, new = registry.version(int(first)), registry.version(int(second))
        ui.show(
            ui.table(
                ["", f"Version {old.number}", f"Version {new.number}", "Change"],
                difference(old, new),
                caption=f"Version {old.number} beside version {new.number}",
            )
        )
        if fetched(old, "compare") and fetched(new, "compare"):
            ui.show(files(manifest(old), manifest(new)))


def difference(old: Version, new: Version) -> list[list[Any]]:
    """The rows of the comparison of two versions."""
    gain: Any = ui.sub("not stated")
    if old.accuracy is not None and new.accuracy is not None:
        points = 100 * (new.accuracy - old.accuracy)
        gain = ui.chip(f"{points:+.1f} points".replace("-", "−"), "ok" if points >= 0 else "warn")

    def stated(version: Version) -> str:
        return "not stated" if version.accuracy is None else percent(version.accuracy)

    def same(a: str, b: str) -> ui.Html:
        return ui.sub("same") if a == b else ui.chip("different", "accent")

    return [
        ["Published", day(old.published_at), day(new.published_at), ui.sub(ago(new.published_at))],
        ["Accuracy", stated(old), stated(new), gain],
        ["Bundle", ui.address(old.cid, 6), ui.address(new.cid, 6), same(old.cid, new.cid)],
        [
            "Training data",
            ui.address(old.training_data_cid, 6),
            ui.address(new.training_data_cid, 6),
            same(old.training_data_cid, new.training_data_cid),
        ],
        [
            "Head",
            ui.address(old.head_commitment, 6),
            ui.address(new.head_commitment, 6),
            same(old.head_commitment, new.head_commitment),
        ],
        [
            "Publisher",
            ui.address(old.publisher),
            ui.address(new.publisher),
            same(old.publisher, new.publisher),
        ],
        ["State", ui.status(old.status), ui.status(new.status), same(old.status, new.status)],
    ]


def fetched(version: Version, where: str) -> bool:
    """Whether a version's bundle is here; when it isn't, offer to bring it, under a key of this place."""
    if data.bundle_here(version.cid):
        return True
    with st.container(horizontal=True, vertical_alignment="center"):
        ui.show(ui.sub(f"The bundle of version {version.number} isn't on this machine."))
        pressed = st.button("Fetch it", icon=":material/download:", key=f"fetch-{where}-{version.number}")
    if pressed:
        with st.spinner(f"Fetching version {version.number}, block by block"):
            data.viewer().store.fetch(version.cid)
        data.refresh()
        st.rerun()
    return False


def manifest(version: Version) -> dict[str, Any]:
    """A version's manifest, out of its bundle."""
    decoded: dict[str, Any] = json.loads(data.file(version.cid, "manifest.json"))
    return decoded


def listed(found: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """A manifest's files: name → (bytes, sha256)."""
    entries = found.get("files", {})
    if isinstance(entries, dict):
        entries = [{"name": name, **entry} for name, entry in entries.items()]
    return {
        str(entry.get("name") or entry.get("path")): (int(entry.get("size", 0)), str(entry["sha256"]))
        for entry in entries
    }


def files(old: dict[str, Any], new: dict[str, Any]) -> ui.Html:
    """Which files two bundles share."""
    before, after = listed(old), listed(new)
    rows = []
    moved = 0
    for name, (count, digest) in sorted(after.items()):
        shared = name in before and before[name][1] == digest
        moved += 0 if shared else count
        state = ui.sub("same bytes, shared") if shared else ui.chip("new bytes", "accent")
        rows.append([ui.mono(name), size(count), state])
    rows += [[ui.mono(name), "", ui.chip("gone", "warn")] for name in sorted(before.keys() - after.keys())]
    total = sum(count for count, _ in after.values())
    share = moved / total if total else 0.0
    return ui.join(
        ui.el("div", ui.section_title("Files"), cls="gap"),
        ui.table(["File", "Size", "Between the two"], rows, numeric=(1,), caption="Files of both bundles"),
        ui.note(
            "",
            f"Going from one to the other moves at most {size(moved)} of {size(total)} ({percent(share)}).",
        ),
    )


def card(registry: Registry) -> None:
    """The model card of a version, as its publisher wrote it."""
    versions = registry.versions
    with ui.glass("card"):
        ui.section("Model card", "Written by the publisher; it is part of the bundle, so its hash covers it")
        numbers = [v.number for v in versions][::-1]
        preferred = numbers.index(registry.current_number) if registry.current_number in numbers else 0
        picked = st.selectbox("Version", numbers, index=preferred, key="card-version", width=140)
        version = registry.version(int(picked))
        if not fetched(version, "card"):
            return
        head, body = split_card(data.file(version.cid, "README.md").decode("utf-8", "replace"))
        if head:
            ui.show(ui.facts(*((name.replace("_", " "), value) for name, value in head)))
        with st.expander("The card in full", icon=":material/article:", key="card-body"):
            st.markdown(body)


def split_card(text: str) -> tuple[list[tuple[str, str]], str]:
    """A model card in its YAML head's top-level scalars and its Markdown without images.

    A card is a stranger's text: an image in it would make every reader's browser call a server of their
    choice.
    """
    head: list[tuple[str, str]] = []
    if match := re.match(r"\A---\n(.*?)\n---\n", text, re.DOTALL):
        text = text[match.end() :]
        for line in match.group(1).splitlines():
            if found := re.match(r"^([A-Za-z_]+):\s*(\S.*)$", line):
                head.append((found.group(1), found.group(2).strip("\"'")))
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    # Its headings go below the page's own.
    return head, re.sub(r"^(#{1,3}) ", r"\1## ", text, flags=re.MULTILINE)


def copies(registry: Registry) -> None:
    """Which versions' bytes are on this machine, and pinned."""
    with ui.glass("copies"):
        ui.section("On this machine", "Pinned bundles are kept; others may be dropped when room is needed")
        pinned = data.pins()
        rows = []
        for version in registry.versions[::-1][:NEWEST]:
            here = data.bundle_here(version.cid)
            rows.append(
                [
                    f"Version {version.number}",
                    ui.address(version.cid, 8),
                    ui.chip("complete", "ok", "check") if here else ui.chip("not here", "", "inbox"),
                    ui.chip("pinned", "accent", "lock") if version.cid in pinned else ui.sub("not pinned"),
                ]
            )
        ui.show(ui.table(["Version", "Bundle", "Blocks", "Pin"], rows, caption="Copies on this machine"))
        others = sorted(pinned - {v.cid for v in registry.versions})
        if others:
            ui.show(ui.sub(f"{number(len(others))} more pinned, of other registries or training data"))
