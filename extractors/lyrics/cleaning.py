r"""Cleaning of lyrics: what is sung, out of what lyrics files hold besides.

Conventions
-----------
Lyrics come from Genius pages, LRC files and plain text. `clean` returns the sung lines alone, in
Unicode NFC. What goes, in this order:

- byte order marks, soft hyphens, joiners and marks of direction (the zero-width space, which parts
  words in Thai and Khmer, becomes a space);
- Genius's debris, wherever it was glued to a line: ``12 ContributorsA Title Lyrics`` at the start,
  ``A Title Lyrics`` there where the title is the track's or the text holds other debris, with the
  box about the song behind it that ends in ``Read More``, ``34Embed`` at the end, ``You might also
  like``, ``See Someone LiveGet tickets as low as $20`` between; Musixmatch's ban on commercial use;
- lines of credits (``Songwriters: Someone``, ``作词 : Someone``, ``lyrics © Someone``) and
  markup of web pages (``<br>``, ``&amp;``);
- whatever stands in square brackets, by convention not sung: section headers (``[Chorus: A & B]``),
  LRC time stamps and tags (``[01:02.50]``, ``[ar:Someone]``), remarks (``[?]``); LRC's word
  stamps (``<01:02.50>``);
- section headers without brackets, in several languages, when they fill their line: ``Chorus``,
  ``{Verse 2}``, ``Bridge:``, ``Strophe 1:``, ``HOOK x2``;
- before a line, the mark of its section or its singers: ``Refrain: …``, ``女：…``, and in two lines
  or more ``Both: …``.

Digits before ``Embed`` are Genius's counter, and no line keeps digits of its own there.
"""

from __future__ import annotations

import re

import regex

from spdkit.common.text import normalized, unescaped

_ZERO_WIDTH_SPACE = "\u200b"
_INVISIBLE = regex.compile(r"[\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")

_ALSO_LIKE = "You might also like"
_TICKETS = "Get tickets as low as"
_ANY_TICKETS = "Get tickets "

# Glued to what precedes or follows it, or a line of its own; never in the middle of a sung line.
_ALSO_LIKE_GLUED = regex.compile(
    rf"^[ \t]*{_ALSO_LIKE}[ \t]*$|(?<=[\p{{L}}\p{{M}}\p{{N}}.,!?…)\]'’\"”]){_ALSO_LIKE}"
    rf"|{_ALSO_LIKE}(?=[\p{{Lu}}\p{{Lo}}\p{{N}}\[(\"'“¿¡])",
    regex.MULTILINE,
)
_TICKETS_GLUED = regex.compile(
    rf"See [^\n]{{1,80}}? Live\s*{_TICKETS} \p{{Sc}}[\d.,]*\d"
    r"|See upcoming [^\n]{1,40}? shows\s*Get tickets for your favou?rite artists"
)
_TITLE = regex.compile(
    r"\A\s*+(?:(?:\d+ Contributors?|Translations)(?:[^\n]*Lyrics|[ \t]*$)"
    r"|[^\n]{0,200} Lyrics(?=\[)|Lyrics:?[ \t]*$)",
    regex.MULTILINE,
)
_FIRST_LINE = regex.compile(r"\A\s*+([^\n]{0,200}?) Lyrics[ \t]*$", regex.MULTILINE)
# Glued to the title, or the first line alone.
_ABOUT = regex.compile(r"\A\s*+[^\[]{1,2000}?(?:…|\.\.\.)[ \xa0]*Read More[ \t\xa0]*")
_NOT_FOR_SALE = re.compile(r"^\*+ This Lyrics is NOT for Commercial use \*+.*\Z", re.M | re.S)
_CREDIT = re.compile(
    r"^[ \t]*+(?:(?:songwriters?|writers|writer\(s\))(?:\(s\))? ?:"
    r"|(?:lyrics|music|words|written|composed|produced"
    r"|arranged)(?: and \w+)? by ?[:：]|lyrics (?:licensed|powered|provided|submitted) (?:&|and|by)"
    r"|source ?: ?(?:musixmatch|lyricfind)|submit corrections[ \t]*$|[^\n]{0,200}\blyrics ©"
    r"|(?:作[词詞曲]|[词詞曲]|[编編]曲|填[词詞]|[制製]作人?|混音[师師]?|母[带帶]|吉他|[录錄]音[师師]?"
    r"|[监監][制製]|演唱|原唱|歌手|出品) ?[:：])[^\n]*$",
    re.MULTILINE | re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/p|/div)\b[^<>\n]*>[ \t]*\n?", re.IGNORECASE)
_MARKUP = re.compile(r"</?(?:[abipu]|em|strong|div|span|font)(?:\s[^<>\n]*)?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{2,5}|#x[0-9A-Fa-f]{2,5});")
_CREDIT_SIGNS = (":", "：", "©", "by", "Submit")
_EMBED = regex.compile(r"(?:\d{1,9}(?:\.\d)?K?)?Embed(?:Share URLCopyEmbedCopy)?\s*+\Z")

_BRACKET_DEPTH = 3  # [ti:A Song [Live]]
_BRACKETS = regex.compile(r"\[[^\[\]\n]*+\]")
_WORD_STAMP = regex.compile(r"<\d+:\d+(?:[.:]\d+)?>")

_PLAIN_HEADERS = "(?:pre|post)[- ]?chorus|chorus|verse|refrain|intro|outro|interlude"
# Of other languages, and what may well be sung: known by a mark or a number.
_SECTIONS = (
    rf"{_PLAIN_HEADERS}|bridge|strophe|kehrreim|coro|estribillo|estrofa|verso|puente|couplet|pont"
    r"|ritornello|strofa|ponte|refrão|vers|brücke|zwrotka|refren|куплет|припев|проигрыш|бридж"
    r"|サビ|[abc]メロ|후렴|副歌|主歌"
)
_MARKED_HEADERS = (
    rf"{_SECTIONS}|hook|break(?:down)?|coda|drop|skit|spoken|instrumental|(?:\w+ )?solo"
    r"|(?:pre|post)[- ]?refrain|rap|ad[- ]?libs?|part|teil"
)
# A look for these first: most lyrics hold none of them.
_HEADER_WORDS = (
    *("chorus", "vers", "refr", "intro", "outro", "interlude", "bridge", "strophe", "kehrreim"),
    *("coro", "estribillo", "estrofa", "puente", "couplet", "pont", "ritornello", "strofa"),
    *("brücke", "zwrotka", "куплет", "припев", "проигрыш", "бридж", "サビ", "メロ", "후렴", "副歌"),
    *("主歌", "hook", "break", "coda", "drop", "skit", "spoken", "instrumental", "solo", "rap"),
    *("lib", "part", "teil"),
)
_TIMES = r"\(?(?:x ?\d+|\d+ ?x)\)?"
_NUMBER = "one|two|three|four|five|six"
_COUNT = rf"(?: ?#?\d+| [IVX]+| (?:{_NUMBER}))?(?: {_TIMES})?"
_WHICH = r"(?:(?:repeat|\d+(?:\.|st|nd|rd|th)|first|second|third|last|final) )?"
_INSIDE = rf"{_WHICH}(?:{_MARKED_HEADERS}){_COUNT}"
_HEADER = re.compile(
    rf"^[ \t]*+(?:(?:repeat )?(?:{_PLAIN_HEADERS}){_COUNT}"
    rf"|\({_INSIDE}(?::[^()\n]*)?\):?|\{{{_INSIDE}(?::[^{{}}\n]*)?\}}:?"
    rf"|([<*~=_【-])[<*~=_-]*+ ?{_INSIDE} ?[>*~=_】-]+"
    rf"|{_INSIDE} ?[:：]"
    rf"|\d+\. (?:{_SECTIONS})"
    rf"|(?:{_MARKED_HEADERS}) (?:\d+|{_TIMES}))[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_SECTION_MARK = re.compile(
    rf"^[ \t]*+(?:{_SECTIONS}){_COUNT} ?[:：](?=[ \t]*\S)", re.MULTILINE | re.IGNORECASE
)
_VOICE = (
    "[男女][声聲生]?[0-9]?|男女|女男|男女合|[合齐齊众眾全]|合唱|[齐齊]唱|伴唱|和[声聲]|全[员員体體]"
    "|[남여]자?|함께|모두|다같이"
)
_VOICE_MARK = re.compile(
    rf"^[ \t]*+(?:(?:{_VOICE}) ?[:：]|[(（【](?:{_VOICE})[)）】][:：]?)", re.MULTILINE
)
# Words that a line may begin with: marks where several lines have one, or nothing else.
_VOICE_WORD = re.compile(
    r"^[ \t]*+(?:(?:the )?(?:girl|boy)s?|both|all|m[ae]n|wom[ae]n|(?:fe)?male|duet|s?he|him|her"
    r"|[mfd]|together|everyone|er|sie|beide|alle|lui|elle|ensemble|tous|él|ella|ambos|los dos|todos"
    r"|ele|ela|os dois|lei|insieme|tutti|он|она|вместе|все) ?[:：](?=\s|$|(?<=：))",
    re.MULTILINE | re.IGNORECASE,
)


def clean(text: str, title: str = "") -> str:
    """Take out what is not sung.

    Parameters
    ----------
    text : str
        Lyrics as a file or a service gives them; any string.
    title : str
        Of the track, where it is known.

    Returns
    -------
    str
        The sung lines, in NFC; lines that held nothing else are left empty.
    """
    return without_headers(without_page_text(text, title))


def visible(text: str) -> str:
    """Return `text` in NFC without invisible characters: the form that words are compared in."""
    if text.isascii():
        return text
    text = _INVISIBLE.sub("", text.replace(_ZERO_WIDTH_SPACE, " "))
    return normalized("NFC", text)


def without_page_text(text: str, title: str = "") -> str:
    """Take out what pages of lyrics say besides; lines end in newlines, visible."""
    text = "\n".join(visible(text).splitlines())
    # A look for the plain text first: most lyrics hold none of it.
    if "Lyrics" in text or "Contributor" in text:
        text = _TITLE.sub("", text)
    if "Read More" in text:
        text = _ABOUT.sub("", text, count=1)
    before = text
    if _ANY_TICKETS in text:
        text = _TICKETS_GLUED.sub("\n", text)
    if _ALSO_LIKE in text:
        text = _ALSO_LIKE_GLUED.sub("\n", text)
    if text.rstrip().endswith(("Embed", "EmbedCopy")):
        text = _EMBED.sub("", text, count=1)
    if "NOT for Commercial" in text:
        text = _NOT_FOR_SALE.sub("", text)
    heading = _FIRST_LINE.match(text)
    if heading and (text != before or heading[1].casefold() == visible(title).strip().casefold()):
        text = text[heading.end() :]
    return text


def without_headers(text: str) -> str:
    """Take out markup, credits, what stands in square brackets, and headers that fill a line."""
    if "<" in text:
        text = _MARKUP.sub("", _BREAK.sub("\n", text))
    if _ENTITY.search(text):
        text = visible(unescaped(text))
    if any(sign in text for sign in _CREDIT_SIGNS):
        text = _CREDIT.sub("", text)
    for _ in range(_BRACKET_DEPTH):
        if "[" in text:
            text = _BRACKETS.sub("", text)
    if "<" in text:
        text = _WORD_STAMP.sub("", text)
    lower = text.lower()
    if any(word in lower for word in _HEADER_WORDS):
        text = _SECTION_MARK.sub("", _HEADER.sub("", text))
    if ":" in text or "：" in text:
        marks = [mark.end() for mark in _VOICE_WORD.finditer(text)]
        if len(marks) > 1 or any(text[end:].split("\n", 1)[0].strip() == "" for end in marks):
            text = _VOICE_WORD.sub("", text)
    return _VOICE_MARK.sub("", text)
