"""What DecAI offers to the world: every public name is exported, documented, and listed in order."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import typing
from pathlib import Path
from types import FunctionType

import pytest

import decai

ROOT = Path(decai.__file__).parent
# The child processes' and the command line's own modules: run, not imported.
NOT_A_LIBRARY = ("decai.__main__", "decai.cli")


def modules() -> list[str]:
    found = [m.name for m in pkgutil.walk_packages([str(ROOT)], "decai.")]
    return ["decai", *(n for n in found if not n.startswith(NOT_A_LIBRARY))]


def packages() -> list[str]:
    return [n for n in modules() if (ROOT.parent / n.replace(".", "/") / "__init__.py").is_file()]


def tree_of(module: str) -> ast.Module:
    path = ROOT.parent / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text())


def listed(module: str) -> list[str] | None:
    """A module's ``__all__`` as it is written."""
    for node in tree_of(module).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return ast.literal_eval(node.value)
    return None


def in_order(names: list[str]) -> list[str]:
    """Constants, then classes, then functions, each alphabetical: the order that ruff's RUF022 gives."""
    return sorted(names, key=lambda n: (0 if n.isupper() else 1 if n[:1].isupper() else 2, n))


@pytest.mark.parametrize("module", modules())
def test_a_list_of_names_is_sorted_and_each_exists(module: str) -> None:
    names = listed(module)
    if names is None:
        return
    assert names == in_order(names)
    assert len(set(names)) == len(names)
    loaded = importlib.import_module(module)
    missing = [n for n in names if not hasattr(loaded, n)]
    assert not missing


@pytest.mark.parametrize("package", packages())
def test_a_packages_names_are_all_on_its_list(package: str) -> None:
    """What a package imports under TYPE_CHECKING or outright from its own modules is what it exports."""
    names = listed(package)
    if names is None:
        pytest.skip("it exports nothing itself")
    imported: set[str] = set()
    for node in ast.walk(tree_of(package)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("decai"):
            imported |= {a.asname or a.name for a in node.names}
    assert {n for n in imported if not n.startswith("_")} <= set(names)


@pytest.mark.parametrize("module", modules())
def test_modules_and_their_public_names_are_documented(module: str) -> None:
    loaded = importlib.import_module(module)
    documentation = (loaded.__doc__ or "").strip()
    assert len(documentation) > 10, f"{module} has no docstring"
    undocumented = []
    for name in listed(module) or []:
        value = getattr(loaded, name)
        if not (inspect.isclass(value) or inspect.isroutine(value)):
            continue
        if typing.get_origin(value) is not None or not str(getattr(value, "__module__", "")).startswith("decai"):
            continue
        text = inspect.getdoc(value) or ""
        if not text or text.startswith(f"{name}("):  # a dataclass's generated one
            undocumented.append(name)
        if inspect.isclass(value):
            undocumented += [
                f"{name}.{n}"
                for n, member in vars(value).items()
                if not n.startswith("_")
                and n not in getattr(value, "__dataclass_fields__", {})
                and isinstance(member, property | classmethod | staticmethod | FunctionType)
                and not inspect.getdoc(getattr(value, n))
            ]
    assert not undocumented


def test_importing_decai_loads_nothing_heavy() -> None:
    code = (
        "import sys, decai; "
        "heavy = {'pandas', 'numpy', 'solders', 'requests', 'pydantic', 'onnxruntime'} & set(sys.modules); "
        "assert not heavy, heavy; assert 'connect' in dir(decai)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        decai.no_such_name  # noqa: B018
