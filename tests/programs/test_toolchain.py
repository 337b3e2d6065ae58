"""The SBF toolchain: it computes what Python computes, and links what the loader wants."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import random
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from harness import Ledger, text
from idl_codec import PROGRAMS_DIR

TOOLCHAIN = Path(__file__).parents[2] / "programs" / "toolchain"
SEED = 20_260_101
U64, U128 = 1 << 64, 1 << 128
SHF_WRITE, SHF_ALLOC, SHT_DYNAMIC = 1, 2, 6

# The generators of BN254's two groups, as the system call wants them (EIP-197: imaginary parts first).
G1 = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
G2 = bytes.fromhex(
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa"
)


class Regression:
    """The regression program, freshly built, one call an instruction."""

    def __init__(self, directory: Path) -> None:
        self.ledger = Ledger("sbf_regression", directory=directory)
        self.payer = self.ledger.keypair("payer")

    def answer(self, instruction: str, **args: object) -> bytes:
        call = self.ledger.ix(f"sbf_regression.{instruction}", {}, **args)
        return self.ledger.send(call, signers=[self.payer], compute_units=1_400_000).return_data

    def words(self, instruction: str, count: int, **args: object) -> list[int]:
        data = self.answer(instruction, **args).ljust(16 * count, b"\0")  # the runtime trims trailing zeros
        return [int.from_bytes(data[at : at + 16], "little") for at in range(0, 16 * count, 16)]


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Regression:
    directory = tmp_path_factory.mktemp("regression")
    command = [
        sys.executable,
        str(TOOLCHAIN / "build.py"),
        "--out",
        str(directory),
        str(TOOLCHAIN / "regression"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return Regression(directory)


def truncated_divmod(a: int, b: int) -> tuple[int, int]:
    """Rust's division: towards zero."""
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient, a - quotient * b


def signed(value: int, bits: int) -> int:
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value


def float_bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


@pytest.mark.rust
@pytest.mark.timeout(900)
class TestCompiledPrograms:
    def test_integers_are_pythons(self, regression: Regression) -> None:
        rng = random.Random(SEED)
        for _ in range(60):
            a, b = (rng.getrandbits(rng.choice([3, 20, 64])) for _ in range(2))
            c, d = (
                rng.getrandbits(rng.choice([60, 100, 128])),
                rng.getrandbits(rng.choice([10, 33, 90, 128])) | 1,
            )
            s = rng.getrandbits(rng.choice([10, 40, 63])) * rng.choice([1, -1])
            t = (rng.getrandbits(rng.choice([4, 30, 63])) | 1) * rng.choice([1, -1])
            quotient, remainder = truncated_divmod(s, t)
            expected = [
                a * b,
                c // d,
                c % d,
                c * d % U128,
                c * d >= U128,
                a * b >= U64,
                quotient % U128,
                remainder % U128,
                not -(1 << 63) <= s * t < 1 << 63,
                signed(s * t, 64) % U128,
                c + d >= U128,
                c < d,
                c >> a % 128,
                (c << b % 128) % U128,
                c < d,
            ]
            got = regression.words("integers", len(expected), a=a, b=b, c=c, d=d, s=s, t=t)
            assert got == expected, (a, b, c, d, s, t)

    def test_narrow_and_wide_signed_integers_are_pythons(self, regression: Regression) -> None:
        rng = random.Random(SEED + 1)
        for _ in range(60):
            x = rng.getrandbits(rng.choice([20, 70, 127])) * rng.choice([1, -1])
            y = (rng.getrandbits(rng.choice([5, 64, 100, 127])) | 1) * rng.choice([1, -1])
            p, q = (signed(rng.getrandbits(rng.choice([4, 8, 16, 32])), 32) for _ in range(2))
            quotient, remainder = truncated_divmod(x, y)
            expected = [
                quotient % U128,
                remainder % U128,
                x * y % U128,
                not -(1 << 31) <= p * q < 1 << 31,
                signed(p * q, 32) % U128,
                not -128 <= signed(p, 8) * signed(q, 8) < 128,
                p % 65536 * (q % 65536) >= 65536,
                p % (1 << 32) * (q % (1 << 32)) >= 1 << 32,
                x < y,
                (x >> q % (1 << 32) % 128) % U128,
            ]
            assert regression.words("narrow_and_wide", len(expected), x=x, y=y, p=p, q=q) == expected, (
                x,
                y,
                p,
                q,
            )

    def test_floats_are_pythons(self, regression: Regression) -> None:
        rng = random.Random(SEED + 2)
        for _ in range(30):
            x, y = (rng.uniform(-1, 1) * 10.0 ** rng.choice([-8, 0, 3, 19, 30]) for _ in range(2))
            n = signed(rng.getrandbits(64), 64)
            expected = [
                float_bits(x + y),
                float_bits(x - y),
                float_bits(x * y),
                float_bits(x / y),
                float_bits(float(n)),
                float_bits(float(n % U64)),
                min(max(math.trunc(x), -(1 << 63)), (1 << 63) - 1) % U128,
                min(max(math.trunc(x), 0), U64 - 1),
                float_bits(struct.unpack("<f", struct.pack("<f", x))[0]),
                (x < y) | (x <= y) << 1 | (x == y) << 2 | (x != y) << 3,
            ]
            got = regression.words("floats", len(expected), x=float_bits(x), y=float_bits(y), n=n)
            assert got == expected, (x, y, n)

    def test_comparisons_with_nan_are_false_except_inequality(self, regression: Regression) -> None:
        nan = float_bits(math.nan)
        assert regression.words("floats", 10, x=nan, y=float_bits(1.0), n=0)[9] == 0b1000
        assert regression.words("floats", 10, x=nan, y=nan, n=0)[6:8] == [0, 0]

    def test_dividing_by_zero_ends_the_program(self, regression: Regression) -> None:
        call = regression.ledger.ix("sbf_regression.integers", {}, a=1, b=1, c=1, d=0, s=1, t=1)
        result = regression.ledger.try_send(call, signers=[regression.payer])
        assert result.error == "ProgramFailedToComplete"
        assert any("divide by zero" in line for line in result.logs)

    def test_an_overflow_ends_the_program(self, regression: Regression) -> None:
        call = regression.ledger.ix("sbf_regression.integers", {}, a=1, b=1, c=1, d=1, s=-(1 << 63), t=-1)
        result = regression.ledger.try_send(call, signers=[regression.payer])
        assert any("overflow" in line for line in result.logs), result.logs

    def test_arguments_beyond_the_registers_arrive(self, regression: Regression) -> None:
        data = bytes(range(10, 74))
        answer = regression.answer("many_arguments", data=data).ljust(48, b"\0")
        total, low, high, x, y, z = struct.unpack("<6Q", answer)
        assert total == 3 + sum(data)
        assert low + (high << 64) == (1 << 70) + data[5]
        assert (x, y, z) == (data[1] ^ data[2], data[3], 1000 - data[4])

    def test_virtual_calls_and_maps(self, regression: Regression) -> None:
        data = bytes([2, 3, 4, 5, 5, 250, 251])
        square = sum(b * b + 1 + 2 + 3 + 4 + 5 + 6 for b in data if b % 2 == 0)
        triangle = sum(b * 4 // 2 + 1 * 2 * 3 + 4 * 5 * 6 for b in data if b % 2)
        answer = struct.unpack("<3Q", regression.answer("virtual_calls", data=data).ljust(24, b"\0"))
        assert answer == (square, triangle, len(set(data)))

    @pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 63, 64, 65, 130])
    def test_memory_functions(self, regression: Regression, length: int) -> None:
        data = random.Random(length).randbytes(160)
        moved = bytearray(data)
        moved[1 : length + 1] = data[:length]
        moved[length + 1 :] = b"\x5a" * (len(data) - length - 1)
        left, right = data[:length], data[len(data) - length :]
        expected = bytes(moved) + bytes([((left > right) - (left < right)) % 256, left == right])
        assert regression.answer("memory", data=data, length=length).ljust(162, b"\0") == expected

    def test_formatting_reaches_the_log(self, regression: Regression) -> None:
        call = regression.ledger.ix("sbf_regression.format", {}, data=bytes([1, 2, 3]))
        logs = regression.ledger.send(call, signers=[regression.payer]).logs
        number = (1 << 26) + (2 << 13) + 3
        assert f"Program log: {number} {number:#x} [1, 2, 3] {'right':>10}|-5" in logs

    def test_a_panic_says_what_and_where(self, regression: Regression) -> None:
        ledger, payer = regression.ledger, regression.payer
        result = ledger.try_send(ledger.ix("sbf_regression.panics", {}, index=3), signers=[payer])
        assert any("index out of bounds: the len is 3 but the index is 3" in line for line in result.logs)
        assert any("src/lib.rs" in line for line in result.logs)
        ledger.send(ledger.ix("sbf_regression.panics", {}, index=2), signers=[payer])

    def test_system_calls(self, regression: Regression) -> None:
        data = bytes(range(40))
        assert regression.answer("sha256", data=data) == hashlib.sha256(data).digest()
        # Poseidon(1, 2) over BN254, circom's parameters: circomlibjs' first test vector
        digest = regression.answer("poseidon", data=(1).to_bytes(32, "big") + (2).to_bytes(32, "big"))
        known = 7853200120776062878684798364095072458815029376092732009249414926327459813530
        assert int.from_bytes(digest, "big") == known
        assert regression.answer("pairing", data=G1 + G2) == (1).to_bytes(32, "big")

    def test_anchor_accounts_constraints_and_events(self, regression: Regression) -> None:
        ledger = regression.ledger
        ada, eve = ledger.keypair("ada"), ledger.keypair("eve")
        vault = ledger.pda("sbf_regression", b"vault", ada)
        create = ledger.ix("sbf_regression.initialize", {"authority": ada, "vault": vault}, title="ours", cap=1000)
        ledger.send(create, signers=[ada])
        ledger.expect_error("AccountAlreadyInUse", create, signers=[ada])
        assert ledger.account(vault)["title"] == text("ours", 32)
        before = ledger.lamports(vault)
        deposit = ledger.ix("sbf_regression.deposit", {"user": eve, "vault": vault}, amount=600)
        event = ledger.send(deposit, signers=[eve]).event("Deposited")
        assert (event["amount"], event["total"], ledger.lamports(vault) - before) == (600, 600, 600)
        ledger.expect_error("CapExceeded", deposit, signers=[eve])
        steal = ledger.ix("sbf_regression.update", {"authority": eve, "vault": vault}, cap=7)
        ledger.expect_error("ConstraintSeeds", steal, signers=[eve])


class TestBuildScript:
    """What build.py says and does about compilers and committed bytes; no compiler runs."""

    @pytest.fixture
    def script(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        spec = importlib.util.spec_from_file_location("toolchain_build", TOOLCHAIN / "build.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

        def build(crate: Path, out: Path, sbf_home: Path, locked: bool = False) -> list[Path]:
            (out / "dao.so").write_bytes(b"rebuilt program")
            (out / "dao.json").write_text("rebuilt idl")
            return [out / "dao.so", out / "dao.json"]

        monkeypatch.setattr(module, "build", build)
        monkeypatch.setattr(module, "RECORDED_VERSIONS", tmp_path / "VERSIONS")
        (tmp_path / "VERSIONS").write_text("rustc 1\n")
        return module

    def committed(self, directory: Path, program: bytes, idl: str = "rebuilt idl") -> Path:
        (directory / "dao.so").write_bytes(program)
        (directory / "dao.json").write_text(idl)
        return directory

    def test_equal_bytes_pass(self, script: ModuleType, tmp_path: Path) -> None:
        kept = self.committed(tmp_path, b"rebuilt program")
        script.check([Path("dao")], kept, Path("/opt/sbf"), "rustc 1\n")

    def test_other_bytes_from_the_same_compilers_fail_and_stay(self, script: ModuleType, tmp_path: Path) -> None:
        kept = self.committed(tmp_path, b"tampered")
        with pytest.raises(script.BuildError, match=r"dao\.so"):
            script.check([Path("dao")], kept, Path("/opt/sbf"), "rustc 1\n")
        assert (kept / "dao.so").read_bytes() == b"tampered"

    def test_other_compilers_warn_and_put_the_rebuilt_program_in_place(
        self, script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept = self.committed(tmp_path, b"from another compiler")
        script.check([Path("dao")], kept, Path("/opt/sbf"), "rustc 2\n")
        assert (kept / "dao.so").read_bytes() == b"rebuilt program"
        warning = capsys.readouterr().err
        assert "NOT compared" in warning and "rustc 1" in warning and "rustc 2" in warning

    def test_an_idl_is_compared_whatever_the_compilers(self, script: ModuleType, tmp_path: Path) -> None:
        kept = self.committed(tmp_path, b"rebuilt program", idl="stale")
        with pytest.raises(script.BuildError, match=r"dao\.json"):
            script.check([Path("dao")], kept, Path("/opt/sbf"), "rustc 2\n")

    def test_programs_of_two_compilers_are_never_mixed(self, script: ModuleType) -> None:
        with pytest.raises(script.BuildError, match="build all programs"):
            script.record("rustc 2\n", everything=False)
        script.record("rustc 2\n", everything=True)
        assert script.RECORDED_VERSIONS.read_text() == "rustc 2\n"

    def test_a_toolchain_that_is_missing_or_made_from_other_sources_is_refused(
        self, script: ModuleType, tmp_path: Path
    ) -> None:
        with pytest.raises(script.BuildError, match=r"no toolchain.*setup\.sh"):
            script.require_toolchain(tmp_path)
        (tmp_path / "SOURCES").write_text(f"{'0' * 64}  sbf-link\n")
        with pytest.raises(script.BuildError, match=r"another sbf-link.*setup\.sh"):
            script.require_toolchain(tmp_path)

    def test_an_unknown_program_is_an_error_with_a_hint(
        self, script: ModuleType, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert script.main(["no-such-program"]) == 1
        assert "there is no crate no-such-program: give a directory" in capsys.readouterr().err


def sections(elf: bytes) -> dict[str, tuple[int, int, bytes]]:
    """Name → type, flags and content."""
    (table,) = struct.unpack_from("<Q", elf, 40)
    count, names = struct.unpack_from("<HH", elf, 60)
    headers = [struct.unpack_from("<IIQQQQIIQQ", elf, table + 64 * index) for index in range(count)]
    strings = headers[names][4]
    found = {}
    for name, kind, flags, _, offset, size, *_ in headers:
        start = strings + name
        found[elf[start : elf.index(b"\0", start)].decode()] = (kind, flags, elf[offset : offset + size])
    return found


@pytest.mark.parametrize("program", sorted(path.stem for path in PROGRAMS_DIR.glob("*.so")))
class TestCommittedPrograms:
    def test_nothing_is_writable(self, program: str) -> None:
        found = sections((PROGRAMS_DIR / f"{program}.so").read_bytes())
        writable = {name for name, (kind, flags, _) in found.items() if flags & SHF_WRITE and kind != SHT_DYNAMIC}
        assert not writable and ".text" in found and found[".text"][1] & SHF_ALLOC

    def test_security_txt_can_be_read_from_the_bytes(self, program: str) -> None:
        elf = (PROGRAMS_DIR / f"{program}.so").read_bytes()
        assert ".security.txt" in sections(elf)
        begin, end = b"=======BEGIN SECURITY.TXT V1=======\0", b"=======END SECURITY.TXT V1=======\0"
        body = elf.split(begin, 1)[1].split(end, 1)[0].rstrip(b"\0").split(b"\0")
        fields = dict(zip(body[::2], body[1::2], strict=True))
        assert fields.keys() >= {b"name", b"project_url", b"contacts", b"policy"}

    def test_no_path_of_the_building_machine_is_inside(self, program: str) -> None:
        elf = (PROGRAMS_DIR / f"{program}.so").read_bytes()
        assert (
            f"{Path.home()}/".encode() not in elf
            and b"/home/" not in elf
            and str(TOOLCHAIN.parents[1]).encode() not in elf
        )
