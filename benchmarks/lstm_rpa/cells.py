"""Cells of the page of lstm_rpa_tables.py: what is looked up in its JSON, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

UNKNOWN, PENDING = "–", "…"
CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN", "bilstm": "BiLSTM"}
Found = dict[str, Any]


def title(found: Found, name: str) -> str:
    """What tables call an entrant."""
    h = found["plan"]["horizon"]
    validation, test = found["data"]["months"]
    k = found["sma_k"]
    titles = {
        "published": "LSTM-RPA as published, p = 2, s = 1",
        "test": f"LSTM-RPA, reference, chosen on {test}",
        "reference": f"LSTM-RPA, reference, chosen on {validation}",
        "aligned": f"LSTM-RPA, aligned, chosen on {validation}",
        "sma": "SMA(16)",
        "sma_k": f"SMA({k or 'k'}), k chosen on {validation}",
        "arima": f"ARIMA, order by AICc (statsmodels {found['versions']['statsmodels']})",
        "ours": "our best (`recommended.with_units`)",
    }
    return titles.get(name) or f"{CELLS[name]} as published, p = q = {h}"


def first(entries: Iterable[Found], **wanted: Any) -> Found | None:
    """The first entry that has all this, or None."""
    return next((each for each in entries if wanted.items() <= each.items()), None)


def f_cell(scored: Found | None) -> str:
    """F with its spread over the seeds."""
    if scored is None:
        return PENDING
    spread = (
        f" ({scored['f_low']:.1f}–{scored['f_high']:.1f})" if len(scored["f_seeds"]) > 1 else ""
    )
    return f"{scored['f']:.1f}{spread}"


def number(scored: Found | None, what: str, digits: int) -> str:
    """A number of an entry, or a dash when there is none."""
    if scored is None:
        return PENDING
    return UNKNOWN if scored[what] is None else f"{scored[what]:.{digits}f}"


def choice(scored: Found | None) -> str:
    """The (p, s) that was chosen, and its F on the rows that chose it."""
    if scored is None:
        return PENDING
    return f"p = {scored['p']}, s = {scored['s']}: {scored['f_on_rows']:.1f}"


def paper_cell(found: Found, value: float | None, derived: bool = False) -> str:
    """What the paper prints, where these are its artists and days."""
    if value is None or not found["data"]["papers_own"]:
        return UNKNOWN
    return f"{value:.1f}*" if derived else f"{value:.2f}"


def listed(values: Sequence[int]) -> str:
    """Numbers in a row."""
    return ", ".join(map(str, values))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; the first column is text, the others are numbers."""
    line = "| --- |" + " ---: |" * (len(header) - 1)
    return [_line(header), line, *map(_line, rows), ""]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def verdict(difference: Found) -> str:
    """Whether the first of two is better, by the interval of the difference."""
    if difference["low"] == difference["high"] == 0:
        return "the same"
    if difference["low"] <= 0 <= difference["high"]:
        return "cannot be told"
    return "better" if difference["low"] > 0 else "worse"
