"""What the two readers of audio files have in common."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class NotDecodableError(Exception):
    """A reader cannot make sound of a file; the message says why, and another may be tried."""


class Reader(Protocol):
    """An open audio file.

    Attributes
    ----------
    sr, channels : int
        As the file has them.
    n_frames : int
        The length that the file states.
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
    slack: int
    decoder: str
    remarks: list[str]

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Frames from `start`, shape (at most `count`, channels)."""

    def close(self) -> None:
        """Let go of the file."""
