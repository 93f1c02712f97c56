"""Reader: what the two readers of audio files have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Values (frames times channels) decoded at a time: 1 MiB. Blocks half as long cost measurably more.
BLOCK = 2**18


class NotDecodableError(Exception):
    """A reader cannot make sound of a file; the message says why, and another may be tried.

    `is_of_file` says whether that is a fact about the file, worth a remark when another reads it.
    """

    def __init__(self, reason: str, *, is_of_file: bool = False) -> None:
        super().__init__(reason)
        self.is_of_file = is_of_file


class UnsuitableSoundError(Exception):
    """There is sound, and no reader can make one window of it; the message says why."""


class Reader(Protocol):
    """An open audio file.

    Attributes
    ----------
    sr, channels : int
        As the file has them.
    n_frames : int
        The length of the sound; of a file that was cut off, the length that it states.
    n_held : int
        How much of that is there, as far as can be known before it is decoded.
    slack : int
        By how many frames the end may fall short of that without being an error.
    decoder : str
        Name of the library that decodes.
    remarks : list of str
        What a user should know about the file.
    """

    sr: int
    channels: int
    n_frames: int
    n_held: int
    slack: int
    decoder: str
    remarks: list[str]

    def blocks(self, start: int, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the frames from `start` in order, shape (n, channels), n > 0: `count` in all.

        They are fewer where the file ends early. A block holds about `BLOCK` values at most.
        """

    def close(self) -> None:
        """Let go of the file."""


def block_frames(channels: int) -> int:
    """How many frames make a block."""
    return max(1, BLOCK // channels)
