"""A thread for the virtual machine alone.

solders' LiteSVM compiles programs to machine code that uses MMX registers, and when a program fails it returns without
``emms``: the calling thread's x87 registers stay marked as full. Whatever uses them next in that thread gets NaN
silently, LAPACK's ``eigh`` for one (seen with solders 0.26: the FPU's tag word is 0x0002 after a failed instruction).
These registers belong to a thread, so transactions run in one where nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

__all__ = ["in_vm_thread"]

_T = TypeVar("_T")


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="decai-vm")


def in_vm_thread(run: Callable[[], _T]) -> _T:
    """Run something that executes programs, and wait for it. Its exception is raised here.

    Parameters
    ----------
    run : callable
        Takes nothing; must not call this function itself.
    """
    return _thread().submit(run).result()
