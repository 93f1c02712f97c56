"""Recurrent layers of many models at once, forwards and backwards, compiled.

Conventions: M models, T time steps, B rows, K inputs and H units; arrays are

- ``x`` (M, T, B, K), inputs, and ``h`` (M, T, B, H), the layer's states, from zeros on;
- ``kernel`` (M, G, K, H) and ``recurrent`` (M, G, H, H), one matrix a gate: i, f, g, o (LSTM),
  z, r, h (GRU, as Keras's with ``reset_after=True``), one alone (simple RNN);
- ``bias`` (M, G, H); a GRU's are 6, three of the inputs and then three of the recurrence;
- ``z`` (M, S, T, B, H), what going back needs: gates, and after them an LSTM's c and its
  activation, or a GRU's recurrent part of h. Going back writes the gates' gradients over it.

Each gate has a slab of its own, so that steps over its units are loops over one piece of memory.
Products are numpy's, which numba calls without Python: the library's kernels for small matrices
take as long as the arithmetic does. A library of several threads would spend ten times that on
sharing them, so `one_thread` belongs around it.

References: Hochreiter and Schmidhuber (1997), long short-term memory; Cho et al. (2014), learning
phrase representations; `keras.layers.LSTM`, ``GRU`` and ``SimpleRNN``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from threadpoolctl import ThreadpoolController

from spdkit.nets.recurrent.steps import (
    RELU,
    SIGMOID,
    TANH,
    Array,
    absolute_error,
    adam,
    compiled,
    gru_step,
    gru_step_back,
    lstm_step,
    lstm_step_back,
    rnn_step,
    rnn_step_back,
)

ACTIVATIONS = {"relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}
_LSTM, _GRU, _RNN = 0, 1, 2


@dataclass(frozen=True)
class Cell:
    """A kind of cell, and its numbers of everything.

    Attributes
    ----------
    code : int
        Of the compiled functions.
    gates : int
        Matrices of `kernel` and of `recurrent`.
    biases : int
    slabs : int
        Of `z`.
    """

    code: int
    gates: int
    biases: int
    slabs: int


CELLS = {
    "lstm": Cell(_LSTM, gates=4, biases=4, slabs=6),
    "gru": Cell(_GRU, gates=3, biases=6, slabs=4),
    "rnn": Cell(_RNN, gates=1, biases=1, slabs=1),
}


@compiled
def _flat(a: Array) -> Array:
    """Rows of all time steps, one after the other."""
    return a.reshape(a.shape[0] * a.shape[1], a.shape[2])


@compiled
def _add(out: Array, values: Array) -> None:
    """Add rows to rows, or one row to all."""
    for i in range(len(out)):
        row, terms = out[i], values[i if len(values) > 1 else 0]
        for k in range(row.size):
            row[k] += terms[k]


@compiled
def _sum_rows(a: Array, out: Array) -> None:
    out[:] = 0
    for i in range(len(a)):
        row = a[i]
        for k in range(out.size):
            out[k] += row[k]


@compiled
def _affine(x: Array, kernel: Array, bias: Array, out: Array) -> None:
    """``out = x @ kernel + bias``."""
    np.dot(x, kernel, out)
    _add(out, bias.reshape(1, -1))


@compiled
def _affine_back(d: Array, x: Array, dkernel: Array, dbias: Array) -> None:
    """Gradients of kernel and bias from that of the result."""
    np.dot(x.T, d, dkernel)
    _sum_rows(d, dbias)


@compiled
def _recurrent_slab(code: int, gate: int) -> int:
    """Where a gate's recurrent sums are; a GRU's of h are reset before the inputs' are added."""
    return 3 if code == _GRU and gate == 2 else gate


@compiled
def layer_forward(
    code: int,
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array,
    z: Array,
    h: Array,
    activation: int,
) -> None:
    """Set `z` and `h`; see the module."""
    n_gates = kernel.shape[1]
    for m in range(len(x)):
        for gate in range(n_gates):
            _affine(_flat(x[m]), kernel[m, gate], bias[m, gate], _flat(z[m, gate]))
        if code == _GRU:
            z[m, 3] = 0
            for gate in range(n_gates):
                sums = _flat(z[m, _recurrent_slab(code, gate)])
                _add(sums, bias[m, n_gates + gate].reshape(1, -1))
        for t in range(x.shape[1]):
            if t > 0:
                for gate in range(n_gates):
                    sums = z[m, _recurrent_slab(code, gate), t]
                    _add(sums, np.dot(h[m, t - 1], recurrent[m, gate]))
            if code == _LSTM:
                lstm_step(z[m], h[m], t, activation)
            elif code == _GRU:
                gru_step(z[m], h[m], t, activation)
            else:
                rnn_step(z[m], h[m], t, activation)


@compiled
def layer_backward(
    code: int,
    x: Array,
    kernel: Array,
    recurrent: Array,
    z: Array,
    h: Array,
    dh: Array,
    dx: Array,
    dkernel: Array,
    drecurrent: Array,
    dbias: Array,
    activation: int,
) -> None:
    """Gradients from that of `h`, which is spent; an empty `dx` is left out."""
    n_gates = kernel.shape[1]
    for m in range(len(x)):
        dc = np.zeros(h[m, 0].size, dtype=h.dtype)
        for t in range(h.shape[1] - 1, -1, -1):
            if code == _LSTM:
                lstm_step_back(z[m], dh[m], dc, t, activation)
            elif code == _GRU:
                gru_step_back(z[m], h[m], dh[m], t, activation)
            else:
                rnn_step_back(z[m], h[m], dh[m], t, activation)
            if t > 0:
                for gate in range(n_gates):
                    sums = z[m, _recurrent_slab(code, gate), t]
                    _add(dh[m, t - 1], np.dot(sums, recurrent[m, gate].T))
        for gate in range(n_gates):
            sums = _flat(z[m, gate])
            _affine_back(sums, _flat(x[m]), dkernel[m, gate], dbias[m, gate])
            if dx.size > 0:
                if gate == 0:
                    dx[m] = 0
                _add(_flat(dx[m]), np.dot(sums, kernel[m, gate].T))
            late = z[m, _recurrent_slab(code, gate)]
            if code == _GRU:
                _sum_rows(_flat(late), dbias[m, n_gates + gate])
            if h.shape[1] > 1:
                np.dot(_flat(h[m, :-1]).T, _flat(late[1:]), drecurrent[m, gate])


# The dense layer that follows


@compiled
def dense_forward(h: Array, kernel: Array, bias: Array, out: Array) -> None:
    """Outputs (M, B, q) of the last step of `h`; kernel (M, H, q), bias (M, q)."""
    for m in range(len(h)):
        _affine(h[m, -1], kernel[m], bias[m], out[m])


@compiled
def dense_backward(
    h: Array, kernel: Array, d: Array, dh: Array, dkernel: Array, dbias: Array
) -> None:
    """Gradients from that of the outputs; `dh` is 0 but in the last step."""
    for m in range(len(h)):
        dh[m, :-1] = 0
        _affine_back(d[m], h[m, -1], dkernel[m], dbias[m])
        np.dot(d[m], kernel[m].T, dh[m, -1])


# Compilation and threads


@cache
def prepare(dtype: str) -> None:
    """Compile everything for "float32" or "float64".

    The first time on a machine takes some seconds. Processes that compile into numba's cache at
    once can crash in code that is half written, so they do it one after the other.
    """
    path = Path(tempfile.gettempdir()) / f"spdkit-recurrent-{os.getuid()}.lock"

    def zeros(*shape: int) -> Array:
        return np.zeros(shape, dtype=dtype)

    with FileLock(path):
        x, kernel, bias, z = (
            zeros(1, 2, 1, 1),
            zeros(1, 1, 1, 1),
            zeros(1, 1, 1),
            zeros(1, 1, 2, 1, 1),
        )
        layer_forward(_RNN, x, kernel, kernel, bias, z, x, RELU)
        layer_backward(_RNN, x, kernel, kernel, z, x, x, x, kernel, kernel, bias, RELU)
        flat, vector = zeros(1, 1, 1), zeros(1)
        dense_forward(x, flat, zeros(1, 1), flat)
        dense_backward(x, flat, flat, x, flat, zeros(1, 1))
        absolute_error(x, x, vector, x)
        adam(vector, vector, vector, vector, vector.dtype.type(1), zeros(5))


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch and the library of products to one thread: matrices are too small to share."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


@cache
def _libraries() -> ThreadpoolController:
    prepare("float32")  # loads them
    return ThreadpoolController()
