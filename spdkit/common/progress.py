"""Progress: bars on stderr while work or training goes on.

Where stderr is no terminal (a log, a pipe) a line comes at once and then each minute, and the bar
once, at the end.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from spdkit.common.escapes import escaped

if TYPE_CHECKING:
    from rich.progress import Progress

Callback = Callable[[str, int, dict[str, float]], None]
_REFRESH_SECONDS = 0.1
PATIENCE = 2.0  # seconds without a bar, of work that is mostly quick
LINE_SECONDS = 60.0  # from line to line in a log


@contextmanager
def progress_bar(
    label: str, total: int, *, shown: bool = True, patience: float = 0.0
) -> Iterator[Callable[[bool], None]]:
    """Show a bar while the context is open.

    Parameters
    ----------
    label : str
    total : int
        Items; without any, nothing is shown.
    shown : bool
    patience : float
        Seconds before the bar appears.

    Yields
    ------
    callable
        To call after each item with whether it failed.
    """
    if not shown or not total:
        yield lambda failed: None
        return
    from rich.progress import TimeElapsedColumn, TimeRemainingColumn

    columns = (
        "{task.fields[rate]}",
        TimeElapsedColumn(),
        "left",
        TimeRemainingColumn(),
        "[red]{task.fields[failures]}",
    )
    with _bars(columns, patience) as (bars, appear), ExitStack() as stack:
        task = bars.add_task(label, total=total, rate="", failures="")
        done, failures, shown_at = 0, 0, -math.inf
        appear()
        write_line = _lines(bars, patience)
        start = f"{label}: 0 of {total}"
        write_line(start)
        if patience and not bars.console.is_terminal:  # the first item may take minutes
            stack.enter_context(announced(start, patience))

        def show() -> None:
            speed = bars.tasks[0].speed
            bars.update(
                task,
                completed=done,
                rate=f"{speed:.1f}/s" if speed else "",
                failures=f"{failures} failed" if failures else "",
            )

        def advance(failed: bool) -> None:
            nonlocal done, failures, shown_at
            done, failures = done + 1, failures + failed
            more = f", {failures} failed" if failures else ""
            write_line(f"{label}: {done} of {total}{more}")
            # Drawing takes as long as looking at a file does.
            if (now := time.monotonic()) - shown_at >= _REFRESH_SECONDS:
                shown_at = now
                appear()
                show()

        try:
            yield advance
        finally:
            show()


@contextmanager
def announced(text: str, patience: float = PATIENCE) -> Iterator[None]:
    """Print a line to stderr as soon as what is in the context takes longer than `patience`."""
    timer = threading.Timer(patience, _print, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def training_progress(
    max_epochs: int, callback: Callback | None, *, shown: bool, patience: float = PATIENCE
) -> Iterator[Callback | None]:
    """Show a bar for each net while nets are trained, once it takes longer than `patience`.

    Parameters
    ----------
    max_epochs : int
        Of each net.
    callback : callable or None
        To call besides, as ``callback(net, epoch, metrics)``.
    shown : bool
    patience : float
        Seconds before the bars appear.

    Yields
    ------
    callable or None
        What to give to the training; `callback` itself when nothing is shown.
    """
    if not shown:
        yield callback
        return
    from rich.progress import TimeElapsedColumn

    with _bars(("epochs  {task.fields[loss]}", TimeElapsedColumn()), patience) as (bars, appear):
        tasks = {}
        write_line = _lines(bars, patience)

        def note(net: str, epoch: int, metrics: dict[str, float]) -> None:
            name, value = list(metrics.items())[-1]
            if net not in tasks:
                tasks[net] = bars.add_task(net, total=max_epochs, loss="")
            appear()
            bars.update(tasks[net], completed=epoch, loss=f"{name} {value:.4f}")
            write_line(f"{net}: epoch {epoch} of at most {max_epochs}, {name} {value:.4f}")
            if callback is not None:
                callback(net, epoch, metrics)

        yield note


@contextmanager
def _bars(
    columns: tuple[Any, ...], patience: float
) -> Iterator[tuple[Progress, Callable[[], None]]]:
    """Bars on stderr, and what lets them appear after `patience` seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    texts = [TextColumn(column) if isinstance(column, str) else column for column in columns]
    first = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bars = Progress(*first, *texts, console=Console(stderr=True))
    start = time.monotonic()

    def appear() -> None:
        if not bars.live.is_started and time.monotonic() - start >= patience:
            bars.start()

    try:
        yield bars, appear
    finally:
        if bars.live.is_started:
            bars.stop()


def _lines(bars: Progress, patience: float) -> Callable[[str], None]:
    """What prints a line at once, after `patience` seconds, and then each minute, to a log only."""
    if bars.console.is_terminal:
        return lambda text: None
    due = time.monotonic() + patience

    def write(text: str) -> None:
        nonlocal due
        if (now := time.monotonic()) >= due:
            due = now + LINE_SECONDS
            _print(text)

    return write


def _print(text: str) -> None:
    print(escaped(text), file=sys.stderr, flush=True)
