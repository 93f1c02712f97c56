"""Clips: how many, what is in them, what becomes of bad files, and of batches that were stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import children
import librosa
import numpy as np
import pytest
import soundfile
import soxr
from audio_files import melody, save, truncate
from sklearn.decomposition import PCA
from work_here import work_here  # noqa: F401 (a fixture)

from spdkit.common.errors import ParameterError, SpdkitWarning
from spdkit.extraction import clips as clips_module
from spdkit.extraction.batch import BatchError
from spdkit.extraction.clips import chunked, encode_clips, extract_clips
from spdkit.extraction.journal import JournalError, part_file
from spdkit.extractors import AudioExtractor
from spdkit.store.clip_store import ClipStore
from spdkit.store.errors import DamagedStoreError, StoreError
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks.scan import TrackError
from spdkit.tracks.track import Track

pytestmark = pytest.mark.usefixtures("work_here")
RATE = 8000


def noise(n, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def wav(path, y, sr=RATE):
    soundfile.write(path, y, sr, subtype="FLOAT")
    return Track(path.name, audio=str(path))


def cut(tracks, path, **options):
    """Cut into clips of half a second at the rate of the files."""
    return extract_clips(tracks, path, **{"clip_seconds": 0.5, "sample_rate": RATE, **options})


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    return [wav(folder / f"{n}.wav", noise(RATE + 1000 * n, n)) for n in range(4)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "c.h5"


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that were opened to be cut."""
    names, real = [], clips_module.open_clip

    def noting(audio, **window):
        names.append(Path(audio).name)
        return real(audio, **window)

    monkeypatch.setattr(clips_module, "open_clip", noting)
    return names


def files(folder):
    return {each.name for each in folder.iterdir()}


# --- how many, and what is in them


def test_counts_around_multiples_of_five_seconds(tmp_path, path):
    """At the paper's length and rate, of files at it and at CDs'."""
    tracks, expected = [], {}
    for sr in (22050, 44100):
        for n_whole in (1, 2):
            for more, n_clips in ((-sr // 50, n_whole), (0, n_whole), (sr // 50, n_whole + 1)):
                name = f"{sr} {n_whole} {more}.wav"
                tracks.append(wav(tmp_path / name, noise(5 * n_whole * sr + more), sr))
                expected[name] = n_clips
    extract_clips(tracks, path)
    store = ClipStore.open(path)
    assert (store.kind, store.clip_seconds, store.sample_rate) == ("audio", 5.0, 22050)
    assert store.n_values == 110250
    assert {song.id: len(song) for song in store.songs()} == expected


@pytest.mark.parametrize("sr", [8000, 16000, 32000, 44100, 48000, 96000])
def test_a_whole_number_of_clips_is_one_at_every_rate(sr, tmp_path, path):
    cut([wav(tmp_path / "a.wav", noise(2 * sr), sr)], path)
    assert len(ClipStore.open(path).songs()[0]) == 4


def test_silence_is_added_at_the_end_alone(tmp_path, path):
    lengths = (4000 - 1, 4000, 4000 + 1, 2 * 4000 - 1, 1)
    sounds = {f"{n}.wav": noise(n, n) for n in lengths}
    tracks = [wav(tmp_path / name, y) for name, y in sounds.items()]
    cut(tracks, path, min_duration=1e-4)
    for song in ClipStore.open(path).songs():
        y, samples = sounds[song.id], np.asarray(song).ravel()
        assert np.array_equal(samples[: len(y)], y)
        assert len(samples) - len(y) < 4000 and not samples[len(y) :].any()
        assert len(song) == -(-len(y) // 4000)


@pytest.mark.parametrize("sizes", [[1], [3], [4], [5], [3, 1, 4, 9, 2, 6], [40], [1] * 9, []])
def test_sound_is_cut_whatever_blocks_it_comes_in(sizes):
    y = np.arange(1, sum(sizes) + 1, dtype=np.float32)
    blocks = np.split(y, np.cumsum(sizes)[:-1]) if sizes else []
    clips = list(chunked(blocks, 4))
    whole = np.concatenate(clips) if clips else np.zeros((0, 4))
    expected = np.zeros((-(-len(y) // 4), 4))
    expected.ravel()[: len(y)] = y
    assert np.array_equal(whole, expected)
    assert all(clip.dtype == np.float32 for clip in clips)


def test_digital_silence_is_cut_and_remarked_on(tmp_path, path):
    report = cut([wav(tmp_path / "a.wav", np.zeros(RATE + 1, np.float32))], path)
    store = ClipStore.open(path)
    assert np.asarray(store.songs()[0]).shape == (3, 4000)
    assert not np.asarray(store.songs()[0]).any()
    assert store.obs["clips_note"].tolist() == ["digital silence"]
    assert (report.n_failed, report.n_remarks) == (0, 1)


@pytest.mark.parametrize(("ending", "sr"), [("wav", 44100), ("flac", 48000), ("ogg", 44100)])
def test_samples_are_those_of_soundfile_and_soxr(ending, sr, tmp_path, path):
    file = save(tmp_path / f"a.{ending}", np.stack([melody(2.3), noise(len(melody(2.3)))], 1), sr)
    extract_clips([Track("a", audio=str(file))], path, clip_seconds=0.4)
    y, _ = soundfile.read(file, dtype="float32")
    expected = soxr.resample(y.mean(axis=1), sr, 22050, quality="HQ")
    samples = np.asarray(ClipStore.open(path).songs()[0]).ravel()
    assert np.abs(samples[: len(expected)] - expected).max() < 2e-7
    assert not samples[len(expected) :].any()
    by_librosa = librosa.resample(librosa.to_mono(y.T), orig_sr=sr, target_sr=22050)
    n = min(len(by_librosa), len(expected))
    assert abs(len(by_librosa) - len(expected)) <= 1
    assert np.abs(samples[:n] - by_librosa[:n]).max() < 2e-7


def test_a_window_of_a_song_may_be_cut(tmp_path, path):
    y = noise(4 * RATE)
    track = wav(tmp_path / "a.wav", y)
    cut([track], path, duration=1.2, offset=2.0)
    samples = np.asarray(ClipStore.open(path).songs()[0]).ravel()
    assert np.array_equal(samples[: round(1.2 * RATE)], y[2 * RATE :][: round(1.2 * RATE)])
    assert len(samples) == 3 * 4000 and not samples[round(1.2 * RATE) :].any()


def test_features_are_those_of_each_clip_as_a_file(tmp_path, path):
    extractor = AudioExtractor(sr=22050, duration=None)
    y = noise(22050 + 6000)
    track = wav(tmp_path / "a.wav", y, 22050)
    extract_clips([track], path, kind="features", features=extractor, clip_seconds=0.5)
    store = ClipStore.open(path)
    assert (store.kind, store.sample_rate) == ("features", 22050)
    assert store.names == list(extractor.get_feature_names_out())
    padded = np.pad(y, (0, 3 * 11025 - len(y))).reshape(3, 11025)
    alone = AudioExtractor(sr=22050, duration=None, min_duration=0.1)
    expected = [alone.extract(wav(tmp_path / "clip.wav", clip, 22050)) for clip in padded]
    assert np.array_equal(np.asarray(store.songs()[0]), np.stack(expected))
    described = store.provenance["extractors"]["clips"]["parameters"]["features"]
    assert described["profile"] == "paper" and described["version"] == AudioExtractor.version
    assert "duration" not in described


def test_the_rate_of_features_is_the_extractors(tmp_path, path):
    track = wav(tmp_path / "a.wav", noise(RATE))
    extract_clips([track], path, kind="features")
    assert ClipStore.open(path).sample_rate == 44100
    extract_clips([track], path, kind="features", sample_rate=22050, overwrite=True)
    assert ClipStore.open(path).sample_rate == 22050


# --- bad files, and second runs


def test_a_broken_file_is_a_failure_and_spares_the_rest(music, path):
    folder = Path(music[0].audio).parent
    (folder / "4 text.wav").write_bytes(b"this is no sound")
    truncate(save(folder / "5 cut.flac", melody(3.0)), 0.5)
    wav(folder / "6 nan.wav", np.full(RATE, np.nan, np.float32))
    report = cut(folder, path, min_duration=0.1)
    store = ClipStore.open(path)
    assert store.track_ids == [f"{n}.wav" for n in range(4)]
    assert list(store.failures) == ["4 text.wav", "5 cut.flac", "6 nan.wav"]
    assert "Format not recognised" in store.failures["4 text.wav"]
    assert "damaged: " in store.failures["5 cut.flac"]
    assert "8000 samples are NaN" in store.failures["6 nan.wav"]
    assert {f.track_id: f.reason for f in report.failures} == store.failures
    for n, song in enumerate(store.songs()):
        y = noise(RATE + 1000 * n, n)
        assert np.array_equal(np.asarray(song).ravel()[: len(y)], y)
    assert files(path.parent) == {"music", "c.h5"}, "something was left behind"


def test_a_track_without_sound_has_no_clips(music, path):
    cut([*music, Track("words", lyrics="la la")], path)
    assert ClipStore.open(path).failures == {"words": "the track has no audio"}


def test_nothing_but_failures_is_a_store(tmp_path, path):
    cut([Track("a", audio=str(tmp_path / "nothing.wav"))], path)
    store = ClipStore.open(path)
    assert store.songs() == [] and "no such file" in store.failures["a"]


def test_a_second_run_does_what_is_new_changed_or_failed(music, path, opened):
    broken = Track("z.wav", audio=str(path.parent / "z.wav"))
    cut([*music[:3], broken], path)
    opened.clear()
    wav(Path(music[1].audio), noise(9000, 77))
    wav(Path(broken.audio), noise(9500, 78))
    report = cut([*music[1:], broken], path)
    assert sorted(opened) == ["1.wav", "3.wav", "z.wav"]
    assert (report.n_tracks, report.n_extracted, report.n_unchanged) == (4, 3, 1)
    again = {song.id: np.asarray(song).ravel() for song in ClipStore.open(path).songs()}
    sounds = {f"{n}.wav": noise(RATE + 1000 * n, n) for n in range(4)}
    sounds |= {"1.wav": noise(9000, 77), "z.wav": noise(9500, 78)}
    assert list(again) == list(sounds)
    assert all(np.array_equal(again[name][: len(y)], y) for name, y in sounds.items())
    before = path.read_bytes()
    opened.clear()
    assert cut([*music[1:], broken], path).n_unchanged == 4
    assert not opened and path.read_bytes() == before


def test_the_file_depends_on_the_songs_and_not_on_how_they_came(music, path):
    cut(music, path)
    whole = path.read_bytes()
    cut(music[2:], path, overwrite=True)
    cut(music[:2][::-1], path)
    assert path.read_bytes() == whole


def test_other_parameters_are_refused(music, path):
    cut(music, path)
    before = path.read_bytes()
    with pytest.raises(BatchError, match=r"clips\.clip_seconds was 0\.5, is now 0\.25"):
        cut(music, path, clip_seconds=0.25)
    assert path.read_bytes() == before
    cut(music, path, clip_seconds=0.25, overwrite=True)
    assert ClipStore.open(path).clip_seconds == 0.25


def test_a_file_of_features_is_not_replaced(music, path):
    from spdkit.extraction.batch import extract
    from spdkit.extractors import MetadataExtractor

    extract([Track("a", metadata={"title": "A"})], path, [MetadataExtractor()])
    with pytest.raises(StoreError, match=r"a feature file, not a clip store. To replace it, use"):
        cut(music, path)
    FeatureStore.open(path)


def test_a_damaged_store_keeps_its_whole_songs(music, path, opened):
    cut(music, path)
    whole = path.read_bytes()
    (clips,) = ClipStore.open(path).songs(["1.wav"])
    spoilt = bytearray(whole)
    spoilt[clips.origin + 4000 * 4 * clips.first] ^= 4
    path.write_bytes(spoilt)
    with pytest.raises(DamagedStoreError, match=r"1 of 4 rows are lost: '1\.wav'"):
        ClipStore.open(path)
    opened.clear()
    with pytest.warns(SpdkitWarning, match=r"kept as c\.h5\.damaged; done again: '1\.wav'"):
        cut(music, path)
    assert opened == ["1.wav"]
    assert path.read_bytes() == whole
    assert path.with_name("c.h5.damaged").read_bytes() == spoilt


# --- stopped


def stopped_after(count, tracks, path):
    """Cut in a child that is killed once it has renamed so many files."""

    def run(renamed=0):
        real = os.replace

        def counting(source, target):
            nonlocal renamed
            real(source, target)
            renamed += 1
            if renamed == count:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = counting
        cut(tracks, path, shard_size=1)

    status, answer = children.in_child(run)
    return os.waitstatus_to_exitcode(status), answer


# The manifest, then a part and a shard a song, then the store: 10 in all.
@pytest.mark.parametrize("count", [1, 2, 3, 6, 9, 10])
def test_killed_and_resumed_is_the_same_file(count, music, path, tmp_path, opened):
    cut(music, tmp_path / "unhurt.h5")
    assert stopped_after(count, music, path) == (-signal.SIGKILL, "")
    assert path.exists() == (count == 10)
    folder = path.with_name("c.h5.journal")
    assert len(list(folder.glob("*.part"))) == min(4, count // 2)
    opened.clear()
    report = cut(music, path)
    assert report.n_extracted == len(opened) == 4 - max(0, min(4, (count - 1) // 2))
    assert path.read_bytes() == (tmp_path / "unhurt.h5").read_bytes()
    assert files(tmp_path) == {"music", "c.h5", "unhurt.h5"}, "something was left behind"


def test_a_part_that_was_changed_is_not_taken_for_the_song(music, path):
    stopped_after(9, music, path)
    part = part_file(path.with_name("c.h5.journal"), "2.wav")
    spoilt = bytearray(part.read_bytes())
    spoilt[5] ^= 1
    part.write_bytes(spoilt)
    with pytest.raises(StoreError, match=r"clips of '2\.wav' are not those that were made of it"):
        cut(music, path)
    part.unlink()
    with pytest.raises(StoreError, match=r"\.part: cannot be read: No such file"):
        cut(music, path)
    cut(music, path, overwrite=True)
    assert len(ClipStore.open(path).songs()) == 4
    assert files(path.parent) == {"music", "c.h5"}


def test_a_full_disk_ends_the_batch_and_costs_nothing_that_was_finished(
    music, path, opened, monkeypatch
):
    cut(music[:1], path)
    before, real = path.read_bytes(), clips_module.write_part

    def full(part, clips, error):
        if part == part_file(part.parent, "2.wav"):
            raise error(f"{part}: cannot be written: No space left on device")
        return real(part, clips, error)

    with monkeypatch.context() as patch:
        patch.setattr(clips_module, "write_part", full)
        with pytest.raises(JournalError, match="cannot be written: No space left"):
            cut(music, path)
    assert path.read_bytes() == before
    opened.clear()
    cut(music, path)
    assert opened == ["2.wav", "3.wav"]
    assert not ClipStore.open(path).failures
    assert files(path.parent) == {"music", "c.h5"}


# --- codes


def test_codes_are_those_of_each_clip(path, tmp_path, monkeypatch):
    songs = [wav(tmp_path / f"{n}.wav", noise(22050 * (1 + n), n), 22050) for n in range(3)]
    bad = Track("bad", audio=str(tmp_path / "nothing.wav"))
    extract_clips([*songs, bad], path, kind="features", sample_rate=22050, clip_seconds=0.5)
    store = ClipStore.open(path)
    rows = np.concatenate([np.asarray(song) for song in store.songs()])
    autoencoder = PCA(3, random_state=0).fit(rows)
    monkeypatch.setattr(clips_module, "_CODES_AT_A_TIME", 4)
    output = encode_clips(store, autoencoder, tmp_path / "codes.h5")
    codes = ClipStore.open(output)
    assert (codes.kind, codes.n_values, codes.names) == ("codes", 3, ["pca0", "pca1", "pca2"])
    assert (codes.clip_seconds, codes.failures) == (0.5, store.failures)
    assert codes.track_ids == store.track_ids
    for song, coded in zip(store.songs(), codes.songs(), strict=True):
        expected = autoencoder.transform(np.asarray(song)).astype(np.float32)
        assert np.allclose(np.asarray(coded), expected, atol=1e-4 * np.abs(expected).max())
    parameters = codes.provenance["extractors"]["clips"]["parameters"]
    assert parameters["autoencoder"] == {"class": "PCA", **autoencoder.get_params()}
    assert not list(tmp_path.glob(".spdkit*"))
    with pytest.raises(ParameterError, match="of kind 'features', not 'codes'"):
        encode_clips(codes, autoencoder, tmp_path / "again.h5")


def test_codes_that_are_no_numbers_are_refused(path, tmp_path):
    extract_clips([wav(tmp_path / "a.wav", noise(44100))], path, kind="features")

    class Nothing(PCA):
        def transform(self, X):
            return np.full((len(X), 2), np.nan)

    store = ClipStore.open(path)
    nothing = Nothing(2).fit(np.random.default_rng(0).random((4, store.n_values)))
    with pytest.raises(ParameterError, match=r"no 2 finite numbers a clip for 'a\.wav'"):
        encode_clips(store, nothing, tmp_path / "codes.h5")
    assert files(tmp_path) == {"a.wav", "c.h5"}


# --- parameters


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "video"}, "kind must be one of 'audio', 'features', got 'video'"),
        ({"clip_seconds": 0}, r"clip_seconds must be a number in \(0, 600\]"),
        ({"clip_seconds": 1e-9}, "clip_seconds=1e-09 does not span a sample"),
        ({"clip_seconds": 0.01, "kind": "features"}, "does not span the n_fft=2048 samples"),
        ({"sample_rate": -1}, "sr must be a whole number"),
        ({"duration": 0.5}, r"duration must be at least min_duration=1\.0, got 0\.5"),
        ({"features": AudioExtractor()}, "features are of kind='features', got kind='audio'"),
        (
            {"features": AudioExtractor(), "kind": "features", "sample_rate": 8000},
            "sample_rate=8000, but features have sr=44100",
        ),
    ],
)
def test_parameters_are_checked_before_anything_is_done(options, message, music, path):
    with pytest.raises(ParameterError, match=message):
        extract_clips(music, path, **options)
    assert files(path.parent) == {"music"}


def test_a_path_that_is_no_folder_is_refused(path):
    with pytest.raises(TrackError, match="not a folder"):
        cut(path.parent / "nowhere", path)
    with pytest.raises(BatchError, match="no tracks"):
        cut([], path)


def test_a_worker_writes_the_songs(music, path, tmp_path, monkeypatch):
    """A real one."""
    cut(music, tmp_path / "here.h5")
    monkeypatch.undo()
    cut(music, path, jobs=1)
    assert path.read_bytes() == (tmp_path / "here.h5").read_bytes()
