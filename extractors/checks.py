"""Checks of an extractor: its contract, as one public function to call from any test suite."""

from __future__ import annotations

import pickle  # nosec B403 # see below
import reprlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.base import clone

from spdkit.extractors.base import MODALITIES, ExtractionError, Extractor
from spdkit.tracks.track import Track

Conditions = Iterator[tuple[bool, str]]  # what must hold, and what is wrong where it does not

_SAMPLE_LYRICS = "Walking down the river\nsinging to the moon\nwalking down the river\n"
_SAMPLE_METADATA = {"artist": "Nobody", "artist_followers": 1200, "release_year": 2019}
# What turns up in files and tables; an extractor makes a row of it or says that it cannot.
_ODD_LYRICS = (
    " \n\t\n",
    "...\n!?\n",
    "1 2 3",
    "\x00\x07",
    "\N{MULTIPLE MUSICAL NOTES}",
    "\u0301\n",
)
_ODD_VALUES: tuple[object, ...] = (
    *("", "no number", "[", -1, -99, 1e300, 10**400, float("nan"), True, [], {"a": [None]}),
)


def check_extractor(extractor: Extractor) -> None:
    """Check that an extractor keeps the contract of `spdkit.extractors.base`.

    Parameters
    ----------
    extractor : Extractor
        Any instance. It is given small tracks made here: 3 s of sound, four lines of text, a few
        facts, and what is none of these.

    Raises
    ------
    AssertionError
        At the first breach, saying which and with what values.
    """
    checks = [_check_declaration, _check_names, _check_row, _check_copies]
    checks += [_check_transform, _check_absence, _check_garbage]
    with tempfile.TemporaryDirectory() as folder:
        sample = _sample_track(Path(folder))
        for check in checks:
            try:
                for holds, breach in check(extractor, sample):
                    if not holds:
                        raise AssertionError(f"{type(extractor).__name__}: {breach}")
            except AssertionError:
                raise
            except Exception as error:
                what = check.__name__.removeprefix("_check_")
                raise AssertionError(
                    f"{type(extractor).__name__}: the check of its {what} raised "
                    f"{type(error).__name__}: {error}"
                ) from error


def _sample_track(folder: Path) -> Track:
    import soundfile

    sr = 44100
    time = np.arange(3 * sr) / sr
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.18, 329.63))
    noise = np.random.default_rng(0).standard_normal(time.size)
    path = folder / "sample.wav"
    soundfile.write(path, (0.2 * chord + 0.01 * noise).astype(np.float32), sr, subtype="FLOAT")
    return Track("sample", str(path), _SAMPLE_LYRICS, _SAMPLE_METADATA)


def _check_declaration(extractor: Extractor, sample: Track) -> Conditions:
    for attribute in ("name", "modality", "version"):
        value = getattr(extractor, attribute, None)
        yield (
            isinstance(value, str) and bool(value),
            f"class attribute {attribute!r} must be a non-empty string, got {value!r}",
        )
    yield (
        extractor.modality in MODALITIES,
        f"modality {extractor.modality!r} is not one of {MODALITIES}",
    )
    bad = {key: kind for key, kind in extractor.obs_fields.items() if kind not in (float, str)}
    yield not bad, f"obs_fields must be float or str, got {bad}"


def _check_names(extractor: Extractor, sample: Track) -> Conditions:
    names = [spec.name for spec in extractor.feature_specs]
    yield bool(names), "feature_specs is empty"
    repeated = sorted({name for name in names if names.count(name) > 1})
    yield not repeated, f"feature names occur more than once: {repeated}"
    yield (
        list(extractor.get_feature_names_out()) == names,
        "get_feature_names_out() differs from the names of feature_specs",
    )
    for spec in extractor.feature_specs:
        yield (
            spec.low < spec.high,
            f"feature {spec.name!r} has the empty range [{spec.low}, {spec.high}]",
        )


def _check_row(extractor: Extractor, sample: Track) -> Conditions:
    row, obs = extractor.extract_with_obs(sample)
    n_features = len(extractor.feature_specs)
    yield (
        isinstance(row, np.ndarray) and row.shape == (n_features,) and row.dtype == np.float32,
        (
            f"extract() must return float32 of shape ({n_features},), got "
            f"{getattr(row, 'dtype', type(row))} of shape {getattr(row, 'shape', None)}"
        ),
    )
    yield (
        set(obs) <= set(extractor.obs_fields),
        f"obs fields {sorted(set(obs) - set(extractor.obs_fields))} are not declared",
    )
    # Of a plugin's own kind of metadata the sample may have none.
    yield (
        extractor.allow_nan or extractor.is_absent(sample) or bool(np.isfinite(row).all()),
        "extract() returned NaN or infinity though allow_nan is False",
    )
    yield not np.isinf(row).any(), "extract() returned infinity"
    for spec, value in zip(extractor.feature_specs, row, strict=True):
        yield (
            bool(np.isnan(value)) or spec.low <= value <= spec.high,
            f"feature {spec.name!r} is {value}, outside [{spec.low}, {spec.high}]",
        )
    again = extractor.extract(sample)
    yield row.tobytes() == again.tobytes(), "two calls of extract() differ"


def _check_copies(extractor: Extractor, sample: Track) -> Conditions:
    row = extractor.extract(sample)
    pickled = pickle.loads(pickle.dumps(extractor))  # nosec B301 # what was pickled this moment
    copies = {"pickle": pickled, "clone": clone(extractor)}
    for how, copy in copies.items():
        yield (
            copy.extract(sample).tobytes() == row.tobytes(),
            f"a copy by {how} gives other numbers",
        )


def _check_transform(extractor: Extractor, sample: Track) -> Conditions:
    n_features = len(extractor.feature_specs)
    table = extractor.fit([sample]).transform([sample, sample])
    yield (
        table.shape == (2, n_features),
        f"transform() of 2 tracks has shape {table.shape}, expected (2, {n_features})",
    )
    frame = clone(extractor).set_output(transform="pandas").transform([sample])
    yield (
        list(frame.columns) == list(extractor.get_feature_names_out()),
        "set_output(transform='pandas') gives other column names",
    )


def _check_absence(extractor: Extractor, sample: Track) -> Conditions:
    yield (
        bool(extractor.is_absent(Track("absent"))),
        f"is_absent() denies that a track without {extractor.modality} lacks it",
    )
    row = extractor.extract(Track("absent"))
    yield (
        row.shape == (len(extractor.feature_specs),) and bool(np.isnan(row).all()),
        f"a track without {extractor.modality} must give a row of NaN, got {row}",
    )


def _check_garbage(extractor: Extractor, sample: Track) -> Conditions:
    if extractor.modality == "audio" and sample.audio is not None:
        yield from _check_garbage_sound(extractor, Path(sample.audio).with_name("garbage.mp3"))
    elif extractor.modality == "lyrics":
        for lyrics in _ODD_LYRICS:
            yield from _check_odd(extractor, Track("odd", lyrics=lyrics), lyrics)
    else:
        for value in _ODD_VALUES:
            metadata = dict.fromkeys(_SAMPLE_METADATA, value)
            yield from _check_odd(extractor, Track("odd", metadata=metadata), value)


def _check_garbage_sound(extractor: Extractor, path: Path) -> Conditions:
    path.write_text("this is no sound\n" * 100)
    try:
        extractor.extract(Track("garbage", audio=str(path)))
    except ExtractionError as error:
        yield path.name in str(error), f"the error does not name the file: {error}"
    else:
        yield False, "a text file named .mp3 raised no ExtractionError"


def _check_odd(extractor: Extractor, track: Track, odd: object) -> Conditions:
    try:
        row = extractor.extract(track)
    except ExtractionError as error:
        yield track.track_id in str(error), f"the error does not name the track: {error}"
        return
    yield (
        row.shape == (len(extractor.feature_specs),) and not np.isinf(row).any(),
        (
            f"{extractor.modality} of {reprlib.repr(odd)} must give a row without infinity or an "
            f"ExtractionError, got {row}"
        ),
    )
