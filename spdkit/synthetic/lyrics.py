"""Lyrics of the songs that we compose: verses and choruses from a small grammar of our own.

Conventions
-----------
A song has three verses of four lines and 1 to 6 choruses of four lines (`choruses`), all the same
and two of their lines alike: the more choruses, the more the song repeats itself. A line is a
pattern with places for three kinds of words. Of each kind the song has 2 to 12 words of its own and
uses every one of them in its verses; `vocabulary` is their total, 6 to 36. Choruses add none, and
what else stands in an English line are stop words. Both amounts are drawn evenly and independently:
popularity depends on them (`spdkit.synthetic.popularity`).

All is drawn from ``default_rng([seed, i, 1])``, the amounts first. Nouns outside of English are
of one gender and in the form that every pattern of their language asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CHORUSES = (1, 6)
WORDS_OF_A_KIND = (2, 12)
KINDS = 3
VERSES, LINES_OF_A_VERSE = 3, 4


@dataclass(frozen=True)
class Grammar:
    """A language: lines (" / " between) with {a}, {b} and {c}, and the words that fit there."""

    verse: str
    chorus: str  # of three lines, sung in the order 1 2 1 3
    a: str
    b: str
    c: str


@dataclass(frozen=True)
class SongLyrics:
    """The words of a song.

    Attributes
    ----------
    choruses : int
        How often the chorus is sung, 1 to 6.
    vocabulary : int
        How many different words fill the patterns, 6 to 36.
    sections : tuple of (str, tuple of str)
        "Verse 1" … or "Chorus", and its lines.
    """

    choruses: int
    vocabulary: int
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line that is sung, in order."""
        return tuple(line for _, lines in self.sections for line in lines)

    def as_text(self) -> str:
        """Sections under headers such as ``[Chorus]``, a blank line between them."""
        return "\n\n".join("\n".join((f"[{name}]", *lines)) for name, lines in self.sections)

    def as_lrc(self, seconds: float, **headers: str) -> str:
        """Every line with its time, spread evenly over a song of `seconds`; ID tags before them."""
        times = np.linspace(0.05, 0.95, len(self.lines)) * seconds
        timed = [f"[{_clock(t)}]{line}" for t, line in zip(times, self.lines, strict=True)]
        return "\n".join([*(f"[{key}:{value}]" for key, value in headers.items()), *timed])


def lyrics_amounts(i: int, seed: int = 0) -> tuple[int, int]:
    """Return `choruses` and `vocabulary` of song `i` (if it is sung) without writing it."""
    return _amounts(np.random.default_rng([seed, i, 1]))


def write_lyrics(i: int, seed: int = 0, language: str = "en") -> SongLyrics:
    """Write the words of song `i`.

    Parameters
    ----------
    i, seed : int
    language : {"en", "es", "de", "ru", "ja"}
        The amounts do not depend on it.
    """
    rng = np.random.default_rng([seed, i, 1])
    choruses, vocabulary = _amounts(rng)
    grammar, n = GRAMMARS[language], vocabulary // KINDS
    kinds = (grammar.a, grammar.b, grammar.c)
    a, b, c = (rng.choice(kind.split(), n, replace=False).tolist() for kind in kinds)
    one, two, three = grammar.chorus.split(" / ")
    chorus = tuple(
        _line(pattern, a[k], b[k], c[k])
        for pattern, k in ((one, 0), (two, 1), (one, 0), (three, 1))
    )
    verses = _verses(grammar, a, b, c, rng)
    sections: list[tuple[str, tuple[str, ...]]] = []
    for k, verse in enumerate(verses):
        sections.append((f"Verse {k + 1}", verse))
        # Choruses go after all verses alike; those left over after the last ones.
        sections += [("Chorus", chorus)] * ((choruses + k) // VERSES)
    return SongLyrics(choruses, vocabulary, tuple(sections))


def _amounts(rng: np.random.Generator) -> tuple[int, int]:
    choruses = rng.integers(CHORUSES[0], CHORUSES[1] + 1)
    of_a_kind = rng.integers(WORDS_OF_A_KIND[0], WORDS_OF_A_KIND[1] + 1)
    return int(choruses), KINDS * int(of_a_kind)


def _verses(
    grammar: Grammar, a: Sequence[str], b: Sequence[str], c: Sequence[str], rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """Every word about as often as any other of its kind, each kind in an order of its own."""
    n_lines = VERSES * LINES_OF_A_VERSE
    patterns = rng.permutation(np.resize(grammar.verse.split(" / "), n_lines))
    fillings = zip(*(rng.permutation(np.resize(kind, n_lines)) for kind in (a, b, c)), strict=True)
    lines = [_line(pattern, *words) for pattern, words in zip(patterns, fillings, strict=True)]
    return [tuple(lines[k : k + LINES_OF_A_VERSE]) for k in range(0, n_lines, LINES_OF_A_VERSE)]


def _line(pattern: str, a: str, b: str, c: str) -> str:
    line = str(pattern).format(a=a, b=b, c=c)
    return line[0].upper() + line[1:]


def _clock(seconds: float) -> str:
    minutes, hundredths = divmod(round(seconds * 100), 6000)
    return f"{minutes:02d}:{hundredths / 100:05.2f}"


GRAMMARS = {
    "en": Grammar(
        # No adjective begins with a vowel: all follow "a".
        verse=(
            "I am {c} through the {a} {b} / you were {c} with the {a} {b} / there is a {a} {b} "
            "and I am {c} / we keep on {c} under the {a} {b} / was it you, {c} by a {a} {b}? / "
            "over the {a} {b} I will be {c} / nobody saw us {c} in the {a} {b} / if the {a} {b} "
            "is here, I go on {c} / so tell me who is {c} with a {a} {b}"
        ),
        chorus=(
            "oh, my {a} {b}, keep on {c} / we are {c}, we are {c}, {a} {b} / and the {a} {b} is "
            "ours again"
        ),
        a=(
            "bitter bright broken crooked crystal distant faded fearless frozen gentle "
            "golden hollow hungry lonely narrow quiet restless scarlet shallow silver tender "
            "velvet weary wicked"
        ),
        b=(
            "avenue bridge candle carnival diamond engine feather garden harbour highway island "
            "ladder lantern mirror mountain orchard paper pillow rainbow river shadow station "
            "thunder window"
        ),
        c=(
            "bleeding breathing burning chasing climbing crying dancing diving dreaming drifting "
            "driving falling fighting flying hiding kneeling laughing marching running sailing "
            "singing sleeping swimming whispering"
        ),
    ),
    "es": Grammar(
        verse=(
            "yo {c} {a} por la {b} / bajo la {b} {c} {a} / y {a} {c} con la {b} / si la {b} se "
            "va, {c} {a} / detrás de la {b} {c} {a} / {c} {a} y la {b} me ve"
        ),
        chorus="ay, mi {b}, {c} {a} / {c} y {c} {a} por mi {b} / y la {b} vuelve {a}",
        a=(
            "adentro afuera cantando despacio lejos llorando siempre sonriendo tarde temblando "
            "temprano todavía"
        ),
        b="calle carretera ciudad estrella guitarra lluvia luna montaña noche playa sombra ventana",
        c="bailo camino corro duermo espero grito navego regreso respiro sueño tropiezo vuelo",
    ),
    "de": Grammar(
        verse=(
            "ich {c} {a} durch die {b} / in der {b} {c} ich {a} / und unter der {b} {c} ich {a} / "
            "wenn die {b} kommt, {c} ich {a} / {a} {c} ich mit der {b} / vor der {b} {c} ich {a}"
        ),
        chorus=(
            "oh, meine {b}, ich {c} {a} / und ich {c} und ich {c} {a} für die {b} / und die {b} "
            "kommt {a}"
        ),
        a="allein barfuß blind draußen heimlich heute immer langsam leise lange still wieder",
        b="Brücke Dämmerung Insel Küste Nacht Sonne Stadt Stille Stimme Straße Welle Wolke",
        c="fliege gehe lache laufe rufe schlafe schweige singe tanze träume warte weine",
    ),
    "ru": Grammar(
        verse=(
            "я {c} {a} под {b} / за {b} я {a} {c} / и {a} {c} я над {b} / перед {b} я {c} {a} / "
            "где-то за {b} я {c} {a} / {a}, {a} я {c} под {b}"
        ),
        chorus="ах, я {c} {a} за {b} / я {c}, я {c} {a} перед {b} / и всё {a}, {a} под {b}",
        a="босиком вдвоём вечно далеко долго легко медленно молча опять рядом снова тихо",
        b="водой волной горой дорогой звездой луной мечтой рекой страной стеной тишиной толпой",
        c="бегу дышу жду живу иду лечу мечтаю молчу плыву пою смеюсь танцую",
    ),
    "ja": Grammar(
        verse=(
            "{b}の中で{a}{c} / {b}の下、{a}{c} / 僕は{b}と{a}{c} / {b}が来れば{a}{c} / "
            "{b}の向こうで{a}{c} / {a}{c}、{b}のそばで"
        ),
        chorus="ああ、{b}よ、{a}{c} / {c}、{c}、{a}{b}のために / そして{b}は{a}ここに",
        a="いつも そっと ひとり また まだ ゆっくり ずっと 今夜 静かに 遠く 裸足で 明日も",
        b="雨 海 風 川 空 月 夏 花 星 街 森 雪",
        c="歩く 歌う 踊る 探す 眠る 走る 飛ぶ 泣く 待つ 笑う 生きる 夢見る",
    ),
}
