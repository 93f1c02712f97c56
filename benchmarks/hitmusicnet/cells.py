"""Looking things up in the JSON of hitmusicnet_tables.py, and writing them as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.hitmusicnet.models import title
from benchmarks.hitmusicnet.runs import TEST_SHARE, K

UNKNOWN, PENDING = "–", "…"


@dataclass(frozen=True)
class View:
    """The JSON of a run of the benchmark.

    Attributes
    ----------
    found : dict
        As `tables_scores.Outcomes.found` gives it.
    """

    found: dict[str, Any]

    def plan(self, what: str) -> list[str]:
        """Tables, features, protocols or presets that were asked for."""
        return list(self.found["plan"][what])

    @property
    def separate(self) -> list[str]:
        """Protocols that keep rows apart."""
        return [name for name in self.plan("protocols") if name != "reference"]

    def run(self, features: str, protocol: str, task: str, model: str, **other: Any) -> Any:
        """A run, or None while it is not there; k and test_share are the usual ones."""
        wanted = {
            **{"features": features, "protocol": protocol, "task": task, "model": model},
            **{"k": K, "test_share": TEST_SHARE, **other},
        }
        return _first(self.found["runs"], wanted)

    def difference(self, what: str, first: dict[str, Any], second: str, rows: str) -> Any:
        """A paired difference of a run and another model, or None while it is not there."""
        return next(
            (
                each
                for each in self.found["differences"]
                if each["what"] == what
                and each["rows"] == rows
                and each["second"]["model"] == second
                and first.items() <= each["first"].items()
            ),
            None,
        )

    def n_features(self, features: str) -> int | None:
        """Columns of a set of features."""
        run = _first(self.found["runs"], {"features": features})
        return None if run is None else int(run["n_features"])

    def about(self, protocols: Iterable[str], features: str, k: int = K) -> str:
        """A caption: data set, rows, features, protocols, k."""
        data = self.found["data"]
        return (
            f"{data['title']}, {data['rows']:,} songs; features `{features}` "
            f"(d = {self.n_features(features) or PENDING}); protocol {', '.join(protocols)}; "
            f"k = {k}."
        )


def _first(entries: Iterable[dict[str, Any]], wanted: dict[str, Any]) -> Any:
    return next((each for each in entries if wanted.items() <= each.items()), None)


def cell(run: Any, part: str, metric: str, digits: int = 4, *, interval: bool = False) -> str:
    """A score, with its interval when asked and known."""
    if run is None:
        return PENDING
    text = number(run.get(part, {}).get(metric), digits)
    ends = run.get(f"{part}_intervals", {}).get(metric) if interval else None
    return f"{text} [{number(ends[0], digits)}, {number(ends[1], digits)}]" if ends else text


def number(value: float | None, digits: int = 4) -> str:
    """A number, or a dash when there is none."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def seconds(run: Any) -> str:
    """CPU time of a run."""
    return PENDING if run is None else number(run["cpu_seconds"], 1)


def signed(difference: Any, digits: int = 4) -> str:
    """A paired difference with its interval."""
    if difference is None:
        return PENDING
    ends = (f"{difference[name]:+.{digits}f}" for name in ("low", "high"))
    return f"{difference['value']:+.{digits}f} [{', '.join(ends)}]"


def verdict(difference: Any, *, lower_is_better: bool = True) -> str:
    """Whether the first of two is better, by the interval of the difference."""
    if difference is None:
        return PENDING
    if difference["low"] <= 0 <= difference["high"]:
        return "cannot be told"
    return "better" if (difference["high"] < 0) == lower_is_better else "worse"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; the first column is text, the others are numbers."""
    line = "| --- |" + " ---: |" * (len(header) - 1)
    return [_line(header), line, *map(_line, rows), ""]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def name(model: str) -> str:
    """What tables print for a model."""
    return title(model)
