"""CIDs, UnixFS import with Kubo's CIDs, reading back, hostile content."""

from __future__ import annotations

import io
import os
from pathlib import Path

import ipld_dag_pb
import pytest

from decai.errors import BlockNotFound, IntegrityError, InvalidCID, PathNotFound, QuotaExceeded, StorageError
from decai.storage import car, cids, dagpb, reader
from decai.storage.blocks import BlockStore
from decai.storage.dagpb import Link
from decai.storage.unixfs import CHUNK_SIZE, Importer, ImportOptions, cid_of_bytes, cid_of_path

V0 = ImportOptions(cid_version=0)
EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
HELLO = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"  # "hello\n"
SHA2_512 = (
    "bafkrgqhhyivzstcz3hhswshfjgy6ertgmnqeleynhwt4dlfsthi4hn7zgh4uvlsb5xncykzapi3ocd4lzogukir6ksdy6wzrnz6ohnv4aglcs"
)
HELLO_V0 = "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN"


@pytest.fixture
def store(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "store")


def blob(size: int, seed: int = 7) -> bytes:
    """Bytes that don't repeat at chunk boundaries."""
    return b"".join((seed * 1_000_003 + i).to_bytes(8, "big") for i in range(size // 8 + 1))[:size]


# CIDs


def test_one_block_in_all_usual_texts() -> None:
    binary = cids.parse(HELLO)
    from multiformats import CID

    for base in ("base32", "base58btc", "base36", "base16"):
        assert cids.parse(str(CID.decode(HELLO).encode(base))) == binary
    assert cids.parse(f"ipfs://{HELLO}") == cids.parse(f" /ipfs/{HELLO}/ ") == binary
    assert cids.text(binary) == HELLO
    assert cids.text(cids.parse(HELLO_V0)) == HELLO_V0
    assert cids.text(cids.to_v1(cids.parse(HELLO_V0))) == "bafybeiffndsajwhk3lwjewwdxqntmjm4b5wxaaanokonsggenkbw6slwk4"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("hello", "not a CID"),
        (HELLO[:-1], "CID"),
        (HELLO_V0[:-1], "CID"),
        ("b" + "a" * 200, "too long"),
        (SHA2_512, "sha2-256"),
        ("bagiacgzapb6vk4wcyeduzutovb4ynzkx7kqfxqiifsm3yxw7w7pkzgbhzqqa", "CID"),
    ],
)  # fmt: skip
def test_bad_cids_say_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InvalidCID, match=says) as caught:
        cids.parse(text)
    assert caught.value.hint


def test_content_id_round_trips_for_ipfs_and_arweave() -> None:
    for text in (HELLO, HELLO_V0, "ar://" + "A" * 42 + "E"):
        encoded = cids.content_id(text)
        assert len(encoded) == 40
        assert cids.from_content_id(encoded) == text
    assert cids.content_id(HELLO)[:2] == bytes((1, 36))
    assert cids.from_content_id(bytes(40)) == ""
    with pytest.raises(InvalidCID):
        cids.from_content_id(b"\x01\x24" + bytes(37) + b"\x01")
    with pytest.raises(InvalidCID):
        cids.from_content_id(b"\x03" + cids.content_id(HELLO)[1:])
    with pytest.raises(InvalidCID):
        cids.content_id("ar://short")


# Kubo's CIDs


def test_files_have_kubos_cids() -> None:
    assert cid_of_bytes(b"") == EMPTY
    assert cid_of_bytes(b"", V0) == "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
    assert cid_of_bytes(b"hello\n") == HELLO
    assert cid_of_bytes(b"hello\n", V0) == HELLO_V0
    assert (
        cid_of_bytes(b"hello\n", ImportOptions(cid_version=1, raw_leaves=False))
        == "bafybeiffndsajwhk3lwjewwdxqntmjm4b5wxaaanokonsggenkbw6slwk4"
    )
    # CIDv0 with raw leaves: a single leaf is a raw block, which only CIDv1 can name.
    assert cid_of_bytes(b"hello\n", ImportOptions(cid_version=0, raw_leaves=True)) == HELLO


def test_directories_have_kubos_cids(tmp_path: Path) -> None:
    # Fixture of Kubo's own gateway tests (test/sharness/t0114-gateway-subdomains/README.md, made with 0.18.1).
    root = tmp_path / "testdirlisting"
    for name, text in {
        "hello": "hello\n",
        "ipfs/ipns/bar": "text-file-content\n",
        "api/file.txt": "I am a txt file\n",
        "ipfs/file.txt": "I am a txt file\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert cid_of_path(root) == "bafybeiht6dtwk3les7vqm6ibpvz6qpohidvlshsfyr7l5mpysdw2vmbbhe"
    # And of t0116-gateway-cache.
    nested = tmp_path / "w" / "root2" / "root3" / "root4"
    nested.mkdir(parents=True)
    (nested / "index.html").write_text("hello\n")
    assert cid_of_path(tmp_path / "w") == "bafybeib3ffl2teiqdncv3mkz4r23b5ctrwkzrrhctdbne6iboayxuxk5ui"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert cid_of_path(empty) == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
    assert cid_of_path(empty, V0) == "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


@pytest.mark.parametrize("chunks", [1, 2, 173, 174, 175, 348, 349, 174 * 174, 174 * 174 + 1])
@pytest.mark.parametrize("raw", [True, False])
def test_tree_is_balanced_174_wide(store: BlockStore, chunks: int, raw: bool) -> None:
    """The streaming builder against the definition: layers of 174, built from the leaves up by ipld-dag-pb."""
    size = 4
    data = blob(chunks * size)
    options = ImportOptions(raw_leaves=raw, chunk_size=size)

    def encode(links: list[tuple[bytes, int, int]], message: bytes) -> bytes:
        node = ipld_dag_pb.RawPBNode()
        node.data, node.links = message, []
        for cid, tsize, _ in links:
            link = ipld_dag_pb.RawPBLink()
            link.hash, link.name, link.t_size = cid, "", tsize
            node.links.append(link)
        return bytes(ipld_dag_pb.encode_node(node))

    layer: list[tuple[bytes, int, int]] = []
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        block = piece if raw else encode([], b"\x08\x02\x12\x04" + piece + b"\x18\x04")
        layer.append((cids.of(block, cids.RAW if raw else cids.DAG_PB), len(block), size))
    while len(layer) > 1:
        above = []
        for at in range(0, len(layer), 174):
            group = layer[at : at + 174]
            total = sum(filesize for _, _, filesize in group)
            message = b"\x08\x02\x18" + dagpb.varint(total)
            message += b"".join(b"\x20" + dagpb.varint(filesize) for _, _, filesize in group)
            block = encode(group, message)
            above.append((cids.of(block, cids.DAG_PB), len(block) + sum(tsize for _, tsize, _ in group), total))
        layer = above
    with Importer(None, options) as importer:
        built = importer.add_bytes(data)
    assert (built.cid, built.tsize, built.filesize) == layer[0]


@pytest.mark.parametrize("size", [CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 8 * CHUNK_SIZE, 8 * CHUNK_SIZE + 5])
def test_pieces_of_any_size_make_the_same_file(store: BlockStore, size: int) -> None:
    data = blob(size)
    with Importer(store) as importer:
        whole = importer.add_bytes(data)
        assert importer.add_stream(io.BytesIO(data)) == whole
        builder = importer.start_file()
        for at in range(0, size, 99_991):
            builder.write(data[at : at + 99_991])
        assert builder.finish() == whole
    assert b"".join(reader.cat(store, whole.cid)) == data


# Reading back


@pytest.mark.parametrize("options", [ImportOptions(), V0, ImportOptions(1, False), ImportOptions(0, True)])
def test_ranges_of_a_deep_file(store: BlockStore, options: ImportOptions) -> None:
    small = ImportOptions(options.cid_version, options.raw_leaves, chunk_size=64)
    data = blob(64 * 200 + 17)
    with Importer(store, small) as importer:
        cid = importer.add_bytes(data).cid
    for begin, length in ((0, None), (0, 1), (63, 2), (64, 64), (5000, 7777), (12_810, 100), (99_999, 5), (10, 0)):
        expected = data[begin:] if length is None else data[begin : begin + length]
        assert b"".join(reader.cat(store, cid, begin, length)) == expected
    assert reader.file_size(store, cid) == len(data)


def test_paths_listing_and_extraction(store: BlockStore, tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "b" / "ü.bin").write_bytes(blob(600_000))
    (source / "z.txt").write_text("z")
    with Importer(store) as importer:
        root = importer.add_path(source)
    assert [(e.name, e.kind) for e in reader.list_directory(store, root.cid)] == [("a", "directory"), ("z.txt", "file")]
    assert reader.read(store, reader.resolve(store, root.cid, ["a", "b", "ü.bin"])) == blob(600_000)
    with pytest.raises(PathNotFound, match="nope"):
        reader.resolve(store, root.cid, ["a", "nope"])
    with pytest.raises(PathNotFound, match="is a file"):
        reader.resolve(store, root.cid, ["z.txt", "x"])
    with pytest.raises(StorageError, match="directory"):
        reader.cat(store, root.cid)
    target = reader.extract(store, root.cid, tmp_path / "out")
    assert cid_of_path(target) == cids.text(root.cid)
    with pytest.raises(StorageError, match="more than may be written"):
        reader.extract(store, root.cid, tmp_path / "bounded", max_bytes=1000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out", "store"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\\b", "a\0b"])
def test_unsafe_names_never_reach_the_disk(store: BlockStore, tmp_path: Path, name: str) -> None:
    leaf = store.put(b"evil")
    root = store.put(dagpb.encode_directory([Link(leaf, name, 4)]), cids.DAG_PB)
    with pytest.raises(StorageError):
        reader.extract(store, root, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_a_bomb_is_bounded(store: BlockStore, tmp_path: Path) -> None:
    """40 directories of two links each to the next: a few kilobytes that unfold to 2^40 files."""
    below = store.put(b"x")
    for _ in range(40):
        links = [Link(below, "a", 1), Link(below, "b", 1)]
        below = store.put(dagpb.encode_directory(links), cids.DAG_PB)
    with pytest.raises(StorageError, match="more than may be written"):
        reader.extract(store, below, tmp_path / "out", max_entries=500)
    assert len(list(reader.walk_blocks(store, below))) == 41


def test_sizes_that_lie_are_found_out(store: BlockStore) -> None:
    leaf = store.put(b"1234")
    lying = store.put(dagpb.encode_file_node([Link(leaf, "", 4, filesize=5)]), cids.DAG_PB)
    with pytest.raises(IntegrityError, match="not the part"):
        reader.read(store, lying)
    sharded = store.put(b"\x0a\x02\x08\x05", cids.DAG_PB)
    with pytest.raises(StorageError, match="HAMT"):
        reader.load(store, sharded)
    garbage = store.put(b"\xff\xff", cids.DAG_PB)
    with pytest.raises(IntegrityError, match="dag-pb"):
        reader.load(store, garbage)


def test_what_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "link").symlink_to("/etc/passwd")
    with pytest.raises(StorageError, match="neither a file nor a directory"):
        cid_of_path(tmp_path / "d")
    with pytest.raises(StorageError, match="can't be read"):
        cid_of_path(tmp_path / "missing")
    with Importer() as importer, pytest.raises(StorageError, match="sharded"):
        importer.make_directory(Link(cids.parse(EMPTY), f"{i:08}", 0) for i in range(6_000))
    with pytest.raises(StorageError, match="version 2"):
        ImportOptions(cid_version=2)


# Blocks


def test_wrong_or_damaged_blocks_are_refused_and_restored(store: BlockStore) -> None:
    cid = store.put(b"right")
    with pytest.raises(IntegrityError):
        store.put_block(cid, b"wrong")
    file = Path(store._file(cids.digest(cid)))
    for damage in (b"righ", b"", b"wrong"):
        file.write_bytes(damage)
        with pytest.raises(IntegrityError, match="damaged"):
            store.get(cid)
        with pytest.raises(BlockNotFound):
            store.get(cid)
        assert store.put_block(cid, b"right")
        assert store.get(cid) == b"right"


def test_versions_share_a_block(store: BlockStore) -> None:
    cid = store.put(dagpb.encode_leaf(b"x"), cids.DAG_PB, version=0)
    assert store.get(cids.to_v1(cid)) == store.get(cid)
    assert store.usage()[0] == 1


def test_quota(tmp_path: Path) -> None:
    store = BlockStore(tmp_path, quota_bytes=1000)
    store.put(b"a" * 600)
    store.put(b"a" * 600)  # again: nothing grows
    with pytest.raises(QuotaExceeded, match="600"):
        store.put(b"b" * 600)
    assert store.usage() == (1, 600)
    store.delete(cids.of(b"a" * 600))
    store.put(b"b" * 600)


def test_leftovers_of_the_dead_go_and_of_the_living_stay(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    dead = 4_194_304 + 1  # above the largest pid Linux gives
    (tmp_path / "tmp" / f"{store._host}-{dead}-0").write_bytes(b"half")
    (tmp_path / "tmp" / f"{store._host}-{os.getpid()}-99999").write_bytes(b"half")
    old = tmp_path / "tmp" / "otherhost-1-0"
    old.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert BlockStore(tmp_path).removed_leftovers == 2
    assert [p.name for p in (tmp_path / "tmp").iterdir()] == [f"{store._host}-{os.getpid()}-99999"]


# Codecs


def test_leaf_encoding_equals_ipld_dag_pb() -> None:
    for data in (b"", b"x", blob(300)):
        message = b"\x08\x02" + (b"\x12" + dagpb.varint(len(data)) + data if data else b"")
        message += b"\x18" + dagpb.varint(len(data))
        block = dagpb.encode_leaf(data)
        assert block == bytes(ipld_dag_pb.encode(ipld_dag_pb.PBNode(message)))
        assert dagpb.decode(block, cids.of(block, cids.DAG_PB)).data == data


def test_car_round_trip_and_damage(store: BlockStore) -> None:
    with Importer(store, ImportOptions(chunk_size=100)) as importer:
        root = importer.add_bytes(blob(1000)).cid
    blocks = [(cid, data or b"") for cid, data in reader.walk_blocks(store, root)]
    archive = b"".join(car.write([root], blocks))
    roots, read_back = car.read(io.BytesIO(archive))
    assert roots == [root]
    assert list(read_back) == blocks
    for damaged in (archive[:-1], archive[:-1] + b"\0", b"hello world", b"", archive[:70]):
        with pytest.raises(IntegrityError):
            list(car.read(io.BytesIO(damaged))[1])
