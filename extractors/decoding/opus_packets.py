"""Opus packets: how many samples each holds. Reference: RFC 6716, section 3.1."""

from __future__ import annotations

RATE = 48000
_FRAME_SAMPLES = {  # by the configuration in the first byte
    **{config: (480, 960, 1920, 2880)[config % 4] for config in range(12)},
    **{config: (480, 960)[config % 2] for config in range(12, 16)},
    **{config: (120, 240, 480, 960)[config % 4] for config in range(16, 32)},
}


def packet_samples(head: bytes) -> int | None:
    """Samples at 48 kHz of the packet with these first two bytes; None where they do not tell."""
    code = head[0] & 3 if head else 3
    if code == 3 and len(head) < 2:
        return None
    n_frames = head[1] & 63 if code == 3 else 1 if code == 0 else 2
    return n_frames * _FRAME_SAMPLES[head[0] >> 3]
