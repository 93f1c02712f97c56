"""Placeholders: what stands where lyrics would be, and is none.

Conventions
-----------
A text is a placeholder as a whole or not at all. A missing value (``-99``) and a page's excuse
("Lyrics not available") say nothing about the song: it has no lyrics that are known. A statement
that nobody sings ("Instrumental", "♪") is knowledge: it has none, and no word is counted. One line
of another kind makes it a song, as do more than `_FEW_LINES` lines or `_FEW_LETTERS` letters: a
song that is lost is worse than an excuse of a few words that is counted.
"""

from __future__ import annotations

import re

from spdkit.common.text import normalized

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
    r"|(?:there are |(?:(?:this )?(?:song|track) )?has |with )?(?:no|without) "
    r"(?:lyrics?|vocals?|words?|singing)"
    r"(?: (?:in|for|to|on) (?:this|the) (?:song|track))?"
    r"|sin letra|sem letra|ohne text|sans paroles|senza parole|без слов|нет текста"
    r"|インストゥルメンタル|インスト(?:曲)?|歌詞なし|연주곡|가사 ?없음"
    r"|(?:[该該此这這本]首?(?:歌曲?|[乐樂]曲|曲目?)?)?[是为為]?(?:一首)?"
    r"(?:(?:[没沒]有填[词詞]的?)?[纯純]音[乐樂]|[没沒]有填[词詞])(?: ?[请請][您你]?欣[赏賞])?"
    r"|m[uú]sica instrumental|musique instrumentale|instrumentalmusik|musica strumentale"
    r"|(?:pista|versi[oó]n|versão|faixa|tema) instrumental|version instrumentale"
)
_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"[.!?。,]+")

# An excuse is known by all its words: what a song says of lyrics or of logging in has others, too.
_REST = (
    r"(?: (?:yet|now|here|soon|later|anymore|currently|right|just|at|moment|time|for|to|of|in|on|"
    r"this|the|that|these|song|track|one|title|album|page|due|because|licen[sc]ing|copyright|legal|"
    r"restrictions?|reasons?|your|country|region|but|we|re|are|working|it|them|available|again))*"
)
_LYRICS = r"(?:(?:the|any|these|those|full|complete|song|synced) )*lyrics?"
_LEAD = (
    r"(?:(?:sorry|unfortunately|hm+|oops|whoops|uh oh|it|this|looks|seems|like|that|we|re|are|"
    r"error|but|currently) )*"
)
_EXCUSE = re.compile(
    # lyrics are not there
    rf"{_LEAD}{_LYRICS}(?: (?:for|to|of) .{{1,60}}?)?(?: (?:are|is|have|has|will|were))?"
    r"(?: (?:currently|still|yet|be|been|to))*"
    r" (?:(?:not|isn t|aren t|haven t|no longer|yet to|coming|not yet|will)(?: (?:currently|yet|be|"
    r"been))* (?:available|found|released|transcribed|soon|display(?:ed)?|licensed|added)"
    r"|unavailable|missing|pending|restricted|removed|n a|tb[ad]|(?:available|added) soon)"
    rf"{_REST}"
    r"|(?:restricted|missing) lyrics"
    rf"|{_LEAD}(?:there are )?no lyrics "
    rf"(?:(?:were )?(?:found|available|yet)|for this (?:song|track) yet){_REST}"
    # we have none
    rf"|{_LEAD}(?:don t|do not|couldn t|could not|cannot|can t|unable to|still working on|not "
    r"(?:yet )?(?:licensed|allowed|authori[sz]ed|able|in a position|permitted) to)"
    r"(?: (?:yet|currently|have|know|find|display|show|get|getting|load|provide))+"
    rf" {_LYRICS}{_REST}"
    rf"|you ll have to guess {_LYRICS}{_REST}"
    # pages
    r"|(?:please|(?:you )?(?:must|need to|have to|should)(?: be)?) (?:log(?:ged)?|sign(?:ed)?) ?in"
    rf"(?: to (?:see|view|read|show|access|continue|display)(?: {_LYRICS})?)?{_REST}"
    rf"|(?:log|sign) ?in to (?:continue|(?:see|view|read|show|access|display) {_LYRICS}){_REST}"
    r"|(?:please )?enable (?:javascript|cookies)(?: and (?:javascript|cookies))?"
    r"(?: (?:in your browser|to (?:continue|(?:view|see) this page)))*"
    r"|access denied"
    # other languages
    r"|(?:(?:很?抱歉|对不起|對不起|[该該此这這本]首?(?:歌曲?)?|[目当當]前) ?)*"
    r"[暂暫]?[时時]?[无無没沒]有?(?:找到)?歌[词詞](?: ?敬[请請]期待)?|[暂暫][无無]歌"
    r"|(?:未找到|找不到)歌[词詞]|歌[词詞]未找到|歌詞準備中"
    r"|(?:이 (?:노래|곡)(?:의|은|는)? )?가사(?:가|를|는)? (?:없습니다|없어요|준비 ?중(?:입니다)?)"
    r"|(?:この(?:曲|歌)の)?歌詞(?:が|は)(?:まだ)?"
    r"(?:見つかりません(?:でした)?|登録されて(?:いません|おりません)|ありません)"
    r"|(?:les )?paroles? (?:(?:ne )?sont pas |non ?|in)disponibles?"
    r"|(?:la )?letra no (?:disponible|encontrada)"
    r"|(?:der )?(?:song)?text (?:ist )?nicht (?:verfügbar|gefunden)|(?:a )?letra não disponível"
    r"|(?:il )?testo non disponibile|текст (?:песни )?(?:не найден|отсутствует)"
)
# What pages say beside an excuse.
_BESIDE = re.compile(
    r"sorry|unfortunately|hm+|oops|(?:we re |we are )(?:very )?sorry"
    r"|(?:please )?(?:check back|try again)"
    r"(?: (?:later|soon|again|once (?:the|this) (?:song|track) (?:has been|is) (?:released|out)))*"
    r"|you can be the first to add (?:it|them)|be the first to add (?:the )?lyrics"
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
    broken = " ".join(text.split())  # a sentence may go on in the next line
    if len(lines) <= _FEW_LINES and (_is_excuse(text.splitlines()) or _is_excuse([broken])):
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


def _is_excuse(lines: list[str]) -> bool:
    """Whether each line, or else each of its sentences, is an excuse or beside one."""
    parts = [part for line in lines for part in _sentences(line)]
    return any(map(_EXCUSE.fullmatch, parts)) and all(
        _EXCUSE.fullmatch(part) or _BESIDE.fullmatch(part) for part in parts
    )


def _sentences(line: str) -> list[str]:
    whole = _lines(line)
    if all(map(_EXCUSE.fullmatch, whole)):
        return whole
    return [words for sentence in _SENTENCE.split(line) for words in _lines(sentence)]


def _plain(text: str) -> str:
    return normalized("NFKC", text.strip()).casefold()


def _lines(text: str) -> list[str]:
    """Lines that hold words, each its letters and digits parted by single spaces."""
    lines = (" ".join(_WORD.findall(line)) for line in _plain(text).splitlines())
    return [line for line in lines if line]
