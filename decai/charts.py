"""Charts: a DataFrame in, a figure and its table out, alike for pages, notebooks and reports.

Titles stay outside the figure (the page or notebook writes them), so that a chart is only its marks. Amounts
start at zero, units stand on the axis, at most six ticks, and shape or position repeats what colour says. The
five series colours keep their distance under the three common kinds of colour blindness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

__all__ = [
    "DARK",
    "LIGHT",
    "Chart",
    "Palette",
    "accuracy_by_version",
    "activity_by_kind",
    "scores",
    "template",
]


@dataclass(frozen=True)
class Palette:
    """The colours of one theme.

    Attributes
    ----------
    ink, muted : str
        Text, and secondary text.
    hair, line : str
        Grid, and axis.
    surface : str
        What a chart stands on.
    accent, warm, neutral : str
        The one accent, its counter-colour, and the rest.
    band : str
        An interval around a line in the accent.
    series : tuple of str
        Up to five categories; a sixth is "other".
    ramp : tuple of str
        Five steps, low to high.
    """

    ink: str
    muted: str
    hair: str
    line: str
    surface: str
    accent: str
    warm: str
    neutral: str
    band: str
    series: tuple[str, ...]
    ramp: tuple[str, ...]


LIGHT = Palette(
    ink="#12161C",
    muted="#586173",
    hair="#E6E9EF",
    line="#C9D0DA",
    surface="#FFFFFF",
    accent="#0A7285",
    warm="#C25E08",
    neutral="#7E8AA0",
    band="rgba(10,114,133,.14)",
    series=("#0A7285", "#D4690B", "#908AE9", "#0A247C", "#632B22"),
    ramp=("#E8F5F7", "#A6D7DF", "#52AEBD", "#0A7F93", "#063B46"),
)
DARK = Palette(
    ink="#E9ECF1",
    muted="#98A2B3",
    hair="#222A35",
    line="#3A4453",
    surface="#12161C",
    accent="#5CCBDD",
    warm="#F0A04B",
    neutral="#77839A",
    band="rgba(92,203,221,.16)",
    series=("#5CCBDD", "#F0A04B", "#627491", "#D0F5B8", "#B15805"),
    ramp=("#0F2F37", "#155463", "#1F7D92", "#48ABBE", "#C9F1F6"),
)


@dataclass(frozen=True)
class Chart:
    """A drawn chart.

    Attributes
    ----------
    figure : plotly Figure
        The marks.
    table : DataFrame
        The same numbers with their units in the column names, for reading and downloading.
    """

    figure: go.Figure
    table: pd.DataFrame

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> Any:
        return self.figure._repr_mimebundle_(*args, **kwargs)


def template(palette: Palette) -> go.layout.Template:
    """The plotly template of a theme: no frame, horizontal grid only, quiet axes, the legend top left."""
    axis: dict[str, Any] = {
        "showgrid": True,
        "gridcolor": palette.hair,
        "gridwidth": 1,
        "zeroline": False,
        "linecolor": palette.line,
        "showline": False,
        "ticks": "",
        "nticks": 6,
        "title": {"font": {"size": 12, "color": palette.muted}, "standoff": 10},
        "tickfont": {"size": 12, "color": palette.muted},
        "automargin": True,
    }
    made = go.layout.Template()
    made.layout = {
        "font": {"family": "Inter, Source Sans, sans-serif", "size": 13, "color": palette.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(palette.series),
        "margin": {"l": 4, "r": 8, "t": 28, "b": 4},
        "xaxis": {**axis, "showgrid": False, "showline": True},
        "yaxis": axis,
        "hovermode": "closest",
        "separators": ".\u202f",
        "bargap": 0.35,
        "hoverlabel": {
            "bgcolor": palette.surface,
            "bordercolor": palette.line,
            "font": {"color": palette.ink, "size": 13, "family": "Inter, sans-serif"},
        },
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "xanchor": "left",
            "font": {"size": 12, "color": palette.muted},
            "bgcolor": "rgba(0,0,0,0)",
        },
        "colorscale": {"sequential": [[k / 4, colour] for k, colour in enumerate(palette.ramp)]},
    }
    return made


def _palette(dark: bool) -> Palette:
    return DARK if dark else LIGHT


def _finish(figure: go.Figure, palette: Palette, height: int) -> go.Figure:
    figure.update_layout(template=template(palette), height=height)
    return figure


def scores(by_label: pd.DataFrame, *, dark: bool = False) -> Chart:
    """A model's answer: one bar a label, the highest on top and in the accent.

    Parameters
    ----------
    by_label : DataFrame
        Columns ``label`` (str) and ``score`` (float, 0 to 1).
    dark : bool
        Draw for the dark theme.
    """
    palette = _palette(dark)
    ordered = by_label.sort_values("score", ascending=True, kind="stable")
    top = len(ordered) - 1
    figure = go.Figure(
        go.Bar(
            x=ordered["score"],
            y=ordered["label"],
            orientation="h",
            marker={
                "color": [palette.accent if k == top else palette.neutral for k in range(len(ordered))],
                "cornerradius": 4,
            },
            text=[f"{value:.4f}" for value in ordered["score"]],
            textposition="outside",
            cliponaxis=False,
            textfont={"color": palette.ink, "size": 13},
            hovertemplate="%{y}: %{x:.4f}<extra></extra>",
        )
    )
    _finish(figure, palette, 44 * len(ordered) + 56)
    figure.update_layout(margin={"l": 4, "r": 48, "t": 4, "b": 4}, bargap=0.55)
    figure.update_xaxes(range=[0, 1], title="score", showgrid=True, gridcolor=palette.hair, showline=False)
    figure.update_yaxes(showgrid=False, ticklabelstandoff=8, tickfont={"size": 13, "color": palette.ink})
    return Chart(figure, by_label.sort_values("score", ascending=False, kind="stable").reset_index(drop=True))


def accuracy_by_version(versions: pd.DataFrame, *, dark: bool = False) -> Chart:
    """How the accuracy moved from version to version.

    Parameters
    ----------
    versions : DataFrame
        Columns ``number`` (int), ``accuracy`` (float share or NaN), ``published_at`` (datetime), ``status``
        (str) and ``current`` (bool). Versions without a measured accuracy are in the table but not drawn.
    dark : bool
        Draw for the dark theme.
    """
    palette = _palette(dark)
    known = versions[versions["accuracy"].notna()].sort_values("number")
    figure = go.Figure()
    figure.add_scatter(
        x=known["number"],
        y=known["accuracy"],
        mode="lines",
        line={"color": palette.accent, "width": 2, "shape": "hv"},
        hoverinfo="skip",
        showlegend=False,
    )
    yanked = known["status"].eq("yanked")
    for chosen, name, symbol in (
        (known[~yanked], "live", "circle"),
        (known[yanked], "withdrawn", "x-thin-open"),
    ):
        if chosen.empty:
            continue
        figure.add_scatter(
            x=chosen["number"],
            y=chosen["accuracy"],
            mode="markers",
            name=name,
            marker={
                "size": 10,
                "symbol": symbol,
                "color": palette.accent if name == "live" else palette.warm,
                "line": {"width": 2, "color": palette.surface if name == "live" else palette.warm},
            },
            customdata=chosen[["published_at"]],
            hovertemplate="<b>Version %{x}</b><br>%{y:.1%} on held-out terms<br>%{customdata[0]|%d %b %Y}"
            f"<extra>{name}</extra>",
            showlegend=bool(yanked.any()),
        )
    for row in known[known["current"]].itertuples():
        figure.add_annotation(
            x=row.number,
            y=row.accuracy,
            text=f"<b>{row.accuracy:.1%}, current</b>",
            showarrow=False,
            yshift=16,
            xanchor="right" if len(known) > 1 else "center",
            font={"size": 12, "color": palette.ink},
        )
    _finish(figure, palette, 260)
    figure.update_yaxes(title="share of held-out terms right", tickformat=".0%", range=_accuracy_range(known))
    figure.update_xaxes(title="version", dtick=max(1, len(known) // 6), tickformat="d")
    if len(known) == 1:
        only = known["number"].iloc[0]
        figure.update_xaxes(range=[only - 1, only + 1], tickvals=[only])
    table = versions[["number", "accuracy", "published_at", "status"]].rename(
        columns={"number": "version", "accuracy": "accuracy (share)", "published_at": "published (UTC)"}
    )
    return Chart(figure, table.reset_index(drop=True))


def _accuracy_range(known: pd.DataFrame) -> list[float]:
    """From chance (one half, for two labels) or the worst to a little above the best."""
    if known.empty:
        return [0.5, 1.0]
    low, high = float(known["accuracy"].min()), float(known["accuracy"].max())
    return [max(0.0, min(0.5, low - 0.02)), min(1.0, high + 0.08)]


def activity_by_kind(transactions: pd.DataFrame, *, dark: bool = False) -> Chart:
    """How often each kind of instruction was confirmed, the five most frequent and the rest as "other".

    Parameters
    ----------
    transactions : DataFrame
        A column ``instruction`` (str), one row a transaction.
    dark : bool
        Draw for the dark theme.
    """
    palette = _palette(dark)
    counts = transactions["instruction"].value_counts()
    table = counts.rename_axis("instruction").reset_index(name="transactions")
    drawn = counts.head(5)
    if len(counts) > 5:
        drawn = pd.concat([drawn, pd.Series({"other": int(counts.iloc[5:].sum())})])
    drawn = drawn.iloc[::-1]
    figure = go.Figure(
        go.Bar(
            x=drawn.to_numpy(),
            y=[str(name).replace("_", " ") for name in drawn.index],
            orientation="h",
            marker={"color": palette.accent, "cornerradius": 4},
            text=drawn.to_numpy(),
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x}<extra></extra>",
        )
    )
    _finish(figure, palette, 34 * len(drawn) + 56)
    figure.update_layout(margin={"l": 4, "r": 32, "t": 4, "b": 4}, bargap=0.55)
    most = int(drawn.max()) if len(drawn) else 0
    figure.update_xaxes(
        title="instructions", rangemode="tozero", showline=False, tickformat="d", dtick=max(1, -(-most // 6))
    )
    figure.update_yaxes(showgrid=False, ticklabelstandoff=8, tickfont={"size": 13, "color": palette.ink})
    return Chart(figure, table)


_GRADES = {"measured": "circle", "estimated": "square", "declared": "diamond-open"}


def energy_by_job(records: pd.DataFrame, *, dark: bool = False) -> Chart:
    """Each job's energy with its band; the marker's shape says how the figure is known.

    Parameters
    ----------
    records : DataFrame
        Columns ``at`` (datetime), ``job`` (str), ``kwh``, ``kwh_low``, ``kwh_high`` (kWh), ``grade`` (str)
        and ``co2e_mg`` (mg), oldest first.
    dark : bool
        Draw for the dark theme.
    """
    palette = _palette(dark)
    factor, unit = _energy_unit(float(records["kwh_high"].max()) if len(records) else 0.0)
    drawn = factor * records[["kwh", "kwh_low", "kwh_high"]]
    order = pd.Series(range(1, len(records) + 1), index=records.index)
    figure = go.Figure()
    colours = {"measured": palette.accent, "estimated": palette.series[2], "declared": palette.warm}
    for grade, symbol in _GRADES.items():
        chosen = records["grade"].eq(grade)
        if not chosen.any():
            continue
        edge = colours[grade] if symbol.endswith("open") else palette.surface
        figure.add_scatter(
            x=order[chosen],
            y=drawn["kwh"][chosen],
            mode="markers",
            name=grade,
            marker={
                "symbol": symbol,
                "size": 10,
                "color": colours[grade],
                "line": {"width": 2, "color": edge},
            },
            error_y={
                "type": "data",
                "symmetric": False,
                "array": (drawn["kwh_high"] - drawn["kwh"])[chosen],
                "arrayminus": (drawn["kwh"] - drawn["kwh_low"])[chosen],
                "color": colours[grade],
                "thickness": 1.5,
                "width": 5,
            },
            customdata=pd.DataFrame(
                {"low": drawn["kwh_low"], "high": drawn["kwh_high"], "job": records["job"].str[:8]}
            )[chosen],
            hovertemplate=f"<b>%{{y:.3g}} {unit}</b> (%{{customdata[0]:.3g}} to %{{customdata[1]:.3g}})"
            f"<br>job %{{customdata[2]}}…<extra>{grade}</extra>",
        )
    _finish(figure, palette, 300)
    figure.update_layout(showlegend=True)
    figure.update_yaxes(title=f"{unit} a job", rangemode="tozero")
    figure.update_xaxes(title="jobs, oldest first", dtick=max(1, len(records) // 6), tickformat="d")
    if len(records) < 4:
        figure.update_xaxes(range=[0.5, 3.5], tickvals=list(order))
    table = records[["at", "job", "kwh", "kwh_low", "kwh_high", "grade"]].rename(columns={"at": "submitted (UTC)"})
    table["CO2e (mg)"] = [
        "< 0.5" if used > 0 and mg == 0 else str(mg)
        for used, mg in zip(records["kwh"], records["co2e_mg"], strict=True)
    ]
    return Chart(figure, table.reset_index(drop=True))


def _energy_unit(most_kwh: float) -> tuple[float, str]:
    """What to multiply kWh with, and the unit that gives, so that the largest value has digits before the point."""
    for factor, unit in ((1.0, "kWh"), (1e3, "Wh"), (3.6e6, "J")):
        if most_kwh * factor >= 1:
            return factor, unit
    return 3.6e6, "J"


def price_against_carbon(quotes: pd.DataFrame, *, dark: bool = False) -> Chart:
    """What a job would cost and emit with each offer, with the line that nothing beats on both.

    Parameters
    ----------
    quotes : DataFrame
        Columns ``source``, ``provider``, ``device`` (str), ``total_lamports`` (int), ``co2e_g`` (float or
        None) and ``chosen`` (bool). Offers that name no grid are in the table but not drawn.
    dark : bool
        Draw for the dark theme.
    """
    palette = _palette(dark)
    known = quotes[quotes["co2e_g"].notna()].assign(total=lambda q: q["total_lamports"] / 1e9)
    figure = go.Figure()
    front = _pareto_front(known)
    if len(front) > 1:
        figure.add_scatter(
            x=front["total"],
            y=front["co2e_g"],
            mode="lines",
            line={"color": palette.muted, "width": 1.5, "dash": "dot", "shape": "hv"},
            name="nothing is better on both",
            hoverinfo="skip",
        )
    symbols = ("circle", "diamond", "square", "triangle-up", "cross")
    for k, (source, group) in enumerate(known.groupby("source", sort=True)):
        figure.add_scatter(
            x=group["total"],
            y=group["co2e_g"],
            mode="markers",
            name=str(source),
            marker={
                "size": 11,
                "color": palette.series[k % 5],
                "symbol": symbols[k % 5],
                "line": {"width": 1.5, "color": palette.surface},
            },
            text=group["device"],
            hovertemplate="<b>%{text}</b><br>%{x:.6f} SOL, %{y:.3g} g CO₂e<extra></extra>",
        )
    for row in known[known["chosen"]].itertuples():
        figure.add_scatter(
            x=[row.total],
            y=[row.co2e_g],
            mode="markers",
            marker={"size": 22, "color": "rgba(0,0,0,0)", "line": {"width": 2, "color": palette.ink}},
            name="chosen",
            hoverinfo="skip",
        )
    _finish(figure, palette, 320)
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title="job total, SOL", rangemode="tozero")
    figure.update_yaxes(title="g CO₂e for the job", rangemode="tozero")
    table = quotes[["source", "provider", "device", "total_lamports", "co2e_g", "chosen"]].rename(
        columns={"total_lamports": "job total (lamports)", "co2e_g": "CO2e (g)"}
    )
    return Chart(figure, table.reset_index(drop=True))


def _pareto_front(quotes: pd.DataFrame) -> pd.DataFrame:
    """Offers that no other one beats on price and carbon, cheapest first."""
    ordered = quotes.sort_values(["total", "co2e_g"], kind="stable")
    best = ordered["co2e_g"].cummin().shift(fill_value=float("inf"))
    return ordered[ordered["co2e_g"] < best]
