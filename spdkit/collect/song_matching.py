"""Song matching: whether two songs are the same, titles and artists compared, not trusted.

A search always finds something. The score of a hit is the smaller of two similarities, each 0 to 1:
of the titles, without what catalogues add to them ("feat. …", "- Remastered 2011"), and of the
artists, where one name of several is enough. So a cover, which has the right title alone, scores
low.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from spdkit.common.text import normalized

_FEATURING = r"(?:feat|ft|featuring|with)\b\.?"
_VERSION = (
    r"(?:\d{4}\s+)?(?:re-?master(?:ed)?|mono|stereo|live|acoustic|demo|explicit|clean|bonus track"
    r"|radio edit|edit|(?:single|album|original|extended|radio|full|short)\s+(?:version|mix|edit)"
    r"|version|from|soundtrack)\b"
)
_BRACKETED = re.compile(rf"\s*[(\[]\s*(?:{_FEATURING}|{_VERSION})[^)\]]*[)\]]", re.IGNORECASE)
_AFTER_DASH = re.compile(rf"\s+[-–—]\s+(?:{_FEATURING}|{_VERSION}).*$", re.IGNORECASE)
_GUESTS = re.compile(r"\s+(?:feat|ft|featuring)\b\.?\s.*$", re.IGNORECASE)
_NOT_WORDS = re.compile(r"[\W_]+")


def plain_title(title: str) -> str:
    """Return a title without guests and versions: what to search for.

    >>> plain_title("Blue Hour (feat. Nobody) - Remastered 2011")
    'Blue Hour'
    """
    stripped = title.strip()
    for pattern in (_AFTER_DASH, _BRACKETED, _GUESTS):
        # A song may be called nothing but "(Live)".
        stripped = pattern.sub("", stripped).strip() or stripped
    return stripped


def normalised(text: str) -> str:
    """Return `text` for comparison: case, accents, punctuation and "&" made alike.

    Text of nothing but punctuation keeps it.
    """
    folded = normalized("NFKD", text).casefold()
    folded = "".join(c for c in folded if not unicodedata.combining(c)).replace("&", " and ")
    words = _NOT_WORDS.sub(" ", folded.replace("'", "").replace("’", "")).strip()
    return normalized("NFKC", words or folded.strip())


def match_score(title: str, artist: str, hit_title: str, hit_artists: Iterable[str]) -> float:
    """Return how well a hit matches, 0 to 1.

    Parameters
    ----------
    title, artist : str
        What is sought; an empty artist is not compared.
    hit_title : str
    hit_artists : iterable of str
        The hit's artist, in each way that the service writes it.
    """
    from rapidfuzz import fuzz

    of_title = max(
        fuzz.ratio(normalised(plain_title(title)), normalised(plain_title(hit_title))),
        fuzz.ratio(normalised(title), normalised(hit_title)),
    )
    if not artist.strip():
        return of_title / 100
    name = normalised(artist)
    of_artist = max((fuzz.token_set_ratio(name, normalised(n)) for n in hit_artists), default=0.0)
    return min(of_title, of_artist) / 100
