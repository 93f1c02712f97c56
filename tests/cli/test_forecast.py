"""``spdkit forecast`` as a user types it."""

from __future__ import annotations

import json
import re
from itertools import product

import numpy as np
import pandas as pd
import play_tables
import pytest
from play_tables import few_trees  # noqa: F401 (a fixture)
from typer.main import get_command
from typer.testing import CliRunner

from spdkit.cli.app import app
from spdkit.forecast.registry import MODELS

FAST = ("--model", "seasonal-naive")
SLOW = ("recommended-with-units", "arima", "lstm", "lstm-rpa")


def run(*words, code=0):
    result = CliRunner().invoke(app, ["forecast", *map(str, words)])
    assert result.exit_code == code, result.output
    return result


def refused(*words):
    """The one line of an error."""
    line = run(*words, code=1).stderr.splitlines()[-1]
    assert line.startswith("spdkit: ")
    return line


def text(result):
    return " ".join(result.stdout.split())


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "plays.csv"
    play_tables.weekly().to_csv(path, index=False)
    return path


def test_a_table_a_figure_and_a_page(table, tmp_path):
    files = [tmp_path / "out" / name for name in ("f.csv", "f.svg", "f.html")]
    done = run(table, "-H", 14, *FAST, "-o", files[0], "--plot", files[1], "--report", files[2])
    expected = play_tables.result()
    written = pd.read_csv(files[0], parse_dates=["ds"])
    pd.testing.assert_frame_equal(
        written, expected.forecasts, check_dtype=False, rtol=1e-9, check_index_type=False
    )
    assert "song 11" in files[1].read_text() and "of 12 series" in files[2].read_text()
    rows = "2 windows of 14 days, 3 April 2025 to 30 April 2025, of 12 series"
    assert f"SeasonalNaive(7): scored on {rows}" in text(done)
    assert f"90 % │ {100 * expected.coverage[90.0]:.1f} %" in text(done)
    for path in files:
        assert f"{path}: written" in done.stdout
    assert "forecasting" in done.stderr


def test_json_holds_everything(table, tmp_path):
    done = run(table, "--horizon", 14, *FAST, "--level", 80, "--level", 95, "--json", "--quiet")
    assert done.stderr == ""
    told, expected = json.loads(done.stdout), play_tables.result(levels=(80.0, 95.0))
    assert (told["name"], told["horizon"], told["frequency"]) == ("SeasonalNaive(7)", 14, "D")
    assert told["coverage"] == {f"{k:g}": v for k, v in expected.coverage.items()}
    scores = told["validation"]["scores"]
    assert set(scores) == {"SeasonalNaive(7)", "SMA(16)"} and told["validation"]["metric"] == "f"
    assert scores["SMA(16)"]["wape"] == expected.validation.scores().loc["sma", "wape"]
    assert len(told["forecasts"]) == 12 * 14 and told["forecasts"][0]["ds"] == "2025-05-01"
    assert [row["unique_id"] for row in told["totals"]] == list(expected.totals().index)
    assert told["n_rows"] == 1440 and told["files"] == []


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet"])
def test_other_files_names_and_dates(tmp_path, suffix):
    path, out = tmp_path / f"plays{suffix}", tmp_path / f"f{suffix}"
    frame = play_tables.weekly(unique_id="artist", ds="day", y="plays")
    frame["day"] = frame["day"].dt.strftime("%Y%m%d").astype(int)
    frame["city"] = "x"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    columns = ("--id-col", "artist", "--time-col", "day", "--target-col", "plays")
    run(path, "-H", 3, *FAST, *columns, "-o", out)
    read = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out)
    assert list(read.columns[:3]) == ["artist", "day", "SeasonalNaive(7)"]
    assert str(read["day"][0]).startswith("2025-05-01")


def test_formulas_are_told_and_guarded_on_demand(tmp_path):
    frame = play_tables.weekly()
    frame["unique_id"] = frame["unique_id"].replace("song 11", "=HYPERLINK(song)")
    path, out = tmp_path / "a.csv", tmp_path / "f.csv"
    frame.to_csv(path, index=False)
    words = (path, "-H", 3, "--model", "sma", "--no-intervals", "--validate", 0, "-o", out)
    assert "3 cells begin with" in run(*words).stderr
    assert set(pd.read_csv(out)["unique_id"]) == set(frame["unique_id"])
    assert "cells begin" not in run(*words, "--spreadsheet-safe").stderr
    guarded = frame["unique_id"].replace("=HYPERLINK(song)", "'=HYPERLINK(song)")
    assert set(pd.read_csv(out)["unique_id"]) == set(guarded)


@pytest.mark.parametrize("n_series", [20, 21])
def test_what_is_not_shown_is_counted(n_series, tmp_path):
    days = pd.date_range("2025-01-01", periods=16)
    ids = [f"s{i:02d}" for i in range(n_series)]
    frame = pd.DataFrame({"unique_id": np.repeat(ids, 16), "ds": np.tile(days, n_series), "y": 1})
    frame.to_csv(tmp_path / "a.csv", index=False)
    words = ("-H", 3, "--model", "sma", "--no-intervals", "--validate", 0)
    shown = run(tmp_path / "a.csv", *words).stdout
    assert ("… and 1 more series" in shown) == (n_series == 21) and "and 0 more" not in shown


def test_whole_numbers_are_steps(tmp_path):
    frame = play_tables.weekly()
    frame["ds"] = frame.groupby("unique_id").cumcount() + 20250101
    frame.to_csv(tmp_path / "a.csv", index=False)
    done = run(tmp_path / "a.csv", "-H", 3, "--freq", 1, "--model", "sma", "--json")
    assert json.loads(done.stdout)["forecasts"][0]["ds"] == str(20250101 + 120)
    weekly = run(tmp_path / "a.csv", "-H", 3, "--freq", 1, "--season", 7, *FAST, "--json")
    assert json.loads(weekly.stdout)["name"] == "SeasonalNaive(7)"


def test_gaps_are_refused_or_filled_and_counted(tmp_path):
    path = tmp_path / "gaps.csv"
    frame = play_tables.weekly().drop(index=[30, 31, 150]).iloc[:-4]
    frame.to_csv(path, index=False)
    line = refused(path, "-H", 7, *FAST)
    assert "gaps.csv: series 'song 0' has no row for 2025-01-31: 3 dates are missing" in line
    assert "use --fill-gaps 0" in line
    done = run(path, "-H", 7, *FAST, "--fill-gaps", 0, "--json")
    assert "7 dates without a row, in 3 of 12 series, are taken for 0" in done.stderr
    assert re.search(r"4 of \d+ have none \(series 'song 11', 2025-04-27, for one\)", done.stderr)
    assert json.loads(done.stdout)["validation"]["metric"] == "wape"


def test_series_can_be_chosen_and_short_ones_left_out(table, tmp_path):
    figure = tmp_path / "f.svg"
    run(table, "-H", 7, *FAST, "--plot", figure, "--series", "song 4", "--series", "song 2")
    drawn = figure.read_text()
    assert "2 of 12 series" in drawn and "song 4" in drawn and "song 7" not in drawn
    wrong = refused(table, "-H", 7, *FAST, "--plot", figure, "--series", "song 99")
    assert "no series 'song 99' among the 12" in wrong
    short = pd.concat([play_tables.weekly(), play_tables.constant([5], days=9)])
    short.to_csv(tmp_path / "short.csv", index=False)
    assert "series 'a' has 9 rows, at least 21" in refused(tmp_path / "short.csv", "-H", 7, *FAST)
    done = run(tmp_path / "short.csv", "-H", 7, *FAST, "--skip-short")
    assert "1 of 13 series are left out" in done.stderr and "of 12 series" in done.stdout


def test_without_scores_and_intervals(table):
    done = run(table, "-H", 7, "--model", "sma", "--validate", 0, "--no-intervals")
    assert "Scored" not in done.stdout and "interval" not in done.stdout
    assert "Totals of 12 series" in done.stdout
    assert done.stdout.startswith("Forecast by SMA(16), not scored\n")
    assert "-o forecasts.csv writes every date" in done.stdout


@pytest.mark.usefixtures("few_trees")
def test_the_best_is_the_default(table):
    told = json.loads(run(table, "-H", 14, "--json").stdout)
    assert (told["model"], told["name"]) == ("best", "best (SeasonalNaive(7))")


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (None, (), "none.csv: cannot be read as a table: no such file"),
        (
            "id,date,plays\na,2025-01-01,1\n",
            (),
            "no column 'unique_id', 'ds', 'y'; the columns are",
        ),
        ("unique_id,ds,y\na,2025-01-01,x\n", (), "line 2: y is 'x', no number"),
        ("unique_id,ds,y\na,2025-01-01,\n", ("--freq", "D"), "series 'a', 2025-01-01: y is nan"),
        ("unique_id,ds,y\na,soon,1\na,later,2\n", (), "series 'a': 'soon' is no date"),
        ("unique_id,ds,y\na,2025-01-02,1\na,2025-01-01,2\n", (), "2025-01-01 comes after"),
        ("unique_id,ds,y\na,2025-01-01,1\na,2025-01-01,2\n", ("--freq", "D"), "more than once"),
        ("unique_id,ds,y\na,2025-01-01,1\n", (), "too few to find the frequency"),
        ("unique_id,ds,y\na,2025-01-01,1\na,2025-01-02,2\n", (), "at least 7 are needed"),
    ],
)
def test_wrong_tables_are_one_clear_line(tmp_path, content, words, message):
    path = tmp_path / ("none.csv" if content is None else "plays.csv")
    if content is not None:
        path.write_text(content)
    assert message in refused(path, "-H", 7, *FAST, *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-H", 0), "the horizon h must be a whole number of at least 1, got 0"),
        (("-H", -3), "the horizon h must be a whole number of at least 1, got -3"),
        (
            ("-H", 7, "--model", "oracle"),
            "no model 'oracle'; there are best, recommended, ",
        ),
        (("-H", 7, "--level", 120), "a level is a percentage above 0 and below 100, got 120"),
        (("-H", 7, "--level", 80, "--no-intervals"), "--level asks for intervals"),
        (("-H", 7, "--freq", "often"), "--freq often is no frequency that pandas knows"),
        (("-H", 7, "-o", "f.xlsx"), "f.xlsx: tables are .csv or .tsv (also with .gz"),
        (("-H", 7, "--plot", "f.doc"), "f.doc: figures are .png, .svg or .pdf"),
        (("-H", 60, "--level", 90), "at least 127 are needed: 2 windows of 60"),
    ],
)
def test_wrong_options_are_one_clear_line(table, words, message):
    words = words if "--model" in words else (*words, *FAST)
    assert message in refused(table, *words)


def test_help_teaches_every_model():
    shown = " ".join(CliRunner().invoke(app, ["forecast", "--help"]).stdout.split())
    for name, model in MODELS.items():
        star = " ★" * model.candidate
        assert f"{name}{star}: {' '.join(model.about.split())}" in shown, name
    for option in ("--fill-gaps", "--validate", "--level", "--series", "--report", "--json"):
        assert option in shown


def test_further_columns_reach_the_models_that_see_them(tmp_path):
    frame = play_tables.weekly(4, 120)
    table = tmp_path / "plays.csv"
    frame.assign(downloads=(frame["y"] % 7) * frame["y"]).to_csv(table, index=False)
    asked = [table, "-H", 7, "--model", "global", "--validate", 0, "--no-intervals", "--json"]
    plain, helped = (
        json.loads(run(*asked, *more).stdout) for more in ([], ["--hist-exog", "downloads"])
    )
    assert plain["forecasts"] != helped["forecasts"]
    assert "no column 'likes'" in refused(*asked, "--hist-exog", "likes")


def options(text):
    """Words of a message that a user could take for options or parameters."""
    return re.findall(r"--[a-z-]+|\b[a-z_]+(?==[\w\"'\[(])", text)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *product(
            [name for name in MODELS if name not in SLOW],
            ("quiet day", "below 0", "nothing", "short"),
        ),
        *product(("sma",), ("dates", "gap")),
    ],
)
def test_no_message_asks_for_an_option_that_the_command_lacks(tmp_path, name, kind):
    frame = play_tables.weekly(1, 8 if kind == "short" else 50)
    if kind in ("quiet day", "below 0"):
        frame.loc[40, "y"] = 0 if kind == "quiet day" else -5
    if kind == "nothing":
        frame["y"] = 0
    if kind == "dates":
        frame["ds"] = np.arange(202001, 202051)
    frame = frame.drop(30) if kind == "gap" else frame
    path = tmp_path / "plays.csv"
    frame.to_csv(path, index=False)
    words = ("forecast", path, "-H", 2, "--model", name, "--validate", 0, "--no-intervals")
    result = CliRunner().invoke(app, list(map(str, words)))
    if kind in ("dates", "gap"):
        assert result.exit_code == 1
    elif name == "best":
        assert result.exit_code == 0, result.stderr
    command = {
        option for one in get_command(app).commands["forecast"].params for option in one.opts
    }
    parts = result.stderr.split("spdkit: ")[1:]
    assert (result.exit_code == 1) == bool(parts) and {
        word for part in parts for word in options(part.split("convert them by")[0])
    } <= command


def test_columns_that_forecasts_add_are_refused_by_name(tmp_path):
    path = tmp_path / "plays.csv"
    play_tables.weekly(1, 50, unique_id="forecast").to_csv(path, index=False)
    words = ("-H", 2, *FAST, "--id-col", "forecast")
    assert "the column 'forecast' is called like one that totals add" in refused(path, *words)
