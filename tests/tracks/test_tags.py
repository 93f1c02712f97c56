"""Tags of every kind of file, as other programs write them, and what is no tag."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import mutagen
import pytest
from audio_files import encode, melody, save, tag_by_ffmpeg, truncate
from hypothesis import HealthCheck, example, given, settings, strategies as st
from mutagen import id3
from mutagen.apev2 import APEv2, APEValue

from spdkit.tracks.sidecars import PartError
from spdkit.tracks.tags import Tags, read_tags

SOUND = melody(1.0)
ENCODED = {
    "m4a": ("aac", "ipod"),
    "aac": ("aac", "adts"),
    "wma": ("wmav2", "asf"),
    "wv": ("wavpack", "wv"),
    "tta": ("tta", "tta"),
    "ac3": ("ac3", "ac3"),
    "mka": ("aac", "matroska"),
}
SAVED = ("mp3", "wav", "aiff", "flac", "ogg", "opus", "au", "w64", "rf64")
FIELDS = {
    "title": "Häfen 🎵",
    "artist": "Jemand",
    "album": "川のほとり",
    "album_artist": "Verschiedene",
    "date": "2003-05-02",
    "genre": "Folk",
}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """One file of each kind, without tags."""
    folder = tmp_path_factory.mktemp("sounds")
    for suffix in SAVED:
        rate = 48000 if suffix == "opus" else 44100
        save(folder / f"song.{suffix}", SOUND, rate)
    for suffix, (codec, container) in ENCODED.items():
        encode(folder / f"song.{suffix}", SOUND, codec, container)
    return folder


@pytest.fixture
def song(sounds, tmp_path):
    """A copy of the sound of a kind."""
    return lambda suffix: Path(shutil.copy(sounds / f"song.{suffix}", tmp_path))


def read(path):
    return read_tags(str(path))


def id3_frames():
    """What Picard writes for the fields, with everything else that is read."""
    text = {"encoding": 3}
    return [
        id3.TIT2(text=[FIELDS["title"]], **text),
        id3.TPE1(text=["Jemand & Niemand"], **text),
        id3.TXXX(desc="Artists", text=["Jemand", "Niemand"], **text),
        id3.TALB(text=[FIELDS["album"]], **text),
        id3.TPE2(text=[FIELDS["album_artist"]], **text),
        id3.TDRC(text=["2003-05-02"], **text),
        id3.TCON(text=["17", "Folk"], **text),  # 17 is Rock in ID3's list
        id3.TSRC(text=["DEA120300001"], **text),
        id3.UFID(owner="http://musicbrainz.org", data=b"rec-1"),
        id3.TXXX(desc="MusicBrainz Artist Id", text=["art-1", "art-2"], **text),
        id3.TXXX(desc="MusicBrainz Album Id", text=["alb-1"], **text),
        id3.USLT(lang="deu", desc="", text="erste Zeile\nzweite", **text),
        id3.APIC(mime="image/png", type=3, desc="", data=b"\x89PNG" * 100, **text),
    ]


def picard(prefix, **renamed):
    """Names of the fields in a kind of tag, with values that hold two things where they may."""
    values = {
        "title": [FIELDS["title"]],
        "artist": ["Jemand & Niemand"],
        "artists": ["Jemand", "Niemand"],
        "album": [FIELDS["album"]],
        "album_artist": [FIELDS["album_artist"]],
        "date": ["2003-05-02"],
        "genre": ["Rock", "Folk"],
        "isrc": ["DEA120300001"],
        "musicbrainz_trackid": ["rec-1"],
        "musicbrainz_artistid": ["art-1", "art-2"],
        "musicbrainz_albumid": ["alb-1"],
        "lyrics": ["erste Zeile\nzweite"],
    }
    return {renamed.get(name, prefix + name): value for name, value in values.items()}


ALL = Tags(
    {
        "title": FIELDS["title"],
        "artist": "Jemand & Niemand",
        "artists": ["Jemand", "Niemand"],
        "album": FIELDS["album"],
        "album_artist": "Verschiedene",
        "date": "2003-05-02",
        "release_year": 2003,
        "genre": "Rock",
        "genres": ["Rock", "Folk"],
        "isrc": "DEA120300001",
        "musicbrainz_recording_id": "rec-1",
        "musicbrainz_artist_id": "art-1",
        "musicbrainz_artist_ids": ["art-1", "art-2"],
        "musicbrainz_album_id": "alb-1",
    },
    ("erste Zeile\nzweite",),
)


# --- every kind


@pytest.mark.parametrize("suffix", ["mp3", "wav", "aiff", "tta"])
def test_id3_in_every_file_that_holds_it(suffix, song):
    file = mutagen.File(song(suffix))
    file.add_tags()
    for frame in id3_frames():
        file.tags.add(frame)
    file.save()
    assert read(file.filename) == ALL


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus"])
def test_vorbis_comments(suffix, song):
    file = mutagen.File(song(suffix))
    file.update(picard("", album_artist="AlbumArtist"))
    file.save()
    assert read(file.filename) == ALL


def test_mp4_atoms(song):
    file = mutagen.File(song("m4a"))
    itunes = "----:com.apple.iTunes:"
    names = {
        "title": "\xa9nam",
        "artist": "\xa9ART",
        "artists": f"{itunes}ARTISTS",
        "album": "\xa9alb",
        "album_artist": "aART",
        "date": "\xa9day",
        "genre": "\xa9gen",
        "isrc": f"{itunes}ISRC",
        "musicbrainz_trackid": f"{itunes}MusicBrainz Track Id",
        "musicbrainz_artistid": f"{itunes}MusicBrainz Artist Id",
        "musicbrainz_albumid": f"{itunes}MusicBrainz Album Id",
        "lyrics": "\xa9lyr",
    }
    for name, values in picard("", **names).items():
        file[name] = [v.encode() for v in values] if name.startswith("----") else values
    file.save()
    assert read(file.filename) == ALL


def test_asf_attributes(song):
    file = mutagen.File(song("wma"))
    names = {
        "title": "Title",
        "artist": "Author",
        "artists": "WM/ARTISTS",
        "album": "WM/AlbumTitle",
        "album_artist": "WM/AlbumArtist",
        "date": "WM/Year",
        "genre": "WM/Genre",
        "isrc": "WM/ISRC",
        "musicbrainz_trackid": "MusicBrainz/Track Id",
        "musicbrainz_artistid": "MusicBrainz/Artist Id",
        "musicbrainz_albumid": "MusicBrainz/Album Id",
        "lyrics": "WM/Lyrics",
    }
    file.update(picard("", **names))
    file.save()
    assert read(file.filename) == ALL


@pytest.mark.parametrize("suffix", ["wv", "mp3", "ac3"])
def test_apev2_where_it_belongs_and_behind_other_sound(suffix, song):
    tags = APEv2()
    for name, values in picard("", album_artist="Album Artist", title="Title").items():
        tags[name] = values
    tags["Cover Art (Front)"] = APEValue(b"\x89PNG" * 100, 1)
    path = song(suffix)
    tags.save(path)
    assert read(path) == ALL


def test_id3_before_raw_aac(song):
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=3, text=["Ton"]))
    path = song("aac")
    tags.save(path)
    assert read(path) == Tags({"title": "Ton"})


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "opus", "m4a", "wma", "wv", "tta"])
def test_what_ffmpeg_writes_under_its_own_names(suffix, song):
    path = tag_by_ffmpeg(song(suffix), {**FIELDS, "lyrics": "eine Zeile\nzwei"})
    assert read(path) == Tags({**FIELDS, "release_year": 2003}, ("eine Zeile\nzwei",))


@pytest.mark.parametrize("suffix", [*SAVED[:6], *list(ENCODED)[:6]])
def test_no_tags_are_none(suffix, song):
    assert read(song(suffix)) == Tags()


@pytest.mark.parametrize("suffix", ["au", "w64", "rf64", "mka"])
def test_kinds_that_are_not_read_are_told_apart(suffix, song):
    assert read(song(suffix)) is None


@pytest.mark.parametrize("suffix", ["w64", "rf64"])
def test_large_wav_formats_under_their_common_name_are_no_damaged_wav(suffix, song):
    assert read(song(suffix).rename(song(suffix).with_name("large.wav"))) is None


def test_a_wrong_suffix_does_not_matter(song):
    path = tag_by_ffmpeg(song("mp3"), FIELDS)
    assert read(path.rename(path.with_name("x.wav"))).metadata["title"] == FIELDS["title"]


def test_a_name_in_no_encoding(song, tmp_path):
    path = tag_by_ffmpeg(song("flac"), FIELDS)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.flac"))
    assert read(path.rename(odd)).metadata["title"] == FIELDS["title"]


# --- single fields


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("1999", 1999),
        ("1999-12-31", 1999),
        ("19991231", 1999),
        ("31/12/1999", 1999),
        ("Dec 2001", 2001),
        ("0000", None),
        ("99", None),
        ("unknown", None),
        ("5/311999", None),
    ],
)
def test_the_year_of_a_date(date, year, song):
    file = mutagen.File(song("flac"))
    file["date"] = date
    file.save()
    expected = {"date": date} if year is None else {"date": date, "release_year": year}
    assert read(file.filename).metadata == expected


def test_blank_values_are_not_there_and_equal_ones_are_one(song):
    file = mutagen.File(song("flac"))
    file.update({"title": ["", " "], "artist": [" A ", "A"], "album": ["", "B"], "lyrics": " \n"})
    file.save()
    assert read(file.filename) == Tags({"artist": "A", "album": "B"})


def test_one_artist_needs_no_list_and_several_of_one_name_make_one(song):
    file = mutagen.File(song("ogg"))
    file.update({"artist": ["A", "B"], "artists": ["A"]})
    file.save()
    assert read(file.filename).metadata == {"artist": "A", "artists": ["A", "B"]}


def test_old_id3_versions(song):
    path = song("mp3")
    tags = id3.ID3()
    for frame in id3_frames():
        tags.add(frame)
    tags.update_to_v23()
    tags.save(path, v2_version=3, v1=id3.ID3v1SaveOptions.CREATE)
    metadata = read(path).metadata
    assert (metadata["title"], metadata["release_year"]) == (FIELDS["title"], 2003)
    id3.delete(path, delete_v1=False)
    assert read(path).metadata["artist"] == "Jemand & Niemand"  # of ID3v1, 30 bytes in Latin-1


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([("first line", 10), ("second", 20)], "first line\nsecond"),
        (
            [("syl", 10), ("la", 20), ("ble\n", 30), ("and", 40), (" more", 50)],
            "syllable\nand more",
        ),
    ],
)
def test_timed_lyrics_where_there_are_no_others(pieces, expected, song):
    path = song("mp3")
    tags = id3.ID3()
    tags.add(id3.SYLT(encoding=3, lang="deu", format=2, type=1, desc="", text=pieces))
    chords = [("Am", 10), ("F", 20)]
    tags.add(id3.SYLT(encoding=3, lang="deu", format=2, type=5, desc="chords", text=chords))
    tags.save(path)
    assert read(path).lyrics == (expected,)
    tags.add(id3.USLT(encoding=3, lang="deu", desc="", text="plain"))
    tags.save(path)
    assert read(path).lyrics == ("plain", expected)


# --- what is no tag


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.mp3", b"", "can't sync to MPEG frame"),
        ("a.mp3", b"no sound at all " * 100, "can't sync to MPEG frame"),
        ("a.flac", b"fLaC" + b"\xff" * 50, ""),
        ("a.wav", b"RIFF", ""),
        ("a.m4a", b"\0\0\0\x20ftypM4A " + b"\xff" * 100, ""),
        ("a.ogg", b"OggS\0\2" + b"\xff" * 22 + b"\x01vorbis", ""),
    ],
)
def test_garbage_is_a_problem_that_names_the_file(name, content, reason, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PartError, match=f"{name}: its tags cannot be read: .*{reason}"):
        read(tmp_path / name)


def test_what_is_no_file_is_a_problem(tmp_path):
    (tmp_path / "folder.mp3").mkdir()
    os.mkfifo(tmp_path / "pipe.mp3")
    for name, reason in {
        "folder.mp3": "is no regular file",
        "pipe.mp3": "is no regular file",
        "gone.mp3": "No such file or directory",
    }.items():
        with pytest.raises(PartError, match=f"{name}: its tags cannot be read: {reason}"):
            read(tmp_path / name)


def test_what_a_parser_stumbles_over_is_told_with_its_kind(tmp_path, monkeypatch):
    (tmp_path / "a.mp3").write_bytes(b"x")

    def stumble(path):
        raise IndexError("index out of range")

    monkeypatch.setattr(mutagen, "File", stumble)
    with pytest.raises(PartError, match=r"cannot be read: IndexError: index out of range"):
        read(tmp_path / "a.mp3")


def test_tags_before_damaged_sound_are_read(song):
    path = tag_by_ffmpeg(song("mp3"), FIELDS)
    size = id3.ID3(path).size
    path.write_bytes(path.read_bytes()[:size] + b"\0" * 5000)
    assert read(path).metadata["title"] == FIELDS["title"]


@pytest.mark.parametrize(
    "suffix", ["mp3", "wav", "aiff", "flac", "ogg", "opus", "m4a", "wma", "wv"]
)
@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    place=st.floats(0, 1),
    damage=st.binary(min_size=1, max_size=40),
    share=st.floats(0.01, 1),
)
@example(place=0.0, damage=b"ID3\x04\0\xff\x7f\x7f\x7f\x7f", share=1.0)
def test_no_damage_raises_anything_else(suffix, place, damage, share, song):
    """Damage within the first 2 kB, where the tags are, and a file that ends early."""
    path = tag_by_ffmpeg(song(suffix), FIELDS)
    content = bytearray(path.read_bytes())
    at = int(place * min(len(content), 2000))
    content[at : at + len(damage)] = damage
    path.write_bytes(content)
    truncate(path, share)
    try:
        found = read(path)
    except PartError as error:
        assert path.name in str(error)
    else:
        assert found is None or all(
            isinstance(v, str | int | list) for v in found.metadata.values()
        )
