"""``decai demo --loop``."""

from __future__ import annotations

from pathlib import Path

from decai.cli.network import demo_collective
from decai.cli.output import print_json, say, show_table

__all__ = ["run_loop"]


def run_loop(home: Path | None, json_: bool) -> None:
    """Run the loop on the network of this home, or on one started for the while."""
    from decai.errors import SettingsError
    from decai.loop import run_loop as run

    with demo_collective(home, None) as collective:
        if collective.cluster != "embedded":
            raise SettingsError(
                "The loop's demonstration makes wallets and funds them; it runs on the embedded chain only.",
                hint="Unset DECAI_URL. On a cluster, walk the same way with init, propose, vote, execute and worker.",
            )
        result = run(collective, say)
    if json_:
        print_json(result)
    else:
        show_table("", ["", ""], list(result.__dict__.items()))
