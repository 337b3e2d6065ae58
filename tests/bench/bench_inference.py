"""What `infer` costs over the libraries under it, in one run: prints JSON.

Ours is `Session.predict` of the first model, from text to scores. The peer is onnxruntime and tokenizers used
directly, with their defaults, on the same files: tokenise, encode, pool, run the head. Both take turns, so
that whatever else the machine does hits both alike; the ratio is the median of the turns' ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from decai.models import Session, first_model, load_bundle
from decai.models.encoder import onnx_session

TEXTS = (
    "I love it.",
    "The training run finished earlier than planned, and the new version answers better than the old one.",
    "A dull film with a wonderful soundtrack; we left before the end, and none of us was sorry about that. " * 3,
)


def peer(bundle: Path, *, tuned: bool) -> Callable[[str], tuple[int, float]]:
    """The same answer with nothing but onnxruntime, tokenizers and numpy."""
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)

    def opened(name: str, threads: int | None = None) -> onnxruntime.InferenceSession:
        if tuned:
            return onnx_session(bundle / name, name=name, threads=threads)
        return onnxruntime.InferenceSession(str(bundle / name), providers=["CPUExecutionProvider"])

    encoder, head = opened("encoder.onnx"), opened("head.onnx", 1)

    def answer(text: str) -> tuple[int, float]:
        encoding = tokenizer.encode(text)
        ids = np.array([encoding.ids], np.int64)
        mask = np.array([encoding.attention_mask], np.int64)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        mean = encoder.run(None, feeds)[0].mean(axis=1)
        embedding = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        logit, probability = head.run(["logit", "probability"], {"embedding": embedding})
        return int(logit[0, 0]), float(probability[0, 0])

    return answer


def milliseconds(call: Callable[[], Any], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - began) / repeats * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, help="a bundle's directory; by default the first model is made")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5, help="texts a turn")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        path = given.bundle or first_model(Path(folder)).bundle
        made_seconds = time.perf_counter() - began
        began = time.perf_counter()
        session = Session(load_bundle(path))
        opened_seconds = time.perf_counter() - began
        raw, tuned = peer(path, tuned=False), peer(path, tuned=True)
        results = []
        for text in TEXTS:
            (ours,) = session.predict([text])
            if ours.logit != raw(text)[0]:
                sys.exit(f"The peer answers {raw(text)}, ours {ours}: not the same work.")
            contestants: list[tuple[str, Callable[[], Any]]] = [
                ("ours", lambda t=text: session.predict([t])),
                ("peer", lambda t=text: raw(t)),
                ("peer_same_threads", lambda t=text: tuned(t)),
            ]
            turns = []
            for turn in range(given.turns):
                order = contestants[turn % 3 :] + contestants[: turn % 3]
                turns.append({name: milliseconds(call, given.repeats) for name, call in order})
            medians = {name: statistics.median(t[name] for t in turns) for name, _ in contestants}
            faster = min(("peer", "peer_same_threads"), key=medians.__getitem__)
            results.append(
                {
                    "tokens": ours.tokens,
                    **{f"{name}_ms": round(value, 3) for name, value in medians.items()},
                    "ratio": round(statistics.median(t["ours"] / t[faster] for t in turns), 4),
                }
            )
    print(
        json.dumps(
            {
                "bench": "inference",
                "peer": f"onnxruntime {onnxruntime.__version__} + tokenizers",
                "ratio": max(r["ratio"] for r in results),
                "target_ratio_below": 1.10,
                "texts": results,
                "first_model_seconds": None if given.bundle else round(made_seconds, 2),
                "open_seconds": round(opened_seconds, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
