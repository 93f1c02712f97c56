"""Lyrics in text files: stamps, encodings, and what is no text."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from audio_files import as_nobody
from hypothesis import example, given, settings, strategies as st

from spdkit.tracks.sidecars import MAX_BYTES, PartError, beside, decode, plain_words, read_lyrics

# Our own four lines, each in the encodings that its language had before Unicode.
POEMS = {
    "french": "Je marche le long de la rivière\nles étoiles dansent déjà très haut\nmon cœur "
    "s'éveille à la lumière\net l'été chante près de l'eau\n",
    "spanish": "Mañana cantaré tu canción\nel corazón no tiene edad\nla niña sueña en el balcón\n"
    "y el otoño trae la verdad\n",
    "english": "I’m walking by the river – slow\nthe stars aren’t far, they dance\n"
    "you said you’d never let me go\nand “maybe” was our chance\n",
    "polish": "Księżyc świeci nad rzeką\nśpiewam cicho żółtą pieśń\ngwiazdy płyną tak daleko\n"
    "noc przynosi dobrą wieść\n",
    "lithuanian": "Aš einu palei upę tyliai\nžvaigždės šoka danguje\nširdis pabunda šviesoje\n"
    "vasara dainuoja čia\n",
    "turkish": "Nehrin kıyısında yürüyorum\nyıldızlar dans ediyor gökte\nşarkımı sana söylüyorum\n"
    "güneş doğuyor her günde\n",
    "russian": "Я иду вдоль тихой реки\nзвёзды пляшут над водой\nмоё сердце как огоньки\n"
    "лето пело нам с тобой\n",
    "greek": "Περπατώ δίπλα στο ποτάμι\nτα αστέρια χορεύουν ψηλά\nη καρδιά μου ένα καράβι\n"
    "και η νύχτα κρατάει πολλά\n",
    "hebrew": "אני הולך לאורך הנהר\nהכוכבים רוקדים בשמיים\nהלב שלי מתעורר לאור\n"
    "והקיץ שר ליד המים\n",
    "arabic": "أمشي على ضفاف النهر\nوالنجوم ترقص في السماء\nقلبي يصحو مع الفجر\n"
    "والصيف يغني عند الماء\n",
    "thai": "ฉันเดินไปตามแม่น้ำ\nดวงดาวเต้นรำบนฟ้า\nหัวใจตื่นรับแสงสว่าง\nฤดูร้อนร้องเพลงริมน้ำ\n",
    "japanese": "川のほとりを歩いている\n星が空で踊っている\n"
    "心は光に目を覚まし\n夏が水辺で歌っている\n",
    "chinese": "我沿着河边慢慢走\n星星在天上跳舞\n心在光里醒来\n夏天在水边歌唱\n",
    "taiwanese": "我沿著河邊慢慢走\n星星在天上跳舞\n心在光裡醒來\n夏天在水邊歌唱\n",
    "korean": "강가를 따라 걸어가네\n별들이 하늘에서 춤추네\n"
    "마음은 빛 속에 깨어나고\n여름은 물가에서 노래하네\n",
}
LEGACY = {
    "french": ["cp1252", "mac_roman"],
    "spanish": ["cp1252"],
    "english": ["cp1252"],
    "polish": ["cp1250"],
    "lithuanian": ["cp1257"],
    "turkish": ["cp1254"],
    "russian": ["cp1251", "koi8_r", "cp866", "iso8859_5"],
    "greek": ["cp1253", "iso8859_7"],
    "hebrew": ["cp1255"],
    "arabic": ["cp1256", "iso8859_6"],
    "thai": ["cp874"],
    "japanese": ["cp932", "euc_jp", "iso2022_jp"],
    "chinese": ["gb18030"],
    "taiwanese": ["big5"],
    "korean": ["euc_kr"],
}


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


# --- LRC


def test_stamps_and_tags_are_stripped():
    text = (
        "[ti:Harbour]\n[ar: Nobody]\n[offset:+500]\n[length: 02:10]\n[#:a remark]\n\n"
        "[00:01.00]Boats are sleeping\n"
        "[00:05.5] <00:05.50> By <00:06.00> the <00:06.40> quay\n"
        "[00:09]Lan<00:09.50>terns\n"
        "[00:12:34]drawn by [00:13.00] tides\n"
        "[00:15.00]\n"
        "[01:00.000]\tthe end\n"
    )
    assert plain_words(text, timed=True) == (
        "Boats are sleeping\nBy the quay\nLanterns\ndrawn by tides\nthe end"
    )


def test_a_line_with_several_stamps_is_sung_at_each():
    # Sorted by time: 1 s A, 5 s chorus, 9 s B, 65.5 s chorus, 120 s chorus.
    text = "[01:05.50][00:05.00] [02:00]chorus\n[00:01.00]A\n[00:09.00]B\n"
    assert plain_words(text, timed=True) == "A\nchorus\nB\nchorus\nchorus"


def test_fractions_are_decimal_whatever_their_length():
    # .9 s comes after .85 s and .123 s, however many digits there are.
    text = "[00:00.9]third\n[00:00.85]second\n[00:00.123]first\n"
    assert plain_words(text, timed=True) == "first\nsecond\nthird"


def test_lines_of_one_time_keep_their_order():
    text = "[00:02]b\n[00:01]original\n[00:01]translation\n[00:01]third\n"
    assert plain_words(text, timed=True) == "original\ntranslation\nthird\nb"


def test_a_line_without_a_stamp_belongs_to_the_one_above():
    text = "before\n[00:09]late\n[00:05][00:01]early\nits second line\n"
    assert plain_words(text, timed=True) == (
        "before\nearly\nits second line\nearly\nits second line\nlate"
    )


def test_minutes_may_exceed_an_hour_and_headers_stay():
    assert plain_words("[99:59]b\n[100:00]c\n[9:05]a\n", timed=True) == "a\nb\nc"
    # Headers are the lyrics extractor's to judge.
    assert plain_words("[00:01][Chorus]\n[00:02]la\n[Verse 2: Me]\n", timed=True) == (
        "[Chorus]\nla\n[Verse 2: Me]"
    )


def test_plain_text_stays_and_timed_text_under_a_plain_name_does_not():
    text = "[Chorus]\n  meet me at 10:30\n\n[ar:x] stays\n"
    assert plain_words(text) == "[Chorus]\n  meet me at 10:30\n\n[ar:x] stays"
    assert plain_words("intro\n [00:01.00]words\n") == "intro\nwords"
    assert plain_words("a\r\nb\rc\u2028d\x85e\n\n") == "a\nb\nc\nd\ne"


def test_lines_repeated_without_end_are_refused():
    # 20,000 stamps of a line of 100 characters are 2 MB from 140 kB.
    text = "[00:01]" * 20_000 + "x" * 100
    with pytest.raises(ValueError, match=f"repeated lines that come to more than {MAX_BYTES}"):
        plain_words(text, timed=True)
    assert plain_words("[00:01]" * 20_000 + "la", timed=True).count("la") == 20_000


stamp = st.builds("[{:02d}:{:02d}.{:02d}]".format, *[st.integers(0, 59)] * 3)
plain = st.text(alphabet="abc déя星", min_size=1, max_size=8).map(str.split).map(" ".join)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(stamp, plain.filter(bool)), min_size=1, max_size=20))
def test_words_come_out_in_order_of_time(lines):
    text = "\n".join(f"{mark}{words}" for mark, words in lines)
    expected = [words for mark, words in sorted(lines, key=lambda line: line[0])]
    assert plain_words(text, timed=True).split("\n") == expected


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="[]<>:.0159#ar\n\r \t長", max_size=80), st.booleans())
@example("[00:01", True)
@example("[00:01]<00:02", True)
@example("[9999:99:999]x", True)
def test_no_text_raises_and_no_stamp_is_left_at_a_head(text, timed):
    words = plain_words(text, timed=timed)
    assert words == words.strip()
    if timed:
        assert not re.search(r"^\[\d+:\d{1,2}(\.\d{1,3})?\]", words, re.MULTILINE | re.ASCII)
        assert "\n\n" not in words


# --- encodings


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xff\xfe\0\0", "utf-32-le"),
        (b"\0\0\xfe\xff", "utf-32-be"),
    ],
)
@pytest.mark.parametrize("language", POEMS)
def test_unicode_is_read_by_its_mark(language, mark, encoding):
    assert decode(mark + POEMS[language].encode(encoding)) == (POEMS[language], "")


@pytest.mark.parametrize(
    ("language", "encoding"), [(name, page) for name, pages in LEGACY.items() for page in pages]
)
def test_other_encodings_are_told_by_their_text(language, encoding):
    text, guessed = decode(POEMS[language].encode(encoding))
    assert text == POEMS[language]
    assert guessed


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", POEMS)
def test_utf_16_without_a_mark(language, encoding):
    expected = (POEMS[language], encoding.replace("-", "_"))
    assert decode(POEMS[language].encode(encoding)) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfea", "begins with the mark of UTF-16 and is not UTF-16: truncated data"),
        (b"\xff\xfe\0\0abc", "begins with the mark of UTF-32 and is not UTF-32"),
        (b"\xef\xbb\xbf\xff", "begins with the mark of UTF-8 and is not UTF-8: .* at byte"),
        (b"words\0more\0words\0", "is no text: NUL at byte 5"),
        (b"one stray at an odd place: \0", "is no text: NUL at byte 27"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\xff", "is no text: NUL at byte 7"),
        (bytes(range(128, 256)) * 20, "its encoding cannot be told.* Save it as UTF-8"),
        # Polish as it was on Unix, which is none of the encodings that are tried.
        (POEMS["polish"].encode("iso8859_2"), "its encoding cannot be told"),
    ],
)
def test_what_no_encoding_fits_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        decode(data)


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
            words, guessed = read_lyrics(path)
        except PartError as error:
            assert error.path == path and error.reason
        else:
            assert "\0" not in words and words == words.strip()
            words.encode("utf-8")
            if not guessed and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
                data.decode("utf-8")


# --- files


def test_a_file_is_read_by_its_suffix(tmp_path):
    text = "[ti:x]\n[00:02]b\n[00:01]a\n"
    assert read_lyrics(write(tmp_path / "a.LRC", text)) == ("a\nb", "")
    assert read_lyrics(write(tmp_path / "b.lrc", "no stamps\n[by:me]\nat all")).words == (
        "no stamps\nat all"
    )
    assert read_lyrics(write(tmp_path / "c.txt", b"\xef\xbb\xbfla\r\nla\r\n")) == ("la\nla", "")
    assert read_lyrics(write(tmp_path / "d.txt", POEMS["greek"].encode("cp1253"))).guessed == (
        "cp1253"
    )


@pytest.mark.parametrize(
    "data", ["", " \n\t\n", "\ufeff", "[00:01]\n[00:02] \n", "[ti:x]\n[00:01]"]
)
def test_files_without_words_hold_none(data, tmp_path):
    assert read_lyrics(write(tmp_path / "a.lrc", data)) == ("", "")


def test_large_files_are_refused_unread(tmp_path):
    assert len(read_lyrics(write(tmp_path / "a.txt", b"x" * MAX_BYTES)).words) == MAX_BYTES
    path = write(tmp_path / "b.txt", b"x" * (MAX_BYTES + 5))
    with pytest.raises(PartError, match=f"b.txt: 1048581 bytes, more than the {MAX_BYTES} that"):
        read_lyrics(path)


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
