"""Encodings: bytes that do not say theirs, tags that say it wrongly, and what is no text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from spdkit.tracks.encodings import Repaired, decode, repair

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
    "polish": ["cp1250", "iso8859_2"],
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
    ],
)
def test_what_no_encoding_fits_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        decode(data)


# Our own too: what chardet takes for Hungarian in Windows-1250.
NEARLY = {
    "spanish": "¿quién cantó aquí ayer?\nnadie más lo oyó después\nquizá mañana volverá el niño\n"
    "y tú también estarás allí",
    "catalan": "això és així, només això\nla nit ja és aquí també\nperò l'amor és lluny, i jo\n"
    "sóc sol: què més puc fer",
}


@pytest.mark.parametrize("language", NEARLY)
def test_an_encoding_much_like_cp1252_needs_one_of_its_languages(language):
    text = NEARLY[language]
    assert decode(text.encode("cp1252")) == (text, "cp1252")
    assert repair([text]) == Repaired([text])


# --- tags that name another encoding

TITLES = {
    "cp1251": ["Группа крови", "Виктор Цой", "Песня"],
    "koi8_r": ["Группа крови", "Звезда по имени Солнце"],
    "cp932": ["ガラス", "夜に駆ける", "宇多田ヒカル"],
    "gb18030": ["爱", "周杰伦", "月亮代表我的心"],
    "big5": ["愛", "周杰倫", "月亮代表我的心"],
    "euc_kr": ["사랑", "강남스타일"],
    "cp1253": ["Μίκης Θεοδωράκης", "Ζορμπάς"],
    "cp1255": ["שלום", "עפרה חזה"],
    "cp1256": ["فيروز", "أم كلثوم", "إنت عمري"],
    "utf-8": ["Édith Piaf", "Là-bas", "星", "Песня", "don’t"],
}
SUPERSETS = {"cp949": "euc_kr", "koi8-r": "koi8_r", "big5hkscs": "big5"}


@pytest.mark.parametrize("encoding", TITLES)
@pytest.mark.parametrize("reading", ["latin-1", "surrogates"])
def test_texts_of_one_tag_are_told_together(encoding, reading):
    raw = [text.encode(encoding) for text in TITLES[encoding]]
    texts = [data.decode("utf-8", "surrogateescape") for data in raw]
    if reading == "latin-1":
        texts = [data.decode("latin-1") for data in raw]
    repaired = repair([*texts, "plain", "日本"])
    assert repaired.texts == [*TITLES[encoding], "plain", "日本"]
    if not (encoding == "utf-8" and reading == "surrogates"):
        assert SUPERSETS.get(repaired.encoding, repaired.encoding) == encoding
    assert not repaired.doubtful


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Édith Piaf",
            "Là-bas",
            "Motörhead",
            "Ágætis byrjun",
            "Ñu",
            "Þórður",
            "Ünï",
            "¡¡¡Hola!!!",
        ),
        *(
            "···",
            "×××",
            "é é é é",
            "¿Dónde está?",
            "“É” … —",
            "Låt på svenska",
            "L’été",
            "°C",
            "5 £",
        ),
        *("Tarkan", "", "日本語のタイトル", "Песня", "🎵", "Ååå"),
    ],
)
def test_what_is_right_stays(text):
    repaired = repair([text])
    assert (repaired.texts, repaired.encoding) == ([text], "")


def test_a_text_that_another_program_added_stays():
    russian = [text.encode("cp1251").decode("latin-1") for text in TITLES["cp1251"]]
    added = ["Beyoncé", "Motörhead", "Là-bas", "don\x92t"]
    right = [*TITLES["cp1251"], *added[:3], "don’t"]
    assert repair([*russian, *added]) == Repaired(right, "cp1251")


def test_quotes_of_cp1252_in_latin_1_and_double_utf_8():
    assert repair(["don\x92t \x85"]) == repair(["don’t …"])
    assert repair(["Pink â€“ Donâ€™t"]).texts == ["Pink – Don’t"]


def test_bytes_that_are_no_utf_8_are_never_lost_without_a_word():
    repaired = repair(["caf\udce9", "M\udcf6tley Cr\udcfce and so on"])
    assert (repaired.texts, repaired.encoding) == (["café", "Mötley Crüe and so on"], "cp1252")
    unknown = repair(["\udc81\udc8d\udc8f"])
    assert unknown.doubtful and unknown.texts == ["\ufffd" * 3]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=30) | st.binary(max_size=30).map(lambda b: b.decode("latin-1"))))
def test_any_texts_stay_as_many_and_become_valid(texts):
    repaired = repair(texts)
    assert len(repaired.texts) == len(texts)
    "".join(repaired.texts).encode("utf-8")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=30)))
def test_any_bytes_become_valid_text(raw):
    repaired = repair([data.decode("utf-8", "surrogateescape") for data in raw])
    "".join(repaired.texts).encode("utf-8")
