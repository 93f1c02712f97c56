"""MPEG audio frame headers: enough of them to know whether an mp3 states its length.

An encoder that varies the bit rate writes an index (Xing, Info or VBRI) into the first frame. Where
it is missing, the length is a guess from the first frames: good at constant rate, wrong by any
factor otherwise. Reference: ISO/IEC 11172-3, 2.4.1.3.
"""

from __future__ import annotations

_RATES = {
    # (MPEG 1?, layer): kbit/s by index
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def has_index(head: bytes) -> bool:
    """Whether the first frame of an mp3 (after any ID3 tag) holds a Xing, Info or VBRI header."""
    start = _first_frame(head)
    if start is None:
        return False
    length = _frame(head, start)[1]
    frame = head[start : start + max(length, 200)]
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))


def is_constant_rate(head: bytes) -> bool:
    """Whether all frames in the first bytes of an mp3 have one bit rate."""
    position = _first_frame(head)
    rates = set()
    while position is not None and position + 4 <= len(head):
        rate, length = _frame(head, position)
        if not length:
            break
        rates.add(rate)
        position += length
    return len(rates) == 1


def _first_frame(head: bytes) -> int | None:
    for start in range(min(len(head) - 4, 1 << 16)):
        length = _frame(head, start)[1]
        # Two headers in a row: a single sync pattern occurs by chance.
        if length and (start + length + 4 > len(head) or _frame(head, start + length)[1]):
            return start
    return None


def _frame(head: bytes, at: int) -> tuple[int, int]:
    """Bit rate in kbit/s and length in bytes of the frame at `at`; (0, 0) when there is none."""
    sync, first, second = head[at], head[at + 1], head[at + 2]
    version, layer = (first >> 3) & 3, 4 - ((first >> 1) & 3)
    rate_index, sample_index, padding = second >> 4, (second >> 2) & 3, (second >> 1) & 1
    valid = sync == 0xFF and first >= 0xE0 and version != 1 and layer < 4
    if not valid or rate_index in (0, 15) or sample_index == 3:
        return 0, 0
    rate = _RATES[version == 3, layer][rate_index]
    sample_rate = _SAMPLE_RATES[version][sample_index]
    if layer == 1:
        return rate, (12000 * rate // sample_rate + padding) * 4
    samples = 72000 if layer == 3 and version != 3 else 144000
    return rate, samples * rate // sample_rate + padding
