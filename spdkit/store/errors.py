"""Errors of stores: what is no store, is in use, or is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from spdkit.common.errors import SpdkitError
from spdkit.common.messages import listing

BLOCK_ROWS = 256  # that are whole or lost together


class StoreError(SpdkitError):
    """A file that is no feature store, is damaged, or cannot be written."""


class StoreInUseError(StoreError):
    """A store that another program holds open, or that cannot be locked."""


@dataclass(frozen=True)
class Damage:
    """What of a store is lost.

    Attributes
    ----------
    reason : str
        What is wrong.
    n_tracks : int or None
        Rows that the file has; None where that cannot be told, and nothing is left.
    lost_rows : tuple of int
        Positions of the rows of which a value is lost, from 0.
    lost : tuple of str
        Their ``track_id``, of those whose name is not lost, too.
    """

    reason: str
    n_tracks: int | None = None
    lost_rows: tuple[int, ...] = ()
    lost: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Undo `dataclasses.asdict`, after JSON has made lists of tuples."""
        lists = {key: tuple(content[key]) for key in ("lost_rows", "lost")}
        return cls(**{**content, **lists})

    @property
    def n_whole(self) -> int:
        """Rows that are left."""
        return 0 if self.n_tracks is None else self.n_tracks - len(self.lost_rows)

    def __str__(self) -> str:
        if self.n_tracks is None:
            return f"{self.reason}: every row is lost"
        if not self.lost_rows:
            return f"{self.reason}: its {self.n_tracks} rows are whole"
        if not self.n_whole:
            why = f", since rows are whole or lost {BLOCK_ROWS} at a time"
            few = self.n_tracks <= BLOCK_ROWS
            return f"{self.reason}: all {self.n_tracks} rows are lost{why if few else ''}"
        n_unnamed = len(self.lost_rows) - len(self.lost)
        names = listing(self.lost, quote=True)
        more = f"{n_unnamed} whose track_id is lost, too" if n_unnamed else ""
        named = " and ".join(filter(None, [names, more]))
        return f"{self.reason}: {len(self.lost_rows)} of {self.n_tracks} rows are lost: {named}"


class DamagedStoreError(StoreError):
    """A store of which bytes have changed since it was written; `damage` says what is lost."""

    def __init__(self, message: str, damage: Damage) -> None:
        super().__init__(message)
        self.damage = damage

    def __reduce__(self) -> tuple[type, tuple[str, Damage]]:
        return type(self), (str(self), self.damage)


class ViolationError(Exception):
    """A rule of the specification that a file breaks: the node, and the rule."""


class UnboundedError(Exception):
    """Texts that may be of any size: HDF5 does not tell before it reads them."""


class ForeignError(Exception):
    """A file of another program, or of a version that is not read."""


class UnreadableError(Exception):
    """What HDF5 itself cannot read."""
