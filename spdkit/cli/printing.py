"""Reports as tables in the terminal, on stdout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

    from spdkit.extraction.batch import BatchReport
    from spdkit.extraction.doctor import Finding
    from spdkit.store.summary import StoreSummary

_SHOWN = 20
_PIPED_WIDTH = 160


def print_report(report: BatchReport) -> None:
    """What a batch did, what failed and what was slow."""
    out = console()
    rate = report.n_extracted / report.seconds if report.seconds else 0.0
    rows = [
        ["tracks", f"{report.n_tracks}"],
        ["extracted now", f"{report.n_extracted} in {report.seconds:.1f} s ({rate:.2f}/s)"],
        ["unchanged", f"{report.n_unchanged}"],
        ["failed", f"{report.n_failed}"],
    ]
    if report.unreachable:
        rows.append(["cannot be read now, features kept", f"{len(report.unreachable)}"])
    if report.slowest:
        rows.append(["slowest", ", ".join(f"{n} ({s:.1f} s)" for n, s in report.slowest[:3])])
    print_table(out, str(report.target), ["", ""], rows, header=False)
    failures = [[f.track_id, f.extractor, f.reason] for f in report.failures]
    _print_failures(out, failures, every=False, hint=f"spdkit inspect {report.target}")


def print_summary(
    summary: StoreSummary, *, every_failure: bool = False, remarks: bool = False
) -> None:
    """What a store holds, extractor by extractor, with its provenance."""
    out = console()
    title = f"{summary.path}: {summary.n_tracks} tracks × {summary.n_features} features"
    head = ["extractor", "modality", "features", "ok", "absent", "failed", "pending"]
    rows = [
        [e.name, e.modality]
        + [f"{n}" for n in (e.n_features, e.n_ok, e.n_absent, e.n_failed, e.n_pending)]
        for e in summary.extractors
    ]
    print_table(out, title, head, rows)
    for extractor in summary.extractors:
        settings = ", ".join(f"{key}={value}" for key, value in extractor.parameters.items())
        out.print(f"[bold]{extractor.name}[/] version {extractor.version}: {escape(settings)}")
    versions = ", ".join(f"{name} {'|'.join(all_)}" for name, all_ in summary.packages.items())
    out.print(f"[bold]made with[/] {escape(versions)}")
    failures = [[f["track_id"], f["extractor"], f["reason"]] for f in summary.failures]
    hint = f"spdkit inspect {summary.path}"
    _print_failures(out, failures, every=every_failure, hint=hint)
    if remarks:
        rows = [[r["track_id"], r["extractor"], r["remark"]] for r in summary.remarks]
        print_table(out, "remarks", ["track", "extractor", "remark"], rows)
    elif summary.remarks:
        out.print(f"remarks on tracks, {len(summary.remarks)} in all: {escape(hint)} --remarks")


def print_statistics(statistics: pd.DataFrame) -> None:
    """One line a feature."""
    rows = [
        [str(name), *(_short(value) for value in row.values())]
        for name, row in statistics.to_dict("index").items()
    ]
    print_table(console(), "features", ["feature", *map(str, statistics.columns)], rows)


def print_findings(findings: Iterable[Finding]) -> None:
    """What the doctor found, topic by topic."""
    out = console()
    for topic, group in groupby(findings, key=lambda finding: finding.topic):
        rows = [[f.name, "[green]ok[/]" if f.ok else "[red]no[/]", f.detail] for f in group]
        print_table(out, topic, ["", "", ""], rows, header=False, markup=True)


def _print_failures(
    out: Console, failures: Sequence[Sequence[str]], *, every: bool, hint: str
) -> None:
    if not failures:
        return
    shown = failures if every else failures[:_SHOWN]
    print_table(out, "failures", ["track", "extractor", "reason"], shown)
    if len(shown) < len(failures):
        out.print(f"… and {len(failures) - len(shown)} more: {escape(hint)} --failures")


def console() -> Console:
    """Where tables go: stdout, wide enough for scripts when it is no terminal."""
    out = Console(highlight=False)
    # A pipe has no width: lines that a script will read are not folded at 80.
    return out if out.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)


def print_table(
    out: Console,
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    header: bool = True,
    markup: bool = False,
) -> None:
    """Print a title, and a table under it; cells are as they are unless `markup` is set."""
    table = Table(show_header=header)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(row if markup else map(escape, row)))
    # Not the table's own title, which is folded to the table's width.
    out.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    out.print(table)


def _short(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
