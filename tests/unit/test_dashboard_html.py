"""The dashboard's markup: whatever comes from outside is text, never markup."""

from __future__ import annotations

import pytest

from dashboard import ui
from dashboard.ui.html import Html, el, join, text

NASTY = "<script>alert('x')</script>\" onload=\"boom"


@pytest.mark.parametrize(
    "made",
    [
        ui.chip(NASTY),
        ui.status(NASTY),
        ui.address(NASTY),
        ui.facts((NASTY, NASTY)),
        ui.table([NASTY], [[NASTY]], caption=NASTY),
        ui.items(ui.item("check", NASTY, NASTY, NASTY)),
        ui.note("warn", NASTY),
        ui.error(NASTY, NASTY, NASTY),
        ui.empty(NASTY, NASTY),
        ui.kpi(NASTY, NASTY, NASTY, NASTY, [1.0, 2.0]),
        ui.loop([ui.Step("check", NASTY, NASTY, "now", 0.5)]),
        ui.score(NASTY, 0.5),
        ui.progress(0.5, NASTY),
        ui.action(NASTY, NASTY),
        ui.section_title(NASTY, NASTY),
    ],
)
def test_text_from_outside_is_escaped(made: Html) -> None:
    assert "<script" not in made
    assert '" onload="' not in made
    assert "&lt;script&gt;" in made


def test_markup_is_not_escaped_twice() -> None:
    inner = el("b", "a & b")
    assert inner == "<b>a &amp; b</b>"
    assert text(inner) is inner
    assert el("p", inner, " <c>") == "<p><b>a &amp; b</b> &lt;c&gt;</p>"
    assert join("a", el("br"), "<") == "a<br>&lt;"
    assert el("b", "x") + "<" == "<b>x</b>&lt;"


def test_attributes_are_named_and_left_out() -> None:
    made = el("i", cls="x", aria_label='"q"', hidden=True, title=None, data_copy=False)
    assert made == '<i class="x" aria-label="&quot;q&quot;" hidden></i>'


def test_a_narrow_table_still_names_its_cells() -> None:
    made = ui.table(["Name", "Size"], [["a", "1"], ["b", "2"]], numeric=(1,), chosen=1, caption="Files")
    assert made.count('data-label="Size"') == 2
    assert made.count('class="chosen"') == 1
    assert 'aria-label="Files"' in made


def test_a_shortened_address_keeps_the_full_value_to_copy() -> None:
    made = ui.address("7dQm4vYzWc1eRkPpX2uHsN8tGbJfLa9oKiVyT3rMx5Cw")
    assert ">7dQm…x5Cw<" in made
    assert 'data-copy="7dQm4vYzWc1eRkPpX2uHsN8tGbJfLa9oKiVyT3rMx5Cw"' in made


def test_vote_meter_keeps_approval_and_turnout_apart() -> None:
    made = ui.vote_meter(votes_for=60, against=20, abstain=20, supply=200, quorum=0.4, approval=0.6)
    assert 'aria-valuetext="75.0 % for, 60 % needed"' in made
    assert 'aria-valuetext="50.0 % of voting tokens, quorum 40 %"' in made
    assert made.count("reached") == 2
    short = ui.vote_meter(votes_for=0, against=0, abstain=10, supply=200, quorum=0.4, approval=0.6)
    assert short.count("not yet") == 2


def test_a_meter_without_any_supply_is_empty_not_an_error() -> None:
    assert "0.0 %" in ui.vote_meter(votes_for=0, against=0, abstain=0, supply=0, quorum=0.4, approval=0.6)


def test_blocks_say_how_many_are_here() -> None:
    made = ui.blocks(["c", "h", "", ""])
    assert 'aria-label="2 of 4 blocks verified"' in made
    assert made.count("<i") == 4


def test_every_status_has_an_icon_that_exists() -> None:
    from dashboard.ui.chips import _STATUS
    from dashboard.ui.icons import PATHS, stylesheet

    assert {symbol for _, _, symbol in _STATUS.values()} <= PATHS.keys()
    assert all(f".i-{name}{{" in stylesheet() for name in PATHS)
