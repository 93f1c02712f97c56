"""The public contract suite: every installed extractor keeps it, every breach is found."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from spdkit.extractors import (
    AudioExtractor,
    ExtractionError,
    Extractor,
    FeatureSpec,
    available,
    check_extractor,
)
from spdkit.extractors.decoding.window import read_clip


@pytest.mark.parametrize("name", sorted(set(available()) - {"audio"}) or [None])
def test_every_installed_extractor_keeps_the_contract(name):
    if name is not None:
        check_extractor(available()[name]())


@pytest.mark.parametrize("profile", ["paper", "spotgentrack"])
def test_the_audio_extractor_keeps_the_contract(profile):
    check_extractor(AudioExtractor(profile, duration=1.5))


class Level(Extractor):
    """Mean and peak of a sound: an extractor that keeps the contract."""

    name = "level"
    modality = "audio"
    version = "1"
    obs_fields: ClassVar = {"duration": float}

    def __init__(self, floor: float = 0.0) -> None:
        self.floor = floor

    @property
    def feature_specs(self):
        return (
            FeatureSpec("mean", "1", -1, 1, "Mean", "none"),
            FeatureSpec("peak", "1", 0, 1, "Peak", "none"),
        )

    def extract(self, track):
        return self.extract_with_obs(track)[0]

    def extract_with_obs(self, track):
        if self.is_absent(track):
            return self.absent_row(), {}
        clip = read_clip(track.audio)
        values = [clip.y.mean(), max(self.floor, np.abs(clip.y).max())]
        return np.array(values, dtype=np.float32), {"duration": clip.duration}


class Words(Level):
    """One of lyrics that keeps it too."""

    modality = "lyrics"

    def extract_with_obs(self, track):
        if self.is_absent(track):
            return self.absent_row(), {}
        return np.array([0, 1], dtype=np.float32), {}


class Genre(Level):
    """One of metadata, of a kind that the sample has none of."""

    modality = "metadata"

    def is_absent(self, track):
        return not isinstance(track.metadata.get("genre"), str)

    def extract_with_obs(self, track):
        if self.is_absent(track):
            return self.absent_row(), {}
        return np.array([0, 1], dtype=np.float32), {}


class Followers(Level):
    """One of metadata that the sample has."""

    modality = "metadata"
    feature_specs = (FeatureSpec("followers", "1", 0, np.inf, "Followers", "none"),)

    def extract_with_obs(self, track):
        if self.is_absent(track):
            return self.absent_row(), {}
        number = track.metadata["artist_followers"]
        if not isinstance(number, int) or not 0 <= number < 2**24:
            raise ExtractionError(track.track_id, f"{number!r} are no followers")
        return np.array([number], dtype=np.float32), {}


@pytest.mark.parametrize("cls", [Level, Words, Genre, Followers])
def test_a_sound_extractor_passes(cls):
    check_extractor(cls())


calls = iter(range(10**6))


def of_rows(change):
    """`extract_with_obs` with `change` done to the rows of tracks that are there."""

    def extract_with_obs(self, track):
        row, obs = Level.extract_with_obs(self, track)
        return (row if self.is_absent(track) else change(row)), obs

    return {"extract_with_obs": extract_with_obs}


def of_absence(change):
    def extract_with_obs(self, track):
        return change(self) if self.is_absent(track) else Level.extract_with_obs(self, track)

    return {"extract_with_obs": extract_with_obs}


def of_garbage(change):
    def extract_with_obs(self, track):
        try:
            return Level.extract_with_obs(self, track)
        except ExtractionError as error:
            return change(error)

    return {"extract_with_obs": extract_with_obs}


def specs(*rows):
    return {"feature_specs": property(lambda self: tuple(FeatureSpec(*r, "d", "r") for r in rows))}


def throw(error):
    raise error


def init_that_adds(self, floor=0.0):
    self.floor = floor + 0.5


BREACHES = {
    "too long": (
        of_rows(lambda row: np.append(row, row)),
        r"float32 of shape \(2,\), got .*\(4,\)",
    ),
    "too short": (of_rows(lambda row: row[:1]), r"float32 of shape \(2,\), got .*\(1,\)"),
    "two axes": (of_rows(lambda row: row[None]), r"of shape \(1, 2\)"),
    "double": (of_rows(lambda row: row.astype(float)), "got float64"),
    "a list": (of_rows(lambda row: row.tolist()), "got <class 'list'>"),
    "random": (
        of_rows(lambda row: row * np.float32(1 - 1e-6 * (next(calls) % 1000))),
        r"two calls of extract\(\) differ",
    ),
    "infinite": (of_rows(lambda row: row * np.float32(np.inf)), "NaN or infinity though allow_nan"),
    "nan": (of_rows(lambda row: row * np.float32(np.nan)), "NaN or infinity though allow_nan"),
    "out of range": (of_rows(lambda row: row + 5), r"'mean' is 5\.\d*, outside \[-1, 1\]"),
    "raises": (of_rows(lambda row: throw(KeyError("k"))), "check of its row raised KeyError"),
    "never absent": (
        {"is_absent": lambda self, track: False},
        "is_absent\\(\\) denies that a track without audio lacks it",
    ),
    "duplicates": (
        specs(("mean", "1", -1, 1), ("mean", "1", 0, 1)),
        r"feature names occur more than once: \['mean'\]",
    ),
    "no columns": (specs(), "feature_specs is empty"),
    "empty range": (
        specs(("mean", "1", 1, 1), ("peak", "1", 0, 1)),
        r"'mean' has the empty range \[1, 1\]",
    ),
    "other names": (
        {"get_feature_names_out": lambda self, _=None: np.array(["a", "b"], dtype=object)},
        r"get_feature_names_out\(\) differs",
    ),
    "no version": ({"version": ""}, "'version' must be a non-empty string, got ''"),
    "no name": ({"name": 3}, "'name' must be a non-empty string, got 3"),
    "smell": ({"modality": "smell"}, "modality 'smell' is not one of"),
    "odd obs": ({"obs_fields": {"duration": int}}, "obs_fields must be float or str"),
    "undeclared obs": ({"obs_fields": {}}, r"obs fields \['duration'\] are not declared"),
    "raises on absence": (
        of_absence(lambda self: throw(ExtractionError("absent", "no audio"))),
        "check of its absence raised ExtractionError: absent: no audio",
    ),
    "zeros on absence": (
        of_absence(lambda self: (np.zeros(2, np.float32), {})),
        r"without audio must give a row of NaN, got \[0\. 0\.\]",
    ),
    "short on absence": (
        of_absence(lambda self: (self.absent_row()[:1], {})),
        "without audio must give a row of NaN",
    ),
    "no error on garbage": (
        of_garbage(lambda error: (np.zeros(2, np.float32), {})),
        r"a text file named \.mp3 raised no ExtractionError",
    ),
    "unnamed garbage": (
        of_garbage(lambda error: throw(ExtractionError("some file", "is bad"))),
        "the error does not name the file: some file: is bad",
    ),
    "another error on garbage": (
        of_garbage(lambda error: throw(ValueError("bad file"))),
        "check of its garbage raised ValueError: bad file",
    ),
    "transform of one row": (
        {"transform": lambda self, X: self.extract(X[0])[None]},
        r"transform\(\) of 2 tracks has shape \(1, 2\), expected \(2, 2\)",
    ),
    "does not clone": ({"__init__": init_that_adds}, "check of its copies raised RuntimeError"),
    "does not pickle": ({"__reduce__": lambda self: throw(TypeError("no"))}, "raised TypeError"),
    "pickles to another": (
        {"__setstate__": lambda self, state: self.__dict__.update(floor=1.0)},
        "a copy by pickle gives other numbers",
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_found_and_said(breach):
    members, message = BREACHES[breach]
    broken = type("Broken", (Level,), {"__module__": __name__, **members})
    # Pickle looks classes up by name.
    globals()["Broken"] = broken
    with pytest.raises(AssertionError, match=rf"^Broken: .*{message}"):
        check_extractor(broken())


def test_nan_is_allowed_to_those_who_declare_it():
    members, _ = BREACHES["nan"]
    globals()["Holes"] = type(
        "Holes", (Level,), {"__module__": __name__, "allow_nan": True, **members}
    )
    check_extractor(globals()["Holes"]())


def test_infinity_is_allowed_to_nobody():
    members, _ = BREACHES["infinite"]
    globals()["Holes"] = type(
        "Holes", (Level,), {"__module__": __name__, "allow_nan": True, **members}
    )
    with pytest.raises(AssertionError, match=r"^Holes: extract\(\) returned infinity$"):
        check_extractor(globals()["Holes"]())


def of_odd(change, base, odd):
    """`extract_with_obs` of `base` with `change` in place of it for odd tracks."""

    def extract_with_obs(self, track):
        return change() if odd(track) else base.extract_with_obs(self, track)

    return {"extract_with_obs": extract_with_obs}


def is_a_flag(track):
    return track.metadata.get("artist_followers") is True


ODD = {
    "float of text": (Followers, is_a_flag, lambda: throw(ValueError("text")), "raised ValueError"),
    "infinite": (
        Followers,
        is_a_flag,
        lambda: (np.array([np.inf], np.float32), {}),
        "metadata of True must give a row without infinity",
    ),
    "unnamed": (
        Followers,
        is_a_flag,
        lambda: throw(ExtractionError("a song", "is bad")),
        "the error does not name the track: a song: is bad",
    ),
    "no words": (
        Words,
        lambda track: bool(track.lyrics) and not track.lyrics.strip(),
        lambda: (np.zeros(1, np.float32), {}),
        r"lyrics of ' \\n\\t\\n' must give a row",
    ),
}


@pytest.mark.parametrize("breach", ODD)
def test_odd_lyrics_and_metadata_make_a_row_or_a_named_error(breach):
    base, odd, change, message = ODD[breach]
    members = {"__module__": __name__, **of_odd(change, base, odd)}
    globals()["Odd"] = type("Odd", (base,), members)
    with pytest.raises(AssertionError, match=f"^Odd: .*{message}"):
        check_extractor(globals()["Odd"]())
