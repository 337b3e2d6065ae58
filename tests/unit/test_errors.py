"""The error tree: drawn as it is, and every error says what to do."""

from __future__ import annotations

import inspect
import re

import decai.errors as errors


def subclasses(cls: type) -> set[type]:
    return {cls}.union(*(subclasses(c) for c in cls.__subclasses__()))


def test_the_docstring_draws_the_tree() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+)(?: \((\w+)\))?", errors.__doc__ or ""))
    ours = {c for c in subclasses(errors.DecAIError) if c.__module__ == "decai.errors"} - {errors.DecAIError}
    assert set(drawn) == {c.__name__ for c in ours}
    for cls in ours:
        builtin = drawn[cls.__name__]
        assert not builtin or any(b.__name__ == builtin for b in inspect.getmro(cls)), cls


def test_indentation_is_inheritance() -> None:
    stack: list[tuple[int, str]] = [(0, "DecAIError")]
    for line in (errors.__doc__ or "").splitlines():
        found = re.search(r"[├└]── (\w+)", line)
        if not found:
            continue
        depth = line.index(found.group(0))
        while stack[-1][0] >= depth:
            stack.pop()
        parent = getattr(errors, stack[-1][1])
        assert parent in getattr(errors, found.group(1)).__bases__, line
        stack.append((depth, found.group(1)))


def test_a_hint_follows_the_message() -> None:
    assert str(errors.ModelNotFound("No such model.", hint="See `decai models`.")) == (
        "No such model. See `decai models`."
    )
    unknown = errors.TransactionUnknown("Lost.", signature="S")
    assert unknown.signature == "S" and isinstance(unknown, TimeoutError)
