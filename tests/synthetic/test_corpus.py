"""The corpus on disk: reproducible files, words and tags where they are said to be, true tables."""

import math
import re
from collections import Counter

import mutagen
import numpy as np
import pandas as pd
import pytest
import soundfile

from spdkit.common.errors import SpdkitError
from spdkit.synthetic.corpus import metadata_table, song_lyrics, synthesise_corpus, write_tables
from spdkit.synthetic.metadata import song_facts
from spdkit.synthetic.popularity import planted_table
from spdkit.synthetic.sound import compose_song, plan_song

N_SONGS = 40


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    return folder, synthesise_corpus(folder, N_SONGS, seed=0)


def tags_of(path):
    """Title, artist, album, date and lyrics as mutagen reads them from a file of either kind."""
    tags = mutagen.File(path).tags
    if path.suffix == ".flac":
        names = ("title", "artist", "album", "date", "lyrics")
        return [", ".join(tags.get(name, [])) for name in names]
    frames = [tags.getall(name) for name in ("TIT2", "TPE1", "TALB", "TDRC", "USLT")]
    return [", ".join(str(frame) for frame in found) for found in frames]


def test_same_seed_gives_the_same_bytes_whatever_the_number_of_songs(corpus, tmp_path):
    folder, songs = corpus
    assert synthesise_corpus(tmp_path, 5, seed=0) == songs[:5]
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == sorted(p.name for p in folder.iterdir() if p.stem[-3:] < "005")
    for name in files:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("seed", [1, 24])
def test_another_seed_gives_other_songs(corpus, tmp_path, seed):
    folder, songs = corpus
    others = synthesise_corpus(tmp_path, 2, seed=seed)
    assert [song.tempo for song in others] != [song.tempo for song in songs[:2]]
    for song, other in zip(songs, others, strict=False):
        assert other.file == song.file
        # The round of keys moves on by one a seed, so that 24 brings the same keys again.
        assert ((other.tonic, other.mode) == (song.tonic, song.mode)) == (seed == 24)
        assert (tmp_path / other.file).read_bytes() != (folder / song.file).read_bytes()


def test_files_hold_the_sound_that_was_composed(corpus):
    folder, songs = corpus
    for i in (0, 5):  # a wav and a flac, both with lyrics in their tags
        song, sound = compose_song(i, seed=0)
        written, _ = soundfile.read(folder / songs[i].file, always_2d=True)
        assert song == songs[i]
        np.testing.assert_allclose(sound, written, atol=1 / 2**15)


def test_files_are_of_the_promised_kinds(corpus):
    folder, songs = corpus
    sounds = sorted(path.name for path in folder.iterdir() if path.suffix in (".wav", ".flac"))
    assert sounds == [song.file for song in songs]
    for i, song in enumerate(songs):
        info = soundfile.info(folder / song.file)
        assert (info.samplerate, info.subtype) == (44100, "PCM_16")
        assert (info.format, info.channels) == (("WAV", "FLAC")[i % 2], (1, 2, 2)[i % 3])
        assert 10 <= info.duration <= 15
        sound, _ = soundfile.read(folder / song.file)
        assert np.abs(sound).max() == pytest.approx(0.8, abs=1e-4)
        assert sound.std() > 0.05, "a song must be more than one loud click"


def test_every_song_is_tagged(corpus):
    folder, songs = corpus
    table = metadata_table(N_SONGS).set_index("track_id")
    for song in songs:
        title, artist, album, date, _ = tags_of(folder / song.file)
        row = table.loc[song.file]
        assert (title, artist) == (song.title, row.artist)
        assert (album, date) == (row.album, row.release_date)


def test_words_are_kept_where_and_as_often_as_stated(corpus):
    folder, songs = corpus
    held = []
    for i, song in enumerate(songs):
        path, words = folder / song.file, song_lyrics(i)
        beside = [s for s in (".txt", ".lrc") if path.with_suffix(s).exists()]
        lyrics = tags_of(path)[-1]
        assert len(beside) + bool(lyrics) == (words is not None)
        held.append(beside[0] if beside else "tags" if lyrics else "none")
        if lyrics:
            assert lyrics == words.as_text()
        elif held[-1] == ".txt":
            assert path.with_suffix(".txt").read_bytes() == f"{words.as_text()}\n".encode()
    assert Counter(held) == {".txt": 14, ".lrc": 10, "tags": 12, "none": 4}
    tagged = {songs[i].file[-3:] for i in range(N_SONGS) if held[i] == "tags"}
    assert tagged == {"wav", "lac"}, "both kinds of tags must hold lyrics"


def test_lrc_files_time_every_line_within_the_song(corpus):
    folder, songs = corpus
    for i, song in enumerate(songs):
        path = (folder / song.file).with_suffix(".lrc")
        if not path.exists():
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0] == f"[ti:{song.title}]"
        timed = [re.fullmatch(r"\[(\d\d):(\d\d\.\d\d)\](.+)", line) for line in lines[3:]]
        assert tuple(match[3] for match in timed) == song_lyrics(i).lines
        times = [60 * int(match[1]) + float(match[2]) for match in timed]
        assert all(np.diff(times) > 0)
        duration = soundfile.info(folder / song.file).duration
        assert 0 < times[0] < 0.1 * duration < 0.9 * duration < times[-1] < duration


def test_id3_says_the_language_of_lyrics(corpus):
    folder, songs = corpus
    codes = {"en": "eng", "es": "spa", "de": "deu"}
    said = {}
    for i, song in enumerate(songs):
        facts = song_facts(i)
        if facts.lyrics_source == "tags" and song.file.endswith(".wav"):
            (frame,) = mutagen.File(folder / song.file).tags.getall("USLT")
            said[song.file] = (frame.lang, codes[facts.language])
    assert said
    assert all(there == expected for there, expected in said.values())


def test_words_of_an_earlier_corpus_do_not_stay(tmp_path):
    synthesise_corpus(tmp_path, 4, seed=0)
    (tmp_path / "notes.txt").write_text("the user's own")
    synthesise_corpus(tmp_path, 4, seed=2)
    expected = {plan_song(i).song.file for i in range(4)} | {"notes.txt"}
    sources = [song_facts(i, 2).lyrics_source for i in range(4)]
    expected |= {f"song-00{i}.{h}" for i, h in enumerate(sources) if h in ("txt", "lrc")}
    assert {path.name for path in tmp_path.iterdir()} == expected
    assert sources != [song_facts(i, 0).lyrics_source for i in range(4)]


def test_tables_name_the_songs_and_hold_the_truth(corpus, tmp_path):
    _, songs = corpus
    tables = write_tables(tmp_path / "new", N_SONGS, seed=0)
    metadata, labels = pd.read_csv(tables.metadata), pd.read_csv(tables.labels)
    names = [song.file for song in songs]
    assert metadata["track_id"].tolist() == labels["track_id"].tolist() == names
    assert metadata["title"].tolist() == [song.title for song in songs]
    assert list(labels.columns) == ["track_id", "popularity"]
    assert labels["popularity"].tolist() == planted_table(N_SONGS)["popularity"].tolist()
    assert labels["popularity"].between(0, 100).all()
    assert metadata.groupby("artist_id").size().min() >= 2
    assert metadata.groupby("artist_id")["artist"].nunique().max() == 1
    known = metadata["artist_popularity"].dropna()
    assert 0 < len(known) <= N_SONGS
    assert (known % 1 == 0).all()
    assert metadata.drop(columns="artist_popularity").notna().all(axis=None)


def test_popularity_follows_from_what_the_files_hold(corpus, tmp_path):
    """The rule of `spdkit.synthetic.popularity`, applied to what can be read from the disk."""
    folder, songs = corpus
    tables = write_tables(tmp_path, N_SONGS)
    metadata, labels = pd.read_csv(tables.metadata), pd.read_csv(tables.labels)
    i = 0
    lyrics = tags_of(folder / songs[i].file)[-1]
    choruses = lyrics.count("[Chorus]")
    vocabulary = song_lyrics(i).vocabulary
    slope = plan_song(i).lead.slope
    noise = np.random.default_rng([0, i, 2]).triangular(-12, 0, 12)
    popularity = (
        50
        + 8 * (songs[i].tempo - 120) / 50
        - 6 * (slope - 1.45) / 0.55
        + 7 * (choruses - 3.5) / 2.5
        + 3 * (vocabulary - 21) / 15
        + 14 * (math.log10(metadata["artist_followers"][i]) - 4.5) / 2.5
        + noise
    )
    assert labels["popularity"][i] == pytest.approx(popularity, abs=0.0501)


def test_tables_are_written_the_same_twice(tmp_path):
    one, two = write_tables(tmp_path / "1", 50, 3), write_tables(tmp_path / "2", 41, 3)
    for long, short in ((one.metadata, two.metadata), (one.labels, two.labels)):
        lines = long.read_bytes().splitlines()
        assert short.read_bytes().splitlines() == lines[:42]


def test_progress_is_told_after_each_song(tmp_path):
    calls = []
    synthesise_corpus(tmp_path, 2, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]


@pytest.mark.parametrize("write", [synthesise_corpus, write_tables])
@pytest.mark.parametrize(("n_songs", "seed"), [(0, 0), (1001, 0), (1, -1)])
def test_bad_numbers_are_refused_before_writing(tmp_path, write, n_songs, seed):
    with pytest.raises(SpdkitError, match=f"got {n_songs} and {seed}"):
        write(tmp_path / "music", n_songs, seed)
    assert not (tmp_path / "music").exists()


@pytest.mark.parametrize(
    ("write", "what"), [(synthesise_corpus, "the songs"), (write_tables, "the tables")]
)
def test_a_folder_that_cannot_be_made_is_named(tmp_path, write, what):
    (tmp_path / "music").write_text("a file")
    with pytest.raises(SpdkitError, match=f"music: {what} cannot be written"):
        write(tmp_path / "music", 1)
