"""The table of methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

METHODS: dict[str, Method] = {}
DEVELOPMENT: set[str] = set()
"""Methods that exist only on a node whose clock may be moved."""


@dataclass(frozen=True)
class Method:
    """One RPC method.

    Attributes
    ----------
    run : callable
        Takes the node and the parameters.
    least, most : int
        How many parameters it takes.
    heavy : bool
        Whether it may take more than a moment: a server runs it outside its event loop.
    """

    run: Callable[..., object]
    least: int
    most: int
    heavy: bool


def method(
    name: str, *, heavy: bool = False, development: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function of (node, \\*parameters) as an RPC method; its signature says how many it takes."""

    def register(run: Callable[..., Any]) -> Callable[..., Any]:
        most = run.__code__.co_argcount - 1
        METHODS[name] = Method(run, most - len(run.__defaults__ or ()), most, heavy)
        if development:
            DEVELOPMENT.add(name)
        return run

    return register
