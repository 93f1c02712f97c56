"""Translations: of what is sung and translated, each line once, however a file holds it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from spdkit.tracks.timed_lyrics import sung_words
from spdkit.tracks.translations import without_translations

# Our own four lines.
ENGLISH = [
    "grey boats are waiting on the shore",
    "we never sail them any more",
    "the rope is old the paint is thin",
    "and still we let the evening in",
]
GERMAN = [
    "graue Boote warten am Strand",
    "wir fahren nie mehr weg vom Land",
    "das Seil ist alt die Farbe fahl",
    "der Abend kommt ein weitres Mal",
]
RUSSIAN = ["серые лодки ждут", "мы больше не плывём", "верёвка стара", "и вечер входит в дом"]
CHINESE = ["灰色的船在岸边等待", "我们不再驾驶它们", "绳子旧了油漆薄了", "永远"]
JAPANESE = ["灰色の船が岸で待っている", "もう二度と乗らない", "縄は古く塗装は薄い", "永遠"]
ROMAJI = ["haiiro no fune ga kishi de", "mou nido to noranai", "nawa wa furuku", "eien"]
KOREAN = ["회색 배들이 기다리네", "우리는 다시 타지 않네", "밧줄은 낡았네", "저녁이 들어오네"]
TIMES = [f"[00:{5 * n:02d}.00]" for n in range(4)]


def stamped(lines, times=TIMES):
    return [f"{time}{line}" for time, line in zip(times, lines, strict=True)]


def by_line(*versions):
    return [line for lines in zip(*versions, strict=True) for line in lines]


def read(lines):
    return sung_words("\n".join(lines), timed=True)


PAIRS = [
    *((ENGLISH, GERMAN), (GERMAN, ENGLISH), (ENGLISH, CHINESE), (CHINESE, ENGLISH)),
    *((JAPANESE, CHINESE), (CHINESE, JAPANESE), (KOREAN, ENGLISH), (RUSSIAN, ENGLISH)),
    *((JAPANESE, ROMAJI), (ROMAJI, JAPANESE)),
]


@pytest.mark.parametrize(("sung", "other"), PAIRS)
def test_lines_with_a_translation_count_once(sung, other):
    late = [f"[00:{5 * n:02d}.05]" for n in range(4)]
    subtitles = [
        f"{n}\n00:00:0{n},000 --> 00:00:0{n + 1},000\n{a}\n{b}\n"
        for n, (a, b) in enumerate(zip(sung, other, strict=True))
    ]
    for lines in (
        by_line(stamped(sung), stamped(other)),
        [*stamped(sung), "[by: someone]", "", *stamped(other)],
        by_line(stamped(sung), stamped(other, late)),
        by_line(stamped(sung), other),
        subtitles,
    ):
        words, note = read(lines)
        assert words.split("\n") == sung
        assert "4 lines are a translation of one at the same time" in note


@pytest.mark.parametrize(
    "form", ["{} / {}", "{} // {}", "{} | {}", "{}／{}", "{}（{}）", "{} ({})"]
)
@pytest.mark.parametrize(("sung", "other"), PAIRS[:4])
def test_translations_on_the_same_line(sung, other, form):
    words, note = read(stamped(map(form.format, sung, other)))
    assert words.split("\n") == sung
    assert note == "4 of 4 lines end in a translation, which is not counted"


def test_three_versions_and_a_translation_of_some_lines():
    for versions in ((JAPANESE, ROMAJI, ENGLISH), (ROMAJI, JAPANESE, ENGLISH)):
        assert read(by_line(*map(stamped, versions))).words.split("\n") == versions[0]
    lines = [*stamped(ENGLISH), *stamped(CHINESE)[:2]]
    words, note = read(lines)
    assert words.split("\n") == ENGLISH and note.startswith("2 lines are a translation")


def test_a_translation_of_a_third_of_the_lines_is_one_and_of_a_quarter_is_none():
    words, note = read([*stamped(ENGLISH[:3], TIMES[:3]), *stamped(CHINESE[:1], TIMES[:1])])
    assert words.split("\n") == ENGLISH[:3] and note.startswith("1 lines are a translation")
    words, note = read([*stamped(ENGLISH), *stamped(CHINESE[:1], TIMES[:1])])
    assert words.split("\n") == [ENGLISH[0], CHINESE[0], *ENGLISH[1:]] and not note


def test_a_chorus_keeps_its_translation_away_each_time():
    text = [
        "[00:01][00:09]grey boats",
        "[00:01][00:09]серые лодки",
        "[00:05]the rope",
        "[00:05]верёвка",
    ]
    assert read(text).words == "grey boats\nthe rope\ngrey boats"


@pytest.mark.parametrize("sign", ["/", "|"])
def test_a_slash_without_spaces_parts_two_scripts_alone(sign):
    for first, second in ((ENGLISH, CHINESE), (CHINESE, ENGLISH), (RUSSIAN, ENGLISH)):
        lines = [f"{a}{sign}{b}" for a, b in zip(first, second, strict=True)]
        assert read(stamped(lines)).words.split("\n") == first
    lines = [f"{a}{sign}{b}" for a, b in zip(ENGLISH, GERMAN, strict=True)]
    assert read(stamped(lines)).words.split("\n") == lines


def test_two_voices_in_one_language_are_both_sung():
    words, note = read(by_line(stamped(ENGLISH), stamped(ENGLISH[::-1])))
    assert words.split("\n") == by_line(ENGLISH, ENGLISH[::-1])
    assert note == "4 of 4 times have two lines or more, all counted"
    words, note = read(stamped(f"{line} (ooh ooh)" for line in ENGLISH))
    assert words.split("\n") == [f"{line} (ooh ooh)" for line in ENGLISH] and not note


def test_what_stands_twice_at_one_time_is_sung_once():
    words, note = read([*stamped(ENGLISH), *stamped(ENGLISH)])
    assert words.split("\n") == ENGLISH
    assert note == "4 lines stand twice at the same time and are counted once"


def test_a_line_that_goes_on_below_itself_is_whole():
    lines = by_line(stamped(ENGLISH), ["and it goes on"] * 4, RUSSIAN)
    assert read(lines).words.split("\n") == by_line(ENGLISH, ["and it goes on"] * 4)


def test_songs_in_two_languages_are_sung_in_both():
    mixed = [line for pair in zip(ENGLISH[:2], RUSSIAN[:2], strict=True) for line in pair]
    assert read(stamped(mixed)) == ("\n".join(mixed), "")
    lines = stamped(ENGLISH)
    lines[1] += "\n[00:05.00]серые лодки"  # once is no translation
    more = [f"[01:{n:02d}]line {'la ' * n}" for n in range(9)]
    assert "серые лодки" in read([*lines, *more]).words


moments = st.lists(st.lists(st.sampled_from([*ENGLISH, *GERMAN, *JAPANESE, "la", "1"]), min_size=1))


@settings(deadline=None, max_examples=100)
@given(moments)
def test_of_each_moment_something_is_left_in_order(texts):
    sung, note = without_translations(texts)
    assert len(sung) == len(texts)
    for before, after in zip(texts, sung, strict=True):
        assert after and list(dict.fromkeys(before)).index(after[0]) >= 0
        assert len(after) <= len(before)
    assert note or sung == [list(each) for each in texts]
