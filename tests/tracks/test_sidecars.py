"""Lyrics in text files beside audio: which files, and what is in them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from audio_files import as_nobody
from hypothesis import example, given, settings, strategies as st

from spdkit.tracks.sidecars import MAX_BYTES, Lyrics, PartError, beside, lyrics_of, read_lyrics


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300), st.sampled_from([".txt", ".lrc"]))
@example(b"", ".txt")
@example(b"\xff\xfe", ".lrc")
@example(b"\xef\xbb\xbf", ".txt")
@example(b"\xd8\x00\xd8\x00", ".txt")
def test_any_bytes_are_words_or_a_problem(data, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / f"song{suffix}", data)
        try:
            words, _, guessed, _ = read_lyrics(path)
        except PartError as error:
            assert error.path == path and error.reason
        else:
            assert "\0" not in words and words == words.strip()
            words.encode("utf-8")
            if not guessed and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
                data.decode("utf-8")


def test_words_have_a_length_that_is_refused(monkeypatch):
    monkeypatch.setattr("spdkit.tracks.timed_lyrics.MAX_CHARACTERS", 8)
    assert lyrics_of("la la la").words == "la la la"
    with pytest.raises(ValueError, match="9 characters, more than the 8 they may have"):
        lyrics_of("la la la!")


# --- files


def test_a_file_is_read_by_its_suffix(tmp_path):
    text = "[ti:x]\n[00:02]b\n[00:01]a\n"
    assert read_lyrics(write(tmp_path / "a.LRC", text)) == Lyrics("a\nb")
    assert read_lyrics(write(tmp_path / "b.lrc", "no stamps\n[by:me]\nat all")).words == (
        "no stamps\nat all"
    )
    assert read_lyrics(write(tmp_path / "c.txt", b"\xef\xbb\xbfla\r\nla\r\n")) == Lyrics("la\nla")
    greek = "Περπατώ δίπλα στο ποτάμι\nτα αστέρια χορεύουν ψηλά"
    read = read_lyrics(write(tmp_path / "d.txt", greek.encode("cp1253")))
    assert read == Lyrics(greek, guessed="cp1253")


@pytest.mark.parametrize("suffix", [".elrc", ".LRCX"])
def test_other_names_of_lrc(suffix, tmp_path):
    text = "[00:02.00]<00:02.00>b <00:02.30>c\n[00:01.00]a\n[by:me]"
    assert read_lyrics(write(tmp_path / f"a{suffix}", text)) == Lyrics("a\nb c")


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".txt"])
def test_subtitles(suffix, tmp_path):
    text = (
        "1\n00:00:01,000 --> 00:00:04,000\n<i>grey boats</i>\n\n"
        "2\n00:00:05,000 --> 00:00:06,000\nby"
    )
    assert read_lyrics(write(tmp_path / f"a{suffix}", text)) == Lyrics("grey boats\nby")


def test_text_that_was_misread_and_saved_as_utf_8(tmp_path):
    words = "Тёмный лес стоит вдали\nветер песню нам поёт"
    for encoding in ("cp1251", "utf-8"):
        misread = words.encode(encoding).decode("latin-1")
        assert read_lyrics(write(tmp_path / "a.txt", misread)) == Lyrics(words, guessed=encoding)
    assert read_lyrics(write(tmp_path / "a.txt", "là-bas déjà")) == Lyrics("là-bas déjà")


def test_a_placeholder_is_no_lyrics_and_an_instrumental_has_no_words(tmp_path):
    read = read_lyrics(write(tmp_path / "a.txt", "-99"))
    assert read == Lyrics("", "no lyrics but a placeholder, such as -99")
    read = read_lyrics(write(tmp_path / "b.lrc", "[ti:x]\n[00:00.00]Instrumental"))
    assert read == Lyrics("", is_instrumental=True)


@pytest.mark.parametrize(
    "data", ["", " \n\t\n", "\ufeff", "[00:01]\n[00:02] \n", "[ti:x]\n[00:01]"]
)
def test_files_without_words_hold_none(data, tmp_path):
    assert read_lyrics(write(tmp_path / "a.lrc", data)) == Lyrics("")


def test_large_files_are_refused_unread(tmp_path):
    assert len(read_lyrics(write(tmp_path / "a.txt", b"x" * MAX_BYTES)).words) == MAX_BYTES
    path = write(tmp_path / "b.txt", b"x" * (MAX_BYTES + 5))
    with pytest.raises(PartError, match=f"b.txt: 1048581 bytes, more than the {MAX_BYTES} that"):
        read_lyrics(path)


def test_what_has_no_size_is_not_read(tmp_path):
    """Of some files in /proc reading never ends; this one has words."""
    (tmp_path / "a.txt").symlink_to("/proc/version")
    assert read_lyrics(str(tmp_path / "a.txt")) == Lyrics("")


def test_what_is_no_file_is_a_problem(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "link.txt").symlink_to("nowhere")
    for name, reason in {
        "folder.txt": "is no regular file",
        "pipe.txt": "is no regular file",
        "link.txt": "cannot be read: No such file or directory",
    }.items():
        with pytest.raises(PartError, match=f"{name}: {reason}"):
            read_lyrics(str(tmp_path / name))


def test_a_file_without_permission_is_a_problem():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        path = Path(name) / "shut.txt"
        path.write_text("la")
        path.chmod(0)
        printed = as_nobody(
            """
from spdkit.tracks.sidecars import PartError, read_lyrics
drop()
try:
    read_lyrics(sys.argv[1])
except PartError as error:
    print(error.reason)
""",
            str(path),
        )
    assert printed == "cannot be read: Permission denied\n"


def test_names_beside_are_ranked_plain_words_first():
    names = ["b.lrc", "a.lrc", "a.TXT", "a.txt", "a.flac", "b.jpg", ".txt", "txt", "c.d.Lrc"]
    assert beside(names) == {"a": ["a.TXT", "a.txt", "a.lrc"], "b": ["b.lrc"], "c.d": ["c.d.Lrc"]}


def test_names_may_carry_a_language_or_the_suffix_of_the_audio():
    names = ["a.en.lrc", "a.lrc", "a.zh-Hans.txt", "a.flac.lrc", "a.live.txt", "a.by.txt", "a.vtt"]
    assert beside(names) == {
        "a": ["a.lrc", "a.vtt", "a.zh-Hans.txt", "a.en.lrc"],
        "a.en": ["a.en.lrc"],
        "a.zh-Hans": ["a.zh-Hans.txt"],
        "a.flac": ["a.flac.lrc"],
        "a.live": ["a.live.txt"],
        "a.by": ["a.by.txt"],
    }


def test_names_are_one_in_any_unicode_form():
    composed, decomposed = "D\xe9tour", "De\u0301tour"
    names = [f"{decomposed}.lrc", f"{composed}.txt"]
    assert beside(names) == {composed: [names[1], names[0]]}
