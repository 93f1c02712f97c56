"""Doctor: whether this machine can do the work, by versions, formats, disk, caches and extras.

Each check does the real thing: a format decodes when a sound that was written in it comes back.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile

from spdkit.common.threads import usable_cores
from spdkit.extractors.base import ExtractionError
from spdkit.extractors.decoding.window import read_clip
from spdkit.extractors.registry import available

_SR = 48000  # the one rate that every format here can hold
SNDFILE_FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
AV_FORMATS = {"m4a": "aac", "aac": "aac", "wma": "wmav2"}
_PURPOSES = {
    "av": "m4a, aac, wma",
    "parquet": "tables in Parquet",
    "remote": "audio over http(s)",
    "dask": "extraction on a Dask cluster",
    "collect": "tables from Spotify and Genius",
    "learn": "models of popularity, recurrent forecasters",
    "lightgbm": "gradient boosting, to compare with and to forecast",
    "forecast": "ARIMA, and raw logs of plays",
    "plots": "figures",
    "report": "pages of models and forecasts",
}
_OF_EXTRA = re.compile(r"([\w.-]+)(\[)?.*extra\s*==\s*[\"']([\w-]+)[\"']")
_LOW_DISK = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    topic, name : str
    ok : bool
        Whether it works; an extra that is not installed is not ok and not needed.
    detail : str
        Version, measure, or what to do.
    """

    topic: str
    name: str
    ok: bool
    detail: str


def examine(folder: Path) -> list[Finding]:
    """Look at everything.

    Parameters
    ----------
    folder : Path
        Where the user means to write; its disk is looked at.
    """
    extras = [_extra(extra, packages) for extra, packages in _extras().items()]
    machine = [*_machine(folder), _numba_cache()]
    return [*_versions(), *_extractors(), *_formats(), *machine, *extras]


def _versions() -> list[Finding]:
    required = [line for line in requires("spdkit") or [] if "extra ==" not in line]
    names = sorted(re.split(r"[\s;<>=!~]", line, maxsplit=1)[0] for line in required)
    versions = {"python": platform.python_version()} | {name: version(name) for name in names}
    versions["libsndfile"] = soundfile.__libsndfile_version__
    return [Finding("version", name, True, number) for name, number in versions.items()]


def _extractors() -> list[Finding]:
    return [
        Finding("extractor", name, True, f"{cls.modality}, version {cls.version}")
        for name, cls in available().items()
    ]


def _formats() -> list[Finding]:
    time = np.arange(2 * _SR) / _SR
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        writers: dict[str, Callable[[Path], None]] = {
            **{suffix: _sndfile_writer(tone, *kind) for suffix, kind in SNDFILE_FORMATS.items()},
            **{suffix: _av_writer(tone, codec) for suffix, codec in AV_FORMATS.items()},
        }
        return [_format(Path(folder) / f"tone.{s}", write) for s, write in writers.items()]


def _format(path: Path, write: Callable[[Path], None]) -> Finding:
    suffix = path.suffix[1:]
    try:
        write(path)
        clip = read_clip(str(path), sr=_SR, duration=None)
    except ImportError:
        return Finding("format", suffix, False, "pip install 'spdkit[av]'")
    except (ExtractionError, soundfile.LibsndfileError, OSError, ValueError) as error:
        return Finding("format", suffix, False, str(error))
    pitch = np.argmax(np.abs(np.fft.rfft(clip.y[:_SR])))
    if pitch != 440:
        return Finding("format", suffix, False, f"a tone of 440 Hz came back as {pitch} Hz")
    return Finding("format", suffix, True, f"by {clip.decoder}")


def _sndfile_writer(tone: np.ndarray, kind: str, subtype: str) -> Callable[[Path], None]:
    return lambda path: soundfile.write(path, tone, _SR, format=kind, subtype=subtype)


def _av_writer(tone: np.ndarray, codec: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=_SR, layout="mono", bit_rate=96000)
            frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
            frame.sample_rate = _SR
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)

    return write


def _machine(folder: Path) -> list[Finding]:
    findings = [
        Finding("machine", "system", True, f"{platform.system()} {platform.machine()}"),
        Finding("machine", "cores", True, f"{usable_cores()} usable of {os.cpu_count()}"),
    ]
    for name, place in (("disk here", folder), ("disk for temporary files", tempfile.gettempdir())):
        free = shutil.disk_usage(place).free
        findings.append(
            Finding("machine", name, free > _LOW_DISK, f"{free / 2**30:.1f} GiB free in {place}")
        )
    return findings


def _numba_cache() -> Finding:
    # numba caches beside the source where it may write, else in NUMBA_CACHE_DIR or the home folder.
    import numba

    spec = find_spec("librosa")
    beside = Path(spec.origin).parent if spec and spec.origin else Path()
    configured = str(numba.config.CACHE_DIR)
    place = Path(configured) if configured else beside
    ok = os.access(place, os.W_OK) or not configured
    detail = f"in {place}" if os.access(place, os.W_OK) else "in the user's cache folder"
    return Finding(
        "cache", "numba", ok, detail if ok else f"{place} cannot be written: set NUMBA_CACHE_DIR"
    )


def _extras() -> dict[str, list[str]]:
    """Every extra of the installed spdkit, and its packages; not those that are made of others."""
    extras: dict[str, list[str]] = {}
    of_others = set()
    for line in requires("spdkit") or []:
        if match := _OF_EXTRA.match(line):
            package, of_other, extra = match.groups()
            extras.setdefault(extra, []).append(package)
            if of_other and package == "spdkit":
                of_others.add(extra)
    return {extra: packages for extra, packages in extras.items() if extra not in of_others}


def _extra(extra: str, packages: list[str]) -> Finding:
    versions, lacking = [], []
    for package in packages:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lacking.append(package)
    purpose = _PURPOSES.get(extra, "")
    if not lacking:
        return Finding("extra", extra, True, f"{', '.join(versions)}: {purpose}")
    install = f"for {purpose}: pip install 'spdkit[{extra}]' (lacks {', '.join(lacking)})"
    return Finding("extra", extra, False, install)
