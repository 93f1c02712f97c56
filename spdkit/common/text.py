"""Text: names, cells and metadata as valid Unicode, whatever bytes they came from."""

from __future__ import annotations

import html
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Literal

from spdkit.common.messages import listing

_FLOAT = re.compile(r"\d+\.0+")
_LONG = 5000  # characters, which take some 40 ms at worst
_NUMBER = re.compile(r"&#[0-9]{8,};?")


def printable(name: str) -> str:
    r"""Return `name` as valid UTF-8 text: undecodable bytes of a file name become ``\xNN``."""
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate, which no file name can hold
        raw = name.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def composed(name: str) -> str:
    """Return `name` in NFC: macOS writes names of files decomposed, everything else composed."""
    return normalized("NFC", name)


def normalized(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """Return `text` in a Unicode form, as ``unicodedata.normalize`` does, in time that is linear.

    That sorts the marks behind a letter one by one, for hours where there are some 100,000.
    """
    if len(text) > _LONG and not text.isascii():
        text = "".join(_sorted_marks("NFKD" if "K" in form else "NFD", text))
    return unicodedata.normalize(form, text)


def _sorted_marks(form: Literal["NFD", "NFKD"], text: str) -> Iterator[str]:
    decomposed = chain.from_iterable(unicodedata.normalize(form, letter) for letter in text)
    for _, run in groupby(decomposed, lambda letter: unicodedata.combining(letter) > 0):
        yield from sorted(run, key=unicodedata.combining)  # of letters, all 0: as they are


def unescaped(text: str) -> str:
    """Return `text` without HTML's escapes; what is a number of no character becomes U+FFFD."""
    # Python refuses to read numbers of thousands of digits.
    return html.unescape(_NUMBER.sub("\ufffd", text))


def same_names(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    r"""For each of `names` that is among `others` in another Unicode form, how it is spelt there.

    What is spelt alike is itself, and what either side spells in several ways is left out.

    Examples
    --------
    >>> [len(name) for pair in same_names(["Cafe\u0301"], ["Caf\xe9"]).items() for name in pair]
    [5, 4]
    """
    own, spellings = set(names), set(others)
    absent = [name for name in own - spellings if not name.isascii()]
    if not absent:
        return {}
    by_form: dict[str, list[str]] = {}
    for name in (*spellings, *absent):
        by_form.setdefault(composed(name), []).append(name)
    pairs = ((name, [each for each in by_form[composed(name)] if each != name]) for name in absent)
    return {
        name: same[0]
        for name, same in pairs
        if len(same) == 1 and same[0] in spellings and same[0] not in own
    }


def whole_names(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """For each of `names` like "1.0" that is "1" among `others`, what it is there.

    pandas makes floats of whole ids of which some are missing. What either side has in both forms
    is left out.

    Examples
    --------
    >>> whole_names(["1.0", "2.0", "3.5"], ["1", "2", "2.0", "3"])
    {'1.0': '1'}
    """
    own, known = set(names), set(others)
    wholes = {name: name[: name.index(".")] for name in own - known if _FLOAT.fullmatch(name)}
    return {name: whole for name, whole in sorted(wholes.items()) if whole in known - own}


def whole_names_remark(wholes: Mapping[str, str]) -> str:
    """What there is to tell of `whole_names`."""
    pairs = [f"{name} for {whole!r}" for name, whole in wholes.items()]
    return (
        f"{len(wholes)} track_id have a decimal point, as pandas writes whole ones of which some "
        f"are missing, and are taken for tracks without: {listing(pairs)}"
    )


def storable(text: object) -> str:
    """Return text that HDF5 can hold: UTF-8 without NUL, what is neither written as an escape."""
    whole = str(text).replace("\0", "\\x00")
    return whole if whole.isascii() else whole.encode("utf-8", "backslashreplace").decode()


def metadata_json(metadata: Mapping[str, object]) -> str:
    """Write metadata as JSON with sorted keys; what JSON does not know becomes its text.

    No metadata at all is the empty text. What is no valid Unicode becomes an escape, as it will be
    in the store.
    """
    if not metadata:
        return ""
    text = json.dumps(dict(metadata), sort_keys=True, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()
