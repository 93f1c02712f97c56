"""Time steps of recurrent cells, forwards and backwards, number by number; compiled.

The products of a cell are taken elsewhere (`spdkit.nets.recurrent.cells`); here is what lies
between them, for one model and all rows of a batch. Arrays are one-dimensional slabs of B rows × H
units, or stacks of them: ``z`` (S, T, B, H) and ``h`` (T, B, H), as described there.

References: Moshier, Cephes (the exponential function in single precision).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import overload
from numpy.typing import NDArray

Array = NDArray[np.floating]

RELU, TANH, SIGMOID = 0, 1, 2


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function to machine code at its first call, and cache it on disk.

    Sums may be reordered into vectors, and products and sums fused; NaN and infinity stay.
    """
    flags = {"contract", "reassoc", "nsz"}
    dispatcher: Callable[..., Any] = numba.njit(
        cache=True, nogil=True, error_model="numpy", fastmath=flags
    )(function)
    return dispatcher


# The exponential function: the libraries' is called number by number, ours becomes vectors


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
    # 2^n has n + 127 as the bits of its exponent.
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return (y * x * x + x + single(1.0)) * power


def _exp_of(x: Any) -> Callable[[Any], Any]:
    return _exp_single if x == types.float32 else _exp_double


overload(_exp)(_exp_of)


# Activations


@compiled
def activate(v: Array, activation: int) -> None:
    """Replace numbers by their activation."""
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
def activate_back(v: Array, d: Array, activation: int) -> None:
    """Replace values of an activation by the gradient `d` times its slope there."""
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
def _slab(a: Array, t: int) -> Array:
    """Step `t` in one piece; 0 before the first step."""
    return a[t].ravel() if t >= 0 else np.zeros(a[0].size, dtype=a.dtype)


@compiled
def lstm_step(z: Array, h: Array, t: int, activation: int) -> None:
    """Set step `t` of c, its activation and `h`."""
    one = z.dtype.type(1)
    i, f, g, o = _slab(z[0], t), _slab(z[1], t), _slab(z[2], t), _slab(z[3], t)
    c, active, out = _slab(z[4], t), _slab(z[5], t), _slab(h, t)
    before = _slab(z[4], t - 1)
    activate(g, activation)
    for k in range(c.size):
        i[k] = one / (one + _exp(-i[k]))
        f[k] = one / (one + _exp(-f[k]))
        c[k] = f[k] * before[k] + i[k] * g[k]
        active[k] = c[k]
    activate(active, activation)
    for k in range(c.size):
        o[k] = one / (one + _exp(-o[k]))
        out[k] = o[k] * active[k]


@compiled
def lstm_step_back(z: Array, dh: Array, dc: Array, t: int, activation: int) -> None:
    """Gradients of the gates of step `t`; `dc`, that of c, goes on to the step before."""
    one = z.dtype.type(1)
    i, f, g, o = _slab(z[0], t), _slab(z[1], t), _slab(z[2], t), _slab(z[3], t)
    active, before, d = _slab(z[5], t), _slab(z[4], t - 1), _slab(dh, t)
    for k in range(d.size):
        share = o[k]
        o[k] = d[k] * active[k] * (share * (one - share))
        d[k] *= share
    activate_back(active, d, activation)
    for k in range(d.size):
        total, share = dc[k] + active[k], f[k]
        d[k] = total * i[k]
        i[k] = d[k] * g[k] * (one - i[k])
        dc[k] = total * share
        f[k] = dc[k] * before[k] * (one - share)
    activate_back(g, d, activation)


@compiled
def gru_step(z: Array, h: Array, t: int, activation: int) -> None:
    """Set step `t` of `h`."""
    one = z.dtype.type(1)
    update, reset, new, recurrent = (
        _slab(z[0], t),
        _slab(z[1], t),
        _slab(z[2], t),
        _slab(z[3], t),
    )
    out, before = _slab(h, t), _slab(h, t - 1)
    activate(update, SIGMOID)
    activate(reset, SIGMOID)
    for k in range(out.size):
        new[k] += reset[k] * recurrent[k]
    activate(new, activation)
    for k in range(out.size):
        out[k] = (one - update[k]) * new[k] + update[k] * before[k]


@compiled
def gru_step_back(z: Array, h: Array, dh: Array, t: int, activation: int) -> None:
    """Gradients of the gates of step `t`, and the direct one of `h` before."""
    one = z.dtype.type(1)
    update, reset, new, recurrent = (
        _slab(z[0], t),
        _slab(z[1], t),
        _slab(z[2], t),
        _slab(z[3], t),
    )
    d, before, earlier = _slab(dh, t), _slab(h, t - 1), _slab(dh, t - 1)
    for k in range(d.size):
        share, total = update[k], d[k]
        earlier[k] += total * share
        update[k] = total * (before[k] - new[k]) * share * (one - share)
        d[k] = total * (one - share)
    activate_back(new, d, activation)
    for k in range(d.size):
        share = reset[k]
        reset[k] = new[k] * recurrent[k] * share * (one - share)
        recurrent[k] = new[k] * share


@compiled
def rnn_step(z: Array, h: Array, t: int, activation: int) -> None:
    """Set step `t` of `h`."""
    h[t] = z[0, t]
    activate(_slab(h, t), activation)


@compiled
def rnn_step_back(z: Array, h: Array, dh: Array, t: int, activation: int) -> None:
    """Gradient of the sums of step `t`."""
    z[0, t] = h[t]
    activate_back(_slab(z[0], t), _slab(dh, t), activation)


# Learning


@compiled
def absolute_error(output: Array, y: Array, value: Array, slope: Array) -> None:
    """Mean over all of a model's numbers, (M,), and its gradient by `output`."""
    for m in range(len(output)):
        predictions, actual, out = output[m].ravel(), y[m].ravel(), slope[m].ravel()
        share = value.dtype.type(1.0 / predictions.size)
        total = value.dtype.type(0)
        for k in range(predictions.size):
            total += abs(predictions[k] - actual[k])
            # A difference of 0 has a gradient of 0, as in torch.
            out[k] = share * np.sign(predictions[k] - actual[k])
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
