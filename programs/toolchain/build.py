#!/usr/bin/env python3
"""Builds DecAI's programs for Solana, and their IDLs, without Solana's platform-tools.

    build.py                        build every program of the workspace into decai/chain/programs/
    build.py dao model-manager      build these
    build.py --check                build elsewhere and compare with what is committed
    build.py --out DIR some/crate   build a crate that has a workspace of its own

Needs the toolchain that setup.sh installs in $SBF_HOME (default /opt/sbf). Standard library only.

Bytes repeat when the compilers and SBF_HOME are those in VERSIONS: then `--check` fails on any difference.
When they are others, it puts the rebuilt programs in place, so that the tests that follow are about them, and
warns.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLCHAIN = Path(__file__).resolve().parent
ROOT = TOOLCHAIN.parents[1]
COMMITTED = ROOT / "decai" / "chain" / "programs"
RECORDED_VERSIONS = TOOLCHAIN / "VERSIONS"
CARGO = "/usr/bin/cargo"  # Debian's: the compiler that std's source in SBF_HOME belongs to
RUSTC = "/usr/bin/rustc"
ELF_MAGIC = b"\x7fELF"


class BuildError(Exception):
    """A build cannot go on; the message says what to do."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("programs", nargs="*", help="directories under programs/, or paths; default: all")
    parser.add_argument("--check", action="store_true", help="compare with the committed files")
    parser.add_argument("--out", type=Path, default=COMMITTED, help="where .so and .json go")
    options = parser.parse_args(arguments)
    sbf_home = Path(os.environ.get("SBF_HOME", "/opt/sbf"))
    try:
        crates = [find_crate(name) for name in options.programs] or workspace_programs()
        require_toolchain(sbf_home)
        versions = (sbf_home / "VERSIONS").read_text() + f"home {sbf_home}\n"
        if options.check:
            check(crates, options.out, sbf_home, versions)
            return 0
        if options.out == COMMITTED:
            record(versions, everything=set(workspace_programs()) <= set(crates))
        for crate in crates:
            build(crate, options.out, sbf_home)
    except BuildError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    return 0


def find_crate(name: str) -> Path:
    """The crate's directory, by its path or its name under programs/."""
    for directory in (ROOT / "programs" / name, Path(name).resolve()):
        if (directory / "Cargo.toml").is_file():
            return directory
    raise BuildError(f"there is no crate {name}: give a directory under programs/, or a path")


def workspace_programs() -> list[Path]:
    """Directories of the workspace's members that are programs."""
    packages = metadata(ROOT)["packages"]
    programs = [Path(package["manifest_path"]).parent for package in packages if library_name(package)]
    return sorted(programs)


def metadata(directory: Path) -> dict:
    command = [CARGO, "metadata", "--no-deps", "--format-version", "1"]
    return json.loads(subprocess.run(command, cwd=directory, check=True, stdout=subprocess.PIPE).stdout)


def library_name(package: dict) -> str | None:
    """The name of a package's shared library, if it makes one."""
    names = (target["name"] for target in package["targets"] if "cdylib" in target["crate_types"])
    return next(names, None)


def require_toolchain(sbf_home: Path) -> None:
    """Refuse a toolchain that is missing or was made from other sources than those beside this script."""
    setup = TOOLCHAIN / "setup.sh"
    if not (sbf_home / "SOURCES").is_file():
        raise BuildError(f"there is no toolchain in {sbf_home}: run {setup}")
    for line in (sbf_home / "SOURCES").read_text().splitlines():
        digest, name = line.split()
        source = TOOLCHAIN / "sbf" / name
        if not source.is_file() or hashlib.sha256(source.read_bytes()).hexdigest() != digest:
            raise BuildError(f"the toolchain in {sbf_home} was made from another {name}: run {setup}")


def record(versions: str, everything: bool) -> None:
    """Keep VERSIONS in step with the committed bytes, all of which come from one compiler."""
    recorded = RECORDED_VERSIONS.read_text() if RECORDED_VERSIONS.exists() else ""
    if recorded == versions:
        return
    if recorded and not everything:
        raise BuildError(
            "the compilers are not those in VERSIONS: build all programs, so that they stay alike"
        )
    RECORDED_VERSIONS.write_text(versions)


def build(crate: Path, out: Path, sbf_home: Path, locked: bool = False) -> list[Path]:
    """Build one program and its IDL; returns the files written."""
    info = metadata(crate)
    package = next(each for each in info["packages"] if Path(each["manifest_path"]).parent == crate)
    name = library_name(package)
    if name is None:
        raise BuildError(f"{crate} is not a program: its crate-type lacks cdylib")
    target = Path(info["target_directory"]) / "sbf"
    workspace = Path(info["workspace_root"])
    library = target / "sbf-solana" / "release" / f"lib{name}.so"
    cargo(["build", *(["--locked"] if locked else [])], package["name"], workspace, target, sbf_home)
    if not is_program(library):
        # A program that others depend on is linked for them too: without entrypoint, under the same name.
        cargo(["clean"], package["name"], workspace, target, sbf_home)
        cargo(["build"], package["name"], workspace, target, sbf_home)
    if not is_program(library):
        raise BuildError(
            f"{library} has no entrypoint: does {crate.name} build with the feature no-entrypoint?"
        )
    out.mkdir(parents=True, exist_ok=True)
    program, idl = out / f"{name}.so", out / f"{name}.json"
    shutil.copyfile(library, program)
    idl.write_text(make_idl(crate) + "\n")
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    print(f"{digest}  {program} ({program.stat().st_size:,} bytes)")
    return [program, idl]


def is_program(library: Path) -> bool:
    return library.is_file() and library.read_bytes()[:4] == ELF_MAGIC


def cargo(command: list[str], package: str, workspace: Path, target: Path, sbf_home: Path) -> None:
    """Run Debian's cargo for the SBF target."""
    cargo_home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    remap = {sbf_home / "library": "/std", cargo_home: "/cargo", workspace: "/src"}
    environment = os.environ | {
        "SBF_TOOLS": str(sbf_home),
        "RUSTC": RUSTC,
        "PATH": f"/usr/bin:{os.environ['PATH']}",
        "RUSTC_BOOTSTRAP": "1",  # -Z flags on a stable rustc
        "RUSTC_BOOTSTRAP_SYNTHETIC_TARGET": "1",  # std's build script: no `restricted_std`
        "__CARGO_TESTS_ONLY_SRC_ROOT": str(sbf_home / "library"),
        "CARGO_TARGET_SBF_SOLANA_LINKER": str(sbf_home / "sbf-link"),
        "CARGO_TARGET_SBF_SOLANA_RUSTFLAGS": " ".join(
            f"--remap-path-prefix={path}={name}" for path, name in remap.items()
        ),
        "CARGO_TARGET_DIR": str(target),
    }
    verb, *flags = command
    arguments = [
        *(CARGO, verb, "--quiet", "--release", "--package", package, *flags),
        *("--target", str(sbf_home / "sbf-solana.json"), "-Zjson-target-spec"),
    ]
    if verb == "build":
        arguments += ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="]
    if subprocess.run(arguments, cwd=workspace, env=environment).returncode:
        raise BuildError(f"cargo {verb} failed for {package}")


def make_idl(crate: Path) -> str:
    """The program's IDL as JSON text, by idl-gen and the host's compiler."""
    generator = TOOLCHAIN / "idl-gen"
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked"], cwd=generator, check=True)
    binary = generator / "target" / "release" / "idl-gen"
    done = subprocess.run([binary, crate], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise BuildError(f"no IDL for {crate}: does it build with --features idl-build?")
    return done.stdout.strip()


def check(crates: list[Path], committed: Path, sbf_home: Path, versions: str) -> None:
    """Compare a fresh build with the committed files."""
    same_compilers = RECORDED_VERSIONS.exists() and RECORDED_VERSIONS.read_text() == versions
    differing = []
    with tempfile.TemporaryDirectory() as scratch:
        for crate in crates:
            for built in build(crate, Path(scratch), sbf_home, locked=True):
                kept = committed / built.name
                if not kept.is_file() or kept.read_bytes() != built.read_bytes():
                    differing.append(built.name)
                    if not same_compilers and built.suffix == ".so":
                        shutil.copyfile(built, kept)
    if not same_compilers:
        warn(versions)
        differing = [name for name in differing if not name.endswith(".so")]
    if differing:
        raise BuildError(f"not what the sources give: {', '.join(differing)}; run build.py and commit")


def warn(versions: str) -> None:
    recorded = RECORDED_VERSIONS.read_text() if RECORDED_VERSIONS.exists() else "nothing\n"
    bar = "!" * 80
    print(
        bar,
        "These compilers are not the recorded ones: the committed programs were NOT compared byte for byte.",
        "Rebuilt programs now stand in their place: the tests that follow are about those.",
        f"recorded:\n{recorded}here:\n{versions}{bar}",
        sep="\n",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
