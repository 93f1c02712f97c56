"""Products of small matrices, compiled: what `torch.bmm` does, at the rate of large ones.

A recurrent unit multiplies matrices of some 32 × 64 numbers, thousands of times, each model by its
own weights. MKL spends half of the processor there (on AMD's it has no 512-bit kernels), and a call
of oneDNN's takes longer than the product. So here is the one kernel that all others are built on:
a tile of 4 or 5 rows and up to 64 columns of the result stays in registers while its terms are
summed. numba compiles it for the processor at hand; its vectors are written down as such, since the
compiler does not find this form by itself.

Sums run in order of the inner index, in the dtype of the arrays, so that a result depends neither
on the other models nor on the other rows of a batch.

numba keeps compiled functions by the time stamp of their own file: who changes this file must
touch `recurrent_cells`, too.

Reference: Goto and van de Geijn (2008), anatomy of high-performance matrix multiplication.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

Array = NDArray[np.floating]
Function = TypeVar("Function", bound=Callable[..., Any])

# As many columns as five rows have registers for: 20 of 512 bits, or 10 of 256.
_WIDEST = 64 if binding.get_host_cpu_features().get("avx512f") else 16
_INT64, _INT32 = ir.IntType(64), ir.IntType(32)
# Products and sums may be fused; nothing is assumed of NaN and infinity.
_FLAGS = ("contract",)


def compiled(function: Function) -> Function:
    """The function in machine code, made at its first call and kept on disk.

    Sums may be reordered into vectors, and products and sums fused; NaN and infinity stay.
    """
    result: Function = numba.njit(
        cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"}
    )(function)
    return result


def _band(width: int) -> Any:
    """Make the kernel ``band(a, b, c, j, fives, fours, add)`` of so many columns from j on.

    Rows up to `fives` are done five at a time, those up to `fours` four, the last one by one.
    """

    def band(_: Any, a: Any, b: Any, c: Any, j: Any, fives: Any, fours: Any, add: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            arrays = [
                _Matrix(context, builder, kind, value)
                for kind, value in zip(signature.args[:3], args[:3], strict=True)
            ]
            column, after_fives, after_fours, adding = args[3:]
            ends = (ir.Constant(_INT64, 0), after_fives, after_fours, arrays[2].shape[0])
            for rows, start, stop in zip((5, 4, 1), ends[:-1], ends[1:], strict=True):
                step = ir.Constant(_INT64, rows)
                with cgutils.for_range_slice(builder, start, stop, step) as (row, _):
                    _sum_terms(builder, arrays, (row, column, adding), rows, width)
            return context.get_dummy_value()

        return types.void(a, b, c, j, fives, fours, add), generate

    return intrinsic(band)


class _Matrix:
    """Addresses of a two-dimensional array's elements, in the compiler's language."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        array = context.make_array(kind)(context, builder, value)
        self.builder = builder
        self.element = context.get_data_type(kind.dtype)
        self.align = context.get_abi_sizeof(self.element)
        self.start = builder.bitcast(array.data, ir.IntType(8).as_pointer())
        self.strides = cgutils.unpack_tuple(builder, array.strides, 2)
        self.shape = cgutils.unpack_tuple(builder, array.shape, 2)

    def at(self, i: Any, j: Any, kind: Any) -> Any:
        """Pointer to a number, or to a vector that begins with it."""
        down, right = (
            self.builder.mul(index, stride)
            for index, stride in zip((i, j), self.strides, strict=True)
        )
        place = self.builder.gep(self.start, [self.builder.add(down, right)])
        return self.builder.bitcast(place, kind.as_pointer())


def _sum_terms(builder: Any, arrays: list[_Matrix], args: Any, rows: int, width: int) -> None:
    a, b, c = arrays
    i, j, add = args
    vector = ir.VectorType(c.element, width)
    nothing = ir.Constant(vector, ir.Undefined)
    first = ir.Constant(ir.VectorType(_INT32, width), [0] * width)
    zeros = ir.Constant(vector, [ir.Constant(c.element, 0.0)] * width)
    numbers = [builder.add(i, ir.Constant(_INT64, row)) for row in range(rows)]
    places = [c.at(number, j, vector) for number in numbers]
    sums = [cgutils.alloca_once(builder, vector) for _ in range(rows)]
    for place, total in zip(places, sums, strict=True):
        builder.store(builder.select(add, builder.load(place, align=c.align), zeros), total)
    with cgutils.for_range(builder, a.shape[1]) as loop:
        right = builder.load(b.at(loop.index, j, vector), align=b.align)
        for number, total in zip(numbers, sums, strict=True):
            left = builder.load(a.at(number, loop.index, a.element))
            left = builder.insert_element(nothing, left, ir.Constant(_INT32, 0))
            left = builder.shuffle_vector(left, nothing, first)
            term = builder.fmul(left, right, flags=_FLAGS)
            builder.store(builder.fadd(builder.load(total), term, flags=_FLAGS), total)
    for place, total in zip(places, sums, strict=True):
        builder.store(builder.load(total), place, align=c.align)


_band_64, _band_32, _band_16, _band_1 = (_band(width) for width in (64, 32, 16, 1))


@compiled
def product(a: Array, b: Array, c: Array, add: bool) -> None:
    """``c = a @ b``, or ``c += a @ b`` with `add`.

    Parameters
    ----------
    a : array, shape (n_rows, n_inner)
        In any order; `strided` spares compiling it for each.
    b : array, shape (n_inner, n_columns)
    c : array, shape (n_rows, n_columns)
        Rows of `b` and `c` in one piece each. Shapes are not checked.
    add : bool
    """
    n_rows, n_columns = c.shape
    # Tiles of four rows, of which some take a fifth, so that none is left over from 12 rows on.
    tiles, left_over = n_rows // 4, n_rows % 4
    fives = 5 * left_over if left_over <= tiles else 0
    fours = fives + (n_rows - fives) // 4 * 4
    j = 0
    while j < n_columns:
        left = n_columns - j
        if left >= 64 and _WIDEST >= 64:
            _band_64(a, b, c, j, fives, fours, add)
            j += 64
        elif left >= 32 and _WIDEST >= 32:
            _band_32(a, b, c, j, fives, fours, add)
            j += 32
        elif left >= 16:
            _band_16(a, b, c, j, fives, fours, add)
            j += 16
        else:
            _band_1(a, b, c, j, fives, fours, add)
            j += 1


@compiled
def strided(a: Array) -> Array:
    """A view that does not say in which order its rows and columns lie."""
    return a[:, ::1]


@compiled
def transpose(a: Array, out: Array) -> None:
    """``out = a.T``."""
    for j in range(a.shape[1]):
        row = out[j]
        for i in range(a.shape[0]):
            row[i] = a[i, j]
