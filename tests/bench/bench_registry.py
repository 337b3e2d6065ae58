"""100,000 registry accounts, as an RPC gives them, to a table: ours and anchorpy's way in one run, as JSON.

Both start from the base64 text of each account and end in a DataFrame with the same values; every owner and every
content is another one, so that nothing is decoded once for many. The two take turns, a part of the accounts each.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from anchorpy import Idl
from anchorpy.coder.accounts import AccountsCoder
from solders.pubkey import Pubkey

from decai.chain.idl import load_idls
from decai.chain.layouts import cid_of, text_of
from decai.chain.reader import decode_rows
from decai.registry import registries_frame

GOAL = 100.0


def accounts(dtype: np.dtype[Any], discriminator: bytes, count: int) -> list[tuple[str, str]]:
    """Registries with names, owners and contents of their own: addresses and base64."""
    random = np.random.default_rng(1)
    rows = np.zeros(count, dtype)
    raw = rows.view(np.uint8).reshape(count, -1)
    raw[:, :8] = np.frombuffer(discriminator, np.uint8)
    fields: Any = dtype.fields

    def put(name: str, values: np.ndarray[Any, Any]) -> None:
        at = fields[name][1]
        raw[:, at : at + values.shape[1]] = values

    names = b"".join(f"model-{i}".encode().ljust(32, b"\0") for i in range(count))
    put("name", np.frombuffer(names, np.uint8).reshape(count, 32))
    put("owner", random.integers(0, 256, (count, 32), np.uint8))
    head = np.frombuffer(b"\x01\x24\x01\x70\x12\x20", np.uint8)
    digests = random.integers(0, 256, (count, 32), np.uint8)
    put("current_cid", np.hstack([np.broadcast_to(head, (count, 6)), digests, np.zeros((count, 2), np.uint8)]))
    rows["layout"], rows["latest"], rows["current"] = 1, 3, 2
    rows["created_at"] = rows["updated_at"] = 1_700_000_000 + np.arange(count)
    packed, size = rows.tobytes(), dtype.itemsize
    texts = [base64.b64encode(packed[i * size : (i + 1) * size]).decode() for i in range(count)]
    return [(str(Pubkey(os.urandom(32))), text) for text in texts]


def by_anchorpy(coder: AccountsCoder, found: list[tuple[str, str]]) -> pd.DataFrame:
    """The same table with anchorpy's coder."""
    rows = []
    for address, text in found:
        held = coder.decode(base64.b64decode(text))
        content = held.current_cid
        rows.append(
            (
                address,
                text_of(bytes(held.name)),
                str(held.owner),
                held.latest,
                held.current,
                cid_of(bytes([content.scheme, content.len, *content.bytes])),
                held.created_at,
                held.updated_at,
            )
        )
    columns = ["address", "name", "owner", "latest", "current", "current_cid", "created_at", "updated_at"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("created_at", "updated_at"):
        frame[name] = pd.to_datetime(frame[name], unit="s", utc=True)
    return frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="few accounts, to see that it works")
    given = parser.parse_args()
    count, turns = (2_000, 2) if given.quick else (given.accounts, given.turns)
    idl = load_idls(None)["model_manager"]
    dtype = idl.account_dtypes["ModelRegistry"]
    coder = AccountsCoder(Idl.from_json(json.dumps(idl.legacy())))
    found = accounts(dtype, idl.discriminators["ModelRegistry"], count)
    part = count // turns
    ours, peer = [], []
    for turn in range(turns):
        began = time.perf_counter()
        table = registries_frame(*decode_rows(found, dtype))
        ours.append(time.perf_counter() - began)
        mine = found[turn * part : (turn + 1) * part]
        began = time.perf_counter()
        theirs = by_anchorpy(coder, mine)
        peer.append((time.perf_counter() - began) * count / part)
        same = table.iloc[turn * part : (turn + 1) * part].reset_index(drop=True)
        if not all(list(same[c]) == list(theirs[c]) for c in theirs.columns):
            sys.exit("The tables differ: not the same work.")
    print(
        json.dumps(
            {
                "bench": "registry",
                "peer": "anchorpy",
                "accounts": count,
                "ours_seconds": round(statistics.median(ours), 4),
                "peer_seconds": round(statistics.median(peer), 3),
                "ratio": round(statistics.median(p / o for o, p in zip(ours, peer, strict=True)), 1),
                "target_ratio_at_least": GOAL,
            }
        )
    )


if __name__ == "__main__":
    main()
