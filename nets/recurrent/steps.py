"""One time step of a recurrent cell, forwards and backwards, number by number; compiled.

The products of a cell are taken elsewhere (`recurrent_cells`); here is what lies between them, for
one model and all rows of a batch. Arrays are one-dimensional slabs of B rows × H units, or stacks
of them: ``z`` (S, T, B, H) and ``h`` (T, B, H), as `recurrent_cells` describes them.

References: Moshier, Cephes (the exponential function in single precision).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, overload

from spdkit.nets.recurrent.matrix_products import Array, compiled

RELU, TANH, SIGMOID = 0, 1, 2


# The exponential function: the libraries' is called number by number, ours becomes vectors


def _power_of_two(_: Any, n: Any) -> Any:
    """2 ** n for n from -126 to 127: an exponent's bits are those of a float32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        int32 = ir.IntType(32)
        bits = builder.shl(builder.add(args[0], ir.Constant(int32, 127)), ir.Constant(int32, 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.int32), generate


_power = intrinsic(_power_of_two)


def _exp(x: Any) -> Any:
    """exp(x); in single precision to 2e-7 of itself, between exp(-87) and exp(88)."""
    raise NotImplementedError("compiled functions alone call this")


def _exp_double(x: Any) -> Any:
    return math.exp(x)


def _exp_single(x: Any) -> Any:
    single = np.float32
    x = single(-87.0) if x < single(-87.0) else x  # written so that NaN stays
    x = single(88.0) if x > single(88.0) else x
    n = np.floor(x * single(1.44269504) + single(0.5))
    # The logarithm of 2 in two parts, of which the first has few digits.
    x = x - n * single(0.693359375) + n * single(2.12194440e-4)
    y = single(1.9875691500e-4) * x + single(1.3981999507e-3)
    y = y * x + single(8.3334519073e-3)
    y = y * x + single(4.1665795894e-2)
    y = y * x + single(1.6666665459e-1)
    y = y * x + single(5.0000001201e-1)
    return (y * x * x + x + single(1.0)) * _power(np.int32(n))


def _exp_of(x: Any) -> Callable[[Any], Any]:
    return _exp_single if x == types.float32 else _exp_double


overload(_exp)(_exp_of)


# Activations


@compiled
def activate(v: Array, activation: int) -> None:
    """Replace numbers by what the activation makes of them."""
    one = v.dtype.type(1)
    if activation == RELU:
        for k in range(v.size):
            v[k] = 0 if v[k] < 0 else v[k]
    elif activation == TANH:
        for k in range(v.size):
            v[k] = math.tanh(v[k])
    else:
        for k in range(v.size):
            v[k] = one / (one + _exp(-v[k]))


@compiled
def back_through(v: Array, d: Array, activation: int) -> None:
    """Replace what an activation came to by the gradient `d` times its slope there."""
    one = v.dtype.type(1)
    if activation == RELU:
        for k in range(v.size):
            v[k] = d[k] if v[k] > 0 else 0
    elif activation == TANH:
        for k in range(v.size):
            v[k] = d[k] * (one - v[k] * v[k])
    else:
        for k in range(v.size):
            v[k] = d[k] * (v[k] * (one - v[k]))


# Cells: from the gates' sums to the state, and from its gradient to theirs


@compiled
def lstm_step(z: Array, h: Array, t: int, activation: int) -> None:
    """Set step `t` of c, its activation and `h`; the forget gate of step 0 is not looked at."""
    one = z.dtype.type(1)
    i, g, o = z[0, t].ravel(), z[2, t].ravel(), z[3, t].ravel()
    c, active, out = z[4, t].ravel(), z[5, t].ravel(), h[t].ravel()
    activate(g, activation)
    if t > 0:
        f, before = z[1, t].ravel(), z[4, t - 1].ravel()
        for k in range(c.size):
            i[k] = one / (one + _exp(-i[k]))
            f[k] = one / (one + _exp(-f[k]))
            c[k] = f[k] * before[k] + i[k] * g[k]
            active[k] = c[k]
    else:
        for k in range(c.size):
            i[k] = one / (one + _exp(-i[k]))
            c[k] = i[k] * g[k]
            active[k] = c[k]
    activate(active, activation)
    for k in range(c.size):
        o[k] = one / (one + _exp(-o[k]))
        out[k] = o[k] * active[k]


@compiled
def lstm_step_back(z: Array, dh: Array, dc: Array, t: int, activation: int) -> None:
    """Gradients of the gates of step `t`; `dc`, that of c, goes on to the step before."""
    one = z.dtype.type(1)
    i, g, o, active = z[0, t].ravel(), z[2, t].ravel(), z[3, t].ravel(), z[5, t].ravel()
    d = dh[t].ravel()
    for k in range(d.size):
        open_ = o[k]
        o[k] = d[k] * active[k] * (open_ * (one - open_))
        d[k] *= open_
    back_through(active, d, activation)
    for k in range(d.size):
        dc[k] += active[k]
        d[k] = dc[k] * i[k]
        i[k] = d[k] * g[k] * (one - i[k])
    if t > 0:
        f, before = z[1, t].ravel(), z[4, t - 1].ravel()
        for k in range(d.size):
            dc[k] *= f[k]
            f[k] = dc[k] * before[k] * (one - f[k])
    back_through(g, d, activation)


@compiled
def gru_step(z: Array, h: Array, t: int, activation: int) -> None:
    """Set step `t` of `h`."""
    one = z.dtype.type(1)
    update, reset, new = z[0, t].ravel(), z[1, t].ravel(), z[2, t].ravel()
    recurrent, out = z[3, t].ravel(), h[t].ravel()
    activate(update, SIGMOID)
    activate(reset, SIGMOID)
    for k in range(out.size):
        new[k] += reset[k] * recurrent[k]
    activate(new, activation)
    for k in range(out.size):
        out[k] = (one - update[k]) * new[k]
    if t > 0:
        before = h[t - 1].ravel()
        for k in range(out.size):
            out[k] += update[k] * before[k]


@compiled
def gru_step_back(z: Array, h: Array, dh: Array, t: int, activation: int) -> None:
    """Gradients of the gates of step `t`, and the direct one of `h` before."""
    one = z.dtype.type(1)
    update, reset, new = z[0, t].ravel(), z[1, t].ravel(), z[2, t].ravel()
    recurrent, d = z[3, t].ravel(), dh[t].ravel()
    if t > 0:
        before, earlier = h[t - 1].ravel(), dh[t - 1].ravel()
        for k in range(d.size):
            kept, whole = update[k], d[k]
            earlier[k] += whole * kept
            update[k] = whole * (before[k] - new[k]) * kept * (one - kept)
            d[k] = whole * (one - kept)
    else:
        for k in range(d.size):
            kept, whole = update[k], d[k]
            update[k] = -whole * new[k] * kept * (one - kept)
            d[k] = whole * (one - kept)
    back_through(new, d, activation)
    for k in range(d.size):
        passed = reset[k]
        reset[k] = new[k] * recurrent[k] * passed * (one - passed)
        recurrent[k] = new[k] * passed


@compiled
def rnn_step(z: Array, h: Array, t: int, activation: int) -> None:
    """Set step `t` of `h`."""
    sums, out = z[0, t].ravel(), h[t].ravel()
    for k in range(out.size):
        out[k] = sums[k]
    activate(out, activation)


@compiled
def rnn_step_back(z: Array, h: Array, dh: Array, t: int, activation: int) -> None:
    """Gradient of the sums of step `t`."""
    sums, out = z[0, t].ravel(), h[t].ravel()
    for k in range(out.size):
        sums[k] = out[k]
    back_through(sums, dh[t].ravel(), activation)


# Learning


@compiled
def absolute_error(output: Array, y: Array, value: Array, slope: Array) -> None:
    """Mean over all of a model's numbers, (M,), and its gradient by `output`."""
    for m in range(len(output)):
        found, wanted, out = output[m].ravel(), y[m].ravel(), slope[m].ravel()
        share = value.dtype.type(1.0 / found.size)
        total = value.dtype.type(0)
        for k in range(found.size):
            total += abs(found[k] - wanted[k])
        for k in range(found.size):
            # A difference of 0 has a gradient of 0, as in torch.
            out[k] = share if found[k] > wanted[k] else (-share if found[k] < wanted[k] else 0)
        value[m] = total * share


@compiled
def adam(
    weights: Array, gradient: Array, mean: Array, square: Array, rate: Any, numbers: Array
) -> None:
    """One step of Keras's Adam, of vectors.

    `rate` has the vectors' dtype and is corrected for the moments' start at 0. `numbers` are
    epsilon, beta_1, 1 - beta_1, beta_2 and 1 - beta_2: taken here, the differences would lose
    digits in single precision.
    """
    epsilon, beta_1, rest_1 = numbers[0], numbers[1], numbers[2]
    beta_2, rest_2 = numbers[3], numbers[4]
    for k in range(weights.size):
        g = gradient[k]
        mean[k] = beta_1 * mean[k] + rest_1 * g
        square[k] = beta_2 * square[k] + rest_2 * (g * g)
        weights[k] -= rate * mean[k] / (np.sqrt(square[k]) + epsilon)
