"""Lyrics and tags that a folder scan picks up, and what a second extraction makes of a change."""

from __future__ import annotations

import dataclasses
import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import mutagen
import numpy as np
import pytest
from audio_files import melody, save, tag_by_ffmpeg
from mutagen import id3

from spdkit.extraction import batch
from spdkit.extraction.executors import WorkerDiedError, run_local
from spdkit.extractors import Extractor, FeatureSpec
from spdkit.store.feature_store import FeatureStore
from spdkit.tracks import local_metadata, scan as tracks
from spdkit.tracks.scan import from_folder, from_table
from spdkit.tracks.sidecars import MAX_BYTES

SOUND = melody(0.5)
WORDS = "zanzibar moonflower\nquicksilver lullaby"  # nowhere else in any file


@pytest.fixture(scope="module")
def wav(tmp_path_factory):
    return save(tmp_path_factory.mktemp("sound") / "a.wav", SOUND).read_bytes()


@pytest.fixture
def folder(tmp_path, wav):
    """A function that fills a folder: sound under audio names, text under the rest."""

    def fill(files):
        for name, content in files.items():
            path = tmp_path / "music" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = wav if content is None else content
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return tmp_path / "music"

    return fill


def lyrics(found):
    return {track.track_id: track.lyrics for track in found}


def tag(path, **frames):
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    for name, text in frames.items():
        if name == "USLT":
            file.tags.setall(name, [id3.USLT(encoding=3, lang="eng", desc="", text=text)])
        else:
            file.tags.setall(name, [getattr(id3, name)(encoding=3, text=[text])])
    file.save()


# --- lyrics


def test_words_beside_the_sound_are_its_lyrics(folder):
    root = folder(
        {
            "a.wav": None,
            "a.TXT": "plain words",
            "b.wav": None,
            "b.lrc": "[00:02]two\n[00:01]one",
            "c.wav": None,
            "deep/er/ü.wav": None,
            "deep/er/ü.Lrc": "[00:01]ü",
            "deep/a.txt": "of no sound",
            "notes.txt": "of none either",
            "cover.jpg": "x",
        }
    )
    found = from_folder(root)
    assert lyrics(found) == {
        "a.wav": "plain words",
        "b.wav": "one\ntwo",
        "c.wav": None,
        "deep/er/ü.wav": "ü",
    }
    assert found.remarks == (
        "passed over 3 files that are not audio (2 .txt, 1 .jpg)",
        "picked up lyrics of 3 tracks (3 from files, 0 from tags) and tags of 0",
    )
    assert found.problems == ()


def test_two_sounds_of_one_name_share_their_words(folder):
    root = folder({"a.wav": None, "a.wave.wav": None, "a.aiff": None, "a.lrc": b"\xff\xfe\0"})
    found = from_folder(root, tags=False)
    assert len(found.problems) == 1, "a file is read, and told, once"
    folder({"a.lrc": "shared"})
    assert lyrics(from_folder(root)) == {
        "a.aiff": "shared",
        "a.wav": "shared",
        "a.wave.wav": None,
    }


def test_plain_words_come_first_and_give_way_when_there_are_none(folder):
    root = folder(
        {
            "both.wav": None,
            "both.txt": "plain",
            "both.lrc": "[00:01]timed",
            "x/empty.wav": None,
            "x/empty.txt": " \n",
            "x/empty.lrc": "[00:01]timed",
            "broken.wav": None,
            "broken.txt": b"\0\1\2\0",
            "broken.lrc": "[00:01]timed",
            "none.wav": None,
            "none.lrc": "[ti:nothing]\n[00:01]\n",
        }
    )
    found = from_folder(root)
    assert lyrics(found) == {
        "both.wav": "plain",
        "broken.wav": "timed",
        "none.wav": None,
        "x/empty.wav": "timed",
    }
    assert found.problems == (f"{root}/broken.txt: is no text: NUL at byte 0",)
    assert found.remarks[1:] == (
        "3 tracks have several files of lyrics, and the first with words is taken, .txt before "
        ".lrc: both.wav, broken.wav, x/empty.wav",
        "2 files of lyrics hold no words: none.lrc, x/empty.txt",
    )


def test_guessed_encodings_are_told(folder):
    text = "Je chante près de la rivière\nles étoiles dansent déjà là-haut\n"
    sounds = {f"{n}.wav": None for n in range(7)}
    root = folder({**sounds, **{f"{n}.txt": text.encode("cp1252") for n in range(7)}})
    found = from_folder(root)
    assert set(lyrics(found).values()) == {text.strip()}
    assert found.remarks[1] == (
        "7 files of lyrics are not Unicode and taken for cp1252: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt "
        "and 2 more"
    )


def test_words_that_cannot_be_read_are_problems_and_lose_no_track(folder):
    root = folder({f"{name}.wav": None for name in ("folder", "large", "link", "odd")})
    (root / "folder.txt").mkdir()
    (root / "large.txt").write_bytes(b"x" * (MAX_BYTES + 1))
    (root / "link.txt").symlink_to("nowhere")
    (root / "odd.txt").write_bytes(bytes(range(128, 256)) * 9)
    found = from_folder(root)
    assert lyrics(found) == dict.fromkeys(["folder.wav", "large.wav", "link.wav", "odd.wav"])
    large, link, odd = found.problems  # a folder is a folder, and searched
    assert large == f"{root}/large.txt: {MAX_BYTES + 1} bytes, more than the {MAX_BYTES} that " + (
        "lyrics may have"
    )
    assert link == f"{root}/link.txt: cannot be read: No such file or directory"
    assert odd.startswith(f"{root}/odd.txt: its encoding cannot be told")


def test_names_in_no_encoding_find_their_words(folder):
    root = folder({"a.wav": None})
    raw = os.fsencode(root) + b"/caf\xe9"
    (root / "a.wav").rename(os.fsdecode(raw + b".wav"))
    Path(os.fsdecode(raw + b".txt")).write_text("la")
    assert lyrics(from_folder(root)) == {"caf\\xe9.wav": "la"}
    Path(os.fsdecode(raw + b".txt")).write_bytes(b"a\0b\0\0")
    (problem,) = from_folder(root).problems
    assert problem == f"{root}/caf\\xe9.txt: is no text: NUL at byte 1"


# --- tags


def test_tags_become_metadata_and_lyrics(folder):
    root = folder({"a.wav": None, "b.wav": None, "b.txt": "beside", "c.wav": None})
    tag(root / "a.wav", TIT2="Töne", TPE1="Jemand", TDRC="1999-04", USLT="[00:02]b\n[00:01]a")
    tag(root / "b.wav", TIT2="B", USLT="in the tags")
    found = from_folder(root)
    assert lyrics(found) == {"a.wav": "a\nb", "b.wav": "beside", "c.wav": None}
    assert [track.metadata for track in found] == [
        {"title": "Töne", "artist": "Jemand", "date": "1999-04", "release_year": 1999},
        {"title": "B"},
        {},
    ]
    assert found.remarks == (
        "picked up lyrics of 2 tracks (1 from files, 1 from tags) and tags of 2",
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ({"title": "T"}, "tag", "beside")),
        ({"tags": False}, ({}, None, "beside")),
        ({"lyrics": False}, ({"title": "T"}, None, None)),
        ({"tags": False, "lyrics": False}, ({}, None, None)),
    ],
)
def test_each_can_be_left_out(options, expected, folder):
    root = folder({"a.wav": None, "b.wav": None, "b.txt": "beside"})
    tag(root / "a.wav", TIT2="T", USLT="tag")
    a, b = from_folder(root, **options)
    assert (dict(a.metadata), a.lyrics, b.lyrics) == expected


def test_damaged_tags_are_problems_and_unknown_kinds_remarks(folder):
    root = folder({"a.mp3": b"no sound " * 99, "b.au": b".snd", "c.au": b".snd", "d.wav": None})
    found = from_folder(root)
    assert len(found) == 4
    assert found.problems == (f"{root}/a.mp3: its tags cannot be read: can't sync to MPEG frame",)
    assert found.remarks == (
        "the tags of 2 files are not read: mutagen does not know their kind (2 .au)",
    )


def test_endless_lyrics_in_tags_are_a_problem(folder):
    root = folder({"a.wav": None, "b.wav": None})
    tag(root / "a.wav", TIT2="A", USLT="x" * (MAX_BYTES + 1))
    tag(root / "b.wav", TIT2="B", USLT="[00:01]" * 20000 + "x" * 100)
    found = from_folder(root)
    assert [(track.lyrics, track.metadata["title"]) for track in found] == [
        (None, "A"),
        (None, "B"),
    ]
    assert [problem.split(": ", 1)[1] for problem in found.problems] == [
        f"the lyrics in its tags: {MAX_BYTES + 1} characters, more than the {MAX_BYTES} they may "
        "have",
        f"the lyrics in its tags: repeated lines that come to more than {MAX_BYTES} characters",
    ]


def test_a_bar_appears_only_when_it_takes_long(folder, capsys, monkeypatch):
    root = folder({f"{n}.wav": None for n in range(5)})
    from_folder(root, progress=True)
    assert "reading tags" not in capsys.readouterr().err
    monkeypatch.setattr(local_metadata, "PATIENCE", -1.0)
    from_folder(root)
    assert capsys.readouterr().err == ""
    assert len(from_folder(root, progress=True)) == 5
    assert "reading tags and lyrics" in (text := capsys.readouterr().err)
    assert "5/5" in text


def test_of_several_lyrics_in_tags_the_first_with_words_is_taken_and_told(folder):
    root = folder({"a.wav": None, "b.wav": None, "c.wav": None, "d.wav": None})

    def uslt(path, *texts):
        file = mutagen.File(path)
        file.add_tags()
        for number, text in enumerate(texts):
            frame = id3.USLT(encoding=3, lang=f"l{number:02d}", desc="", text=text)
            file.tags.add(frame)
        file.save()

    uslt(root / "a.wav", "", "Lyrics not available", "eins zwei", "one two three")
    uslt(root / "b.wav", "one two", "[00:01]One, two!")
    uslt(root / "c.wav", "-99")
    uslt(root / "d.wav", "♪", "Instrumental")
    found = from_folder(root)
    a, b, c, d = found
    assert (a.lyrics in ("eins zwei", "one two three"), b.lyrics is not None) == (True, True)
    assert a.lyrics_note == "the first of 2 lyrics in the tags" and b.lyrics_note == ""
    assert (c.lyrics, c.lyrics_note) == (None, "no lyrics but a placeholder, such as -99")
    assert (d.lyrics, d.lyrics_note) == ("[Instrumental]", "")
    assert found.remarks[1:] == (
        "1 tracks have several lyrics in their tags, and the first with words is taken: a.wav",
        "2 tracks have lyrics in their tags that hold no words: c.wav, d.wav",
    )


def test_a_placeholder_beside_the_sound_gives_way_to_tags(folder):
    root = folder({"a.wav": None, "a.txt": "-99", "b.wav": None, "b.txt": "Instrumental"})
    tag(root / "a.wav", USLT="in the tags")
    a, b = found = from_folder(root)
    assert (a.lyrics, b.lyrics) == ("in the tags", "[Instrumental]")
    assert "2 files of lyrics hold no words: a.txt, b.txt" in found.remarks


def test_of_two_sidecars_the_one_without_a_language_comes_first(folder):
    root = folder({"a.wav": None, "a.de.lrc": "[00:01]eins", "a.lrc": "[00:01]one"})
    (track,) = found = from_folder(root)
    assert (track.lyrics, track.lyrics_note) == ("one", "the first of 2 files of lyrics")
    assert found.remarks[1].startswith("1 tracks have several files of lyrics")


def test_what_was_decided_is_told_of_the_scan_and_the_track(folder):
    words = "\n".join(f"[00:0{n}]{a}\n[00:0{n}]{b}" for n, (a, b) in enumerate([("la", "ла")] * 3))
    root = folder({"a.wav": None, "a.lrc": words, "b.wav": None, "c.wav": None, "d.wav": None})
    (root / "d.txt").write_bytes("Περπατώ δίπλα στο ποτάμι\nτα αστέρια χορεύουν".encode("cp1253"))
    tag(root / "b.wav", TIT2="Группа крови".encode("cp1251").decode("latin-1"), USLT="plain")
    tag(root / "c.wav", TIT2="恋".encode("cp932").decode("latin-1"), USLT="plain")
    a, b, c, d = found = from_folder(root)
    assert a.lyrics_note.startswith("3 lines are a translation")
    assert b.lyrics_note == "the tags are in another encoding than they name: taken for cp1251"
    assert c.lyrics_note == "some of the tags are in an encoding that cannot be told"
    assert d.lyrics_note == "in an encoding that it does not say: taken for cp1253"
    assert b.metadata["title"] == "Группа крови"
    assert found.remarks[1:] == (
        "1 lyrics have lines that were a choice (translations …), told in lyrics_note: a.lrc",
        "1 files of lyrics are not Unicode and taken for cp1253: d.txt",
        "1 tracks have tags that name another encoding, taken for cp1251: b.wav",
        "1 tracks have tags in an encoding that cannot be told, left as they are: c.wav",
    )


def test_fields_that_cannot_be_read_are_problems_and_the_others_are_there(folder, monkeypatch):
    root = folder({"a.wav": None})
    tag(root / "a.wav", TIT2="A", TALB="B")
    broken = property(lambda self: 1 / 0, lambda self, text: None)
    monkeypatch.setattr(id3.TALB, "text", broken, raising=False)
    (track,) = found = from_folder(root)
    assert track.metadata == {"title": "A"}
    problem = f"{root}/a.wav: in its tags, TALB: ZeroDivisionError: division by zero"
    assert found.problems == (problem,)


# --- tables


def test_a_table_may_name_files_of_lyrics(tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words/b.lrc").write_text("[00:01]timed")
    (tmp_path / "t.csv").write_text(
        "track_id,audio,lyrics,lyrics_file,year\n"
        "a,a.wav,own words,words/gone.txt,\n"
        "b,b.wav,,words/b.lrc,1999\n"
        "./c,,,words/gone.txt,\n"
        "d,,,,\n"
    )
    found = from_table(tmp_path / "t.csv")
    assert lyrics(found) == {"a": "own words", "b": "timed", "./c": None, "d": None}
    assert found[2].metadata == {"year": 1999}
    assert found.problems == (
        f"{tmp_path}/words/gone.txt: cannot be read: No such file or directory",
    )
    assert found.remarks == (
        "picked up lyrics of 1 tracks (1 from files, 0 from tags) and tags of 0",
    )


# --- a second extraction


class Bytes(Extractor):
    name, modality, version = "bytes", "audio", "1"
    feature_specs = (FeatureSpec("n_bytes", "1", 0, np.inf, "size", "test"),)

    def extract(self, track):
        calls.append(f"bytes {track.track_id}")
        return np.array([Path(track.audio).stat().st_size], dtype=np.float32)


class Letters(Extractor):
    name, modality, version = "letters", "lyrics", "1"
    feature_specs = (FeatureSpec("n_letters", "1", 0, np.inf, "letters", "test"),)

    def extract(self, track):
        calls.append(f"letters {track.track_id}")
        return np.array([len(track.lyrics)], dtype=np.float32)


class Year(Extractor):
    name, modality, version, allow_nan = "year", "metadata", "1", True
    feature_specs = (FeatureSpec("release_year", "1", 0, np.inf, "year", "test"),)

    def extract(self, track):
        calls.append(f"year {track.track_id}")
        return np.array([track.metadata.get("release_year", np.nan)], dtype=np.float32)


calls: list[str] = []


def run(root, target):
    calls.clear()
    with ThreadPoolExecutor(1) as executor:
        extractors = [Bytes(), Letters(), Year()]
        batch.extract(from_folder(root), target, extractors, executor=executor)
    return FeatureStore.open(target)


@pytest.fixture
def songs(folder):
    root = folder({"a.wav": None, "a.txt": "la la", "b.wav": None, "c.wav": None})
    tag(root / "a.wav", TIT2="A", TDRC="1999")
    tag(root / "b.wav", TIT2="B", TDRC="2001", USLT="la")
    return root


def test_a_changed_sidecar_redoes_only_its_lyrics(songs, tmp_path):
    store = run(songs, tmp_path / "f.h5")
    assert list(store.obs["letters_status"]) == ["ok", "ok", "absent"]
    assert list(store.obs["year_status"]) == ["ok", "ok", "absent"]
    run(songs, tmp_path / "f.h5")
    assert calls == []
    (songs / "a.txt").write_text("la la la")
    (songs / "b.txt").write_text("now beside")
    (songs / "c.lrc").write_text("[00:01]new")
    store = run(songs, tmp_path / "f.h5")
    assert sorted(calls) == ["letters a.wav", "letters b.wav", "letters c.wav"]
    assert list(store.to_pandas()["n_letters"]) == [8, 10, 3]
    assert (store.obs["bytes_status"] == "ok").all()
    (songs / "a.txt").unlink()
    store = run(songs, tmp_path / "f.h5")
    assert calls == []
    assert store.obs.loc["a.wav", "letters_status"] == "absent"
    assert np.isnan(store.to_pandas().loc["a.wav", "n_letters"])


def test_time_stamps_do_not_count_as_a_change(songs, tmp_path):
    (songs / "c.lrc").write_text("[00:01]one\n[00:02]two")
    run(songs, tmp_path / "f.h5")
    (songs / "c.lrc").write_text("[00:05]one\n[00:09.5]two\n")
    run(songs, tmp_path / "f.h5")
    assert calls == []


def test_a_changed_tag_changes_the_file_and_so_redoes_its_sound(songs, tmp_path):
    run(songs, tmp_path / "f.h5")
    tag(songs / "b.wav", TIT2="Other")
    store = run(songs, tmp_path / "f.h5")
    assert sorted(calls) == ["bytes b.wav", "year b.wav"]
    assert json.loads(store.obs.loc["b.wav", "metadata"])["title"] == "Other"


def test_a_store_from_before_tags_were_read_gains_them_without_work(songs, tmp_path):
    with ThreadPoolExecutor(1) as executor:
        old = from_folder(songs, tags=False, lyrics=False)
        batch.extract(old, tmp_path / "f.h5", [Bytes()], executor=executor)
        assert list(FeatureStore.open(tmp_path / "f.h5").obs["metadata"]) == ["", "", ""]
        calls.clear()
        batch.extract(from_folder(songs), tmp_path / "f.h5", [Bytes()], executor=executor)
    assert calls == []
    a, b, c = FeatureStore.open(tmp_path / "f.h5").obs["metadata"]
    assert json.loads(a) == {"title": "A", "date": "1999", "release_year": 1999}
    assert (json.loads(b)["title"], c) == ("B", "")


def test_metadata_of_any_kind_and_size_comes_back_and_is_not_touched_again(tmp_path):
    generator = random.Random(0)
    long = "".join(chr(generator.choice([65, 0xE9, 0x661F, 0x1F3B5])) for _ in range(300_000))
    metadata = {
        "title": "Ünïcode ♥ 🎵 \u202e\n\0",
        "artists": ["A", "Бэ", "星"],
        "half": "\ud83d",  # no valid Unicode
        "long": long,
        "year": 1999,
        "nested": {"b": [1.5, None, True]},
    }
    found = [tracks.Track("a", lyrics="la", metadata=metadata)]
    with ThreadPoolExecutor(1) as executor:
        batch.extract(found, tmp_path / "f.h5", [Letters()], executor=executor)
        before = (tmp_path / "f.h5").stat().st_mtime_ns
        assert json.loads(FeatureStore.open(tmp_path / "f.h5").obs.loc["a", "metadata"]) == metadata
        batch.extract(found, tmp_path / "f.h5", [Letters()], executor=executor)
    assert (tmp_path / "f.h5").stat().st_mtime_ns == before


def test_no_word_of_lyrics_is_written(songs, tmp_path, monkeypatch):
    (songs / "a.txt").write_text(WORDS)
    tag(songs / "b.wav", USLT=WORDS.upper())
    (songs / "c.txt").write_text(WORDS + "\0")  # a problem, which quotes nothing
    written = []
    whole = batch.write_store
    monkeypatch.setattr(
        batch, "write_store", lambda *a, **k: written.append(journal()) or whole(*a, **k)
    )

    def journal():
        return b"".join(path.read_bytes() for path in (tmp_path / "f.h5.journal").rglob("*.h5"))

    store = run(songs, tmp_path / "f.h5")
    assert list(store.to_pandas()["n_letters"][:2]) == [len(WORDS)] * 2
    assert [len(digest) for digest in store.obs["letters_content"]] == [32, 32, 0]
    assert written[0], "rows were journalled"
    for content in (written[0], (tmp_path / "f.h5").read_bytes()):
        for word in WORDS.split():
            assert word.encode() not in content.lower()
    assert not any(word in p for p in from_folder(songs).problems for word in WORDS.split())


def test_formats_of_a_real_library_are_picked_up(tmp_path):
    for number, suffix in enumerate(["mp3", "flac", "ogg"]):
        path = save(tmp_path / f"{number}.{suffix}", SOUND)
        tag_by_ffmpeg(path, {"title": suffix, "lyrics": f"words of {suffix}"})
    assert lyrics(from_folder(tmp_path)) == {
        "0.mp3": "words of mp3",
        "1.flac": "words of flac",
        "2.ogg": "words of ogg",
    }


# --- in other processes


@pytest.fixture
def mixed(folder):
    """Tags, words and damage of every kind, and a file of words that two tracks share."""
    root = folder(
        {
            **{f"{n}.wav": None for n in range(6)},
            "4.flac": b"fLaC but no more",
            "5.mka": b"nothing that mutagen knows",
            "gone.mp3": b"",
            "0.txt": WORDS,
            "0.en.lrc": "[00:01.00]" + WORDS,
            "1.wav.txt": "-99",
            "1.lrc": "[00:01.00]la la\n[00:02.00]lo lo",
            "2.txt": "caf\xe9 au lait, gar\xe7on".encode("latin-1") * 9,
            "3.txt": b"x" * (MAX_BYTES + 1),
            "4.txt": "of two tracks",
        }
    )
    tag(root / "2.wav", TIT2="Title", TPE1="Artist", TDRC="no year", USLT=WORDS)
    tag(root / "3.wav", TIT2="Title", TDRC="1999", USLT="[Instrumental]")
    tag(root / "5.wav", TIT2="Title", USLT="\n".join(["la la"] * 9))
    return root


@pytest.fixture
def at_once(monkeypatch):
    """As if a folder were so large that all of it but one track is read elsewhere."""
    monkeypatch.setattr(local_metadata, "_SECONDS_HERE", -1.0)
    monkeypatch.setattr(local_metadata, "_WORTH_SECONDS", -1.0)


@pytest.mark.parametrize("lyrics", [True, False])
def test_tags_read_in_other_processes_are_the_same(lyrics, mixed, at_once):
    here = from_folder(mixed, lyrics=lyrics)
    there = from_folder(mixed, lyrics=lyrics, run=partial(run_local, jobs=1))
    assert there == here
    assert len(here.problems) > 1 and len(here.remarks) > 1 + lyrics


def test_a_folder_that_is_read_quickly_starts_no_processes(mixed):
    def run(*_, **__):
        raise AssertionError("started")

    assert len(from_folder(mixed, run=run)) == 9


def test_a_file_that_kills_its_reader_costs_its_own_tags(mixed, at_once):
    def run(function, items, *, timeout, is_light):
        assert timeout > 0
        outcomes = []
        for item in items:
            assert is_light(item)
            dies = (item[1].audio or "").endswith("2.wav")
            outcomes.append((item, WorkerDiedError("died") if dies else function(item)))
        return reversed(outcomes)  # they come in any order

    here, there = from_folder(mixed), from_folder(mixed, run=run)
    assert [a for a, b in zip(here, there, strict=True) if a != b] == [here[2]]
    assert there[2] == dataclasses.replace(here[2], metadata={}, lyrics=None, lyrics_note="")
    (problem,) = set(there.problems) - set(here.problems)
    assert problem == f"{mixed}/2.wav: its tags and lyrics cannot be read: died"


def test_words_without_sound_that_kill_their_reader_are_named_by_their_file():
    files = [local_metadata._Files(None, ("a.en.lrc", "a.txt"))]

    def run(function, items, **_):
        return [(item, WorkerDiedError("died")) for item in items]

    (parts,) = local_metadata._read_elsewhere(files, run, lambda failed: None)
    assert str(parts.tags) == "a.en.lrc: its tags and lyrics cannot be read: died"


def test_reading_elsewhere_moves_the_bar(mixed, at_once, capsys, monkeypatch):
    monkeypatch.setattr(local_metadata, "PATIENCE", -1.0)

    def run(function, items, **_):
        return [(item, function(item)) for item in items]

    from_folder(mixed, run=run, progress=True)
    assert "9/9" in capsys.readouterr().err
