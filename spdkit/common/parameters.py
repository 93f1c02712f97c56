"""Parameters: what each may be, declared once for a class and checked in one place.

Conventions: a class with parameters has ``_parameter_constraints``, a dictionary of the name of
each parameter to what it may be, in the manner of scikit-learn's attribute of that name; what ties
parameters to each other stays in the class. A constraint is one of those below, ``None``, or a
tuple of alternatives. True and False are no numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from spdkit.common.errors import ParameterError, SpdkitError


@dataclass(frozen=True)
class Whole:
    """A whole number of at least `least` and, where that is given, at most `most`."""

    least: int = 1
    most: int | None = None

    def __str__(self) -> str:
        end = "" if self.most is None else f" and at most {self.most}"
        return f"a whole number of at least {self.least}{end}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is one."""
        if isinstance(value, bool) or not isinstance(value, Integral):
            return False
        return self.least <= int(value) and (self.most is None or int(value) <= self.most)


@dataclass(frozen=True)
class Number:
    """A finite number between `low` and `high`, in `unit`; `closed` says which ends are allowed."""

    low: float = -math.inf
    high: float = math.inf
    closed: str = "both"  # "both", "low", "high" or "neither"
    unit: str = ""

    def __str__(self) -> str:
        return self._range() + (f" ({self.unit})" if self.unit else "")

    def _range(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return "a finite number"
        if math.isinf(self.high):
            if self.closed in ("both", "low"):
                return f"a number of at least {self.low:g}"
            return "a positive number" if self.low == 0 else f"a number above {self.low:g}"
        left = "[" if self.closed in ("both", "low") else "("
        right = "]" if self.closed in ("both", "high") else ")"
        return f"a number in {left}{self.low:g}, {self.high:g}{right}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is one."""
        if isinstance(value, bool) or not isinstance(value, Real):
            return False
        try:
            number = float(value)
        except OverflowError:
            return False
        above = number >= self.low if self.closed in ("both", "low") else number > self.low
        below = number <= self.high if self.closed in ("both", "high") else number < self.high
        return math.isfinite(number) and above and below


SEED = Whole(0, 2**32 - 1)  # what numpy's and scikit-learn's generators take
POSITIVE = Number(0, closed="neither")
SHARE = Number(0, 1, closed="neither")


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def __init__(self, *words: str) -> None:
        object.__setattr__(self, "words", words)

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.words))}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is one."""
        return isinstance(value, str) and value in self.words


@dataclass(frozen=True)
class SequenceOf:
    """A sequence, no text, of what `item` allows: `length` of them, or at least one."""

    item: Constraint
    length: int | None = None

    def __str__(self) -> str:
        count = "" if self.length is None else f"{self.length} times "
        return f"a sequence of {count}{self.item}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is one."""
        if isinstance(value, np.ndarray) and value.ndim == 1:
            value = list(value)
        if isinstance(value, str) or not isinstance(value, Sequence):
            return False
        whole = len(value) == self.length if self.length is not None else len(value) > 0
        return whole and all(self.item.accepts(item) for item in value)


@dataclass(frozen=True)
class Instance:
    """An object of one of some classes."""

    kinds: tuple[type, ...]

    def __init__(self, *kinds: type) -> None:
        object.__setattr__(self, "kinds", kinds)

    def __str__(self) -> str:
        return " or ".join(kind.__name__ for kind in self.kinds)

    def accepts(self, value: object) -> bool:
        """Whether `value` is one."""
        return isinstance(value, self.kinds)


@dataclass(frozen=True)
class Flag:
    """True or False, numpy's too, as grids of parameters give them."""

    def __str__(self) -> str:
        return "True or False"

    def accepts(self, value: object) -> bool:
        """Whether `value` is one."""
        return isinstance(value, bool | np.bool_)


FLAG = Flag()
TEXT = Instance(str)
Constraint = Whole | Number | OneOf | SequenceOf | Instance | Flag
Allowed = Constraint | tuple[Constraint | None, ...]


def check_parameters(
    parameters: Mapping[str, object],
    constraints: Mapping[str, Allowed],
    error: type[SpdkitError] = ParameterError,
) -> None:
    """Refuse parameters that are not what they may be.

    Parameters
    ----------
    parameters : mapping of str to object
        All that `constraints` names.
    constraints : mapping of str to constraint
    error : type of SpdkitError
        What to raise.

    Raises
    ------
    ParameterError
        Naming the parameter, what it may be, and what it is.
    """
    for name, allowed in constraints.items():
        value = parameters[name]
        choices = allowed if isinstance(allowed, tuple) else (allowed,)
        if not any(value is None if one is None else one.accepts(value) for one in choices):
            shown = repr(value)
            if "\n" in shown:  # a frame or a matrix
                shown = f"a {type(value).__name__}"
            raise error(f"{name} must be {' or '.join(map(str, choices))}, got {shown}")
