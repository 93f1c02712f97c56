"""A progress bar for training that takes long: which net, which epoch, how well it does.

The bar appears on stderr after two seconds, so that small fits stay silent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Callback = Callable[[str, int, dict[str, float]], None]
_PATIENCE = 2.0  # seconds


@contextmanager
def training_progress(
    max_epochs: int, callback: Callback | None, *, shown: bool
) -> Iterator[Callback | None]:
    """Show a bar while nets are trained.

    Parameters
    ----------
    max_epochs : int
        Of each net.
    callback : callable or None
        To call besides, as ``callback(net, epoch, metrics)``.
    shown : bool

    Yields
    ------
    callable or None
        What to give to the training; `callback` itself when nothing is shown.
    """
    if not shown:
        yield callback
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs  {task.fields[loss]}"),
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    tasks = {}
    start = time.monotonic()
    with ExitStack() as stack:

        def told(net: str, epoch: int, metrics: dict[str, float]) -> None:
            name, value = list(metrics.items())[-1]
            if net not in tasks:
                tasks[net] = bar.add_task(net, total=max_epochs, loss="")
            if not bar.live.is_started and time.monotonic() - start > _PATIENCE:
                stack.enter_context(bar)
            bar.update(tasks[net], completed=epoch, loss=f"{name} {value:.4f}")
            if callback is not None:
                callback(net, epoch, metrics)

        yield told


@contextmanager
def progress_bar(label: str, total: int, *, shown: bool = True) -> Iterator[Callable[[bool], None]]:
    """Show a bar while the context is open.

    Yields
    ------
    callable
        To call after each item with whether it failed.
    """
    if not shown:
        yield lambda failed: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failures]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, rate="", failures="")
        failures = 0

        def advance(failed: bool) -> None:
            nonlocal failures
            failures += failed
            bar.advance(task)
            speed = bar.tasks[0].speed
            bar.update(
                task,
                rate=f"{speed:.1f}/s" if speed else "",
                failures=f"{failures} failed" if failures else "",
            )

        yield advance
