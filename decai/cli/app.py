"""The command tree."""

from __future__ import annotations

from typing import Annotated

import typer

import decai
from decai.cli import demo, governance, jobs, models, network, wallet

__all__ = ["app"]

app = typer.Typer(
    name="decai",
    help="A community owns its AI models in the open.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(shown: bool) -> None:
    if shown:
        print(f"decai {decai.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Settings are environment variables DECAI_*; see docs/settings.md."""


for module in (network, demo, models, governance, jobs, wallet):
    module.register(app)
