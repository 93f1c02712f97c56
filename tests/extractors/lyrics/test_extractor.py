"""The extractor: contract, parameters, every script, what it says of a row, and any input."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.base import clone

from spdkit.extractors import AudioExtractor, ExtractionError
from spdkit.extractors.checks import check_extractor
from spdkit.extractors.lyrics import LyricsExtractor, similarity
from spdkit.extractors.lyrics.stylometry import NAMES
from spdkit.tracks.timed_lyrics import MAX_CHARACTERS
from spdkit.tracks.track import Track

PROFILES = ("paper", "spotgentrack")

# Two lines each, and by hand: words, syllables (the rules of `syllables`), stop words' language.
SCRIPTS = {
    # dejé 2 mi 1 abrigo 3 en 1 la 1 puerta 2 (ue is one), la 1 lluvia 2 espera 3 en 1 la 1 calle 2
    "es": ("Dejé mi abrigo en la puerta\nla lluvia espera en la calle", 12, 20),
    # я 1 оставил 3 пальто 2 у 1 двери 2, дождь 1 ждёт 1 на 1 улице 3
    "ru": ("Я оставил пальто у двери\nдождь ждёт на улице", 9, 15),
    # άφησα 3 το 1 παλτό 2 στην 1 πόρτα 2, η 1 βροχή 2 περιμένει 4 στο 1 δρόμο 2
    "el": ("Άφησα το παλτό στην πόρτα\nη βροχή περιμένει στο δρόμο", 10, 19),
    # 나는 2 문 1 옆에 2 코트를 3 두었어 3, 비가 2 거리에서 4 기다려 3
    "ko": ("나는 문 옆에 코트를 두었어\n비가 거리에서 기다려", 8, 20),
    # ド・ア・の・そ・ば・に・コ・ー・ト・を 10 おいた 3 (one word), あめがみちでまっている 11
    "ja": ("ドアのそばにコートをおいた\nあめがみちでまっている", 2, 24),
    # a character each
    "zh": ("我把外套留在门边\n雨在街上等着你和我回家", 2, 8 + 11),
    # tr-kt 2 mʿ-ṭ-fi 3 ʿnd 1 al-bāb 2, al-mṭr 2 yn-tẓr 2 fi 1 al-šārʿ 2
    "ar": ("تركت معطفي عند الباب\nالمطر ينتظر في الشارع", 8, 15),
    # š-lom 2 yl-da 2 ʾ-ta 2 yom 1, ʾ-ni 2 lʾ 1 ḥ-yim 2
    "he": ("שלום ילדה אתה יום\nאני לא חיים", 7, 12),
    # मैंने 2 दरवाज़े 4 पर 1 कोट 1 छोड़ा 2, बारिश 2 सड़क 2 पर 1 इंतज़ार 3 करती 3 है 1
    "hi": ("मैंने दरवाज़े पर कोट छोड़ा\nबारिश सड़क पर इंतज़ार करती है", 11, 22),
    # ฉัน 1 ทิ้ง 1 เสื้อ 1 ไว้ 1 ข้าง 1 ประ 1 ตู 1 (one word), ฝน 0 รอ 1 อยู่ 1 บน 0 ถนน 0
    "th": ("ฉันทิ้งเสื้อไว้ข้างประตู\nฝนรออยู่บนถนน", 2, 9),
}


def extract(lyrics, profile="paper", **parameters):
    row, obs = LyricsExtractor(profile, **parameters).extract_with_obs(Track("a", lyrics=lyrics))
    return dict(zip(NAMES, row.tolist(), strict=True)), obs


def test_a_first_line_is_a_title_where_the_track_is_called_so():
    rows = [
        LyricsExtractor().extract(Track("a", lyrics="Rain Lyrics\nrow on", metadata=metadata))
        for metadata in ({"title": "Rain"}, {"title": "Snow"}, {})
    ]
    assert [row[NAMES.index("n_words")] for row in rows] == [2, 4, 4]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_contract_holds(profile):
    check_extractor(LyricsExtractor(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_names_are_those_of_the_published_table_and_no_audio_features(profile):
    names = [spec.name for spec in LyricsExtractor(profile).feature_specs]
    assert sorted(names) == [
        *("mean_syllables_word", "mean_words_sentence", "n_sentences", "n_words"),
        *("sentence_similarity", "vocabulary_wealth"),
    ]
    audio = AudioExtractor(profile, extra=True).get_feature_names_out()
    assert not set(names) & set(audio)


@pytest.mark.parametrize("code", SCRIPTS)
def test_every_script_has_its_words_and_syllables(code):
    lyrics, n_words, n_syllables = SCRIPTS[code]
    found, obs = extract(lyrics, min_letters=10)
    assert obs["language"] == code
    assert (found["n_sentences"], found["n_words"]) == (2, n_words)
    assert found["mean_syllables_word"] == pytest.approx(n_syllables / n_words)
    assert found["mean_words_sentence"] == n_words / 2
    assert found["sentence_similarity"] == 0.0
    unspaced = code in ("ja", "zh", "th")
    assert ("without spaces" in obs["note"]) == unspaced


@pytest.mark.parametrize("code", SCRIPTS)
def test_every_script_has_a_row_of_spotgentrack(code):
    found, obs = extract(SCRIPTS[code][0], "spotgentrack", min_letters=10)
    assert obs["language"] == code
    hyphenated = code in ("es", "ru", "el", "th")
    assert ("hyphenation none" in obs["note"]) != hyphenated
    assert found["n_sentences"] == 2 and found["mean_syllables_word"] >= 1


def test_absent_and_blank_lyrics_give_a_row_of_nan():
    extractor = LyricsExtractor()
    for lyrics in (None, "", " \n\t "):
        track = Track("a", lyrics=lyrics)
        assert extractor.is_absent(track)
        row, obs = extractor.extract_with_obs(track)
        assert np.isnan(row).all() and row.shape == (6,) and obs == {}


def test_what_a_row_must_do_without_is_said():
    assert extract("walking by the river at night\nthe moon is out")[1]["note"] == ""
    assert extract("[Instrumental]")[1]["note"] == "no word in the lyrics"
    assert extract("la la la")[1] == {
        "language": "und",
        "confidence": pytest.approx(math.nan, nan_ok=True),
        "note": "language und (6 letters, fewer than 20): stop words none, "
        "syllables by script (vowel groups)",
    }
    assert extract("rain", language="kn")[1]["note"] == "stop words none for 'kn'"
    assert extract("the and", language="en")[1]["note"] == "no word but stop words"
    assert extract("rain", language="und")[1]["note"].startswith("language und: stop words none")
    note = extract("사랑", "spotgentrack", language="ko")[1]["note"]
    assert note == "hyphenation none for 'ko': syllables by script"
    note = extract("ខ្មែរ", language="km")[1]["note"]
    assert note.endswith("a word is what spaces enclose; syllables unknown in Khmer: one a word")


def test_without_a_language_nothing_is_a_stop_word():
    # No stop words: the, and and rain make 3 words, 2.55 of them 3: 3/3; in English rain alone.
    assert extract("the and rain", language="und")[0]["vocabulary_wealth"] == 1.0
    assert extract("the the rain", language="und")[0]["vocabulary_wealth"] == pytest.approx(2 / 3)
    assert extract("the the rain", language="en")[0]["vocabulary_wealth"] == 1.0
    # idea: i, ea by vowel groups; AY0 D IY1 AH0 in English.
    assert extract("idea", language="und")[0]["mean_syllables_word"] == 2
    assert extract("idea", language="en")[0]["mean_syllables_word"] == 3


def test_what_is_not_sung_is_not_counted():
    page = "1 ContributorRain Lyrics[Verse]\n[00:01.00]rain on the river\nEmbed"
    assert extract(page, language="en") == extract("rain on the river", language="en")


def obs(lyrics, note=""):
    row, facts = LyricsExtractor().extract_with_obs(Track("a", lyrics=lyrics, lyrics_note=note))
    return row.tolist(), facts


def test_timed_lyrics_count_in_whichever_way_they_come():
    """From a table or from Python as from a file."""
    plain = "grey boats are waiting on the shore\nwe never sail them any more"
    timed = (
        "[ti:x]\n[00:00.00]作词 : Anna\n[00:00.50]Lyrics by: Ben\n"
        "[00:05.00]F: we never sail them any more\n"
        "[00:01.00]v1: <00:01.00>grey <00:01.30>boats are waiting on the shore\n"
        "[00:01.00]серые лодки ждут\n[00:05.00]мы больше не плывём\n"
    )
    row, facts = obs(timed)
    assert row == obs(plain)[0]
    assert facts["note"].startswith("2 lines are a translation of one at the same time")
    subtitles = "WEBVTT\n\n00:01.000 --> 00:02.000\n" + plain
    assert obs(subtitles)[0] == row
    lines = plain.split("\n")
    assert obs(f'<tt><p begin="1">{lines[0]}</p><p begin="2">{lines[1]}</p></tt>')[0] == row


@pytest.mark.parametrize("text", ["-99", "Lyrics not available", "[00:01.00]You must log in"])
def test_a_placeholder_is_absent_with_a_word_on_why(text):
    extractor, track = LyricsExtractor(), Track("a", lyrics=text)
    row, facts = extractor.extract_with_obs(track)
    assert np.isnan(row).all() and extractor.is_absent(track)
    assert facts == extractor.absent_obs(track) and facts["note"].startswith("no lyrics but")


@pytest.mark.parametrize(
    "text", ["Instrumental", "[00:00.00]♪", "纯音乐，请欣赏", "Boats Lyrics[Instrumental]3Embed"]
)
def test_an_instrumental_has_no_word(text):
    row, facts = obs(text)
    assert (row[0], row[2]) == (0, 0) and facts["note"] == "no word in the lyrics"


def test_what_the_scan_noted_is_told():
    assert obs("la la la", "the first of 2 files")[1]["note"].endswith("; the first of 2 files")
    assert LyricsExtractor().absent_obs(Track("a", lyrics_note="why")) == {"note": "why"}
    assert LyricsExtractor().absent_obs(Track("a")) == {}


def test_lyrics_repeated_without_end_fail_with_a_reason():
    stamps = "".join(f"[{second // 60}:{second % 60:02d}]" for second in range(20_000))
    with pytest.raises(ExtractionError, match=r"^a: lyrics: repeated lines that come to more than"):
        LyricsExtractor().extract(Track("a", lyrics=stamps + "x" * 100))


CHANGES = [
    ("words", "word_characters", "don't go", "n_words", 3),
    ("lowercase", False, "Rain rain", "vocabulary_wealth", 1.0),
    ("count_stop_words", False, "rain on the river", "mean_words_sentence", 2.0),
    ("syllables", "hyphenated", "idea", "mean_syllables_word", 1.0),
    ("similarity_threshold", 0.5, "rain sun moon\nrain sun star", "sentence_similarity", 1.0),
    # One sentence more: idf ln(2/2)+1 = 1 and ln(2/1)+1 = 1.693 without it; 2/(2 + 2.867) = 0.41.
    ("smooth_idf", False, "rain sun moon\nrain sun star", "sentence_similarity", 0.0),
    ("wealth_coverage", 0.5, "rain sun moon star", "vocabulary_wealth", 0.5),
    ("wealth", "index_over_vocabulary", "rain sun moon star", "vocabulary_wealth", 0.5),
    ("decimals", 1, "rain sun\nmoon\nstar", "mean_words_sentence", 1.3),
]


@pytest.mark.parametrize(("name", "value", "lyrics", "feature", "expected"), CHANGES)
def test_every_constant_is_a_parameter(name, value, lyrics, feature, expected):
    threshold = {"similarity_threshold": 0.45} if name == "smooth_idf" else {}
    before = extract(lyrics, language="en", **threshold)[0][feature]
    after = extract(lyrics, language="en", **{name: value}, **threshold)[0][feature]
    assert after == pytest.approx(expected) and before != pytest.approx(expected)


def test_a_sentence_of_stop_words_alone_may_have_no_words():
    for counted, low in ((True, 1.0), (False, 0.0)):
        specs = LyricsExtractor(count_stop_words=counted).feature_specs
        assert {s.name: s.low for s in specs}["mean_words_sentence"] == low


@pytest.mark.parametrize(
    ("profile", "least", "source", "texts"),
    [
        (
            *("paper", [0, 1, 0, 1, 0, 0], "HitMusicNet section IV-A-2"),
            [
                *("lines that hold a word", "number of words in a sentence", "Number of words"),
                *("syllables, by pronunciation or script, of words", "cosine of at least 0.75"),
                "Number of the commonest words that make 85 % of all, but for stop words, over all",
            ],
        ),
        (
            *("spotgentrack", [0, 0, 0, 1, 0, 0], "SpotGenTrack's published code"),
            [
                *(
                    "lines that hold a word",
                    "words, but for stop words, in a sentence, to 2 places",
                ),
                *("Number of runs of \\w", "by pyphen's hyphens, of words, but for stop words, to"),
                *("cosine of at least 0.4", "Place, from 0, of the last of the commonest words"),
            ],
        ),
    ],
)
def test_each_number_has_its_range_its_source_and_its_words(profile, least, source, texts):
    specs = LyricsExtractor(profile).feature_specs
    assert [spec.low for spec in specs] == least
    assert [spec.high for spec in specs] == [math.inf] * 4 + [1, 1]
    sources = [source] * 6
    sources[4] = "HitMusicNet Algorithm 1" if profile == "paper" else source
    assert [spec.reference for spec in specs] == sources
    for spec, text in zip(specs, texts, strict=True):
        assert text in spec.description


def test_profiles_are_settings_that_parameters_override():
    paper, published = (LyricsExtractor(profile).effective_parameters for profile in PROFILES)
    assert (paper["similarity_threshold"], paper["wealth_coverage"]) == (0.75, 0.85)
    assert (published["similarity_threshold"], published["wealth_coverage"]) == (0.40, 0.80)
    assert (paper["decimals"], published["decimals"]) == (None, 2)
    changed = LyricsExtractor("spotgentrack", similarity_threshold=0.6, lowercase=True)
    assert changed.effective_parameters == published | {
        "similarity_threshold": 0.6,
        "lowercase": True,
    }
    assert clone(changed).get_params() == changed.get_params()
    assert LyricsExtractor().get_params()["similarity_threshold"] is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("profile", "genius"), ("language", ""), ("language", "EN"), ("min_confidence", 1.1)),
        *(("min_confidence", float("nan")), ("min_letters", 0)),
        *(("words", "letters"), ("syllables", "sung"), ("similarity_threshold", 0.0)),
        *(("similarity_threshold", 1.5), ("wealth_coverage", 0.0), ("wealth_coverage", 1.01)),
        *(("wealth", "index"), ("decimals", -1)),
    ],
)
def test_a_parameter_out_of_range_is_named(name, value):
    extractor = LyricsExtractor().set_params(**{name: value})
    with pytest.raises(ValueError, match=rf"^{name} must .*got {value!r}$"):
        extractor.extract(Track("a", lyrics="rain"))


@settings(deadline=None, max_examples=200)
@given(
    st.text(st.characters(exclude_categories=()), max_size=200)
    | st.lists(st.sampled_from([each[0] for each in SCRIPTS.values()])).map(" \n".join),
    st.sampled_from(PROFILES),
)
def test_no_string_fails_and_all_numbers_are_in_range(lyrics, profile):
    extractor = LyricsExtractor(profile, min_letters=5)
    row, obs = extractor.extract_with_obs(Track("a", lyrics=lyrics))
    for spec, value in zip(extractor.feature_specs, row.tolist(), strict=True):
        assert math.isnan(value) or spec.low <= value <= spec.high, (spec.name, value)
    again, same = extractor.extract_with_obs(Track("a", lyrics=lyrics))
    assert again.tobytes() == row.tobytes() and str(same) == str(obs)
    n_sentences, n_words, kappa = row[0], row[2], row[4]
    if obs.keys() <= {"note"}:
        assert np.isnan(row).all() and extractor.is_absent(Track("a", lyrics=lyrics))
    elif n_words:
        assert 0 <= kappa <= 1 and n_words >= n_sentences >= 1
    else:
        assert n_sentences == 0 and np.isnan(row[[1, 3, 4, 5]]).all()


def test_nothing_is_downloaded_and_no_warning_is_given():
    # In a process of its own, in which no connection can be made.
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('a connection')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from spdkit.extractors.lyrics import LyricsExtractor\n"
        "from spdkit.tracks.scan import Track\n"
        "for profile in ('paper', 'spotgentrack'):\n"
        "    extractor = LyricsExtractor(profile)\n"
        "    extractor.warm_up()\n"
        "    row = extractor.extract(Track('a', lyrics='walking down the river to the moon'))\n"
        "    print(int(row[2]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("7\n7\n", "")


# --- very much text: linear, or told


def test_lyrics_that_are_too_long_are_refused_with_their_length():
    for length in (MAX_CHARACTERS + 1, 10 * MAX_CHARACTERS):
        reason = f"^a: lyrics: {length} characters, more than the {MAX_CHARACTERS} they may have$"
        with pytest.raises(ExtractionError, match=reason):
            extract("x" * length)
    assert extract("x" * MAX_CHARACTERS)[0]["n_words"] == 1


def test_lines_that_cannot_be_compared_are_refused(monkeypatch):
    monkeypatch.setattr(similarity, "_FEW", 5)
    monkeypatch.setattr(similarity, "MAX_SENTENCES", 10)
    monkeypatch.setattr(similarity, "MAX_PAIRS", 5)
    lines = "\n".join(f"{first} {second}" for first in "abcd" for second in "abcd")
    with pytest.raises(
        ExtractionError, match=r"^a: lyrics: \d+ distinct lines, of which \d+ pairs"
    ):
        extract(lines)


# What made a pattern look again and again at the same characters, or a sum of their square.
@pytest.mark.timeout(40)
@pytest.mark.parametrize(
    "unit",
    [
        *("\n", "a'", "[", "[00:01.00]", "<br ", "_", "a\u0315\u0300", "\u0f73", "Embed\n"),
        *("<p>", "<p ", "<span role=x-translation"),
    ],
)
def test_long_texts_of_one_piece(unit):
    many = unit * (100_000 // len(unit))
    heads = "<tt > </p> Chorus Lyrics Read More Embed &amp; [ © by : solo"
    for text in (f"{heads}\n<{many}", f"[00:01.00][bg: {many}"):
        try:
            extract(text)
        except ExtractionError as error:
            assert "they may have" in str(error) or "come to more than" in str(error)
