"""Checks what the documentation claims: links, commands, settings and code. Run: python docs/check.py"""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {".git", ".venv", "node_modules", "target", "build", "dist"}

_FENCE = re.compile(r"^(?P<indent>[ \t]*)```(?P<language>[\w-]*)[^\n]*\n(?P<body>.*?)^(?P=indent)```", re.M | re.S)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.M)
_SETTING = re.compile(r"\bDECAI_[A-Z0-9_]+\b")


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line its text begins on."""

    language: str
    text: str
    line: int


class Problem(NamedTuple):
    """Something the documentation says that isn't so."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def pages(root: Path = ROOT) -> list[Path]:
    """Every Markdown page of the project."""
    return [p for p in sorted(root.rglob("*.md")) if not SKIPPED & set(p.relative_to(root).parts)]


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(m["language"], re.sub(rf"^{re.escape(m['indent'])}", "", m["body"], flags=re.M),
              text.count("\n", 0, m.start("body")) + 1)
        for m in _FENCE.finditer(text)
    ]  # fmt: skip


def prose(text: str) -> str:
    """A page without its fenced blocks, line numbers kept."""
    return _FENCE.sub(lambda m: "\n" * m[0].count("\n"), text)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    found: dict[str, int] = {}
    out = set()
    for heading in _HEADING.findall(prose(text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.replace("`", "").lower()).strip().replace(" ", "-")
        seen = found.get(slug, 0)
        found[slug] = seen + 1
        out.add(slug if not seen else f"{slug}-{seen}")
    return out


def check_links(page: Path, text: str, root: Path = ROOT) -> Iterator[Problem]:
    """Relative links lead to a file, and their fragments to a heading."""
    body = _CODE.sub("", prose(text))
    for match in _LINK.finditer(body):
        target, _, fragment = match[1].partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        where = f"{page.relative_to(root)}:{body.count(chr(10), 0, match.start()) + 1}"
        file = (page.parent / target).resolve() if target else page
        if not file.exists():
            yield Problem(where, f"there is no {match[1]}")
        elif fragment and file.suffix == ".md" and fragment not in anchors(file.read_text(encoding="utf-8")):
            yield Problem(where, f"{file.name} has no heading #{fragment}")


def check_python(page: Path, text: str, root: Path = ROOT) -> Iterator[Problem]:
    """Blocks of Python compile."""
    for block in blocks(text):
        if block.language in ("python", "py"):
            try:
                compile(block.text, page.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            except SyntaxError as error:
                line = block.line + (error.lineno or 1) - 1
                yield Problem(f"{page.relative_to(root)}:{line}", f"doesn't compile: {error.msg}")


def commands(text: str) -> Iterator[tuple[int, str]]:
    """Every ``decai …`` a page shows, in blocks and in the text, with its line; alternatives (a|b) one by one."""
    for block in blocks(text):
        if block.language in ("sh", "bash", "console"):
            joined = block.text.replace("\\\n", " ")
            for offset, line in enumerate(joined.splitlines()):
                for part in re.split(r"&&|\|\||;|\|", line.strip().removeprefix("$ ")):
                    yield from ((block.line + offset, c) for c in alternatives(part.strip()) if c.startswith("decai"))
    body = prose(text)
    for match in _CODE.finditer(body):
        if re.match(r"decai [a-z-]", match[1]):
            yield from ((body.count("\n", 0, match.start()) + 1, c) for c in alternatives(match[1]))


def alternatives(command: str) -> list[str]:
    """``tx sign|send FILE`` is two commands."""
    words = [w.split("|") if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", w) else [w] for w in command.split(" ")]
    return [" ".join(w) for w in product(*words)]


def wrong_command(command: str) -> str | None:
    """What is wrong with a ``decai`` command; None when it exists with these options."""
    import typer

    from decai.cli.app import app

    try:
        words = shlex.split(command.partition(" #")[0].partition(" >")[0])
    except ValueError as error:
        return f"can't be read: {error}"
    if words[:1] != ["decai"]:
        return None
    at: Any = typer.main.get_command(app)
    rest = words[1:]
    while rest and hasattr(at, "commands") and not rest[0].startswith("-"):
        if rest[0] not in at.commands:
            return f"there is no command `{' '.join(words[: len(words) - len(rest) + 1])}`"
        at = at.commands[rest[0]]
        rest = rest[1:]
    options = {name for p in at.params for name in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
    for word in rest:
        name = word.partition("=")[0]
        if re.match(r"--?[a-z]", name) and name not in options:
            return f"`{' '.join(words[: len(words) - len(rest)])}` has no option {name}"
    return None


def check_commands(page: Path, text: str, root: Path = ROOT) -> Iterator[Problem]:
    """Every command that is shown exists, with the options it is shown with."""
    for line, command in commands(text):
        wrong = wrong_command(command)
        if wrong:
            yield Problem(f"{page.relative_to(root)}:{line}", wrong)


def check_settings(page: Path, text: str, root: Path = ROOT) -> Iterator[Problem]:
    """Every DECAI_* variable that is named is a setting."""
    from decai.config import Settings

    known = {f"DECAI_{name.upper()}" for name in Settings.model_fields} | {"DECAI_CI_DIR"}
    for match in _SETTING.finditer(text):
        if match[0] not in known:
            line = text.count("\n", 0, match.start()) + 1
            yield Problem(f"{page.relative_to(root)}:{line}", f"{match[0]} isn't a setting")


def readme_commands(root: Path = ROOT) -> tuple[str, str]:
    """The README's two commands: the one that runs DecAI, and the one that tests it (as .ci/run extracts it)."""
    text = (root / "README.md").read_text(encoding="utf-8")
    marked = re.search(r"<!-- test command -->\s*```sh\n(.*?)\n```", text, re.S)
    first = re.search(r"^## Run it\n.*?^```sh\n(.*?)\n```", text, re.S | re.M)
    return (first[1] if first else ""), (marked[1] if marked else "")


def check_readme(root: Path = ROOT) -> Iterator[Problem]:
    """The two commands install this project with its constraints, then start it and test it."""
    import tomllib

    run, test = readme_commands(root)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    begins = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt "
    if not (run.startswith(begins) and run.endswith("decai up") and "\n" not in run):
        yield Problem("README.md", "its first command doesn't install with the constraints and start DecAI")
    if not (test.startswith(begins) and "pytest" in test and "\n" not in test):
        yield Problem("README.md", "its test command doesn't install with the constraints and run the tests")
    for extra in re.findall(r"\[(\w+)\]", run + test):
        if extra not in project["optional-dependencies"]:
            yield Problem("README.md", f"pyproject.toml has no extra {extra!r}")
    if not (root / "constraints.txt").is_file():
        yield Problem("README.md", "there is no constraints.txt")
    if "decai" not in project["scripts"]:
        yield Problem("README.md", "the package installs no command `decai`")


def check_notebooks(root: Path = ROOT) -> Iterator[Problem]:
    """Notebooks are committed without outputs, and their code compiles."""
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        where = str(path.relative_to(root))
        for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], start=1):
            if cell["cell_type"] != "code":
                continue
            if cell["outputs"] or cell["execution_count"] is not None:
                yield Problem(where, f"cell {number} holds outputs; clear them before committing")
            try:
                compile("".join(cell["source"]), where, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            except SyntaxError as error:
                yield Problem(where, f"cell {number} doesn't compile: {error.msg}")


def problems(root: Path = ROOT) -> Iterator[Problem]:
    """Everything that is wrong."""
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        for check in (check_links, check_python, check_commands, check_settings):
            yield from check(page, text, root)
    yield from check_readme(root)
    yield from check_notebooks(root)


def main() -> int:
    """Print what is wrong; the number of problems, at most 1, is the exit code."""
    sys.path.insert(0, str(ROOT))
    found = list(problems())
    for problem in found:
        print(problem)
    print(f"{len(pages())} pages, {len(found)} problems" if found else f"{len(pages())} pages, nothing wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
