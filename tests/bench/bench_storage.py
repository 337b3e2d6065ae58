"""Storage figures as JSON: verified reading and importing against plain sha256, and what a new version moves.

Usage: python tests/bench/bench_storage.py [--megabytes 300] [--rounds 5]

Ours and the peer alternate in one run; the best round of each is compared, since other work on the machine only ever
slows a round down.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from decai.storage import Store, StoreSource, cids
from decai.storage.unixfs import Importer

PIECE = 1024 * 1024


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def plain_sha256(data: bytes) -> None:
    """The peer: sha256 of bytes already in memory."""
    hashlib.sha256(data).digest()


def file_sha256(path: Path) -> None:
    """The same from a file in the page cache, as ``sha256sum`` does."""
    with open(path, "rb", buffering=0) as stream:
        hashlib.file_digest(stream, "sha256")


def copy(path: Path, to: Path) -> None:
    """Read and write once, without hashing: the floor of an import."""
    with open(path, "rb", buffering=0) as source, open(to, "wb", buffering=0) as target:
        while piece := source.read(PIECE):
            target.write(piece)
    to.unlink()


def measure(megabytes: int, rounds: int) -> dict[str, object]:
    """Run everything in a temporary directory."""
    best: dict[str, float] = {}

    def note(name: str, value: float) -> None:
        best[name] = min(value, best.get(name, value))

    with tempfile.TemporaryDirectory(prefix="decai-bench-") as folder:
        base = Path(folder)
        bundle = base / "bundle"
        bundle.mkdir()
        data = os.urandom(megabytes * 1_000_000)
        (bundle / "encoder.onnx").write_bytes(data)
        (bundle / "head.onnx").write_bytes(os.urandom(20_000))
        (bundle / "manifest.json").write_text("{}")
        for number in range(rounds):
            note("sha256", seconds(lambda: plain_sha256(data)))
            note("sha256_file", seconds(lambda: file_sha256(bundle / "encoder.onnx")))
            note("copy", seconds(lambda: copy(bundle / "encoder.onnx", base / "copy")))
            home = base / f"store-{number}"
            store = Store(home)
            note("import", seconds(lambda store=store: store.add(bundle)))
            root = store.cid_of(bundle)
            note("read", seconds(lambda store=store, root=root: sum(map(len, store.cat(root, "encoder.onnx")))))
            note("cid_only", seconds(lambda: Importer().add_path(bundle / "encoder.onnx")))
            if number + 1 < rounds:
                shutil.rmtree(home)
        cid = store.add(bundle)
        mine = Store(base / "mine", sources=[StoreSource(store.blocks)])
        first = mine.fetch(cid)
        (bundle / "head.onnx").write_bytes(os.urandom(20_000))
        (bundle / "manifest.json").write_text('{"parent": 1}')
        second = mine.fetch(store.add(bundle))
        block = cids.of(data[:262_144])
        assert mine.blocks.has(block)
    return {
        "bundle_bytes": first.bytes_total,
        "seconds_best": {name: round(value, 4) for name, value in best.items()},
        "read_over_sha256": round(best["sha256"] / best["read"], 3),
        "import_over_sha256": round(best["sha256"] / best["import"], 3),
        "read_over_sha256_file": round(best["sha256_file"] / best["read"], 3),
        "import_over_sha256_and_copy": round((best["sha256"] + best["copy"]) / best["import"], 3),
        "new_version_bytes_moved": second.bytes_fetched,
        "new_version_share": round(second.bytes_fetched / second.bytes_total, 6),
        "targets": {"read_over_sha256": 0.7, "import_over_sha256": 0.5, "new_version_share": 0.02},
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.megabytes, arguments.rounds), indent=2))


if __name__ == "__main__":
    main()
