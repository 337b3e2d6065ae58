"""Commands about models: models, model, publish, pull, infer, verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from decai.cli.common import HomeOption, RegistryOption, UrlOption, WalletOption, open_collective
from decai.cli.output import JsonFlag, megabytes, print_json, progress_line, say, show_table

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (models, model, publish, pull, infer, verify):
        app.command()(command)


def models(home: HomeOption = None, url: UrlOption = None, json_: JsonFlag = False) -> None:
    """List the model registries on the chain."""
    with open_collective(url, home) as c:
        found = c.registries()
        if json_:
            print_json(found.to_frame().to_dict("records"))
        elif not found:
            say(f"There is no registry on {c.chain.url} yet. `decai publish FOLDER --registry NAME` makes one.")
        else:
            show_table(
                "", ["Name", "Current", "Latest", "Address", "Owner"],
                [(r.name, r.current_number or "none", r.latest, r.address, r.owner) for r in found],
            )  # fmt: skip


def model(
    which: Annotated[str, typer.Argument(metavar="NAME[@VERSION|@DATE]", help="A registry's name or address.")] = "",
    home: HomeOption = None,
    url: UrlOption = None,
    json_: JsonFlag = False,
) -> None:
    """Show a model: its versions, or one version by number or by date."""
    name, _, version = which.partition("@")
    with open_collective(url, home) as c:
        registry = c.registry_at(name) if name else c.registry
        if version:
            found = registry.resolve(version)
            if json_:
                print_json(found)
            else:
                show_table(registry.name, ["", ""], [(k, v) for k, v in found.__dict__.items()])
            return
        if json_:
            print_json(
                {
                    "address": registry.address, "name": registry.name, "owner": registry.owner,
                    "current": registry.current_number, "latest": registry.latest,
                    "versions": registry.versions,
                }
            )  # fmt: skip
            return
        show_table(
            f"{registry.name}  {registry.address}",
            ["Version", "Accuracy", "From", "Published", "Status", "CID", "Note"],
            [
                (f"{v.number}{' *' if v.number == registry.current_number else ''}",
                 "" if v.accuracy is None else f"{v.accuracy:.4f}", v.parent or "", f"{v.published_at:%Y-%m-%d %H:%M}",
                 v.status, v.cid, v.note)
                for v in registry.versions
            ],
        )  # fmt: skip


def publish(
    bundle: Annotated[Path, typer.Argument(help="A bundle: a folder with manifest.json.")],
    registry: RegistryOption = None,
    note: Annotated[str, typer.Option(help="At most 64 bytes, kept on chain.")] = "",
    current: Annotated[bool, typer.Option(help="Use it from now on.")] = True,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Check a bundle, store it, and publish it as the next version. Makes the registry when this wallet has none."""
    with open_collective(url, home, wallet) as c:
        done = c.publish(bundle, registry=registry, note=note, make_current=current, progress=say)
        version = done.version
        if json_:
            print_json({"registry": version.registry, "version": version.number, "cid": version.cid,
                        "signature": done.confirmation.signature, "slot": done.confirmation.slot})  # fmt: skip
        else:
            name = c.registry_at(version.registry).name
            say(f"Published version {version.number} of {name}: {version.cid}")


def pull(
    which: Annotated[str, typer.Argument(metavar="NAME[@VERSION|@DATE]")] = "",
    to: Annotated[Path | None, typer.Option(help="Copy the bundle to this new folder.", show_default=False)] = None,
    home: HomeOption = None,
    url: UrlOption = None,
    json_: JsonFlag = False,
) -> None:
    """Fetch a model, every block checked, and keep it for offline use."""
    name, _, version = which.partition("@")
    with open_collective(url, home) as c:
        registry = c.registry_at(name) if name else c.registry
        found = registry.resolve(version or None)
        fetched = c.store.fetch(found.cid, progress=progress_line())
        say("")
        if to is not None:
            c.store.extract(found.cid, to)
        if json_:
            print_json({"registry": registry.address, "version": found.number, "cid": found.cid,
                        "bytes_total": fetched.bytes_total, "bytes_fetched": fetched.bytes_fetched,
                        "path": None if to is None else str(to)})  # fmt: skip
        else:
            say(f"{megabytes(fetched.bytes_total)}, of these {megabytes(fetched.bytes_fetched)} fetched now."
                + (f" Copied to {to}." if to else ""))  # fmt: skip


def infer(
    text: Annotated[str, typer.Argument(help="What to ask; - reads standard input.")],
    model: Annotated[str, typer.Option("--model", metavar="NAME[@VERSION|@DATE]", help="Which model.")] = "",
    save: Annotated[Path | None, typer.Option(help="Write the receipt to this file.", show_default=False)] = None,
    keep_text: Annotated[bool, typer.Option(help="Keep the text in the receipt, so that it can be replayed.")] = True,
    home: HomeOption = None,
    url: UrlOption = None,
    wallet: WalletOption = None,
    json_: JsonFlag = False,
) -> None:
    """Ask a model, and put the hash of the answer on chain."""
    from decai.errors import StorageError

    if save is not None and (save.is_dir() or not save.parent.is_dir()):
        raise typer.BadParameter(f"{save} can't be a file: its folder isn't there, or it is one.", param_hint="--save")
    asked = sys.stdin.read() if text == "-" else text
    name, _, version = model.partition("@")
    with open_collective(url, home, wallet) as c:
        registry = c.registry_at(name) if name else c.registry
        done = c.infer(asked, registry=registry, version=version or None, progress=progress_line())
        say("")
        receipt = done.receipt.to_dict(with_text=keep_text)
        if json_:
            print_json({"label": done.prediction.label, "score": done.prediction.score,
                        "scores": done.prediction.scores, "registry": registry.address,
                        "version": done.receipt.version, "cid": done.receipt.cid,
                        "bytes_total": done.fetched.bytes_total, "bytes_fetched": done.fetched.bytes_fetched,
                        "seconds": done.seconds, "receipt": receipt})  # fmt: skip
        else:
            show_table("", ["Label", "Score"], [(k, f"{v:.4f}") for k, v in done.prediction.scores.items()])
            say(f"Receipt: {done.receipt.signature}, slot {done.receipt.slot}" + (f", in {save}" if save else ""))
        if save is not None:
            try:
                done.receipt.save(save, with_text=keep_text)
            except StorageError:
                if not json_:
                    print_json(receipt)  # it is on chain and paid for: not to be lost for a full disk
                raise


def verify(
    file: Annotated[Path, typer.Argument(help="A receipt, or a JSON object that holds one under `receipt`.")],
    text: Annotated[str | None, typer.Option(help="The text, when the receipt doesn't hold it.")] = None,
    home: HomeOption = None,
    url: UrlOption = None,
    json_: JsonFlag = False,
) -> None:
    """Check a receipt: find its transaction, recompute its hash, run the model again."""
    with open_collective(url, home) as c:
        result = c.verify(file, text=text)
        if json_:
            print_json({"status": result.status, "detail": result.detail})
        else:
            say(f"{result.status}: {result.detail}")
    if result.status not in ("exact", "within tolerance"):
        raise typer.Exit(1)
