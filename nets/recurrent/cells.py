"""Recurrent layers of many models at once, forwards and backwards, compiled.

Conventions: M models, T time steps, B rows, K inputs and H units; arrays are

- ``x`` (M, T, B, K), inputs, and ``h`` (M, T, B, H), what the layer makes of them, from zeros on;
- ``kernel`` (M, G, K, H) and ``recurrent`` (M, G, H, H), one matrix a gate: i, f, g, o (LSTM),
  z, r, h (GRU, as Keras's with ``reset_after=True``), one alone (simple RNN);
- ``bias`` (M, G, H); a GRU's are 6, three of the inputs and then three of the recurrence;
- ``z`` (M, S, T, B, H), what going back needs: gates, and after them an LSTM's c and its
  activation, or a GRU's recurrent part of h. Going back writes the gates' gradients over it.

Each gate has a slab of its own, so that steps over its units are loops over one piece of memory,
and so that a weight matrix of 64 units does not crowd into a few lines of the cache.

What is 0 is left out, with equal results: products with the state before the first step, and there
the forget gate, which would be multiplied by it. (``always`` is always true: numba would compile
`product` anew for a literal.)

References: Hochreiter and Schmidhuber (1997), long short-term memory; Cho et al. (2014), learning
phrase representations; `keras.layers.LSTM`, ``GRU`` and ``SimpleRNN``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from filelock import FileLock

from spdkit.nets.recurrent.matrix_products import Array, compiled, product, strided, transpose
from spdkit.nets.recurrent.steps import (
    RELU,
    SIGMOID,
    TANH,
    absolute_error,
    adam,
    gru_step,
    gru_step_back,
    lstm_step,
    lstm_step_back,
    rnn_step,
    rnn_step_back,
)

ACTIVATIONS = {"relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}


# What the cells share


@compiled
def _flat(a: Array) -> Array:
    """Rows of all time steps, one after the other."""
    return a.reshape(a.shape[0] * a.shape[1], a.shape[2])


@compiled
def _fill(out: Array, row: Array) -> None:
    for i in range(len(out)):
        values = out[i]
        for k in range(row.size):
            values[k] = row[k]


@compiled
def _add(out: Array, row: Array) -> None:
    for i in range(len(out)):
        values = out[i]
        for k in range(row.size):
            values[k] += row[k]


@compiled
def _sum_rows(a: Array, out: Array) -> None:
    for k in range(out.size):
        out[k] = 0
    for i in range(len(a)):
        values = a[i]
        for k in range(out.size):
            out[k] += values[k]


@compiled
def _sums(x: Array, kernel: Array, bias: Array, out: Array) -> None:
    """``out = x @ kernel + bias``, for all rows."""
    _fill(out, bias)
    product(strided(x), kernel, out, bias.size > 0)


@compiled
def _sums_back(
    d: Array,
    x: Array,
    kernel: Array,
    dkernel: Array,
    dbias: Array,
    dx: Array,
    add: bool,
    turned: Array,
) -> None:
    """Gradients of `_sums` from that of its result; an empty `dx` is not wanted.

    `add` adds to `dx`; `turned` is room for the transposed kernel.
    """
    product(strided(x.T), d, dkernel, d.size < 0)
    _sum_rows(d, dbias)
    if dx.size > 0:
        transpose(kernel, turned)
        product(strided(d), turned, dx, add)


# LSTM


@compiled
def lstm_forward(
    x: Array, kernel: Array, recurrent: Array, bias: Array, z: Array, h: Array, activation: int
) -> None:
    """Set `z` and `h`; see the module."""
    always = x.shape[1] > 0
    for m in range(len(x)):
        for gate in range(4):
            first = 1 if gate == 1 else 0
            sums = _flat(z[m, gate, first:])
            _sums(_flat(x[m, first:]), kernel[m, gate], bias[m, gate], sums)
        for t in range(x.shape[1]):
            if t > 0:
                for gate in range(4):
                    product(strided(h[m, t - 1]), recurrent[m, gate], z[m, gate, t], always)
            lstm_step(z[m], h[m], t, activation)


@compiled
def lstm_backward(
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
    """Gradients from that of `h`, which is spent; an empty `dx` is not wanted."""
    always = x.shape[1] > 0
    n_steps, n_rows, n_units = h.shape[1:]
    turned = np.empty((4, n_units, n_units), dtype=h.dtype)
    turned_kernel = np.empty((n_units, x.shape[3]), dtype=h.dtype)
    for m in range(len(x)):
        if n_steps > 1:
            for gate in range(4):
                transpose(recurrent[m, gate], turned[gate])
        dc = np.zeros(n_rows * n_units, dtype=h.dtype)
        for t in range(n_steps - 1, -1, -1):
            lstm_step_back(z[m], dh[m], dc, t, activation)
            if t > 0:
                for gate in range(4):
                    product(strided(z[m, gate, t]), turned[gate], dh[m, t - 1], always)
        for gate in range(4):
            first = 1 if gate == 1 else 0
            sums = _flat(z[m, gate, first:])
            _sums_back(
                sums,
                _flat(x[m, first:]),
                kernel[m, gate],
                dkernel[m, gate],
                dbias[m, gate],
                _flat(dx[m, first:]),
                gate > 0,
                turned_kernel,
            )
            if n_steps > 1:
                before, sums = _flat(h[m, :-1]), _flat(z[m, gate, 1:])
                product(strided(before.T), sums, drecurrent[m, gate], not always)


# GRU


@compiled
def gru_forward(
    x: Array, kernel: Array, recurrent: Array, bias: Array, z: Array, h: Array, activation: int
) -> None:
    """Set `z` and `h`; see the module."""
    always = x.shape[1] > 0
    for m in range(len(x)):
        for gate in range(3):
            _sums(_flat(x[m]), kernel[m, gate], bias[m, gate], _flat(z[m, gate]))
        for t in range(x.shape[1]):
            for gate in range(3):
                # The recurrent part of h is reset before the inputs' is added to it.
                sums = z[m, 3 if gate == 2 else gate, t]
                if gate == 2:
                    _fill(sums, bias[m, 5])
                else:
                    _add(sums, bias[m, 3 + gate])
                if t > 0:
                    product(strided(h[m, t - 1]), recurrent[m, gate], sums, always)
            gru_step(z[m], h[m], t, activation)


@compiled
def gru_backward(
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
    """Gradients from that of `h`, which is spent; an empty `dx` is not wanted."""
    always = x.shape[1] > 0
    n_steps, _, n_units = h.shape[1:]
    turned = np.empty((3, n_units, n_units), dtype=h.dtype)
    turned_kernel = np.empty((n_units, x.shape[3]), dtype=h.dtype)
    for m in range(len(x)):
        if n_steps > 1:
            for gate in range(3):
                transpose(recurrent[m, gate], turned[gate])
        for t in range(n_steps - 1, -1, -1):
            gru_step_back(z[m], h[m], dh[m], t, activation)
            if t > 0:
                for gate in range(3):
                    sums = z[m, 3 if gate == 2 else gate, t]
                    product(strided(sums), turned[gate], dh[m, t - 1], always)
        for gate in range(3):
            _sums_back(
                _flat(z[m, gate]),
                _flat(x[m]),
                kernel[m, gate],
                dkernel[m, gate],
                dbias[m, gate],
                _flat(dx[m]),
                gate > 0,
                turned_kernel,
            )
            recurrent_sums = z[m, 3 if gate == 2 else gate]
            _sum_rows(_flat(recurrent_sums), dbias[m, 3 + gate])
            if n_steps > 1:
                before = _flat(h[m, :-1])
                late = _flat(recurrent_sums[1:])
                product(strided(before.T), late, drecurrent[m, gate], not always)


# Simple RNN


@compiled
def rnn_forward(
    x: Array, kernel: Array, recurrent: Array, bias: Array, z: Array, h: Array, activation: int
) -> None:
    """Set `z` and `h`; see the module."""
    always = x.shape[1] > 0
    for m in range(len(x)):
        _sums(_flat(x[m]), kernel[m, 0], bias[m, 0], _flat(z[m, 0]))
        for t in range(x.shape[1]):
            if t > 0:
                product(strided(h[m, t - 1]), recurrent[m, 0], z[m, 0, t], always)
            rnn_step(z[m], h[m], t, activation)


@compiled
def rnn_backward(
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
    """Gradients from that of `h`, which is spent; an empty `dx` is not wanted."""
    always = x.shape[1] > 0
    n_steps, _, n_units = h.shape[1:]
    turned = np.empty((n_units, n_units), dtype=h.dtype)
    turned_kernel = np.empty((n_units, x.shape[3]), dtype=h.dtype)
    for m in range(len(x)):
        transpose(recurrent[m, 0], turned)
        for t in range(n_steps - 1, -1, -1):
            rnn_step_back(z[m], h[m], dh[m], t, activation)
            if t > 0:
                product(strided(z[m, 0, t]), turned, dh[m, t - 1], always)
        _sums_back(
            _flat(z[m, 0]),
            _flat(x[m]),
            kernel[m, 0],
            dkernel[m, 0],
            dbias[m, 0],
            _flat(dx[m]),
            not always,
            turned_kernel,
        )
        if n_steps > 1:
            before, late = _flat(h[m, :-1]), _flat(z[m, 0, 1:])
            product(strided(before.T), late, drecurrent[m, 0], not always)


# The dense layer that follows


@compiled
def dense_forward(h: Array, kernel: Array, bias: Array, out: Array) -> None:
    """Outputs (M, B, q) of the last step of `h`; kernel (M, H, q), bias (M, q)."""
    for m in range(len(h)):
        _sums(h[m, -1], kernel[m], bias[m], out[m])


@compiled
def dense_backward(
    h: Array, kernel: Array, d: Array, dh: Array, dkernel: Array, dbias: Array
) -> None:
    """Gradients from that of the outputs; `dh` is 0 but in the last step."""
    always = h.shape[1] > 0
    turned = np.empty((kernel.shape[2], kernel.shape[1]), dtype=h.dtype)
    for m in range(len(h)):
        early = dh[m, :-1].ravel()
        for k in range(early.size):
            early[k] = 0
        _sums_back(d[m], h[m, -1], kernel[m], dkernel[m], dbias[m], dh[m, -1], not always, turned)


@dataclass(frozen=True)
class Cell:
    """A kind of cell: its layers, forwards and backwards, and how much of everything it has.

    Attributes
    ----------
    forward, backward : callable
    gates : int
        Matrices of `kernel` and of `recurrent`.
    biases : int
    slabs : int
        Of `z`.
    """

    forward: Callable[..., None]
    backward: Callable[..., None]
    gates: int
    biases: int
    slabs: int


CELLS = {
    "lstm": Cell(lstm_forward, lstm_backward, gates=4, biases=4, slabs=6),
    "gru": Cell(gru_forward, gru_backward, gates=3, biases=6, slabs=4),
    "rnn": Cell(rnn_forward, rnn_backward, gates=1, biases=1, slabs=1),
}


@cache
def prepare(cell: str, dtype: str) -> Cell:
    """The cell, compiled for "float32" or "float64" before it is handed out.

    The first time on a machine takes some seconds. Processes that compile into numba's cache at
    once can crash in code that is half written, so they do it one after the other.
    """
    found = CELLS[cell]
    path = Path(tempfile.gettempdir()) / f"spdkit-recurrent-{os.getuid()}.lock"

    def zeros(*shape: int) -> Array:
        return np.zeros(shape, dtype=dtype)

    with FileLock(path):
        x = h = dh = dx = zeros(1, 2, 1, 1)
        kernel, bias = zeros(1, found.gates, 1, 1), zeros(1, found.biases, 1)
        z = zeros(1, found.slabs, 2, 1, 1)
        found.forward(x, kernel, kernel, bias, z, h, RELU)
        found.backward(x, kernel, kernel, z, h, dh, dx, kernel, kernel, bias, RELU)
        flat, vector = zeros(1, 1, 1), zeros(1)
        dense_forward(x, flat, zeros(1, 1), flat)
        dense_backward(x, flat, flat, dh, flat, zeros(1, 1))
        absolute_error(x, x, vector, dx)
        adam(vector, vector, vector, vector, vector.dtype.type(1), zeros(5))
    return found
