"""Text: names, cells and metadata as valid Unicode, whatever bytes they came from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping


def printable(name: str) -> str:
    r"""Return `name` as valid UTF-8 text: undecodable bytes of a file name become ``\xNN``."""
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate, which no file name can hold
        raw = name.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def storable(text: object) -> str:
    """Return text that HDF5 can hold: UTF-8 without NUL, what is neither written as an escape."""
    return str(text).replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def metadata_json(metadata: Mapping[str, object]) -> str:
    """Write metadata as JSON with sorted keys; what JSON does not know becomes its text.

    No metadata at all is the empty text. What is no valid Unicode becomes an escape, as it will be
    in the store.
    """
    if not metadata:
        return ""
    text = json.dumps(dict(metadata), sort_keys=True, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()
