"""``decai demo``: the whole way once, or the whole loop."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decai.cli.common import HomeOption, UrlOption, prepare_embedded
from decai.cli.output import JsonFlag, print_json, progress_line, say, show_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decai.collective import Collective

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(demo)


def demo(
    text: Annotated[str, typer.Argument(help="What to ask the model.")] = "Honestly the best update so far.",
    home: HomeOption = None,
    url: UrlOption = None,
    json_: JsonFlag = False,
    loop: Annotated[
        bool, typer.Option("--loop", help="Take a collective from version 1 to version 2: vote, train, settle.")
    ] = False,
) -> None:
    """The whole way once, for real: find the model on chain, fetch it, ask it, post the answer's hash, verify it.

    Uses the network that runs on this home, or starts one for the while. The model is fetched into an empty cache.
    """
    if loop:
        _run_loop(home, json_)
        return
    import tempfile

    started = time.perf_counter()
    with ExitStack() as stack:
        collective = stack.enter_context(_collective(home, url))
        from decai.storage import Store

        cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="decai-demo-"))
        shared = collective.store
        collective = collective.with_store(
            Store(Path(cache), kubo_url=shared.kubo_url, gateways=shared.gateways, timeout_s=shared.timeout_s)
        )
        registry = collective.registry
        version = registry.resolve()
        say(f"{registry.name} version {version.number}: {version.cid}")
        inference = collective.infer(text, registry=registry, progress=progress_line())
        say("")
        receipt = inference.receipt
        checked = collective.verify(receipt, text=text)
        result = {
            "registry": registry.address,
            "version": version.number,
            "cid": version.cid,
            "bytes_total": inference.fetched.bytes_total,
            "bytes_fetched": inference.fetched.bytes_fetched,
            "label": inference.prediction.label,
            "score": inference.prediction.score,
            "leaf": receipt.leaf,
            "signature": receipt.signature,
            "slot": receipt.slot,
            "verified": checked.status,
            "seconds": round(time.perf_counter() - started, 3),
        }
        if json_:
            print_json(result)
            return
        show_table("", ["", ""], [(k, v) for k, v in result.items()])


def _run_loop(home: Path | None, json_: bool) -> None:
    """Run the loop on the network of this home, or on one started for the while."""
    from decai.errors import SettingsError
    from decai.loop import run_loop as run

    with _collective(home, None) as collective:
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


@contextmanager
def _collective(home: Path | None, url: str | None) -> Iterator[Collective]:
    """A collective on the running network, or on one that is started for the while."""
    from decai.collective import connect
    from decai.config import load_settings
    from decai.errors import RpcUnreachable
    from decai.network import Network, local_wallet

    settings = load_settings(home=home, url=url)
    with ExitStack() as stack:
        try:
            collective = connect(settings=settings, wallet=local_wallet(settings))
            collective.chain.slot()
        except RpcUnreachable:
            if settings.url:
                raise
            say(f"Starting a network on {settings.home} for the while")
            network = stack.enter_context(Network(settings, rpc_port=0, kubo_port=0, gateway_port=0))
            collective = connect(network.urls["rpc_url"], settings=settings, wallet=local_wallet(settings))
        stack.callback(collective.close)
        prepare_embedded(collective, say)
        yield collective
