"""The tables of lstm_rpa_tables.py as one page of Markdown, from its JSON and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.lstm_rpa import published
from benchmarks.lstm_rpa.cells import (
    CELLS,
    PENDING,
    UNKNOWN,
    Found,
    choice,
    f_cell,
    first,
    listed,
    number,
    paper_cell,
    table,
    title,
    verdict,
)

_HEADINGS = {
    "single": "Table 3: plays alone",
    "multiple": "Table 4: plays, downloads and collects",
}


def page(found: Found) -> str:
    """Everything that was asked for.

    Parameters
    ----------
    found : dict
        The JSON.
    """
    lines = [*_head(found)]
    for features in found["plan"]["features"]:
        lines += [*_rolled(found, features), *_direct(found, features)]
        lines += _gains(found) if features == "single" else []
    lines += [*_table_5(found), *_differences(found), *_bars(found), *_figures(found)]
    return "\n".join([*lines, *_notes(found)]).rstrip() + "\n"


def _head(found: Found) -> Iterator[str]:
    data, plan = found["data"], found["plan"]
    test = data["months"][1]
    dropped = f"without {', '.join(f'`{name}`' for name in data['dropped'])}, "
    yield f"# LSTM-RPA's tables on `{data['file']}`"
    yield ""
    yield f"`{found['command']}`"
    yield ""
    yield (
        f'{data["artists"]} artists of Tianchi\'s "Popular Music Prediction", '
        f"{dropped if data['dropped'] else ''}trained on {' to '.join(data['train'])}, tested on "
        f"{data['test']}. A perfect forecast scores F = {data['perfect']['full']:.1f}. "
        f"{found['machine']['cpu']}, one thread a fit; "
        + ", ".join(f"{package} {version}" for package, version in found["versions"].items())
        + f". {sum(found['cpu_seconds'].values()):,.0f} CPU seconds of fits."
    )
    yield ""
    yield (
        f"F of the test rows unless told otherwise, greater is better: the mean over seeds "
        f"{listed(plan['seeds'])}"
        + (f" (of the baseline, 0 to {plan['n_baseline'] - 1})" if plan["n_baseline"] else "")
        + f", in brackets the least and the greatest of them. Recurrent "
        f"units: one an artist, MAE, {plan['epochs']} epochs, batches of 32, windows as "
        f"published. `reference` rolls them as the published code does, from the block before the "
        f"last and without clamping; `aligned` rolls from the last days, so that each window ends "
        f"where the forecast does, clipped to the training range. p days are seen and given, s is "
        f"how far the window moves. Every (p, s) with p of {listed(plan['p'])} and s from 1 to p "
        f"is tried; that of greatest mean F is chosen, either on the **test rows themselves** "
        f"({data['test']}: the paper's way, which flatters), or on the last {plan['horizon']} days "
        f"of training ({data['validation']}) by units that were trained on the days before them "
        f"and are trained anew on all days afterwards."
    )
    yield ""
    if data["papers_own"]:
        log = f"[{found['looks']['log']}]({found['looks']['log']})" if found["looks"]["log"] else ""
        count = found["looks"]["entries"]
        yield (
            f"Looks at {test} while forecasters were being made: **{count}**"
            + (f", each in {log}." if log else " (there is no log).")
        )
    else:
        yield (
            "These are not the artists and days of the paper: what it prints, and the bars of "
            f"this project, are of others, and {UNKNOWN} here."
        )
    yield ""
    if found["missing"]:
        yield f"**Not complete**: {len(found['missing'])} fits are missing, shown as {PENDING}."
        yield ""
    if plan["epochs"] != 200:
        yield f"**Not as published**: {plan['epochs']} epochs in place of 200."
        yield ""


def _rolled(found: Found, features: str) -> Iterator[str]:
    validation, test = found["data"]["months"]
    columns = {
        "test": f"reference, (p, s) chosen on {test} (the paper's way)",
        "reference": f"reference, chosen on {validation}",
        "aligned": f"aligned, chosen on {validation}",
    }
    yield f"## {_HEADINGS[features]}"
    yield ""
    yield "Rolled, F:"
    yield ""
    cells = found["plan"]["cells"]
    chosen = {
        (cell, column): first(found["choices"], cell=cell, features=features, column=column)
        for cell in cells
        for column in columns
    }
    rows = [
        [
            f"{CELLS[cell]}-RPA",
            paper_cell(found, published.ROLLED.get((cell, features))),
            *(f_cell(chosen[cell, column]) for column in columns),
        ]
        for cell in cells
    ]
    yield from table(["", "paper", *columns.values()], rows)
    yield "Average error, (F of a perfect forecast − F) / artists:"
    yield ""
    yield from _by_column(chosen, cells, columns, "average_error", ["paper"])
    yield "What was chosen, and its F on the rows that chose it:"
    yield ""
    rows = [
        [f"{CELLS[cell]}-RPA", *(choice(chosen[cell, column]) for column in columns)]
        for cell in cells
    ]
    dates = {"test": "test", "reference": "validation", "aligned": "validation"}
    header = [f"{text}: {found['data'][dates[column]]}" for column, text in columns.items()]
    yield from table(["", *header], rows)
    yield (
        "Variance over artists of what each loses, σ·φ. That is ours: what the paper prints as "
        '"mean error variance" it does not define.'
    )
    yield ""
    yield from _by_column(chosen, cells, columns, "error_variance", ["paper, mean error variance"])


def _by_column(
    chosen: dict[tuple[str, str], Any],
    cells: Sequence[str],
    columns: dict[str, str],
    what: str,
    papers: list[str],
) -> list[str]:
    rows = [
        [
            f"{CELLS[cell]}-RPA",
            UNKNOWN,
            *(number(chosen[cell, column], what, 2) for column in columns),
        ]
        for cell in cells
    ]
    return table(["", *papers, *columns.values()], rows)


def _direct(found: Found, features: str) -> Iterator[str]:
    h = found["plan"]["horizon"]
    yield (
        f"The baseline, which gives {h} days at once (p = q = {h}) and is not rolled: as "
        f"published, from the block before the last, so that it says again what is known; and from "
        f"the last block. Nothing is chosen."
    )
    yield ""
    rows = []
    for cell in found["plan"]["cells"]:
        pair = [
            first(found["baselines"], cell=cell, features=features, start=start)
            for start in ("penultimate", "last")
        ]
        known = published.DIRECT.get((cell, features))
        derived = published.DERIVED.get((cell, features))
        paper = paper_cell(found, known if derived is None else derived, derived is not None)
        errors = [number(one, "average_error", 2) for one in pair]
        variances = [number(one, "error_variance", 2) for one in pair]
        cells = [
            text
            for three in zip(map(f_cell, pair), errors, variances, strict=True)
            for text in three
        ]
        rows.append([CELLS[cell], paper, *cells])
    header = [
        f"{start}: {what}"
        for start in ("as published", "last block")
        for what in ("F", "average error", "variance")
    ]
    yield from table(["", "paper F", *header], rows)


def _gains(found: Found) -> Iterator[str]:
    columns = [
        name for name in ("published", "test", "reference", "aligned") if name in found["entrants"]
    ]
    if not columns:
        return
    yield "What LSTM-RPA gains in F over the baselines as published, per cent:"
    yield ""
    rows = []
    for cell in found["plan"]["cells"]:
        below = found["entrants"].get(cell)
        gains = []
        for name in columns:
            above = found["entrants"][name]
            known = above is not None and below is not None
            gains.append(f"{100 * (above['f'] / below['f'] - 1):.2f}" if known else PENDING)
        paper = paper_cell(found, published.GAINS[cell])
        rows.append([f"over {CELLS[cell]}", paper, *gains])
    header = [title(found, name).removeprefix("LSTM-RPA").strip(" ,") for name in columns]
    yield from table(["", "paper", *header], rows)


def _table_5(found: Found) -> Iterator[str]:
    validation = found["data"]["validation"]
    yield "## Table 5: against ARIMA and SMA"
    yield ""
    chosen = {
        "sma": f"{UNKNOWN} (16 as known of the paper's Table 5)",
        "sma_k": f"k of 1 to 60: {validation}",
        "arima": "order by AICc, in training",
        "published": "the paper, on its own test rows",
        "reference": f"(p, s): {validation}",
        "aligned": f"(p, s): {validation}",
        "ours": f"validation cutoffs up to {found['data']['months'][0]}",
    }
    rows = []
    for name, rows_that_chose in chosen.items():
        if name not in found["entrants"]:
            continue
        one = found["entrants"][name]
        rows.append(
            [
                title(found, name),
                paper_cell(found, published.RIVALS.get(name)),
                f_cell(one),
                number(one, "average_error", 2),
                number(one, "error_variance", 2),
                rows_that_chose,
                number(one, "f_validation", 1),
            ]
        )
    header = ["", "paper F", "F", "average error", "variance", "chosen on"]
    yield from table([*header, f"F of {validation}"], rows)
    yield (
        "The last column is of forecasters that learned from the days before those rows: where "
        "they chose, it is the F that won, and no estimate."
    )
    yield ""
    if found["arima"] is not None:
        orders = sorted(map(tuple, found["arima"]["orders"]))
        common = max(set(orders), key=orders.count)
        yield (
            f"ARIMA: {len(set(orders))} orders for {len(orders)} artists, the commonest {common} "
            f"({orders.count(common)} artists); the likelihood's maximum was not reached for "
            f"{found['arima']['not_converged']}."
        )
        yield ""


def _differences(found: Found) -> Iterator[str]:
    yield "## Differences"
    yield ""
    yield (
        f"F of the first less F of the second, of the test rows, plays alone; 95 % of 10,000 "
        f"paired resamples of {found['data']['artists']} artists, whose terms are means over the "
        f"seeds. It says what other artists would change, not what another month would."
    )
    yield ""
    rows = []
    for each in found["differences"]:
        names = [title(found, each[side]) for side in ("first", "second")]
        if each["value"] is None:
            rows.append([*names, PENDING, PENDING, PENDING, PENDING])
            continue
        ends = f"[{each['low']:+.1f}, {each['high']:+.1f}]"
        rows.append([*names, f"{each['value']:+.1f}", ends, f"{each['p']:.4f}", verdict(each)])
    yield from table(["first", "second", "difference", "95 %", "p", "the first is"], rows)


def _bars(found: Found) -> Iterator[str]:
    if not found["bars"]:
        return
    yield "## Bars"
    yield ""
    words = {None: PENDING, True: "yes", False: "**NO**"}
    rows = [
        [
            each["title"],
            PENDING if each["measured"] is None else f"{each['measured']:.1f}",
            each["bar"],
            words[each["met"]],
        ]
        for each in found["bars"]
    ]
    yield from table(["F", "measured", "bar", "met"], rows)


def _figures(found: Found) -> Iterator[str]:
    texts = {
        "figure4": (
            "Figure 4: daily plays of the four artists of most plays in training (which four the "
            "paper shows could not be read here), with what the first seed forecast."
        ),
        "figure5": (
            f"Figure 5: F of {found['data']['test']} by p in the reference mode, every s a point, "
            "the best s on a line, and the baseline."
        ),
        "figure6": (
            f"Figure 6: F of {found['data']['test']} by s in the reference mode, a line for each "
            "p, and the baseline."
        ),
    }
    drawn = found.get("figures", {})
    if drawn:
        yield "## Figures"
        yield ""
    for name, file in drawn.items():
        yield texts[name]
        yield ""
        yield f"![{name}]({file})"
        yield ""


def _notes(found: Found) -> Iterator[str]:
    yield "## Whose numbers, and where ours differ"
    yield ""
    own = [
        f"`paper`: Table 3's 4366.81, 3863.12 and 3902.00, Table 5's 4221.99 and 3945.53, and "
        f"the gains of its abstract, from which F of BiLSTM and RNN, marked *, is derived. The "
        f"rest of its tables could not be read here: {UNKNOWN}.",
    ]
    notes = [
        "The paper lifts an artist that counts below 0 to 0; here it counts as it is.",
        "`multiple` cannot run as published: what is here is our reading (a last layer of three "
        "units that gives all three features, which are fed back; plays alone are scored).",
        "The paper's SMA holds the mean of its last days constant; how many days could not be "
        "read, 16 give its number.",
        "The published code clamps nothing and starts a block too early: its first p days "
        "re-predict the end of training and are scored as the first test days all the same. "
        "`reference` does the same, `aligned` does not.",
        "Figures 5 and 6 and the column chosen on test rows show the test month to whoever reads "
        "them. Nothing that is called chosen on validation rows was fitted, chosen or stopped by "
        "any of it.",
    ]
    yield from (f"- {note}" for note in (own if found["data"]["papers_own"] else []) + notes)
