"""Placeholders: what stands where lyrics would be, and is none.

Conventions
-----------
A text is a placeholder as a whole or not at all. A missing value (``-99``) and a page's excuse
("Lyrics not available") say nothing about the song: it has no lyrics that are known. A statement
that nobody sings ("Instrumental", "♪") is knowledge: it has none, and no word is counted. In a text
of more than `_FEW_LINES` lines or `_FEW_LETTERS` letters these are words of a song.
"""

from __future__ import annotations

import re
import unicodedata

_FEW_LINES, _FEW_LETTERS = 6, 300

_MISSING = re.compile(
    r"-(?:1|9+)(?:\.0+)?|#?n/?a|nan|none|null|nil|undefined|unknown|no data|tb[ad]|[-–—?.]{1,2}"
    r"|\[\s*\]|\{\s*\}|\"\"|''|(?:error )?404(?:[ :-]*not found)?"
    r"|not found|not available|coming soon|https?://\S+"
)
_PAGE = re.compile(r"\s*(?:<!doctype html|<html|<head|<\?xml)", re.IGNORECASE)
_INSTRUMENTAL = re.compile(
    r"(?:(?:this|it|song|track|piece|the|a|an|is|was|s|pure|purely|fully|only|just) )*"
    r"(?:instrumentals?|instrumentaal|instrumentale?s?|instrumentaln[aeyi]|strumentale|"
    r"enstrümantal|инструментал(?:ьная|ьный|ьное)?|instrumental music)"
    r"(?: (?:song|track|version|piece|music|only|mix|intro|outro|interlude|break|solo|композиция|"
    r"музыка|трек|песня|no lyrics|no vocals|no words))*"
    r"|(?:there are |has |with )?(?:no|without) (?:lyrics?|vocals?|words?|singing)"
    r"(?: (?:in|for|to|on) (?:this|the) (?:song|track))?"
    r"|sin letra|sem letra|ohne text|sans paroles|senza parole|без слов|нет текста"
    r"|インストゥルメンタル|インスト(?:曲)?|歌詞なし|연주곡|가사 ?없음"
    r"|.*(?:純音樂|纯音乐|没有填词|沒有填詞).*"
)
_WORD = re.compile(r"[^\W_]+")
# In any form of words around them.
_EXCUSE = re.compile(
    r"[暂暫]?[无無没沒]有?歌[词詞]|[暂暫][无無]歌"
    r"|가사(?:가|를)? (?:없|준비)|歌詞(?:が|は)(?:見つ|登録|あり)"
    r"|\b(?:log(?:ged)?|sign(?:ed)?) ?in(?: to (?:see|view|read|show|access|continue)\b|$)"
    r"|\blyrics?\b.{0,60}\b(?:not|un|isn t|aren t|no longer|yet to be|coming|will be)\b ?"
    r"(?:\w+ ){0,3}(?:available|found|released|transcribed|soon|display(?:ed)?|licensed|added)"
    r"|\blyrics? (?:unavailable|missing|pending|restricted|removed|coming soon|n a|tb[ad])\b"
    r"|\b(?:restricted|missing) lyrics$|\bno lyrics (?:found|available|yet)\b"
    r"|\b(?:don t|do not|couldn t|could not|cannot|can t|unable to|not (?:licensed|allowed|"
    r"authori[sz]ed|in a position) to|still working on)\b.{0,40}\b(?:have|know|find|display|show|"
    r"get(?:ting)?|load)\b.{0,30}\blyrics\b"
    r"|\benable (?:javascript|cookies)\b|\baccess denied\b"
    r"|\bguess the lyrics\b|\bcheck back (?:once|later|soon)\b"
    r"|\bparoles? (?:non ?|in)disponibles?\b|\bletra no disponible\b|\btext nicht verfügbar\b"
    r"|\bletra não disponível\b|\btesto non disponibile\b"
    r"|текст (?:песни )?(?:не найден|отсутствует)"
)


def missing(text: str) -> str:
    """Say why a text stands for lyrics that are not known; empty when it does not.

    Parameters
    ----------
    text : str
        Without times.

    Returns
    -------
    str
        Without a word of the text itself, which may be sung after all.

    Examples
    --------
    >>> missing("-99")
    'no lyrics but a placeholder, such as -99'
    """
    if _PAGE.match(text):
        return "no lyrics but a web page"
    if len(text) > _FEW_LETTERS:
        return ""
    if _MISSING.fullmatch(_plain(text)):
        return "no lyrics but a placeholder, such as -99"
    lines = _lines(text)
    if len(lines) <= _FEW_LINES and _EXCUSE.search(" ".join(lines)):
        return "no lyrics but the word that there are none"
    return ""


def is_instrumental(text: str) -> bool:
    """Whether a text that is not blank means that nothing is sung.

    Examples
    --------
    >>> is_instrumental("[Instrumental]"), is_instrumental("My instrumental heart")
    (True, False)
    """
    if len(text) > _FEW_LETTERS or not text.strip():
        return False
    lines = _lines(text)
    if not lines:
        return not missing(text)
    if all(map(_INSTRUMENTAL.fullmatch, lines)):
        return True
    return len(lines) <= _FEW_LINES and _INSTRUMENTAL.fullmatch(" ".join(lines)) is not None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def _lines(text: str) -> list[str]:
    """Lines that hold words, each its letters and digits parted by single spaces."""
    lines = (" ".join(_WORD.findall(line)) for line in _plain(text).splitlines())
    return [line for line in lines if line]
