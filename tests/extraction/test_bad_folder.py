"""A folder of every bad file there is, through a whole batch: each reason is in the store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from audio_files import claim_wav_size, melody, save, truncate

from spdkit.extraction import batch
from spdkit.extractors import AudioExtractor
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks import scan

TONE = melody(2.5)
FAILED = {
    "empty.mp3": "empty file (0 bytes)",
    "one sample.wav": "too short: 2.26757e-05 s",
    "hundred.wav": "too short: 0.00226757 s",
    "text.mp3": "Format not recognised",
    "cut.mp3": "truncated or damaged",
    "lying.wav": "the file states 5.00 s",
    "nan.wav": "1 samples are NaN and 0 infinite, the first at 1.000 s",
    "infinite.wav": "0 samples are NaN and 1 infinite",
    "folder.mp3": "is a folder, not a file",
    "dangling.wav": "broken link to nowhere.wav",
}
REMARKED = {
    "cut.ogg": "no end-of-stream page",
    "8 kHz.wav": "resampled from 8000 Hz",
    "192 kHz.wav": "resampled from 192000 Hz",
    "six channels.wav": "mean of 6 channels",
    "silence.wav": "digital silence",
    "dc.wav": "shorter than the window",
    "clipped.wav": "shorter than the window",
    "two\nlines ♥ 🎵.wav": "shorter than the window",
    "case.wav": "shorter than the window",
    "CASE.wav": "shorter than the window",
    "folder.mp3/inside.wav": "shorter than the window",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Extract the folder in one batch."""
    base = tmp_path_factory.mktemp("bad")
    folder = base / "music"
    (folder / "folder.mp3").mkdir(parents=True)
    (folder / "empty.mp3").write_bytes(b"")
    save(folder / "one sample.wav", TONE[:1])
    save(folder / "hundred.wav", TONE[:100])
    (folder / "text.mp3").write_text("this is no sound\n" * 100)
    # Off-centre windows reach the part that is gone.
    truncate(save(folder / "cut.mp3", np.tile(TONE, 4)), 0.4)
    truncate(save(folder / "cut.ogg", np.tile(TONE, 4)), 0.8)
    claim_wav_size(save(folder / "lying.wav", TONE, subtype="PCM_16"), 5 * 44100 * 2)
    for name, value in (("nan", np.nan), ("infinite", np.inf)):
        y = TONE.copy()
        y[44100] = value
        save(folder / f"{name}.wav", y, subtype="FLOAT")
    (folder / "dangling.wav").symlink_to("nowhere.wav")
    save(folder / "8 kHz.wav", TONE[::5][:16000], 8000)
    save(folder / "192 kHz.wav", np.repeat(TONE, 4)[: 192000 * 2], 192000)
    save(folder / "six channels.wav", np.stack([TONE] * 6, axis=1))
    save(folder / "silence.wav", 0 * TONE)
    save(folder / "dc.wav", 0 * TONE + 0.5)
    save(folder / "clipped.wav", np.clip(20 * TONE, -1, 1))
    for name in ("two\nlines ♥ 🎵", "case", "CASE", "folder.mp3/inside"):
        save(folder / f"{name}.wav", TONE)
    with ThreadPoolExecutor(2) as executor:
        report = batch.extract(
            scan.from_folder(folder), base / "f.h5", [AudioExtractor()], executor=executor
        )
    assert report.n_failed == len(FAILED)
    return FeatureStore.open(base / "f.h5")


def test_every_file_has_a_row(store):
    assert set(store.obs.index) == FAILED.keys() | REMARKED.keys()


@pytest.mark.parametrize("name", FAILED)
def test_a_failure_has_its_reason_and_no_numbers(name, store):
    row = store.obs.loc[name]
    assert row["audio_status"] == "failed"
    assert FAILED[name] in row["audio_error"]
    assert np.isnan(store.to_pandas().loc[name]).all()


@pytest.mark.parametrize("name", REMARKED)
def test_an_odd_file_has_numbers_and_a_remark(name, store):
    row = store.obs.loc[name]
    assert row["audio_status"] == "ok", row["audio_error"]
    assert REMARKED[name] in row["audio_note"]
    assert np.isfinite(store.to_pandas().loc[name]).all()


def test_same_sound_same_row_whatever_the_name(store):
    table = store.to_pandas()
    for name in ("CASE.wav", "folder.mp3/inside.wav", "two\nlines ♥ 🎵.wav"):
        assert table.loc[name].equals(table.loc["case.wav"].rename(name))
