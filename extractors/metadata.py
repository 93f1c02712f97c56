"""MetadataExtractor: what tables and tags know of a track, as numbers.

Conventions
-----------
A field is read from the first of its names that has a value. What has none is NaN, never 0: None,
NaN, blank text, an empty list, and words such as "nan" or "null". So are Spotify's -1 and -99 where
the field cannot have that value (a loudness of -1 dB is a loudness), and the year 0. Whatever else
cannot be read, no date (`spdkit.common.release_dates`) or no number ("10%", "100 BPM"), is missing,
with a remark, and no number an error where nothing else is known of a track. A number outside the
field's range is an error, not a guess.
Spotify's descriptors carry its name, so that they are never taken for what spdkit computes from the
sound.

References
----------
.. [1] Martín-Gutiérrez et al. (2020), A multimodal end-to-end deep learning architecture for
   music popularity prediction, IEEE Access 8, Table 1.
.. [2] Spotify Web API: "Get Track's Audio Features", "Get Artist", "Get Track".
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spdkit.common.errors import ParameterError
from spdkit.common.parameters import FLAG, Allowed, Instance, check_parameters
from spdkit.common.release_dates import (
    FIRST_YEAR,
    LAST_YEAR,
    RELEASE_FACTS,
    ReleaseDateError,
    is_missing,
    read_release_date,
)
from spdkit.extractors.base import ExtractionError, Extractor, FeatureSpec, Modality
from spdkit.tracks.track import Track

_SENTINELS = (-1.0, -99.0)
_LARGEST = float(np.finfo(np.float32).max)

# A list literal of text, as SpotGenTrack writes its markets: matched, never evaluated.
_ITEM = r"""(?:'[^'\\]*'|"[^"\\]*")"""
_LIST_LITERAL = re.compile(rf"[\[(]\s*(?:{_ITEM}\s*+(?:,\s*+{_ITEM}\s*+)*+(?:,\s*+)?)?[\])]")


class _UnreadableError(Exception):
    """A value that is no number; the message says why."""


class _OutOfRangeError(Exception):
    """A number that its field cannot be; the message says why."""


# Values


def _plain(value: object) -> object:
    """Python's own in place of numpy's."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _is_list(value: object) -> bool:
    return isinstance(value, Set | Sequence) and not isinstance(value, str | bytes | bytearray)


def _alone(value: object) -> object:
    """The value of a list of one, as tags have it; None of an empty one."""
    value = _plain(value)
    if not _is_list(value):
        return value
    items = list(value)  # type: ignore[call-overload]
    if len(items) > 1:
        raise _UnreadableError(f"holds {len(items)} values, not one")
    return items[0] if items else None


def _number(value: object) -> float:
    """A number or its text; NaN when there is none."""
    value = _alone(value)
    if is_missing(value):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, Real | str):
        raise _UnreadableError("is no number")
    if isinstance(value, str) and "_" in value:  # Python's own way to write 1_000
        raise _UnreadableError("is no number")
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except ValueError:
        raise _UnreadableError("is no number") from None


def _count(value: object) -> float:
    """A number, or how many texts a list or the literal of one holds: none in an empty list."""
    value = _plain(value)
    if _is_list(value):
        items = list(value)  # type: ignore[call-overload]
        if not all(isinstance(item, str) for item in items):
            raise _UnreadableError("is no list of texts")
        return float(len(items))
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith(("[", "(")):
        if not _LIST_LITERAL.fullmatch(text):
            raise _UnreadableError("is no list of texts")
        return float(len(re.findall(_ITEM, text)))
    return _number(value)


def _year(value: object) -> float:
    """The year of a date of any kind; NaN when there is none."""
    release = read_release_date(value)
    return math.nan if release is None else float(release.year)


# Fields


@dataclass(frozen=True, kw_only=True)
class _Field:
    """One fact about a track: its names in tables, how it is read, and its column."""

    name: str
    names: tuple[str, ...]
    column: str = ""  # where it is not the first of the names
    read: Callable[[object], float] = _number
    unit: str = "1"
    low: float = 0.0
    high: float = 1.0
    whole: bool = False
    description: str
    reference: str
    family: str

    @property
    def spec(self) -> FeatureSpec:
        """The column."""
        return FeatureSpec(
            *(self.column or self.names[0], self.unit, self.low, self.high),
            *(self.description, self.reference, self.family),
        )

    @property
    def expectation(self) -> str:
        """What its values are, in words."""
        kind = "whole numbers" if self.whole else "numbers"
        if math.isinf(self.high):
            return f"{kind} from {self.low:g}"
        return f"{kind} from {self.low:g} to {self.high:g}"

    def value(self, raw: object) -> float:
        """The number in `raw`; NaN when there is none."""
        number = self.read(raw)
        if self.low <= number <= min(self.high, _LARGEST):
            if self.whole and number != round(number):
                raise _OutOfRangeError("is not whole")
            return number
        if math.isnan(number) or number in _SENTINELS:
            return math.nan
        raise _OutOfRangeError("is out of range")


def _spotify(name: str, family: str, description: str, unit: str = "1", **rest: float) -> _Field:
    return _Field(
        name=name,
        names=(f"spotify_{name}", name),
        unit=unit,
        description=f"{description}, by Spotify",
        reference="HitMusicNet Table 1; Spotify's audio features",
        family=f"Spotify {family}",
        whole=name in ("key", "mode"),
        **rest,  # type: ignore[arg-type]
    )


def _artist(name: str, description: str, high: float) -> _Field:
    return _Field(
        name=name,
        names=(name,),
        high=high,
        description=description,
        reference="HitMusicNet III; Spotify's artist",
        family="artist",
    )


_FIELDS = (
    _artist("artist_followers", "Followers of the artist", math.inf),
    _artist("artist_popularity", "Popularity of the artist", 100.0),
    _Field(
        name="available_markets",
        names=("available_markets", "num_available_markets"),
        read=_count,
        high=math.inf,
        whole=True,
        description="Number of countries where the track is available",
        reference="HitMusicNet III; Spotify's track",
        family="markets",
    ),
    _Field(
        name="release_year",
        names=RELEASE_FACTS,
        column="release_year",
        read=_year,
        unit="year",
        low=float(FIRST_YEAR),
        high=float(LAST_YEAR),
        whole=True,
        description="Year of release",
        reference="ISO 8601",
        family="release",
    ),
    _spotify("acousticness", "sound", "Confidence that the track is acoustic"),
    _spotify("danceability", "mood", "How suitable the track is for dancing"),
    _spotify("duration_ms", "duration", "Duration of the track", "ms", high=math.inf),
    _spotify("energy", "intensity", "Intensity and activity"),
    _spotify("instrumentalness", "sound", "Confidence that there are no vocals"),
    _spotify("key", "key", "Pitch class of the tonic (C is 0)", high=11.0),
    _spotify("liveness", "sound", "Confidence that an audience is present"),
    # The limits leave room around what is found (-60 … 5) and keep -99 impossible.
    _spotify("loudness", "intensity", "Mean loudness of the track", "dB", low=-90.0, high=20.0),
    _spotify("mode", "key", "1 in a major key, 0 in a minor one"),
    _spotify("speechiness", "sound", "Presence of spoken words"),
    _spotify("tempo", "rhythm", "Tempo of the track", "BPM", high=1000.0),
    _spotify("valence", "mood", "Musical positiveness"),
)
_NAMES = tuple(field.name for field in _FIELDS)


@dataclass(kw_only=True, eq=False, repr=False)
class MetadataExtractor(Extractor):
    """Followers, popularity, markets, release year and Spotify's descriptors of a track.

    Reads `Track.metadata`: numbers, their text, dates, and lists of one value, as tables and tags
    have them. A track of which no field is known counts as absent, whatever else is known of it.

    Parameters
    ----------
    aliases : mapping of str to str, optional
        Names that your table has for our fields, such as ``{"followers": "artist_followers"}``.
        They go before the field's own names, in their order.
    log1p_followers : bool
        ``artist_followers_log1p``, the natural logarithm of 1 + followers, in place of followers.
    cyclic_key : bool
        ``spotify_key_sin`` and ``spotify_key_cos`` in place of the index, in which B lies far
        from C.

    Notes
    -----
    Fields and the names they are looked up by: ``artist_followers``; ``artist_popularity``;
    ``available_markets``, ``num_available_markets`` (a number, a list, or the literal of a list,
    which is counted); ``release_date``, ``release_year``, ``date``, ``year``; and, with or without
    ``spotify_`` before them, ``acousticness``, ``danceability``, ``duration_ms``, ``energy``,
    ``instrumentalness``, ``key``, ``liveness``, ``loudness``, ``mode``, ``speechiness``, ``tempo``
    and ``valence``. ``metadata_known`` in the store is how many have a value, and
    ``metadata_missing`` names the others; ``metadata_note`` has what could not be read. A tempo of
    0, by which Spotify means that it found none, is left as it is.

    Examples
    --------
    >>> from spdkit import Track
    >>> from spdkit.extractors.metadata import MetadataExtractor
    >>> extractor = MetadataExtractor(aliases={"followers": "artist_followers"})
    >>> extractor.extract(Track("a", metadata={"followers": "1200", "date": "2019-02"}))[[0, 3]]
    array([1200., 2019.], dtype=float32)
    """

    name: ClassVar[str] = "metadata"
    modality: ClassVar[Modality] = "metadata"
    version: ClassVar[str] = "2"
    allow_nan: ClassVar[bool] = True
    obs_fields: ClassVar[Mapping[str, type]] = {"known": float, "missing": str, "note": str}

    aliases: Mapping[str, str] | None = None
    log1p_followers: bool = False
    cyclic_key: bool = False

    _parameter_constraints: ClassVar[dict[str, Allowed]] = {
        "aliases": (Instance(Mapping), None),
        "log1p_followers": FLAG,
        "cyclic_key": FLAG,
    }

    @property
    def feature_specs(self) -> tuple[FeatureSpec, ...]:
        """The columns, in order: 16, or 17 with `cyclic_key`."""
        return tuple(spec for field in _FIELDS for spec in self._columns(field))

    def is_absent(self, track: Track) -> bool:
        """Whether none of the fields is known of `track`, and no number is there that is none.

        A date that cannot be read is nothing.
        """
        try:
            values, _ = self._values(track)
        except ExtractionError:
            return False
        return all(map(math.isnan, values.values()))

    def extract(self, track: Track) -> NDArray[np.float32]:
        """Turn the metadata of one track into one row; see `Extractor.extract`.

        Raises
        ------
        ExtractionError
            Naming the first number that is out of its field's range; or the first value that is no
            number or list, where nothing else is known.
        """
        return self.extract_with_obs(track)[0]

    def extract_with_obs(self, track: Track) -> tuple[NDArray[np.float32], dict[str, float | str]]:
        """Like `extract`, with how many fields are known, which are missing, and what is odd."""
        values, remarks = self._values(track)
        missing = [name for name, value in values.items() if math.isnan(value)]
        if len(missing) == len(values):
            return self.absent_row(), {}
        row = [number for name, value in values.items() for number in self._numbers(name, value)]
        obs: dict[str, float | str] = {
            "known": float(len(values) - len(missing)),
            "missing": ", ".join(missing),
            "note": "; ".join(remarks),
        }
        return np.array(row, dtype=np.float32), obs

    def _values(self, track: Track) -> tuple[dict[str, float], list[str]]:
        """Every field of a track, NaN where it is not known, and remarks on what cannot be read."""
        check_parameters(vars(self), self._parameter_constraints)
        aliases = dict(self.aliases or {})
        unknown = sorted(set(aliases.values()) - set(_NAMES))
        if unknown:
            names = ", ".join(_NAMES)
            raise ParameterError(f"aliases must lead to our fields ({names}), got {unknown}")
        values: dict[str, float] = {}
        dates: list[str] = []
        numbers: list[str] = []
        for field in _FIELDS:
            own = (theirs for theirs, ours in aliases.items() if ours == field.name)
            remarks = dates if field.read is _year else numbers
            values[field.name] = _first(field, [*own, *field.names], track, remarks)
        if numbers and all(map(math.isnan, values.values())):
            raise ExtractionError(track.track_id, numbers[0])
        return values, dates + numbers

    def _columns(self, field: _Field) -> list[FeatureSpec]:
        spec = field.spec
        if field.name == "key" and self.cyclic_key:
            return [
                replace(
                    spec,
                    name=f"{spec.name}_{function}",
                    low=-1.0,
                    high=1.0,
                    description=f"{function}(2π/12 · pitch class of the tonic), by Spotify",
                )
                for function in ("sin", "cos")
            ]
        if field.name == "artist_followers" and self.log1p_followers:
            about = "Natural logarithm of 1 + followers of the artist"
            return [replace(spec, name=f"{spec.name}_log1p", description=about)]
        return [spec]

    def _numbers(self, name: str, value: float) -> list[float]:
        if name == "key" and self.cyclic_key:
            angle = 2 * math.pi * value / 12
            return [math.sin(angle), math.cos(angle)]
        if name == "artist_followers" and self.log1p_followers:
            return [math.log1p(value)]
        return [value]


def _first(field: _Field, names: Sequence[str], track: Track, remarks: list[str]) -> float:
    """The value under the first of `names` that has one; what cannot be read becomes a remark."""
    for name in names:
        raw = track.metadata.get(name)
        try:
            value = field.value(raw)
        except ReleaseDateError as problem:
            remarks.append(f"{name} = {reprlib.repr(raw)} {problem}")
            continue
        except (_UnreadableError, _OutOfRangeError) as problem:
            reason = f"{name} = {reprlib.repr(raw)} {problem}; {field.name} takes "
            reason += field.expectation
            if isinstance(problem, _OutOfRangeError):
                raise ExtractionError(track.track_id, reason) from None
            remarks.append(reason)
            continue
        if not math.isnan(value):
            return value
    return math.nan
