"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from decai.errors import DecAIError

__all__ = ["JsonFlag", "fail", "megabytes", "print_json", "progress_line", "say", "show_table", "sol"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
LAMPORTS = 1_000_000_000
PIPE_COLUMNS = 2_000


def say(text: str) -> None:
    """Tell what is being done, on standard error."""
    print(text, file=sys.stderr, flush=True)


def fail(error: DecAIError) -> None:
    """Say what went wrong and what to do, on standard error."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"  {error.hint}")


def plain(value: Any) -> Any:
    """What JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.repr}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        return value.item()
    return value


def print_json(value: Any) -> None:
    """One line of JSON on standard output."""
    print(json.dumps(plain(value), ensure_ascii=False, default=str), flush=True)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for c in columns:
        table.add_column(c, overflow="fold")
    for row in rows:
        table.add_row(*("" if v is None else str(v) for v in row))
    # Into a pipe or file nothing is folded: addresses and CIDs stay in one piece.
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)


def sol(lamports: int) -> str:
    """Lamports as SOL."""
    return f"{lamports / LAMPORTS:.9f}".rstrip("0").rstrip(".") + " SOL"


def megabytes(size: int) -> str:
    """Bytes for a person."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size:,} B".replace(",", " ")


def progress_line() -> Any:
    """A callback that keeps one line of a fetch's progress on standard error."""
    last = 0.0

    def show(p: Any) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 0.1 or p.bytes_done == p.bytes_total:
            last = now
            eta = f", {p.eta_s:.0f} s left" if p.eta_s else ""
            speed = f"{megabytes(int(p.speed_bytes_per_s))}/s" if p.speed_bytes_per_s else ""
            sys.stderr.write(
                f"\r  {p.blocks_done}/{p.blocks_total} blocks, {megabytes(p.bytes_done)} of {megabytes(p.bytes_total)}"
                f" {speed}{eta}\033[K"
            )
            sys.stderr.flush()

    return show
