"""Markdown of LSTM-RPA's tables: one page, from their JSON and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.common.markdown import (
    PENDING,
    UNKNOWN,
    Entry,
    ends,
    field,
    first,
    join_blocks,
    number,
    package_versions,
    table,
    verdict,
)
from benchmarks.lstm_rpa import published
from benchmarks.lstm_rpa.fits import CELLS

_HEADINGS = {"single": "Table 3: plays alone", "multiple": "Table 4: plays, downloads and collects"}


def page(record: Entry) -> str:
    """Everything that was asked for, from the JSON."""
    return join_blocks(_blocks(record))


def _blocks(record: Entry) -> Iterator[str]:
    yield from _head(record)
    for features in record["plan"]["features"]:
        yield from _rolled(record, features)
        yield from _direct(record, features)
        if features == "single":
            yield from _gains(record)
    yield from _table_5(record)
    yield from _differences(record)
    yield from _bars(record)
    yield from _figures(record)
    yield from _notes(record)


# Cells


def _title(record: Entry, name: str) -> str:
    """What tables call an entrant."""
    validation, test = record["data"]["months"]
    titles = {
        "published": "LSTM-RPA as published, p = 2, s = 1",
        "test": f"LSTM-RPA, reference, chosen on {test}",
        "reference": f"LSTM-RPA, reference, chosen on {validation}",
        "aligned": f"LSTM-RPA, aligned, chosen on {validation}",
        "sma": "SMA(16)",
        "sma_k": f"SMA({record['sma_k'] or 'k'}), k chosen on {validation}",
        "arima": f"ARIMA, order by AICc (statsmodels {record['versions']['statsmodels']})",
        "ours": "our best (`recommended.with_units`)",
    }
    return titles.get(name) or f"{CELLS[name]} as published, p = q = {record['plan']['horizon']}"


def _f(entry: Entry | None) -> str:
    """F with its spread over the seeds."""
    text = field(entry, "f", 1)
    if entry is not None and len(entry["f_seeds"]) > 1:
        text += f" ({entry['f_low']:.1f}–{entry['f_high']:.1f})"
    return text


def _errors(entry: Entry | None) -> list[str]:
    """F, the average error and its variance."""
    return [_f(entry), *(field(entry, each, 2) for each in ("average_error", "error_variance"))]


def _choice(entry: Entry | None) -> str:
    """The (p, s) that was chosen, and its F on the rows that chose it."""
    if entry is None:
        return PENDING
    return f"p = {entry['p']}, s = {entry['s']}: {entry['f_on_rows']:.1f}"


def _paper(record: Entry, value: float | None, *, derived: bool = False) -> str:
    """What the paper prints, where these are its artists and days."""
    if value is None or not record["data"]["papers_own"]:
        return UNKNOWN
    return f"{value:.1f}*" if derived else f"{value:.2f}"


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


# Blocks


def _head(record: Entry) -> Iterator[str]:
    data, plan, looks = record["data"], record["plan"], record["looks"]
    test = data["months"][1]
    dropped = f"without {', '.join(f'`{name}`' for name in data['dropped'])}, "
    yield f"# LSTM-RPA's tables on `{data['file']}`"
    yield f"`{record['command']}`"
    yield (
        f'{data["artists"]} artists of Tianchi\'s "Popular Music Prediction", '
        f"{dropped if data['dropped'] else ''}trained on {' to '.join(data['train'])}, tested on "
        f"{data['test']}. A perfect forecast scores F = {data['perfect']['full']:.1f}. "
        f"{record['machine']['cpu']}, one thread a fit; {package_versions(record)}. "
        f"{sum(record['cpu_seconds'].values()):,.0f} CPU seconds of fits."
    )
    yield (
        f"F of the test rows unless told otherwise, greater is better: the mean over seeds "
        f"{_listed(plan['seeds'])}"
        + (f" (of the baseline, 0 to {plan['n_baseline'] - 1})" if plan["n_baseline"] else "")
        + f", in brackets the least and the greatest of them. Recurrent "
        f"units: one an artist, MAE, {plan['epochs']} epochs, batches of 32, windows as "
        f"published. `reference` rolls them as the published code does, from the block before the "
        f"last and without clamping; `aligned` rolls from the last days, so that each window ends "
        f"where the forecast does, clipped to the training range. p days are seen and given, s is "
        f"how far the window moves. Every (p, s) with p of {_listed(plan['p'])} and s from 1 to p "
        f"is tried; that of greatest mean F is chosen, either on the **test rows themselves** "
        f"({data['test']}: the paper's way, which flatters), or on the last {plan['horizon']} days "
        f"of training ({data['validation']}) by units that were trained on the days before them "
        f"and are trained anew on all days afterwards."
    )
    if data["papers_own"]:
        log = f"[{looks['log']}]({looks['log']})" if looks["log"] else ""
        yield (
            f"Looks at {test} while forecasters were being made: **{looks['entries']}**"
            + (f", each in {log}." if log else " (there is no log).")
        )
    else:
        yield (
            "These are not the artists and days of the paper: what it prints, and the bars of "
            f"this project, are of others, and {UNKNOWN} here."
        )
    if record["missing"]:
        yield f"**Not complete**: {len(record['missing'])} fits are missing, shown as {PENDING}."
    if plan["epochs"] != 200:
        yield f"**Not as published**: {plan['epochs']} epochs in place of 200."


def _rolled(record: Entry, features: str) -> Iterator[str]:
    validation, test = record["data"]["months"]
    columns = {
        "test": f"reference, (p, s) chosen on {test} (the paper's way)",
        "reference": f"reference, chosen on {validation}",
        "aligned": f"aligned, chosen on {validation}",
    }
    choices = {
        cell: [
            first(record["choices"], cell=cell, features=features, column=column)
            for column in columns
        ]
        for cell in record["plan"]["cells"]
    }
    yield f"## {_HEADINGS[features]}"
    yield "Rolled, F:"
    rows = [
        [
            f"{CELLS[cell]}-RPA",
            _paper(record, published.ROLLED.get((cell, features))),
            *map(_f, entries),
        ]
        for cell, entries in choices.items()
    ]
    yield table(["", "paper", *columns.values()], rows)
    yield "Average error, (F of a perfect forecast − F) / artists:"
    yield table(["", "paper", *columns.values()], _of_choices(choices, "average_error"))
    yield "What was chosen, and its F on the rows that chose it:"
    rows = [[f"{CELLS[cell]}-RPA", *map(_choice, each)] for cell, each in choices.items()]
    dates = [record["data"][name] for name in ("test", "validation", "validation")]
    header = [f"{text}: {days}" for text, days in zip(columns.values(), dates, strict=True)]
    yield table(["", *header], rows)
    yield (
        "Variance over artists of what each loses, σ·φ. That is ours: what the paper prints as "
        '"mean error variance" it does not define.'
    )
    header = ["", "paper, mean error variance", *columns.values()]
    yield table(header, _of_choices(choices, "error_variance"))


def _of_choices(choices: dict[str, list[Any]], name: str) -> list[list[str]]:
    return [
        [f"{CELLS[cell]}-RPA", UNKNOWN, *(field(entry, name, 2) for entry in entries)]
        for cell, entries in choices.items()
    ]


def _direct(record: Entry, features: str) -> Iterator[str]:
    h = record["plan"]["horizon"]
    yield (
        f"The baseline, which gives {h} days at once (p = q = {h}) and is not rolled: as "
        f"published, from the block before the last, so that it says again what is known; and from "
        f"the last block. Nothing is chosen."
    )
    rows = []
    for cell in record["plan"]["cells"]:
        derived = published.DERIVED.get((cell, features))
        value = published.DIRECT.get((cell, features), derived)
        cells = [_paper(record, value, derived=derived is not None)]
        for start in ("penultimate", "last"):
            entry = first(record["baselines"], cell=cell, features=features, start=start)
            cells += _errors(entry)
        rows.append([CELLS[cell], *cells])
    header = [
        f"{start}: {column}"
        for start in ("as published", "last block")
        for column in ("F", "average error", "variance")
    ]
    yield table(["", "paper F", *header], rows)


def _gains(record: Entry) -> Iterator[str]:
    entrants = record["entrants"]
    columns = [n for n in ("published", "test", "reference", "aligned") if n in entrants]
    if not columns:
        return
    yield "What LSTM-RPA gains in F over the baselines as published, per cent:"
    rows = []
    for cell in record["plan"]["cells"]:
        below = entrants.get(cell)
        gains = [
            f"{100 * (above['f'] / below['f'] - 1):.2f}" if above and below else PENDING
            for above in (entrants[name] for name in columns)
        ]
        rows.append([f"over {CELLS[cell]}", _paper(record, published.GAINS[cell]), *gains])
    header = [_title(record, name).removeprefix("LSTM-RPA").strip(" ,") for name in columns]
    yield table(["", "paper", *header], rows)


def _table_5(record: Entry) -> Iterator[str]:
    validation = record["data"]["validation"]
    yield "## Table 5: against ARIMA and SMA"
    chosen_on = {
        "sma": f"{UNKNOWN} (16 as known of the paper's Table 5)",
        "sma_k": f"k of 1 to 60: {validation}",
        "arima": "order by AICc, in training",
        "published": "the paper, on its own test rows",
        "reference": f"(p, s): {validation}",
        "aligned": f"(p, s): {validation}",
        "ours": f"validation cutoffs up to {record['data']['months'][0]}",
    }
    rows = []
    for name, days in chosen_on.items():
        if name not in record["entrants"]:
            continue
        entry = record["entrants"][name]
        cells = [_title(record, name), _paper(record, published.RIVALS.get(name))]
        rows.append([*cells, *_errors(entry), days, field(entry, "f_validation", 1)])
    header = ["", "paper F", "F", "average error", "variance", "chosen on"]
    yield table([*header, f"F of {validation}"], rows)
    yield (
        "The last column is of forecasters that learned from the days before those rows: where "
        "they chose, it is the F that won, and no estimate."
    )
    if record["arima"] is not None:
        orders = sorted(map(tuple, record["arima"]["orders"]))
        common = max(set(orders), key=orders.count)
        yield (
            f"ARIMA: {len(set(orders))} orders for {len(orders)} artists, the commonest {common} "
            f"({orders.count(common)} artists); the likelihood's maximum was not reached for "
            f"{record['arima']['not_converged']}."
        )


def _differences(record: Entry) -> Iterator[str]:
    yield "## Differences"
    yield (
        f"F of the first less F of the second, of the test rows, plays alone; 95 % of 10,000 "
        f"paired resamples of {record['data']['artists']} artists, whose terms are means over the "
        f"seeds. It says what other artists would change, not what another month would."
    )
    rows = []
    for entry in record["differences"]:
        cells = [PENDING] * 4
        if entry["value"] is not None:
            better = verdict(entry, lower_is_better=False)
            cells = [f"{entry['value']:+.1f}", ends(entry, 1), number(entry["p"]), better]
        rows.append([*(_title(record, entry[side]) for side in ("first", "second")), *cells])
    yield table(["first", "second", "difference", "95 %", "p", "the first is"], rows)


def _bars(record: Entry) -> Iterator[str]:
    if not record["bars"]:
        return
    yield "## Bars"
    words = {None: PENDING, True: "yes", False: "**NO**"}
    rows = [
        [
            bar["title"],
            PENDING if bar["measured"] is None else f"{bar['measured']:.1f}",
            bar["bar"],
            words[bar["met"]],
        ]
        for bar in record["bars"]
    ]
    yield table(["F", "measured", "bar", "met"], rows)


def _figures(record: Entry) -> Iterator[str]:
    test = record["data"]["test"]
    captions = {
        "figure4": (
            "Figure 4: daily plays of the four artists of most plays in training (which four the "
            "paper shows could not be read here), with what the first seed forecast."
        ),
        "figure5": (
            f"Figure 5: F of {test} by p in the reference mode, every s a point, "
            "the best s on a line, and the baseline."
        ),
        "figure6": (
            f"Figure 6: F of {test} by s in the reference mode, a line for each "
            "p, and the baseline."
        ),
    }
    if files := record.get("figures", {}):
        yield "## Figures"
    for name, file in files.items():
        yield captions[name]
        yield f"![{name}]({file})"


def _notes(record: Entry) -> Iterator[str]:
    yield "## Whose numbers, and where ours differ"
    own = [
        f"`paper`: Table 3's 4366.81, 3863.12 and 3902.00, Table 5's 4221.99 and 3945.53, and "
        f"the gains of its abstract, from which F of BiLSTM and RNN, marked *, is derived. The "
        f"rest of its tables could not be read here: {UNKNOWN}."
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
    yield "\n".join(f"- {note}" for note in (own if record["data"]["papers_own"] else []) + notes)
