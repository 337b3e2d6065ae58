"""Content-addressed storage: blocks, UnixFS, pins, a Kubo RPC and gateway, and verified fetching.

Most of DecAI needs `Store` alone::

    store = Store(home / "store", kubo_url="http://127.0.0.1:5001")
    cid = store.publish("my-bundle")
    store.read(cid, "manifest.json")

Names are loaded when first used, so importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from decai.storage.blocks import BlockStore
    from decai.storage.cids import content_id, from_content_id
    from decai.storage.client import KuboClient
    from decai.storage.fetch import Fetched, Fetcher, Progress, SourceStats
    from decai.storage.pins import Pin, Pins
    from decai.storage.reader import Entry
    from decai.storage.server import StoreServer
    from decai.storage.sources import GatewaySource, KuboSource, StoreSource
    from decai.storage.store import Store, StoreStat, open_server
    from decai.storage.unixfs import ImportOptions, cid_of_bytes, cid_of_path

__all__ = [
    "BlockStore",
    "Entry",
    "Fetched",
    "Fetcher",
    "GatewaySource",
    "ImportOptions",
    "KuboClient",
    "KuboSource",
    "Pin",
    "Pins",
    "Progress",
    "SourceStats",
    "Store",
    "StoreServer",
    "StoreSource",
    "StoreStat",
    "cid_of_bytes",
    "cid_of_path",
    "content_id",
    "from_content_id",
    "open_server",
]

_HOMES: Final = {
    "BlockStore": "blocks",
    "Entry": "reader",
    "Fetched": "fetch",
    "Fetcher": "fetch",
    "GatewaySource": "sources",
    "ImportOptions": "unixfs",
    "KuboClient": "client",
    "KuboSource": "sources",
    "Pin": "pins",
    "Pins": "pins",
    "Progress": "fetch",
    "SourceStats": "fetch",
    "Store": "store",
    "StoreServer": "server",
    "StoreSource": "sources",
    "StoreStat": "store",
    "cid_of_bytes": "unixfs",
    "cid_of_path": "unixfs",
    "content_id": "cids",
    "from_content_id": "cids",
    "open_server": "store",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
