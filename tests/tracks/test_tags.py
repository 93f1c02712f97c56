"""Tags of every kind of file, as other programs write them, and what is no tag."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
from pathlib import Path

import mutagen
import pytest
from audio_files import encode, melody, save, tag_by_ffmpeg
from hypothesis import example, given, settings, strategies as st
from mutagen import id3
from mutagen.apev2 import APEv2, APEValue
from mutagen.asf import ASFByteArrayAttribute

from spdkit.tracks.raw_tags import timed_asf
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


# --- lyrics under any name

WORDS = "grey boats are waiting\nwe never sail"
NAMES = [
    "lyrics-eng",
    "LYRICS-XXX",
    "lyrics_de",
    "UNSYNCEDLYRICS",
    "SyncedLyrics",
    "lyric",
    "Lyrics:en",
]


def with_vorbis(song, suffix, values):
    file = mutagen.File(song(suffix))
    file.update(values)
    file.save()
    return file.filename


def with_ape(song, suffix, values):
    tags, path = APEv2(), song(suffix)
    tags.update(values)
    tags.save(path)
    return path


def with_id3(song, suffix, frames):
    file = mutagen.File(song(suffix))
    if file.tags is None:
        file.add_tags()
    for frame in frames:
        file.tags.add(frame)
    file.save()
    return file.filename


def with_mp4(song, values):
    file = mutagen.File(song("m4a"))
    file.update({f"----:com.apple.iTunes:{name}": v.encode() for name, v in values.items()})
    file.save()
    return file.filename


@pytest.mark.parametrize("name", NAMES)
def test_lyrics_under_names_with_a_language(name, song):
    text = id3.TXXX(encoding=3, desc=name, text=[WORDS])
    for path in (
        *(with_vorbis(song, suffix, {name: WORDS}) for suffix in ("flac", "ogg", "opus")),
        with_ape(song, "wv", {name: WORDS}),
        with_id3(song, "mp3", [text]),
        with_mp4(song, {name: WORDS}),
        with_vorbis(song, "wma", {name: WORDS}),
    ):
        assert read(path).lyrics == (WORDS,), path


@pytest.mark.parametrize(
    "name", ["lyricist", "lyrics by", "lyrics_url", "original lyricist", "text"]
)
def test_other_names_are_no_lyrics(name, song):
    assert read(with_vorbis(song, "flac", {name: WORDS})).lyrics == ()
    assert read(with_id3(song, "mp3", [id3.TXXX(encoding=3, desc=name, text=[WORDS])])).lyrics == ()


def test_lyrics_come_plain_first_then_by_language_then_timed(song):
    path = with_vorbis(
        song,
        "flac",
        {
            "syncedlyrics": "[00:01]a",
            "lyrics-eng": "b",
            "unsyncedlyrics": "c",
            "lyrics": ["d", "e"],
        },
    )
    assert read(path).lyrics == ("d", "e", "c", "b", "[00:01]a")


def test_every_uslt_is_there_in_order_and_equal_ones_once(song):
    frames = [
        id3.USLT(encoding=3, lang=lang, desc=desc, text=text)
        for lang, desc, text in [
            ("eng", "", " "),
            ("deu", "", "b"),
            ("eng", "x", "a"),
            ("fra", "", "b"),
        ]
    ]
    assert set(read(with_id3(song, "mp3", frames)).lyrics) == {"a", "b"}


def test_timed_lyrics_in_two_languages_are_the_first(song):
    pieces = [("grey boats", 1000), ("серые лодки", 1000), ("are waiting", 2500), ("ждут", 2500)]
    frame = id3.SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=pieces)
    assert read(with_id3(song, "mp3", [frame])).lyrics == ("grey boats\nare waiting",)


def test_an_entry_for_each_line_is_one_text(song):
    lines = ["grey boats", "are waiting", "grey boats", "on the shore"]
    assert read(with_vorbis(song, "flac", {"lyrics": lines})).lyrics == ("\n".join(lines),)


def test_timed_lyrics_of_wma(song):
    pieces = b"".join(
        text.encode("utf-16-le") + b"\0\0" + time.to_bytes(4, "little")
        for text, time in [("grey boats", 1000), ("are waiting", 2000)]
    )
    data = b"\1\1" + "d".encode("utf-16-le") + b"\0\0" + len(pieces).to_bytes(4, "little") + pieces
    value = ASFByteArrayAttribute(data)
    path = with_vorbis(song, "wma", {"WM/Lyrics_Synchronised": [value]})
    assert read(path).lyrics == ("grey boats\nare waiting",)
    assert read(with_vorbis(song, "wma", {"WM/Lyrics": ["plain"]})).lyrics == ("plain",)


def test_apev2_behind_id3_adds_what_is_not_there(song):
    path = with_id3(song, "mp3", [id3.TIT2(encoding=3, text=["of ID3"])])
    APEv2.save(tags := APEv2(), path)
    tags.update({"Title": "of APE", "Lyrics": WORDS, "Genre": ["A", "B"]})
    tags.save(path)
    assert read(path) == Tags({"title": "of ID3", "genre": "A", "genres": ["A", "B"]}, (WORDS,))


def test_apev2_comes_before_id3v1_which_cuts_off(song):
    path = with_ape(song, "mp3", {"Title": "A title of more than thirty letters"})
    path.write_bytes(path.read_bytes() + b"TAG" + b"A title of more than thirty le" + b"\0" * 95)
    assert read(path).metadata["title"] == "A title of more than thirty letters"


# --- encodings

RUSSIAN = ("Группа крови", "Тёмный лес стоит вдали\nветер песню нам поёт")
CHINESE = ("月亮代表我的心", "黑色的树林站在远方\n风为我们唱起了歌")
FALSE = [("cp1251", *RUSSIAN), ("gb18030", *CHINESE), ("utf-8", *CHINESE)]


def replaced(path, **texts):
    """Bytes in place of texts of the same length, wherever the file has them."""
    content = Path(path).read_bytes()
    for old, new in texts.items():
        assert content.count(old.encode()) == 1
        content = content.replace(old.encode(), new)
    Path(path).write_bytes(content)
    return path


@pytest.mark.parametrize(("encoding", "title", "words"), FALSE)
@pytest.mark.parametrize("suffix", ["mp3", "wav", "aiff", "tta"])
@pytest.mark.parametrize("marked", [0, 1, 3])
def test_id3_that_holds_another_encoding(encoding, title, words, suffix, marked, song):
    """Marked Latin-1, and converted to UTF-16 or UTF-8 from that by another program."""
    texts = (text.encode(encoding).decode("latin-1") for text in (title, words))
    tit2 = id3.TIT2(encoding=marked, text=[next(texts)])
    uslt = id3.USLT(encoding=marked, lang="und", desc="", text=next(texts))
    tags = read(with_id3(song, suffix, [tit2, uslt]))
    assert (tags.metadata, tags.lyrics, tags.encoding) == ({"title": title}, (words,), encoding)


@pytest.mark.parametrize(("encoding", "title", "words"), FALSE[:2])
def test_utf_8_tags_that_hold_another_encoding(encoding, title, words, song):
    data = {"T" * len(title.encode(encoding)): title.encode(encoding)}
    data |= {"W" * len(words.encode(encoding)): words.encode(encoding)}
    texts = dict(zip(("title", "lyrics"), data, strict=True))
    mp4 = mutagen.File(song("m4a"))
    mp4.update({"\xa9nam": texts["title"], "\xa9lyr": texts["lyrics"]})
    mp4.save()
    paths = [with_vorbis(song, "flac", texts), with_ape(song, "wv", texts), mp4.filename]
    # Behind ID3v1 too. The checksums of Ogg would not be true; mutagen does not look at them.
    paths += [with_ape(song, "mp3", texts), with_vorbis(song, "ogg", texts)]
    for path in (*paths, with_vorbis(song, "opus", texts)):
        tags = read(replaced(path, **data))
        assert (tags.metadata, tags.lyrics, tags.encoding) == ({"title": title}, (words,), encoding)


def test_wma_that_holds_another_encoding(song):
    title, words = (text.encode("cp1251").decode("latin-1") for text in RUSSIAN)
    path = with_vorbis(song, "wma", {"Title": title, "WM/Lyrics": words})
    assert read(path) == Tags({"title": RUSSIAN[0]}, (RUSSIAN[1],), "cp1251")


def test_id3v1_in_another_encoding_and_what_cannot_be_told(song):
    path = song("mp3")
    sound = path.read_bytes()
    for encoding, title, expected in [
        ("cp1251", "Группа крови", ({"title": "Группа крови"}, False)),
        ("cp932", "恋", ({"title": "\x97\xf6"}, True)),
        ("cp1252", "Édith", ({"title": "Édith"}, False)),
    ]:
        path.write_bytes(sound + b"TAG" + title.encode(encoding).ljust(124, b"\0") + b"\xff")
        tags = read(path)
        assert (tags.metadata, tags.doubtful) == expected


# --- what is damaged


def test_one_frame_that_cannot_be_read_does_not_take_the_others_along(song, monkeypatch):
    path = with_id3(song, "mp3", id3_frames())
    broken = property(lambda self: 1 / 0, lambda self, text: None)
    monkeypatch.setattr(id3.TALB, "text", broken, raising=False)
    tags = read(path)
    expected = {name: value for name, value in ALL.metadata.items() if name != "album"}
    assert (tags.metadata, tags.lyrics) == (expected, ALL.lyrics)
    assert tags.problems == ("TALB: ZeroDivisionError: division by zero",)


@pytest.mark.parametrize(
    ("suffix", "old", "new", "lost"),
    [
        ("flac", b"\x0c\0\0\0GENRE=", b"\xff\xff\xff\xffGENRE=", {"genre"}),
        ("ogg", b"\x0c\0\0\0GENRE=", b"\xff\xff\xff\xffGENRE=", {"genre"}),
        ("m4a", b"\0\0\0\x18data", b"\0\0\0\x0adata", set()),
        ("wma", "WM/Tr".encode("utf-16-le"), b"\0\xd8" * 5, set()),
    ],
)
def test_one_item_of_nonsense_does_not_take_the_others_along(suffix, old, new, lost, song):
    fields = {"artist": "Jemand", "title": "Häfen", "genre": "Fremd!"}
    path = tag_by_ffmpeg(song(suffix), {**fields, "track": "3"})
    content = path.read_bytes().replace(b"genre=", b"GENRE=")
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    tags = read(path)
    assert tags.metadata.items() <= fields.items()
    assert set(fields) - set(tags.metadata) <= lost


# --- what is no tag


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.mp3", b"", "empty file"),
        ("a.ogg", b"", "empty file"),
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


def test_what_has_no_size_is_not_read(tmp_path):
    """Of some files in /proc reading never ends; this one has words."""
    (tmp_path / "a.mp3").symlink_to("/proc/version")
    with pytest.raises(PartError, match="empty file"):
        read_tags(str(tmp_path / "a.mp3"))


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


KINDS = ["mp3", "wav", "aiff", "flac", "ogg", "opus", "m4a", "wma", "wv", "tta", "mp3 with APEv2"]


@pytest.fixture(scope="module")
def tagged(sounds, tmp_path_factory):
    """Folder of a file of each kind that has tags: Hypothesis shows arguments, which are short."""
    folder = tmp_path_factory.mktemp("tagged")
    for suffix in KINDS[:-1]:
        path = Path(shutil.copy(sounds / f"song.{suffix}", folder))
        tag_by_ffmpeg(path, {**FIELDS, "lyrics": "la"}).rename(folder / suffix)
    tags, path = APEv2(), folder / KINDS[-1]
    shutil.copy(sounds / "song.mp3", path)
    tags.update(FIELDS)
    tags.save(path)
    return folder


mutations = st.lists(
    st.tuples(st.floats(0, 1), st.binary(max_size=8), st.integers(0, 8)), min_size=1, max_size=4
)


def damaged(tagged, kind, places, share):
    """Read a file with bytes put for others where its tags are, and cut off."""
    content = bytearray((tagged / kind).read_bytes())
    tags = 2000
    for place, new, n_old in places:
        # The first 2 kB, or the last ones.
        at = int(place * tags) if kind not in ("wv", "mp3 with APEv2") else -int(place * tags) - 1
        at %= len(content)
        content[at : at + n_old] = new
    path = tagged / f"changed.{kind[:4].strip()}"
    path.write_bytes(content[: max(1, int(len(content) * share))])
    try:
        tags = read(path)
    except PartError as error:
        assert path.name in str(error)
    else:
        values = [] if tags is None else [*tags.metadata.values(), *tags.lyrics]
        assert all(isinstance(value, str | int | list) for value in values)
        "".join(map(str, values)).encode("utf-8")


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=100)
@given(places=mutations, share=st.just(1.0) | st.floats(0.01, 1))
@example(places=[(0.0, b"ID3\x04\0\xff\x7f\x7f", 8)], share=1.0)
@example(places=[(0.0, b"DSD ", 0)], share=1.0)  # frames of sound as the place of a tag
def test_no_damage_raises_anything_else(tagged, kind, places, share):
    damaged(tagged, kind, places, share)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=500)
@given(places=mutations, share=st.just(1.0) | st.floats(0.01, 1))
def test_no_damage_raises_anything_else_ever(tagged, kind, places, share):
    damaged(tagged, kind, places, share)


BEYOND = (2**63 - 1, 2**63, 2**64 - 1)


@pytest.mark.parametrize("place", [*BEYOND, 4000, 200])
@pytest.mark.parametrize("kind", ["DSD", "FRM8"])
def test_a_place_beyond_the_file_is_no_tag(kind, place, tmp_path):
    """Eight bytes state more than a file can be sought in."""
    if kind == "DSD":
        content = struct.pack("<4sQQQ", b"DSD ", 28, 200, place)
    else:
        content = struct.pack(">4sQ4s4sQ", b"FRM8", 200, b"DSD ", b"PROP", place)
    (tmp_path / "a.dsf").write_bytes(content.ljust(200, b"\0"))
    with contextlib.suppress(PartError):
        assert read(tmp_path / "a.dsf") in (None, Tags({}, ()))


def test_pieces_of_an_asf_file_have_their_times():
    lines = (("First,", 1000), ("second", 70_000))
    texts = b"".join(
        text.encode("utf-16-le") + b"\0\0" + time.to_bytes(4, "little") for text, time in lines
    )
    head = b"\x02\x01" + "words".encode("utf-16-le") + b"\0\0"
    assert tuple(timed_asf(head + len(texts).to_bytes(4, "little") + texts)) == lines
