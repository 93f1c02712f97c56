"""LyricsExtractor: one track's words as the six stylometric numbers of a profile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spdkit.extractors.base import ExtractionError, Extractor, FeatureSpec, Modality
from spdkit.extractors.lyrics import columns, language, syllables
from spdkit.extractors.lyrics.cleaning import without_headers, without_page_text
from spdkit.extractors.lyrics.language import Language
from spdkit.extractors.lyrics.settings import LyricsParameters, LyricsSettings, resolve
from spdkit.extractors.lyrics.stylometry import NAMES, measure
from spdkit.extractors.lyrics.words import sentences
from spdkit.tracks.languages import identifier
from spdkit.tracks.sidecars import Lyrics, lyrics_of
from spdkit.tracks.timed_lyrics import require_length
from spdkit.tracks.track import Track


@dataclass(kw_only=True, eq=False, repr=False)
class LyricsExtractor(LyricsParameters, Extractor):
    r"""Stylometry of the HitMusicNet paper, or of the SpotGenTrack data set.

    What is not sung is taken out (`cleaning`), lines are cut into words (`words`), the language is
    found (`language`), and six numbers are computed (`stylometry`). Parameters that default to None
    take the profile's value, given as paper / spotgentrack.

    Parameters
    ----------
    profile : {"paper", "spotgentrack"}
        Definitions of the features; their names are the same.
    language : str or None
        ISO 639 code of all tracks, where it is known ("und" for no language); None detects it
        for each track.
    min_confidence : float
        Probability, as py3langid gives it, below which a track's language is "und".
    min_letters : int
        Letters in the distinct lines below which it is "und".
    words : {"words", "word_characters"} or None
        What a word is: a run of letters, marks, numbers and underscores with the apostrophes in
        it / a run of the standard library's ``\w``.
    lowercase : bool or None
        Whether words lose their case: True / False.
    count_stop_words : bool or None
        Whether words a sentence and syllables a word count stop words: True / False.
    syllables : {"spoken", "hyphenated"} or None
        By the CMU dictionary in English and by the script elsewhere (see `syllables`) / by the
        hyphens of pyphen, and by the script in languages that it does not know.
    similarity_threshold : float or None
        Cosine from which two sentences are alike: 0.75 / 0.40.
    smooth_idf : bool
        Whether TF-IDF counts one more sentence, that holds every word.
    wealth_coverage : float or None
        Share of the non-stop words that the head of the vocabulary covers: 0.85 / 0.80.
    wealth : {"share_of_words", "index_over_vocabulary"} or None
        Length of that head over the number of non-stop words / place, counted from 0, of its last
        word over the size of the vocabulary.
    decimals : int or None
        Places to which words a sentence, syllables a word and wealth are rounded: not at all / 2.

    Notes
    -----
    Without a language there are no stop words, and syllables go by the script; with one that has no
    list of stop words, or no hyphenation, the like. ``lyrics_language``, its ``lyrics_confidence``
    and ``lyrics_note`` in the store say so. A mean or share of nothing is NaN: lyrics without a
    word, or that say "Instrumental", have 0 sentences, 0 words and NaN otherwise, and a vocabulary
    of stop words alone has a wealth of NaN. Blank lyrics are absent, and so is what stands in their
    place: -99, "Lyrics not available". Of timed lyrics each sung line counts once, without
    translations.

    "spotgentrack" holds words in their own case against lower-case stop words, as the published
    code does: *The* is none. Its numbers are not those of the published table, by how much has not
    been measured: that code has nltk's stop words, langdetect and no cleaning, and compares
    sentences by lower-case words of two characters or more.

    References
    ----------
    .. [1] Martín-Gutiérrez et al. (2020), A multimodal end-to-end deep learning architecture for
       music popularity prediction, IEEE Access 8, section IV-A-2 and Algorithm 1.

    Examples
    --------
    >>> from spdkit import Track
    >>> from spdkit.extractors.lyrics import LyricsExtractor
    >>> song = Track("a song", lyrics="[Chorus]\nRow the boat\nrow the boat\nmy old friend")
    >>> LyricsExtractor(language="en").extract(song)[:3].tolist()
    [3.0, 3.0, 9.0]
    """

    name: ClassVar[str] = "lyrics"
    modality: ClassVar[Modality] = "lyrics"
    version: ClassVar[str] = "2"
    allow_nan: ClassVar[bool] = True
    obs_fields: ClassVar[Mapping[str, type]] = {"language": str, "confidence": float, "note": str}

    profile: str = field(default="paper", kw_only=False)
    words: str | None = None
    lowercase: bool | None = None
    count_stop_words: bool | None = None
    syllables: str | None = None
    similarity_threshold: float | None = None
    wealth_coverage: float | None = None
    wealth: str | None = None
    decimals: int | None = None

    @property
    def settings(self) -> LyricsSettings:
        """Every constant in force.

        Raises
        ------
        ParameterError
            Naming the parameter that is out of range, what it may be, and its value.
        """
        return resolve({each.name: getattr(self, each.name) for each in fields(self)})

    @property
    def effective_parameters(self) -> dict[str, Any]:
        """Every constant in force, the profile's own included."""
        return asdict(self.settings)

    @property
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The six columns, in order."""
        return columns.feature_specs(self.settings)

    def is_absent(self, track: Track) -> bool:
        """Whether `track` has no lyrics, blank ones, or a placeholder such as -99."""
        lyrics = _lyrics(track)
        return not (lyrics.words or lyrics.is_instrumental)

    def absent_obs(self, track: Track) -> dict[str, float | str]:
        """Why `track` has no lyrics, where that is known."""
        note = _lyrics(track).note
        return {"note": note} if note else {}

    def extract(self, track: Track) -> NDArray[np.float32]:
        """Turn the lyrics of one track into one row; see `Extractor.extract`."""
        return self.extract_with_obs(track)[0]

    def extract_with_obs(self, track: Track) -> tuple[NDArray[np.float32], dict[str, float | str]]:
        """Like `extract`, with the language, how sure it is, and what it could not do."""
        lyrics = _lyrics(track)
        if not (lyrics.words or lyrics.is_instrumental):
            return self.absent_row(), self.absent_obs(track)
        settings = self.settings
        text = without_headers(lyrics.words)
        detected = self._language(text, settings)
        lines = sentences(text, settings.words, settings.lowercase)
        stop_words = language.stop_words(detected.code)
        hyphens = settings.syllables == "hyphenated" and syllables.hyphenation(detected.code)
        count = hyphens or syllables.counter(detected.code)
        try:
            values = measure(lines, settings, stop_words=stop_words, syllables=count)
        except ValueError as error:
            raise ExtractionError(track.track_id, f"lyrics: {error}") from error
        remarks = columns.remarks(text, detected, values, bool(stop_words), bool(hyphens), settings)
        remarks += [lyrics.note] if lyrics.note else []
        row = np.array([values[name] for name in NAMES], dtype=np.float32)
        return row, {
            "language": detected.code,
            "confidence": detected.confidence,
            "note": "; ".join(remarks),
        }

    def warm_up(self) -> None:
        """Load py3langid's model and, where they are used, the English words."""
        settings = self.settings
        if settings.language is None:
            identifier()
        if settings.syllables == "spoken":
            syllables.load_english()

    def _language(self, text: str, settings: LyricsSettings) -> Language:
        if settings.language is None:
            lines = text.split("\n")
            return language.detect(lines, settings.min_confidence, settings.min_letters)
        return Language(settings.language, math.nan)


def _lyrics(track: Track) -> Lyrics:
    """Words of a track, which may come timed or be a placeholder, and what its scan noted."""
    try:
        title = str(track.metadata.get("title") or "")
        require_length(track.lyrics or "")
        lyrics = lyrics_of(without_page_text(track.lyrics or "", title))
    except ValueError as error:
        raise ExtractionError(track.track_id, f"lyrics: {error}") from error
    notes = dict.fromkeys(filter(None, (track.lyrics_note, lyrics.note)))
    return lyrics._replace(note="; ".join(notes))
