"""Forms: the two kinds of file that stores are, what they are called and which command writes them.

`docs/FORMAT.md` is the specification of both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Form:
    """A kind of file.

    Attributes
    ----------
    encoding_type, encoding_version : str
        What its root says.
    name : str
        What it is called in messages.
    command : str
        What writes it.
    without_checksums : tuple of str
        Earlier versions that had none.
    """

    encoding_type: str
    encoding_version: str
    name: str
    command: str
    without_checksums: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Form({self.encoding_type!r})"

    @property
    def write_again(self) -> str:
        """What to do about a file that is none of them, and should be."""
        return f"Write it again with `{self.command} --overwrite`, or restore it from a copy"


FEATURES = Form("spdkit-feature-store", "1.2", "feature file", "spdkit extract", ("1.0", "1.1"))
CLIPS = Form("spdkit-clip-store", "1.0", "clip store", "spdkit plays clips")
FORMS = (FEATURES, CLIPS)
