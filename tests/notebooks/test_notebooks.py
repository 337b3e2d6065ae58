"""The analysts' notebooks, run from their first cell to their last in a kernel of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.notebooks,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),  # of Jupyter's own client, beside ours
]

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PLOTLY = "application/vnd.plotly.v1+json"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the kernel makes its temporary homes; the user's own home is out of its sight."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("DECAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    for name in ("DECAI_URL", "DECAI_WALLET", "DECAI_REGISTRY", "DECAI_DAO"):
        monkeypatch.delenv(name, raising=False)
    return folder


def run(name: str) -> Any:
    """Execute a notebook; a cell that fails fails the test with its traceback."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    NotebookClient(notebook, timeout=90, kernel_name="python3", resources={"metadata": {"path": NOTEBOOKS}}).execute()
    return notebook


def outputs(notebook: Any) -> Iterator[Any]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield from cell.outputs


def printed(notebook: Any) -> str:
    return "".join(o.text for o in outputs(notebook) if o.output_type == "stream" and o.name == "stdout")


def tables(notebook: Any) -> list[str]:
    return [o.data["text/html"] for o in outputs(notebook) if "text/html" in o.get("data", {})]


def charts(notebook: Any) -> list[Any]:
    return [o.data[PLOTLY] for o in outputs(notebook) if PLOTLY in o.get("data", {})]


@pytest.mark.parametrize(
    ("name", "said", "figures"),
    [
        ("00_first_look.ipynb", ("exact - On chain in slot", "mismatch - The receipt contradicts itself"), 2),
        (
            "01_registry_and_lineage.ipynb",
            (
                "A member recomputed it bit for bit and attested",
                "one second before: version 1; from then on: version 2",
                "800 for, 150 against\napproval 84.2%, needed 60.0%",
            ),
            3,
        ),
    ],
)
def test_a_notebook_runs_from_its_first_cell_to_its_last(
    temporary: Path, name: str, said: tuple[str, ...], figures: int
) -> None:
    notebook = run(name)
    text = printed(notebook)
    for words in said:
        assert words in text
    assert len(charts(notebook)) == figures
    assert all(c["data"] for c in charts(notebook))
    assert len(tables(notebook)) >= 4
    assert not list(temporary.glob("decai-notebook-*")), "the temporary home is still there"


def test_the_first_look_uses_a_network_that_runs(temporary: Path, tmp_path: Path) -> None:
    from decai import LocalWallet, Network, connect
    from decai.config import load_settings
    from decai.network import ensure_first_model, ensure_funds

    settings = load_settings(home=tmp_path / "home")
    wallet = LocalWallet.load_or_create(settings.wallet_path)
    with Network(settings, rpc_port=0, kubo_port=0, gateway_port=0) as network:
        with connect(settings=settings, wallet=wallet) as collective:
            ensure_funds(collective)
            ensure_first_model(collective)
            notebook = run("00_first_look.ipynb")
            posted = [t for t in collective.explorer.transactions() if t.what == "post result"]
        seen = "".join(o.data["text/plain"] for o in outputs(notebook) if "text/plain" in o.get("data", {}))
        assert network.urls["rpc_url"] in seen
        assert {t.payer for t in posted} == {str(wallet.pubkey)} and len(posted) == 3
    assert not list(temporary.glob("decai-notebook-*")), "it started a network beside the one that runs"
