"""What a page shows when something fails, run by Streamlit's own test runner."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest


def html(app: AppTest) -> str:
    """All markup that the run drew."""
    return " ".join(str(block.proto.body) for block in app.get("html"))


def refused() -> None:
    from dashboard import failures
    from decai.errors import QuotaExceeded

    with failures.shown():
        raise QuotaExceeded("The store is <full>.", hint="Run `decai gc`.")


def unexpected() -> None:
    from dashboard import failures

    with failures.shown():
        raise ZeroDivisionError("secret detail")


def page_that_fails() -> None:
    from dashboard import failures
    from decai.errors import ModelError

    def draw() -> None:
        raise ModelError("No model.", hint="Publish one.")

    failures.page(draw, "Registry")


def test_our_errors_show_what_happened_and_what_to_do() -> None:
    app = AppTest.from_function(refused).run()
    drawn = html(app)
    assert "The store is &lt;full&gt;." in drawn
    assert 'Run <span class="mono">decai gc</span>.' in drawn
    assert 'role="alert"' in drawn
    assert not app.exception


def test_an_unexpected_error_shows_a_reference_and_the_log_has_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = AppTest.from_function(unexpected).run()
    drawn = html(app)
    found = re.search(r"<span class=\"mono\">([0-9a-f]{8})</span>", drawn)
    assert found, drawn
    assert "secret detail" not in drawn and "ZeroDivisionError" not in drawn
    assert found.group(1) in caplog.text and "secret detail" in caplog.text
    assert not app.exception


def test_a_page_that_fails_before_its_heading_still_has_one() -> None:
    app = AppTest.from_function(page_that_fails).run()
    drawn = html(app)
    assert "<h1>Registry</h1>" in drawn and "No model." in drawn and "Publish one." in drawn
