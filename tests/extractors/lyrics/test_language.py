"""The language of lyrics: told, or honestly not told, and always the same."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import stopwordsiso
from hypothesis import given, settings, strategies as st

from spdkit.extractors.lyrics import language
from spdkit.extractors.lyrics.language import detect
from spdkit.tracks import languages

VERSES = {
    "en": "I left my coat beside the door\nthe rain was waiting in the street",
    "es": "Dejé mi abrigo en la puerta\nla lluvia espera en la calle",
    "fr": "J'ai laissé mon manteau à la porte\nla pluie attend dans la rue",
    "de": "Ich ließ den Mantel an der Tür\nder Regen wartet auf der Straße",
    "ru": "Я оставил пальто у двери\nдождь ждёт на улице",
    "el": "Άφησα το παλτό στην πόρτα\nη βροχή περιμένει στο δρόμο",
    "ko": "나는 문 옆에 코트를 두었어\n비가 거리에서 기다려",
    "ja": "ドアのそばにコートを置いた\n雨が道で待っている",
    "zh": "我把外套留在门边\n雨在街上等着你和我回家",
    "ar": "تركت معطفي عند الباب\nالمطر ينتظر في الشارع",
    "he": "השארתי את המעיל ליד הדלת\nהגשם מחכה ברחוב",
    "hi": "मैंने दरवाज़े पर कोट छोड़ा\nबारिश सड़क पर इंतज़ार करती है",
    "th": "ฉันทิ้งเสื้อไว้ข้างประตู\nฝนรออยู่บนถนน",
}


def tell(text, min_confidence=0.5, min_letters=15):
    return detect(text.split("\n"), min_confidence, min_letters)


@pytest.mark.parametrize("code", VERSES)
def test_the_language_of_a_verse_is_told(code):
    found = tell(VERSES[code])
    assert (found.code, found.remark) == (code, "")
    assert 0.5 <= found.confidence <= 1.0


def test_few_letters_have_no_language():
    found = tell("la la la 1999 !!!\nla", min_letters=20)
    # The distinct lines hold 3 and 1 times "la": 8 letters.
    assert (found.code, found.remark) == ("und", "8 letters, fewer than 20")
    assert found.confidence != found.confidence


def test_little_confidence_is_no_language():
    syllables = "uh yeah uh huh skrrt skrrt brr brr"
    found = tell(syllables)
    assert found.code == "und" and found.confidence < 0.5
    assert found.remark.endswith(f"{found.confidence:.2f}, below 0.5")
    assert tell(syllables, min_confidence=0.0).code != "und"
    assert tell(syllables, min_confidence=found.confidence).code != "und"


def test_no_language_at_all_is_undetermined(monkeypatch):
    class Nothing:
        def classify(self, text):
            return "zxx", 0.9

    monkeypatch.setattr(language, "identifier", Nothing)
    assert tell(VERSES["en"]).code == "und"


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from(f"{VERSES['en']}\n{VERSES['es']}".split("\n")), min_size=1),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_repetition_changes_it(lines, rng):
    shuffled = lines + rng.choices(lines, k=3)
    rng.shuffle(shuffled)
    assert tell("\n".join(lines)) == tell("\n".join(shuffled))


def test_many_threads_load_one_model_and_agree():
    languages._identifier.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(tell, [VERSES["de"]] * 32))
    assert len(found) == 1 and found.pop().code == "de"
    assert languages._identifier.cache_info().misses == 1


def test_all_distinct_lines_of_a_long_text_are_read(monkeypatch):
    seen = []

    class Recording:
        def classify(self, text):
            seen.append(text)
            return "en", 1.0

    monkeypatch.setattr(language, "identifier", Recording)
    lines = [f"line number {i:04d}" for i in range(1000)]
    random.Random(0).shuffle(lines)
    tell("\n".join(lines + lines[:10]))
    assert seen == ["\n".join(f"line number {i:04d}" for i in range(1000))]


def test_stop_words_are_the_packages_in_the_form_of_words():
    assert language.stop_words("en") >= {"the", "and", "don't"}
    assert language.stop_words("de") == {word.lower() for word in stopwordsiso.stopwords("de")}
    assert language.stop_words("nn") == language.stop_words("no") != frozenset()
    assert language.stop_words("arz") == language.stop_words("ar")
    assert language.stop_words("und") == language.stop_words("kn") == frozenset()
