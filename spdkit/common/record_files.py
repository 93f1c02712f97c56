"""Record files: what was written beside a model, read back or refused by the file's name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, get_type_hints

from spdkit.common.typed_json import as_declared


class RecordError(ValueError):
    """A file of a record that is not as written."""


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Whatever fails as a file is read is a `RecordError` that names it."""
    try:
        yield
    except ValueError as error:
        raise RecordError(f"{name}: {error}") from error
    except Exception as error:  # of any kind: the file may hold anything
        raise RecordError(f"{name}: {error!r}") from error


def declared_facts(record: type[Any], content: Any, apart: Collection[str]) -> dict[str, Any]:
    """Content of JSON as the fields that a record declares, but for those of other files.

    Raises
    ------
    ValueError
        When it holds other facts, or one of another type.
    """
    kinds = {name: kind for name, kind in get_type_hints(record).items() if name not in apart}
    if not isinstance(content, dict) or content.keys() != kinds.keys():
        raise ValueError("it holds other facts than a record has")
    return {name: as_declared(kind, content[name], name) for name, kind in kinds.items()}
