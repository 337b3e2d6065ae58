"""Bulk columns: the same text as one account at a time gives."""

from __future__ import annotations

import base58
import numpy as np
import pytest

from decai.chain.columns import cid_column, key_column, text_column
from decai.chain.layouts import cid_of, content_id, text_of
from decai.registry import registries_frame

CID = np.dtype([("scheme", "u1"), ("len", "u1"), ("bytes", "V38")])
V1 = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
V0 = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPBdG"
RAW = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
ARWEAVE = "ar://bNbA3TEQVL60xlgCcqdz4ZPHFZ711cZ3hmkpGttDt_U"


def packed(values: list[bytes], width: int) -> np.ndarray:
    return np.frombuffer(b"".join(v.ljust(width, b"\0") for v in values), f"V{width}")


def ids(cids: list[str]) -> np.ndarray:
    made = [content_id(c) for c in cids]
    return np.frombuffer(b"".join(bytes([m["scheme"], m["len"], *m["bytes"]]) for m in made), CID)


@pytest.mark.parametrize("names", [["a", "", "x" * 32, "two words"], ["grün", "a", "日本"], ["same", "size"]])
def test_texts(names: list[str]) -> None:
    assert list(text_column(packed([n.encode() for n in names], 32))) == names


def test_a_text_that_is_not_utf8_is_shown_replaced() -> None:
    raw = [b"ok", b"\xff\xfe", b"in\0side"]
    assert list(text_column(packed(raw, 8))) == [text_of(r) for r in raw]


def test_keys_with_every_number_of_leading_zeros() -> None:
    keys = [bytes(n) + b"\xff" * (32 - n) for n in range(33)] + [bytes(n) + b"\1" * (32 - n) for n in range(33)]
    keys += [bytes(31) + bytes([n]) for n in range(1, 60)]
    rng = np.random.default_rng(7)
    keys += [rng.bytes(32) for _ in range(500)]
    assert list(key_column(packed(keys, 32))) == [base58.b58encode(k).decode() for k in keys]


@pytest.mark.parametrize("cids", [[V1, RAW], [V1, "", V0, ARWEAVE, V1], [""], [ARWEAVE]])
def test_cids(cids: list[str]) -> None:
    assert list(cid_column(ids(cids))) == cids


def test_cids_of_random_digests() -> None:
    rng = np.random.default_rng(3)
    raw = [b"\1\x24\1\x70\x12\x20" + rng.bytes(32) + bytes(2) for _ in range(300)]
    assert list(cid_column(np.frombuffer(b"".join(raw), CID))) == [cid_of(r) for r in raw]


def test_no_rows() -> None:
    assert len(text_column(packed([], 32))) == len(key_column(packed([], 32))) == len(cid_column(ids([]))) == 0


def test_registries_as_a_table() -> None:
    from decai.chain.idl import load_idls

    rows = np.zeros(2, load_idls(None)["model_manager"].account_dtypes["ModelRegistry"])
    rows["name"] = packed([b"one", b"two"], 32)
    rows["owner"] = packed([b"\1" * 32, bytes(32)], 32)
    rows["current_cid"] = ids([V1, ""])
    rows["latest"], rows["created_at"] = [3, 0], 1_700_000_000
    frame = registries_frame(["A", "B"], rows)
    assert list(frame.columns) == [
        "address", "name", "owner", "latest", "current", "current_cid", "created_at", "updated_at"
    ]  # fmt: skip
    assert list(frame.name) == ["one", "two"] and list(frame.current_cid) == [V1, ""]
    assert list(frame.owner) == [base58.b58encode(b"\1" * 32).decode(), "1" * 32]
    assert list(frame.latest) == [3, 0] and str(frame.created_at[0]) == "2023-11-14 22:13:20+00:00"
