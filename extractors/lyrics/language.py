"""Language of lyrics, and its stop words.

Conventions
-----------
Languages go by ISO 639 codes; what cannot be told is "und" (undetermined). py3langid decides, on
each distinct line once and in sorted order, so that neither the order of lines nor a chorus that
comes ten times has a say. It reads all of them: a sample is quicker, and of lyrics in two languages
it often tells another one. Stop words come with the package stopwordsiso, which has 57 languages;
nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import islice

from spdkit.extractors.lyrics.cleaning import visible
from spdkit.tracks.languages import identifier

UNDETERMINED = "und"
_NO_LANGUAGE = "zxx"  # py3langid's own code for text that is in none

# Languages that py3langid tells apart, and word lists do not.
_LISTED_AS = {"arz": "ar", "ary": "ar", "nn": "no", "wuu": "zh", "yue": "zh"}


@dataclass(frozen=True)
class Language:
    """What language a text is in.

    Attributes
    ----------
    code : str
        ISO 639 code, or "und".
    confidence : float
        Probability that py3langid gives its first choice, in [0, 1]; NaN when it was not asked.
    remark : str
        Why the language is undetermined; empty when it is not.
    """

    code: str
    confidence: float
    remark: str = ""


def detect(lines: Iterable[str], min_confidence: float, min_letters: int) -> Language:
    """Tell the language of some lines.

    Parameters
    ----------
    lines : iterable of str
        Order and repetition do not matter.
    min_confidence : float
        Probability of the first choice below which the language is "und".
    min_letters : int
        Letters in the distinct lines below which the language is "und", and not looked for.

    Returns
    -------
    Language
    """
    sample = "\n".join(sorted(set(lines)))
    letters = sum(1 for _ in islice(filter(str.isalpha, sample), min_letters))
    if letters < min_letters:
        return Language(UNDETERMINED, float("nan"), f"{letters} letters, fewer than {min_letters}")
    code, confidence = identifier().classify(sample)
    if code == _NO_LANGUAGE:
        return Language(UNDETERMINED, confidence, "no language at all by py3langid")
    if confidence < min_confidence:
        reason = f"{code!r} at a confidence of {confidence:.2f}, below {min_confidence:g}"
        return Language(UNDETERMINED, confidence, reason)
    return Language(code, confidence)


@cache
def stop_words(code: str) -> frozenset[str]:
    """Return the stop words of a language, lower-case; none for one that has no list."""
    import stopwordsiso

    listed = stopwordsiso.stopwords(_LISTED_AS.get(code, code))
    return frozenset(visible(word).lower().replace("\u2019", "'") for word in listed)
