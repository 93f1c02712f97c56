"""Encodings: text of bytes that do not say what they are, or say it wrongly.

Conventions
-----------
A byte-order mark says an encoding, and what is valid UTF-8 is UTF-8. Anything else is asked of
chardet, among encodings that lyrics and tags are known to have, and only believed from a confidence
of `_SURE` on; random bytes stay below it. Encodings much like cp1252 need one of their languages
besides (by py3langid): Spanish read as Windows-1250 is nearly clean too.

Old taggers wrote what their machine used into tags whose standard says Latin-1, or UTF-8; a reader
that takes the tag by its word gives "Ïåñíÿ" for "Песня". `repair` finds the bytes again and
decodes all texts of one tag together, which one machine wrote: a title alone is often too short to
be told. What is plain Latin-1 stays as it is: letters with accents stand alone between others.
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spdkit.tracks.languages import identifier

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OF_TAGS = [
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("koi8_r", "iso8859_2", "iso8859_7"),
    *("cp932", "euc_jis_2004", "gb18030", "big5", "euc_kr", "cp949"),
]
_OF_FILES = [*_OF_TAGS, "cp866", "iso8859_5", "iso8859_6", "mac_roman", "iso2022_jp_2"]
_SURE = 0.06  # of random bytes at most 0.06, of titles of two words mostly more
_ENOUGH = 1 << 20  # bytes that are looked at: as many as a file of lyrics may have
_NULS, _FEW_NULS = 0.05, 3  # share among the characters of UTF-16, and strays

# What Latin-1 never has: three letters with accents in a row, symbols within words, and controls
# that are no quotes or dashes of cp1252. Bytes that are no UTF-8 come as surrogates.
_UNLIKELY = re.compile(
    r"[\x80-\xff]{3}|[\x81\x8d\x8f\x90\x9d]"
    r"|[A-Za-z\xc0-\xff][\xa1-\xb6\xb8\xb9\xbb-\xbf][a-z\xe0-\xff]"
)
# No word has letters of another alphabet beside ASCII's.
_MIXED = re.compile(r"[A-Za-z][^\W\d_A-Za-z\xc0-\u024f]|[^\W\d_A-Za-z\xc0-\u024f][A-Za-z]")
_HIGH, _ASCII_LETTERS = re.compile(r"[\x80-\xff]"), re.compile(r"[A-Za-z]")
_UTF_8_AS_CP1252 = re.compile(
    f"[\xc2-\xf4][\x80-\xbf{bytes(range(0x80, 0xA0)).decode('cp1252', 'ignore')}]"
)
_STRAY, _SURROGATE = re.compile(r"[\udc80-\udcff]"), re.compile(r"[\ud800-\udfff]")
_UNKNOWN = "?"
_MOSTLY = 3  # letters with accents for each without
# Of them enough to tell languages that Latin-1 has from those of encodings that are much like it,
# which chardet confuses.
_MANY = 8
_PLENTY = 50
_NEARLY = {
    **dict.fromkeys(("cp1250", "iso8859_2"), "pl cs sk hu hr sl ro bs sr sq"),
    **{"cp1254": "tr az", "cp1257": "lt lv et"},
}


def decode(data: bytes) -> tuple[str, str]:
    """Decode text whose encoding may be unknown.

    Returns
    -------
    text : str
    guessed : str
        The encoding if it had to be guessed; empty when a mark says it or it is UTF-8.

    Raises
    ------
    ValueError
        When it is no text, or no encoding fits well enough.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), ""
            except UnicodeDecodeError as error:
                name = encoding.removesuffix("-sig").upper()
                raise ValueError(
                    f"begins with the mark of {name} and is not {name}: {error.reason} at byte "
                    f"{error.start}"
                ) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _wide(data) if b"\0" in data else _guess(data, _OF_FILES)
    if "\0" in text:
        return _wide(data)
    # ISO-2022 is ASCII with escapes.
    return _guess(data, _OF_FILES) if "\x1b$" in text else (text, "")


@dataclass(frozen=True)
class Repaired:
    """Texts of one tag as they were meant.

    Attributes
    ----------
    texts : list of str
        In their order.
    encoding : str
        What some of them were in, against the tag's word; empty when none was.
    doubtful : bool
        Whether some look like another encoding that could not be told, and stay as they are.
    """

    texts: list[str]
    encoding: str = ""
    doubtful: bool = False


def repair(texts: Sequence[str]) -> Repaired:
    r"""Decode the texts of one tag again, where the tag calls its encoding by a wrong name.

    Parameters
    ----------
    texts : sequence of str
        As the tag's own encoding gives them; bytes that are none of it as surrogates
        (``errors="surrogateescape"``).

    Examples
    --------
    >>> repair(["Ãœber den Wolken"]).texts
    ['Über den Wolken']
    """
    if all(text.isascii() for text in texts):
        return Repaired(list(texts))
    misreads = [_Misread(text) for text in texts]
    narrow = [misread for misread in misreads if misread.is_narrow]
    foreign = any(misread.is_foreign for misread in narrow)
    # One machine wrote all of them.
    lines = (line for misread in narrow for line in misread.data.splitlines())
    whole = b"\n".join(dict.fromkeys(line for line in lines if not line.isascii()))
    guess, n_high = "", len(_HIGH.findall(whole.decode("latin-1")))
    if foreign or n_high >= _MANY:
        with contextlib.suppress(ValueError):
            # In a title a rare encoding is less likely than a mistake.
            guess = _guess(whole, _OF_FILES if n_high >= _PLENTY else _OF_TAGS)[1]
            guess = guess if foreign or guess in _NEARLY else ""
    results = [misread.decoded(guess) for misread in misreads]
    encodings = {encoding for _, encoding in results} - {"", _UNKNOWN}
    return Repaired(
        [text for text, _ in results],
        ", ".join(sorted(encodings)),
        any(encoding == _UNKNOWN for _, encoding in results),
    )


class _Misread:
    """A text, and the bytes that a reader may have taken for it by a wrong encoding."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_invalid = _STRAY.search(text) is not None
        self.data = _bytes_of(text)
        self.is_utf_8 = bool(self.data) and _is_utf_8(self.data)
        latin = self.data.decode("latin-1")
        is_latin = self.is_invalid or latin == text
        self.is_narrow = bool(self.data) and not self.is_utf_8 and is_latin
        self.is_foreign = self.is_narrow and _is_unlikely(latin)

    def decoded(self, guess: str) -> tuple[str, str]:
        """Text of the bytes and what they were in, empty where the tag is right."""
        if self.is_utf_8:
            return self.data.decode("utf-8"), "utf-8"
        if self.is_narrow:
            for encoding in filter(None, (guess, "" if self.is_foreign else "cp1252")):
                with contextlib.suppress(UnicodeDecodeError):
                    decoded = self.data.decode(encoding)
                    if self.is_foreign or encoding == "cp1252" or not _MIXED.search(decoded):
                        # Latin-1 for cp1252 changes quotes and dashes alone: nothing to tell of.
                        silent = encoding == "cp1252" or decoded == self.text
                        return decoded, encoding if self.is_invalid or not silent else ""
        return _SURROGATE.sub("\ufffd", self.text), _UNKNOWN if self.is_foreign else ""


def _is_unlikely(latin: str) -> bool:
    """Whether text that was read as Latin-1 is hardly that."""
    high, plain = _HIGH.findall(latin), _ASCII_LETTERS.findall(latin)
    mostly = len(high) >= _MOSTLY * len(plain)
    return len(set(high)) > 1 and (mostly or _UNLIKELY.search(latin) is not None)


def _bytes_of(text: str) -> bytes:
    """Bytes that may have been read as `text`; none where no such reading gives it."""
    if text.isascii():
        return b""
    if _STRAY.search(text):
        with contextlib.suppress(UnicodeEncodeError):
            return text.encode("utf-8", "surrogateescape")
    if max(text) <= "\xff":
        return text.encode("latin-1")
    if not _UTF_8_AS_CP1252.search(text):
        return b""
    # cp1252, which readers complete by Latin-1.
    with contextlib.suppress(UnicodeEncodeError):
        return b"".join(c.encode("latin-1" if c <= "\xff" else "cp1252") for c in text)
    return b""


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _wide(data: bytes) -> tuple[str, str]:
    # Spaces and newlines alone give UTF-16 of any language NULs, and nearly all in one of two
    # places. Detectors take strings between NULs for Chinese.
    for encoding, nul, other in (
        ("utf_16_le", data[1::2].count(0), data[::2].count(0)),
        ("utf_16_be", data[::2].count(0), data[1::2].count(0)),
    ):
        if other <= nul / 3 and nul >= max(_FEW_NULS, _NULS * len(data) / 2):
            with contextlib.suppress(UnicodeDecodeError):  # then it is no text, as below
                text = data.decode(encoding)
                if "\0" not in text:
                    return text, encoding
    raise ValueError(f"is no text: NUL at byte {data.index(0)}")


def _is_another_language(text: str, languages: str) -> bool:
    return bool(languages) and identifier().classify(text)[0] not in languages.split()


def _guess(data: bytes, encodings: Sequence[str]) -> tuple[str, str]:
    import chardet

    result = chardet.detect(data[:_ENOUGH], include_encodings=encodings, compat_names=False)
    encoding, confidence = result["encoding"], result["confidence"]
    if encoding is not None and confidence >= _SURE:
        with contextlib.suppress(UnicodeDecodeError):
            text = data.decode(encoding)
            many = len(_HIGH.findall(data.decode("latin-1"))) >= _MANY
            if many and _is_another_language(text, _NEARLY.get(encoding, "")):
                return data.decode("cp1252"), "cp1252"
            return text, encoding
    raise ValueError(
        "its encoding cannot be told: it is not UTF-8, and no other fits well enough. Save it as "
        "UTF-8"
    )
