"""Settings: read from the environment, documented, refused with the variable's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from decai.config import Settings, load_settings
from decai.errors import SettingsError

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented_with_its_meaning() -> None:
    text = DOCS.read_text()
    for name, field in Settings.model_fields.items():
        assert f"| `DECAI_{name.upper()}` |" in text, name
        assert field.description and field.description in text, name
    assert text.count("| `DECAI_") == len(Settings.model_fields)


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DECAI_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("DECAI_HOME", str(tmp_path))
    assert load_settings().url == "http://127.0.0.1:1"
    assert load_settings(url="http://127.0.0.1:2").url == "http://127.0.0.1:2"
    assert load_settings().wallet_path == tmp_path / "wallet.json"


def test_gateways_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECAI_GATEWAYS", "https://a.example, https://b.example,")
    assert load_settings().gateways == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [("URL", "localhost:8899"), ("PUE", "0.5"), ("RPC_TIMEOUT_S", "never"), ("STORE_QUOTA_BYTES", "-1")],
)
def test_a_value_that_cannot_be_used_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DECAI_{name}", value)
    with pytest.raises(SettingsError, match=f"DECAI_{name}"):
        load_settings()
