"""Weights of a net as named arrays, and back.

Conventions: weights are float32 as trained, also of a net that is used in double precision, so that
a rebuilt net answers the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Net = TypeVar("Net", bound=nn.Module)


def to_arrays(name: str, net: nn.Module) -> dict[str, NDArray[Any]]:
    """Weights and buffers in single precision, under ``name.weight`` and so on."""
    return {
        f"{name}.{key}": np.ascontiguousarray(tensor.float().numpy())
        for key, tensor in net.state_dict().items()
    }


def from_arrays(name: str, net: Net, arrays: Mapping[str, NDArray[Any]]) -> Net:
    """Take the arrays of `to_arrays` under that name: `net` itself, in double precision, for use.

    Raises
    ------
    RuntimeError
        When these are no arrays of such a net.
    """
    net.load_state_dict(_tensors(name, arrays))
    return net.double().eval()


def rebuilt(name: str, make: Callable[[], Net], arrays: Mapping[str, NDArray[Any]]) -> Net:
    """Do as `from_arrays`; the net is compared with the arrays before it takes any memory.

    Raises
    ------
    RuntimeError
        When these are no arrays of such a net.
    """
    with torch.device("meta"):
        make().load_state_dict(_tensors(name, arrays), assign=True)
    return from_arrays(name, make(), arrays)


def _tensors(name: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    return {
        key.removeprefix(f"{name}."): torch.from_numpy(array)
        for key, array in arrays.items()
        if key.startswith(f"{name}.")
    }
