"""Artist credits: which artists the cells of a column name, the first of each cell first.

Conventions
-----------
* A list (in Parquet, or as text: "['A', 'B']", '["A", "B"]') holds an artist an item; of a mapping
  these are the keys ({"id": "name"}), of Spotify's objects their ids.
* In text, ``;``, ``|`` and "feat." (with a name behind it) stand between artists. "Feat" is part of
  a name that stands without a guest, and of its like: Little Feat, Little Feat & Bonnie Raitt.
* A comma, "&", "and", "x", "with", "w/", "+", "vs" and "/" stand between artists, or in the name of
  one (Earth, Wind & Fire; Tyler, The Creator; AC/DC). Cells that begin with the same name are
  therefore of one artist, who is called by all that they have in common: "Tyler, The Creator" where
  every such cell goes on with "The Creator", and "Simon" where one is "Simon" and one "Simon &
  Garfunkel". So the artist whom a cell names first is never taken for two, at the price that two
  who begin alike can be taken for one.
* Signs of full width, such as the commas of Japanese, are as those of half width, and names in NFC.
  Of a column that has lists without quotes ("[A, B]"), the brackets go.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spdkit.common.release_dates import is_missing
from spdkit.common.text import composed

_QUOTED = r"""(?:'[^'\\]*'|"[^"\\]*")"""
# As Python and JSON write a list of texts, and as numpy does, which leaves the commas out.
_TEXTS = re.compile(rf"[\[(]\s*{_QUOTED}(?:\s*+(?:,\s*+)?{_QUOTED})*+\s*+(?:,\s*+)?[\])]")
_LISTS = re.compile(r"\s*(?:;|\||\0|\\\\)\s*")
_BARE_LIST = re.compile(r"\[([^][]*)\]|\(([^()]*)\)|\{([^{}]*)\}")
_MARK = r"\b(?:feat|ft|featuring)\b"
# "and" in small letters: "And One" is a guest.
_NO_GUEST = rf"(?:[&+×]|(?-i:and|x|with|vs\.?))\s|[(\[]?{_MARK}"
_GUEST = re.compile(
    rf"\s*[(\[]?{_MARK}(?:\.\s*|\s+(?!{_NO_GUEST}))|\s*[(\[](?:with\s|w/)\s*", re.IGNORECASE
)
_BAND = re.compile(rf"(\S.*?)\s{_MARK}(?=\s*(?:[,/;|]|$)|\s+(?:{_NO_GUEST}))", re.IGNORECASE)
_JOINT = re.compile(r"(\s*[,/]\s*|\s+(?:(?:&|\+|and|x|×|with|vs\.?)\s+|w/\s*))", re.IGNORECASE)
_HALF_WIDTH = str.maketrans(
    {
        **{
            "、": ", ",
            "､": ", ",
            "，": ", ",
            "；": ";",
            "｜": "|",
            "／": "/",
            "＆": " & ",
            "＋": " + ",
        },
        **{"×": " × ", "（": "(", "）": ")", "［": "[", "］": "]"},
    }
)


_SURE = 2**53  # whole numbers beyond are rounded
_LONGEST = 100_000  # characters of a text that may name several artists


@dataclass(frozen=True)
class _Cell:
    """The texts of a cell: the first, the other items of its list, and its guests."""

    first: str = ""
    others: tuple[str, ...] = ()
    guests: tuple[str, ...] = ()
    listed: bool = False  # whether `first` is sure to be one artist


def cell_text(cell: object) -> str:
    """A cell as text, stripped: a list as JSON, what is missing as nothing."""
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if isinstance(cell, list | tuple | set | frozenset | dict):
        items = cell if isinstance(cell, dict) else list(cell)
        return json.dumps(items, ensure_ascii=False, default=str)
    if not isinstance(cell, str) and is_missing(cell):
        return ""
    # pandas makes 123.0 of 123 where another cell is missing.
    number = float(cell) if isinstance(cell, float | np.floating) else math.nan
    if number.is_integer() and abs(number) < _SURE:
        return str(int(number))
    return str(cell).strip()


def read_credits(cells: Iterable[object]) -> list[tuple[str, ...]]:
    """Artists of each cell, in their order and each once; none of an empty cell.

    Parameters
    ----------
    cells : iterable
        All that are to be told apart: what a name is depends on the others.

    Examples
    --------
    >>> read_credits(["A; B", "A feat. C", "Earth, Wind & Fire", "A & D"])
    [('A', 'B'), ('A', 'C'), ('Earth, Wind & Fire',), ('A', 'D')]
    """
    texts = _unbracketed([_plain(cell) for cell in cells])
    bands = _bands(texts)
    read = [_cell(text, bands) for text in texts]
    names = _names({each.first for each in read if each.first})
    credits = []
    for each in read:
        sure = each.listed and each.first
        own = [each.first] if sure else _resolved(each.first, names)
        guests = [name for guest in each.guests for name in _resolved(guest, names)]
        credits.append(tuple(dict.fromkeys([*own, *each.others, *guests])))
    return credits


def names_several(cell: object) -> bool:
    """Whether a cell alone, without the others of its column, is sure to name several artists."""
    read = _cell(_plain(cell))
    return bool(read.others or read.guests)


def _plain(cell: object) -> str:
    text = composed(cell_text(cell)).translate(_HALF_WIDTH)
    return " ".join(text.split())  # long runs take patterns long


def _unbracketed(texts: list[str]) -> list[str]:
    """Texts without the brackets of lists without quotes, where one is sure to be such a list."""
    bare = {
        text: next(filter(None, match.groups()), "").strip()
        for text in set(texts)
        if (match := _BARE_LIST.fullmatch(text)) and _items(text) is None
    }
    lists = any("," in content for content in bare.values())
    return [bare.get(text, text) for text in texts] if lists else texts


def _bands(texts: Iterable[str]) -> tuple[str, ...]:
    """Names that end like the mark of a guest; of what begins them nobody is called."""
    distinct = set(texts)
    matches = [match for text in distinct if (match := _BAND.match(text))]
    return tuple({match[0] for match in matches if match[1] not in distinct})


def _cell(text: str, bands: tuple[str, ...] = ()) -> _Cell:
    if len(text) > _LONGEST:
        return _Cell(text, listed=True)
    items = _items(text)
    texts = [text] if items is None else items
    heads, guests = [], []
    for part in (part for each in texts for part in _LISTS.split(each) if part):
        head, *rest = _parted(part, bands)
        heads.append(head or part)
        guests += [guest.rstrip(")]") for guest in rest if head]
    first, *others = heads or [""]
    return _Cell(first, tuple(others), tuple(guests), listed=items is not None)


def _parted(text: str, bands: tuple[str, ...]) -> list[str]:
    """A text parted by marks of guests, but for those in names of bands."""
    parts, start = [], 0
    for mark in _GUEST.finditer(text):
        if not text.endswith(bands, 0, mark.start() + len(mark[0].rstrip())):
            parts.append(text[start : mark.start()])
            start = mark.end()
    return [*parts, text[start:]]


def _items(text: str) -> list[str] | None:
    """Items of a list in a text; None where it holds none."""
    if not (text.startswith(("[", "(", "{")) and text.endswith(("]", ")", "}"))):
        return None
    if _TEXTS.fullmatch(text):
        content: object = [quoted[1:-1] for quoted in re.findall(_QUOTED, text)]
    else:
        content = [] if is_missing(text[1:-1]) else _literal(text)
    if not isinstance(content, Mapping | Sequence | set) or isinstance(content, str):
        return None
    items = map(_item, content)
    return [item for item in items if item]


def _item(item: object) -> str:
    if isinstance(item, dict):
        item = item.get("id", item.get("name"))
    return cell_text(item)


def _literal(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None  # a name in brackets


def _names(texts: set[str]) -> dict[str, str]:
    """First part of a name -> what all names that begin with it have in common."""
    common: dict[str, list[str]] = {}
    for text in sorted(texts):
        parts = _JOINT.split(text)
        shared = common.setdefault(parts[0], parts)
        # Parts stand at even places, and what joins them between.
        alike = [a == b for a, b in zip(shared[::2], parts[::2], strict=False)]
        length = alike.index(False) if False in alike else len(alike)
        common[parts[0]] = shared[: 2 * length - 1]
    return {first: "".join(parts) for first, parts in common.items()}


def _resolved(text: str, names: Mapping[str, str]) -> list[str]:
    """Artists in a text, known names whole."""
    artists, parts = [], _JOINT.split(text)
    start = 0
    while start < len(parts):
        name = names.get(parts[start], parts[start])
        own = _JOINT.split(name)
        # A guest may be called by less than all that those have who begin like it.
        length = len(own) if own[::2] == parts[start : start + len(own) : 2] else 1
        artists.append(name if length == len(own) else parts[start])
        start += length + 1
    return [name for name in artists if name]
