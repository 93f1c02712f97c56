"""Every parameter: refused when it makes no sense, and changing what it names when it does."""

from __future__ import annotations

import inspect
import pickle
import re

import librosa
import numpy as np
import pytest
from signals import SR, chords, frames_of, row_of, write
from sklearn.base import clone

from spdkit.common.errors import ParameterError
from spdkit.extractors import AudioExtractor, DescriptorExtractor, LyricsExtractor
from spdkit.extractors.audio.statistics import STATISTICS, summarise
from spdkit.extractors.metadata import MetadataExtractor

SOUND = chords()[SR // 2 : 3 * SR // 2] + 0.01 * np.random.default_rng(5).standard_normal(SR)
FAMILIES = {
    "mfcc",
    "mel",
    "chroma",
    "tonnetz",
    "contrast",
    "centroid",
    "bandwidth",
    "zcr",
    "rolloff_low",
    "rolloff_high",
    "rms",
}

BAD = [
    ("profile", "librosa"),
    ("engine", "essentia"),
    ("n_fft", 2047),
    ("window", "blackman"),
    ("mel_window", "blackman"),
    ("duration", 0),
    ("duration", -1.0),
    ("duration", 0.5),
    ("duration", float("nan")),
    ("offset", "tail"),
    ("offset", -1.0),
    ("offset", float("nan")),
    ("offset", None),
    ("min_duration", 0.01),
    ("min_duration", 0),
    ("sr", 0),
    ("n_fft", 0),
    ("hop_length", 0),
    ("hop_length", 4096),
    ("window", "no window"),
    ("n_mfcc", 0),
    ("n_mfcc", 129),
    ("mfcc_n_mels", 0),
    ("n_mels", 0),
    ("mel_fmin", -1.0),
    ("mel_fmin", 30000.0),
    ("mel_fmin", 22050.0),  # where the bands end
    ("mel_window", "no window"),
    ("n_chroma", 0),
    ("chroma_fmin", 0.0),
    ("n_octaves", 0),
    ("n_octaves", 10),
    ("bins_per_octave", 30),
    ("bins_per_octave", 0),
    ("tonnetz_of", "percussive"),
    ("hpss_kernel_size", 0),
    ("hpss_power", 0.0),
    ("hpss_margin", 0.5),
    ("contrast_fmin", 0.0),
    ("contrast_n_bands", 0),
    ("contrast_n_bands", 8),
    ("contrast_quantile", 0.0),
    ("contrast_quantile", 1.0),
    ("bandwidth_p", 0.0),
    ("roll_percents", (0.0, 0.85)),
    ("roll_percents", (0.1, 1.0)),
    ("roll_percents", (0.1,)),
    ("centroid_of", "last_frame"),
    ("statistics", ()),
    ("statistics", ("mean", "mode")),
    ("statistics", ("mean", "mean")),
    ("statistics", "mean"),
    ("statistics", [["mean"]]),
    ("sr", 44100.5),
    ("n_mels", True),
    ("window", 5),
    ("mel_fmax", 0.0),
    ("tuning", float("nan")),
    ("bandwidth_norm", 1),
    ("extra", "yes"),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda part: str(part))
def test_a_bad_parameter_is_refused_by_name_and_value(name, value):
    extractor = AudioExtractor(**{name: value})  # scikit-learn: __init__ only stores
    pattern = rf"^{name} .* got {re.escape(repr(value))}$"
    if isinstance(value, list):
        pattern = rf"^{name} .* got {re.escape(repr(tuple(value)))}$"
    with pytest.raises(ParameterError, match=pattern):
        _ = extractor.feature_specs


@pytest.mark.parametrize("name", ["window", "mel_window"])
def test_librosas_engine_takes_scipys_windows_and_no_others(name):
    for window in ("blackman", "hann"):
        assert AudioExtractor(engine="librosa", **{name: window}).feature_specs
    with pytest.raises(ParameterError, match=rf"^{name} must be a window of scipy.*'no window'$"):
        _ = AudioExtractor(engine="librosa", **{name: "no window"}).feature_specs


def test_every_parameter_has_a_bad_value():
    assert {name for name, _ in BAD} == set(AudioExtractor().get_params())


@pytest.mark.parametrize(
    "kind", [AudioExtractor, LyricsExtractor, DescriptorExtractor, MetadataExtractor]
)
def test_a_constructor_takes_keywords_and_the_profile_by_place(kind):
    parameters = list(inspect.signature(kind).parameters.values())
    places = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    assert places == (["profile"] if "profile" in kind().get_params() else [])
    assert {each.name for each in parameters} == set(kind().get_params())
    for name in kind().get_params():
        assert re.search(rf"^    .*\b{name}\b.* :", kind.__doc__, re.MULTILINE), name


# What a parameter changes, and what it leaves bit for bit as it was.
EFFECTS = [
    ("window", "boxcar", {"mfcc", "contrast", "centroid", "bandwidth", "chroma", "tonnetz"}),
    ("n_mfcc", 13, {"mfcc"}),
    ("mfcc_n_mels", 64, {"mfcc"}),
    ("n_mels", 64, {"mel"}),
    ("mel_fmin", 200.0, {"mel"}),
    ("mel_fmax", 8000.0, {"mel"}),
    ("mel_window", "hann", {"mel"}),
    ("chroma_fmin", 65.406, {"chroma", "tonnetz"}),
    ("n_octaves", 6, {"chroma", "tonnetz"}),
    ("bins_per_octave", 24, {"chroma", "tonnetz"}),
    ("tuning", 1.0, {"chroma", "tonnetz"}),
    ("tonnetz_of", "signal", {"tonnetz"}),
    ("hpss_kernel_size", 11, {"tonnetz"}),
    ("hpss_power", 1.0, {"tonnetz"}),
    ("hpss_margin", 3.0, {"tonnetz"}),
    ("contrast_fmin", 150.0, {"contrast"}),
    ("contrast_n_bands", 5, {"contrast"}),
    ("contrast_quantile", 0.1, {"contrast"}),
    ("bandwidth_p", 3.0, {"bandwidth"}),
    ("bandwidth_norm", False, {"bandwidth"}),
    ("roll_percents", (0.2, 0.85), {"rolloff_low"}),
    ("roll_percents", (0.1, 0.95), {"rolloff_high"}),
    ("hop_length", 256, FAMILIES),
    ("n_fft", 1024, FAMILIES - {"chroma"}),
    ("sr", 22050, FAMILIES),
    ("offset", 0.25, FAMILIES),
    ("duration", 1.5, FAMILIES),
]


@pytest.fixture(scope="module")
def track(tmp_path_factory):
    return write(tmp_path_factory.mktemp("settings") / "y.wav", np.tile(SOUND, 2)[: int(1.6 * SR)])


@pytest.fixture(scope="module")
def before(track):
    return AudioExtractor(duration=1.0).frames(track)


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    EFFECTS,
    ids=lambda part: "" if isinstance(part, set) else str(part),
)
def test_a_parameter_changes_what_it_names_and_nothing_else(name, value, changed, track, before):
    after = AudioExtractor(**{"duration": 1.0, name: value}).frames(track)
    assert set(after) == FAMILIES
    differ = {key for key in after if not np.array_equal(after[key], before[key])}
    # Tuning and roll-off are read off the spectrum in steps: they may change with it, or not.
    free = {"chroma", "rolloff_low", "rolloff_high"} if name in ("window", "n_fft") else set()
    assert changed <= differ <= changed | free


@pytest.mark.parametrize(
    ("parameters", "key", "reference"),
    [
        ({"n_mfcc": 13}, "mfcc", lambda y: librosa.feature.mfcc(y=y, sr=SR, n_mfcc=13)),
        (
            {"mfcc_n_mels": 64},
            "mfcc",
            lambda y: librosa.feature.mfcc(y=y, sr=SR, n_mfcc=40, n_mels=64),
        ),
        (
            {"n_mels": 64, "mel_fmin": 30.0, "mel_fmax": 8000.0, "mel_window": "hann"},
            "mel",
            lambda y: librosa.feature.melspectrogram(y=y, sr=SR, n_mels=64, fmin=30, fmax=8000),
        ),
        (
            {"contrast_fmin": 150.0, "contrast_n_bands": 5, "contrast_quantile": 0.1},
            "contrast",
            lambda y: librosa.feature.spectral_contrast(
                y=y, sr=SR, fmin=150, n_bands=5, quantile=0.1
            ),
        ),
        (
            {"bandwidth_p": 3.0, "bandwidth_norm": False},
            "bandwidth",
            lambda y: librosa.feature.spectral_bandwidth(y=y, sr=SR, p=3, norm=False),
        ),
        (
            {"roll_percents": (0.2, 0.95)},
            "rolloff_high",
            lambda y: librosa.feature.spectral_rolloff(y=y, sr=SR, roll_percent=0.95),
        ),
        (
            {"n_fft": 1024, "hop_length": 256},
            "zcr",
            lambda y: librosa.feature.zero_crossing_rate(y, frame_length=1024, hop_length=256),
        ),
        (
            {"n_fft": 1024, "hop_length": 256, "window": "hamming"},
            "centroid",
            lambda y: librosa.feature.spectral_centroid(
                y=y, sr=SR, n_fft=1024, hop_length=256, window="hamming"
            ),
        ),
        (
            {"n_octaves": 5, "bins_per_octave": 24, "chroma_fmin": 65.406, "tuning": 0.2},
            "chroma",
            lambda y: librosa.feature.chroma_cqt(
                y=y, sr=SR, n_octaves=5, bins_per_octave=24, fmin=65.406, tuning=0.2
            ),
        ),
        (
            {"hpss_kernel_size": 11, "hpss_power": 1.0, "hpss_margin": 3.0},
            "tonnetz",
            lambda y: librosa.feature.tonnetz(
                y=librosa.effects.harmonic(y, kernel_size=11, power=1.0, margin=3.0), sr=SR
            ),
        ),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")
def test_other_values_mean_what_they_mean_to_librosa(parameters, key, reference):
    y = SOUND.astype(np.float32)
    found = frames_of(y, AudioExtractor(**parameters))[key]
    np.testing.assert_allclose(found, reference(y), rtol=1e-5, atol=1e-3 if key != "mel" else 0)


@pytest.mark.parametrize("names", [("median",), ("max", "mean", "min"), tuple(STATISTICS)])
def test_statistics_choose_the_columns(names):
    extractor = AudioExtractor(statistics=names, tonnetz_of="signal")
    columns = list(extractor.get_feature_names_out())
    assert len(columns) == 195 * len(names)
    assert columns[:40] == [f"mfcc_{n}_{names[0]}" for n in range(1, 41)]
    row = row_of(SOUND, extractor)
    frames = frames_of(SOUND, extractor)
    for name in names:
        at = columns.index(f"mel_5_{name}")
        expected = summarise(frames["mel"][4:5], [name])[0]
        assert row[at] == pytest.approx(expected, rel=1e-5)


def test_extra_adds_columns_at_the_end():
    paper, more = AudioExtractor(), AudioExtractor(extra=True)
    names = list(more.get_feature_names_out())
    assert names[:390] == list(paper.get_feature_names_out())
    assert names[390:] == [
        f"{feature}_{moment}"
        for feature in ("spectral_rolloff_10", "spectral_rolloff_85", "rms")
        for moment in ("mean", "std")
    ]
    np.testing.assert_array_equal(row_of(SOUND, more)[:390], row_of(SOUND, paper))
    published = list(AudioExtractor("spotgentrack").get_feature_names_out())
    assert list(AudioExtractor("spotgentrack", extra=True).get_feature_names_out()) == [
        *published,
        "rms",
    ]


def test_the_paper_profile_has_390_columns():
    dims = {"mfcc": 40, "mel": 127, "chroma": 12, "tonnetz": 6, "spectral_contrast": 7}
    dims |= {"spectral_centroid": 1, "spectral_bandwidth": 1, "zero_crossing_rate": 1}
    names = [
        f"{feature}{'' if count == 1 else f'_{number}'}_{moment}"
        for feature, count in dims.items()
        for moment in ("mean", "std")
        for number in range(1, count + 1)
    ]
    assert len(names) == 390
    assert list(AudioExtractor().get_feature_names_out()) == names


def test_the_spotgentrack_profile_has_the_published_columns():
    # shared/data/README.md: low_level_audio_features.csv, less the index and track_id.
    names = [f"Chroma_{n}" for n in range(1, 13)] + [f"MEL_{n}" for n in range(1, 129)]
    names += [f"MFCC_{n}" for n in range(1, 49)] + [f"Spectral_contrast_{n}" for n in range(1, 8)]
    names += [f"Tonnetz_{n}" for n in range(1, 7)]
    names += ["ZCR", "entropy_energy", "spectral_bandwith", "spectral_centroid"]
    names += ["spectral_rollOff_max", "spectral_rollOff_min"]
    assert len(names) == 207
    assert list(AudioExtractor("spotgentrack").get_feature_names_out()) == names


@pytest.mark.parametrize(
    ("sr", "fmax", "high"), [(44100, None, 22050), (22050, 22500.0, 11025), (44100, 9000.0, 9000)]
)
def test_mel_bands_end_at_nyquist_at_most(sr, fmax, high):
    extractor = AudioExtractor(sr=sr, mel_fmax=fmax)
    assert extractor.settings.mel_high == high
    spec = next(spec for spec in extractor.feature_specs if spec.name == "mel_127_mean")
    assert f"50 Hz to {high} Hz, hamming window" in spec.description


@pytest.mark.parametrize("profile", ["paper", "spotgentrack"])
def test_specs_say_what_each_column_is(profile):
    for spec in AudioExtractor(profile, extra=True).feature_specs:
        assert spec.unit and spec.description and spec.reference, spec
        assert spec.low < spec.high
    specs = {spec.name: spec for spec in AudioExtractor(statistics=("mean", "var")).feature_specs}
    assert specs["spectral_centroid_var"].unit == "Hz²"
    assert (specs["spectral_centroid_mean"].low, specs["spectral_centroid_mean"].high) == (0, 22050)


def test_effective_parameters_are_complete_and_plain():
    extractor = AudioExtractor("spotgentrack", n_mfcc=20)
    settings = extractor.effective_parameters
    assert set(settings) == set(extractor.get_params())
    assert (settings["n_mfcc"], settings["n_mels"], settings["tonnetz_of"]) == (20, 128, "signal")
    same = AudioExtractor("spotgentrack", n_mfcc=20, n_mels=128)
    assert same.effective_parameters == settings


def test_copies_keep_their_parameters():
    extractor = AudioExtractor(n_mels=64, statistics=["median"], extra=True)
    for copy in (clone(extractor), pickle.loads(pickle.dumps(extractor))):
        assert copy.get_params() == extractor.get_params()
        assert list(copy.get_feature_names_out()) == list(extractor.get_feature_names_out())
    extractor.set_params(n_mels=32)
    assert sum(name.startswith("mel_") for name in extractor.get_feature_names_out()) == 32
