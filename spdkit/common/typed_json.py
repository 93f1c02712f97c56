"""Typed JSON: what a file of JSON holds, as the types that the fields of a dataclass declare."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from spdkit.common.messages import listing

_NAMES = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}


def as_declared(kind: Any, value: object, name: str) -> Any:
    """Return a value of JSON as one of a declared type.

    Parameters
    ----------
    kind : type
        `Any`, a dataclass, one of float (NaN and infinity are some), int, str and bool, None beside
        another, or a dict by text or a tuple of such.
    value : object
    name : str
        Of the value, for the message.

    Raises
    ------
    ValueError
        Naming the part that is of another type.

    Examples
    --------
    >>> as_declared(dict[str, tuple[float, ...]], {"a": [1, 2.5]}, "ends")
    {'a': (1.0, 2.5)}
    """
    if kind is Any:
        return value
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (other,) = (part for part in parts if part is not type(None))
        return None if value is None else as_declared(other, value, name)
    if is_dataclass(kind):
        return _of_class(kind, _required(dict, value, name, "an object"), name)
    if origin is dict:
        items = _required(dict, value, name, "an object").items()
        return {key: as_declared(parts[1], item, f"{name}.{key}") for key, item in items}
    if origin is tuple:
        return _as_tuple(parts, _required(list, value, name, "a list"), name)
    return _plain(kind, value, name)


def _of_class(kind: Any, facts: dict[str, Any], name: str) -> Any:
    kinds = get_type_hints(kind)
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    odd = sorted(facts.keys() - kinds.keys() | needed - facts.keys())
    if odd:
        raise ValueError(f"{name} lacks, or must not have, {listing(odd, quote=True)}")
    return kind(**{key: as_declared(kinds[key], facts[key], f"{name}.{key}") for key in facts})


def _as_tuple(parts: tuple[Any, ...], items: list[Any], name: str) -> tuple[Any, ...]:
    if parts[1:] == (...,):
        parts = parts[:1] * len(items)
    if len(items) != len(parts):
        raise ValueError(f"{name} must be {len(parts)} values, got {len(items)}")
    pairs = enumerate(zip(parts, items, strict=True))
    return tuple(as_declared(part, item, f"{name}[{i}]") for i, (part, item) in pairs)


def _plain(kind: Any, value: object, name: str) -> Any:
    if kind is not bool and isinstance(value, bool):
        raise _mismatch(value, name, _NAMES[kind])
    if kind is float and isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            raise _mismatch(value, name, _NAMES[kind]) from None
    return _required(kind, value, name, _NAMES[kind])


def _required(kind: type[Any], value: object, name: str, what: str) -> Any:
    if not isinstance(value, kind):
        raise _mismatch(value, name, what)
    return value


def _mismatch(value: object, name: str, what: str) -> ValueError:
    return ValueError(f"{name} must be {what}, got {listing([value], quote=True)}")
