"""Escapes: text of others in one line that steers nothing.

Names of files, tags, cells of tables and answers of services may hold characters that move a
terminal's cursor, set its title or colours, turn the direction of reading, or begin a new line that
looks like one of ours. Wherever we print or log, they are shown as a Python literal has them.
"""

from __future__ import annotations

import re

# Controls (C0, DEL, C1), line and paragraph separators, bidirectional overrides and isolates, and
# what no UTF-8 can hold or no text does (noncharacters). Joiners stay: emoji and scripts such as
# Devanagari and Persian need them.
_STEERING = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def escaped(text: object) -> str:
    r"""Return text in one line without controls: ESC becomes ``\x1b``, a line break ``\n``.

    Examples
    --------
    >>> print(escaped("\x1b[2Jdone\nall good"))
    \x1b[2Jdone\nall good
    """
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), str(text))


def escaped_lines(text: str) -> str:
    """Return text of several lines, each `escaped`."""
    return "\n".join(map(escaped, text.split("\n")))


def escaped_json(text: str) -> str:
    r"""Return JSON with the same content, in which such characters are written ``\uNNNN``.

    The line breaks between its items stay: within its strings JSON has none.
    """
    return _STEERING.sub(
        lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text
    )
