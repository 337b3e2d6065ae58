"""The Poseidon hash over BN254's scalar field, with circomlib's parameters.

The permutation and its parameter generation are those of Grassi, Khovratovich, Rechberger, Roy and
Schofnegger, *Poseidon: A New Hash Function for Zero-Knowledge Proof Systems* (USENIX Security 2021): x⁵
S-boxes, 8 full rounds, round constants and MDS matrix drawn from the Grain LFSR (the paper's appendices E and
F). No table is stored here.

The partial rounds use the paper's optimisation (appendix B): the part of the MDS matrix that doesn't touch
element 0 commutes with that element's S-box, so it is carried through all partial rounds and applied once at
the end. Each partial round is then a sparse product, which makes a hash about three times cheaper than the
textbook order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import mul
from typing import NamedTuple

__all__ = ["FIELD", "MAX_INPUTS", "poseidon"]

FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""The order r of BN254's scalar field."""

_FIELD_BITS = 254
_FULL_ROUNDS = 8
# Partial rounds by state width t = 2..17: the paper's security margin for 128 bits, as circomlib fixed them.
_PARTIAL_ROUNDS = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)
MAX_INPUTS = len(_PARTIAL_ROUNDS)
"""The widest hash circomlib defines: 16 field elements."""

_Vector = tuple[int, ...]
_Matrix = tuple[_Vector, ...]


class _PartialRound(NamedTuple):
    """One partial round in the carried basis: an addition to element 0 and a sparse matrix."""

    constant: int
    row: _Vector  # the matrix's first row
    column: _Vector  # its first column without the first row; the rest is the identity


class _Parameters(NamedTuple):
    mds: _Matrix
    first: _Matrix  # constants of the four full rounds before the partial ones
    partial: tuple[_PartialRound, ...]
    carried: _Matrix  # what the partial rounds put off, on elements 1..
    last: _Matrix  # constants of the four full rounds after them


def poseidon(inputs: Sequence[int]) -> int:
    """Hash field elements as circomlib's ``Poseidon(len(inputs))`` does.

    Parameters
    ----------
    inputs : sequence of int
        1 to 16 field elements, each from 0 to ``FIELD`` - 1.

    Returns
    -------
    int
        A field element: the permutation's first output, its capacity element starting at 0.

    Raises
    ------
    ValueError
        When there are none or too many inputs, or one isn't a field element.
    """
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise ValueError(f"Poseidon takes 1 to {MAX_INPUTS} field elements, not {len(inputs)}.")
    if min(inputs) < 0 or max(inputs) >= FIELD:
        raise ValueError("Poseidon takes field elements: integers from 0 to r - 1.")
    parameters = _parameters(len(inputs) + 1)
    state = _full_rounds((0, *inputs), parameters.first, parameters.mds)

    head, rest = state[0], state[1:]
    for constant, row, column in parameters.partial:
        x = head + constant
        square = x * x % FIELD
        x = square * square * x % FIELD
        head = (row[0] * x + sum(map(mul, row[1:], rest))) % FIELD
        rest = tuple([(c * x + r) % FIELD for c, r in zip(column, rest, strict=True)])
    state = (head, *_apply(parameters.carried, rest))

    return _full_rounds(state, parameters.last, parameters.mds)[0]


def _full_rounds(state: _Vector, constants: _Matrix, mds: _Matrix) -> _Vector:
    for row in constants:
        state = _apply(mds, tuple([pow(x + c, 5, FIELD) for x, c in zip(state, row, strict=True)]))
    return state


@lru_cache(maxsize=MAX_INPUTS)
def _parameters(width: int) -> _Parameters:
    """The parameters for a state of `width` elements, rearranged for sparse partial rounds."""
    partial_rounds = _PARTIAL_ROUNDS[width - 2]
    half = _FULL_ROUNDS // 2
    constants, mds = _draw(width, partial_rounds)

    # Write M for the MDS matrix, H for M without its first row and column. A partial round maps s to
    # M S(s + c), S being the S-box on element 0. Let the true state be diag(1, D) times the state we keep, D
    # = H^i after i rounds: diag(1, D) commutes with S, and M diag(1, D) = diag(1, H D) * sparse. So only D's
    # inverse is needed to bring constants and the first column over, and inverse(H^(i+1)) = inverse(H^i)
    # inverse(H): one inversion in all.
    corner, top = mds[0][0], mds[0][1:]
    left = tuple(row[0] for row in mds[1:])
    inner = tuple(row[1:] for row in mds[1:])
    inner_inverse = _inverse(inner)
    dense = undone = _identity(width - 1)
    owed: _Vector = (0,) * width  # constants of elements 1.. pushed on to the next round, in the true basis
    rounds = []
    for i in range(partial_rounds):
        due = tuple((a + b) % FIELD for a, b in zip(owed, constants[half + i], strict=True))
        kept = _apply(undone, due[1:])
        row = (corner, *_apply(tuple(zip(*dense, strict=True)), top))
        undone = _product(undone, inner_inverse)
        rounds.append(_PartialRound(due[0], row, _apply(undone, left)))
        dense = _product(inner, dense)
        owed = (sum(map(mul, row[1:], kept)) % FIELD, *_apply(dense, kept))

    last = list(constants[half + partial_rounds :])
    last[0] = tuple((a + b) % FIELD for a, b in zip(owed, last[0], strict=True))
    return _Parameters(mds, constants[:half], tuple(rounds), dense, tuple(last))


def _draw(width: int, partial_rounds: int) -> tuple[_Matrix, _Matrix]:
    """Round constants, then the Cauchy MDS matrix 1 / (x_i + y_j), in the order the Grain LFSR gives them."""
    numbers = _grain(width, partial_rounds)
    constants = tuple(
        tuple(next(x for x in numbers if x < FIELD) for _ in range(width))  # constants are rejection-sampled
        for _ in range(_FULL_ROUNDS + partial_rounds)
    )
    points = [next(numbers) % FIELD for _ in range(2 * width)]  # the matrix's points are reduced
    mds = tuple(tuple(pow(x + y, -1, FIELD) for y in points[width:]) for x in points[:width])
    return constants, mds


def _grain(width: int, partial_rounds: int) -> Iterator[int]:
    """254-bit integers from the self-shrinking Grain LFSR, seeded with the instance (paper, appendix E)."""
    prime_field, power_sbox = 1, 0
    sizes = f"{_FIELD_BITS:012b}{width:012b}{_FULL_ROUNDS:010b}{partial_rounds:010b}"
    seed = f"{prime_field:02b}{power_sbox:04b}{sizes}"
    # Bit i of `register` is the i-th oldest bit. The newest tap is 62 of 80, so 16 new bits come out of one
    # step.
    register = int((seed + "1" * 30)[::-1], 2)

    def shift() -> int:
        nonlocal register
        r = register
        bits = (r >> 62 ^ r >> 51 ^ r >> 38 ^ r >> 23 ^ r >> 13 ^ r) & 0xFFFF
        register = r >> 16 | bits << 64
        return bits

    for _ in range(160 // 16):
        shift()
    pending = ""
    while True:
        while len(pending) < _FIELD_BITS:
            bits = shift()
            pending += _SHRUNK[bits & 0xFF] + _SHRUNK[bits >> 8]
        yield int(pending[:_FIELD_BITS], 2)
        pending = pending[_FIELD_BITS:]


def _shrink(byte: int) -> str:
    """Of each pair of bits, oldest first, the second, where the first is one."""
    return "".join(str(byte >> i + 1 & 1) for i in range(0, 8, 2) if byte >> i & 1)


_SHRUNK = tuple(_shrink(byte) for byte in range(256))


def _identity(n: int) -> _Matrix:
    return tuple(tuple(int(i == j) for j in range(n)) for i in range(n))


def _apply(matrix: _Matrix, vector: _Vector) -> _Vector:
    return tuple([sum(map(mul, row, vector)) % FIELD for row in matrix])


def _product(a: _Matrix, b: _Matrix) -> _Matrix:
    columns = tuple(zip(*b, strict=True))
    return tuple(_apply(columns, row) for row in a)


def _inverse(matrix: _Matrix) -> _Matrix:
    """Gauss-Jordan elimination modulo the field's order."""
    n = len(matrix)
    rows = [[*row, *unit] for row, unit in zip(matrix, _identity(n), strict=True)]
    for c in range(n):
        pivot = next(r for r in range(c, n) if rows[r][c])
        rows[c], rows[pivot] = rows[pivot], rows[c]
        scale = pow(rows[c][c], -1, FIELD)
        rows[c] = [x * scale % FIELD for x in rows[c]]
        for r in range(n):
            factor = rows[r][c]
            if r != c and factor:
                rows[r] = [(x - factor * y) % FIELD for x, y in zip(rows[r], rows[c], strict=True)]
    return tuple(tuple(row[n:]) for row in rows)
