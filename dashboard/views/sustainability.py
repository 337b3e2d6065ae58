"""Sustainability: energy and emissions of every job, each figure with its grade and its band."""

from __future__ import annotations

from dashboard import data, failures, ui
from dashboard.ui.charts import chart
from dashboard.ui.format import JOULES_PER_KWH, ago, carbon, duration, emissions, energy, number, percent, short, sol
from decai import charts
from decai.energy import EnergyRecord, EnergyRecords

LEDE = "Gross energy and emissions. Every figure carries its grade and its band; offsets are kept apart."


def page() -> None:
    """Draw the page."""
    data.status()
    dao = data.chosen_dao()
    found = data.energy(dao.address) if dao else None
    if not found:
        ui.page_head("Sustainability", LEDE, ui.chip("No record yet", "", "leaf"))
        ui.show(
            ui.empty(
                "No energy on the record yet",
                "Every training job that is submitted brings its kWh and CO₂e here.",
                "leaf",
            )
        )
        return
    ui.page_head("Sustainability", LEDE, ui.chip(f"{len(found)} job{'' if len(found) == 1 else 's'}", "accent", "leaf"))
    with failures.shown():
        totals(found)
    with failures.shown():
        table = found.to_frame()
        chart(
            "energy",
            "Energy by job",
            "The bars are the bands: how far off each figure may be",
            lambda dark: charts.energy_by_job(table, dark=dark),
        )
    with failures.shown():
        jobs(found)
    grades()


def totals(found: EnergyRecords) -> None:
    """The sums, with what they are made of."""
    joules = sum(r.energy_joules for r in found)
    low, high = sum(r.kwh_low for r in found), sum(r.kwh_high for r in found)
    gained = sum(r.accuracy_gain for r in found)
    with ui.glass("totals"):
        weighted = sum(r.carbon_g_per_kwh * r.kwh for r in found)
        intensity = weighted / found.kwh if found.kwh else 0.0
        ui.show(
            ui.kpis(
                ui.kpi(
                    "Energy, all jobs",
                    *energy(joules),
                    between(low, high),
                    [r.kwh for r in found],
                ),
                ui.kpi("Emissions, gross", *gross(found), f"{intensity:.0f} g/kWh on average"),
                ui.kpi(
                    "Accuracy gained",
                    f"{100 * gained:.1f}",
                    "points",
                    f"{' '.join(energy(joules / (100 * gained)))} a point" if gained > 0 else "no gain so far",
                ),
                ui.kpi("Offsets, apart", *carbon(found.co2_offset_mg), "never subtracted"),
            )
        )


def gross(found: EnergyRecords) -> tuple[str, str]:
    """All emissions as (number, unit); records that round to no milligram each are summed from their energy."""
    if any(r.energy_joules and not r.co2e_mg for r in found):
        exact = sum(1000 * r.kwh * r.carbon_g_per_kwh if not r.co2e_mg else r.co2e_mg for r in found)
        return ("< 0.5", "mg CO₂e") if exact < 0.5 else carbon(exact)
    return carbon(found.co2e_mg)


def between(low_kwh: float, high_kwh: float) -> str:
    """A band of energy, its ends in one unit."""
    low, _ = energy(low_kwh * JOULES_PER_KWH)
    high, unit = energy(high_kwh * JOULES_PER_KWH)
    if energy(low_kwh * JOULES_PER_KWH)[1] != unit:
        low = f"{low_kwh / high_kwh * float(high):.2g}"
    return f"{low} to {high} {unit}"


def jobs(found: EnergyRecords) -> None:
    """Each job's figures."""
    with ui.glass("jobs"):
        ui.section("Job by job", "What was used, how that is known, and what it brought")
        ui.show(
            ui.table(
                ["Job", "Energy", "How known", "CO₂e", "Grid, g/kWh", "Took", "Gain", "Reward, SOL"],
                [line(r) for r in list(found)[::-1][:20]],
                numeric=(1, 3, 4, 5, 6, 7),
                caption="Energy by job",
            )
        )


def line(record: EnergyRecord) -> list[ui.Html | str]:
    """One row of :func:`jobs`."""
    half = (record.kwh_high - record.kwh) / record.kwh if record.kwh else 0.0
    return [
        ui.join(
            ui.address(record.job),
            ui.el(
                "div",
                f"{ago(record.at)} · {record.device or 'device not named'} · {short(record.provider)}",
                cls="sub",
            ),
        ),
        ui.join(" ".join(energy(record.energy_joules)), ui.el("div", f"± {percent(half, 0)}", cls="sub")),
        ui.status(record.grade),
        " ".join(emissions(record.co2e_mg, record.energy_joules)),
        ui.join(number(record.carbon_g_per_kwh), ui.el("div", record.region, cls="sub")),
        duration(record.duration_s),
        f"{100 * record.accuracy_gain:+.1f} pt".replace("-", "−"),
        sol(record.reward_lamports),
    ]


def grades() -> None:
    """What the grades mean, and what is not covered."""
    with ui.glass("grades"):
        ui.section("How a figure is known")
        ui.show(
            ui.items(
                ui.item("check", "Measured", "The processor's own energy counters (RAPL), ± 5 %", kind="accent"),
                ui.item("cpu", "Estimated", "The processor's load and its power model, ± 40 %"),
                ui.item("info", "Declared", "The provider of a rented machine says so", kind="warn"),
            ),
            ui.note(
                "",
                "Grid intensity is each country's yearly average (Our World in Data, by codecarbon). "
                "No proof covers energy: a provider's figure is a statement under its own key.",
            ),
        )
