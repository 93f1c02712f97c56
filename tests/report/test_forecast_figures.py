"""Figures of series: every value where its axis says it is."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import play_tables
import pytest
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from spdkit.forecast.data.checks import ForecastError
from spdkit.report import forecast_figures
from spdkit.report.svg import MODEL, OTHER


@pytest.fixture(scope="module")
def whole():
    return play_tables.result()


def panel(result, i=0):
    return forecast_figures.plot_series(result, i, Figure().subplots())


def lines(ax):
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def test_lines_are_the_series_the_truth_and_the_forecasts(whole):
    found, y = lines(panel(whole)), whole.panel.series(0)
    kept = forecast_figures.history_rows(14)
    assert list(found) == ["history", "truth of the last window", "forecast for it", "forecast"]
    np.testing.assert_array_equal(found["history"].get_ydata(), y[-kept:-14])
    np.testing.assert_array_equal(found["truth of the last window"].get_ydata(), y[-15:])
    said = whole.windows[-1].forecasts["seasonal-naive"][0]
    np.testing.assert_array_equal(found["forecast for it"].get_ydata(), said)
    np.testing.assert_array_equal(found["forecast"].get_ydata(), whole.values[0])
    dates = pd.date_range("2025-05-01", periods=14)
    np.testing.assert_array_equal(date2num(found["forecast"].get_xdata()), date2num(dates))
    assert found["history"].get_color() == OTHER and found["forecast"].get_color() == MODEL
    styles = {line.get_linestyle() for line in found.values()}
    assert len(styles) == 3, "no line is told by its colour alone"


def test_the_band_is_the_widest_interval():
    result = play_tables.result(levels=(50.0, 90.0))
    ax = panel(result, 2)
    band = next(b for b in ax.collections if b.get_label() == "90 % interval")
    low, high = result.interval(90.0)
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(low[2].min())
    assert heights.max() == pytest.approx(high[2].max())
    assert len(ax.collections) == 2, "and one of the last window"


def test_without_validation_and_intervals_there_is_history_and_forecast():
    ax = panel(play_tables.result(n_windows=0, levels=()))
    assert list(lines(ax)) == ["history", "forecast"] and not ax.collections


@pytest.mark.parametrize(("add", "bottom"), [(0.0, 0.0), (-500.0, None)])
def test_an_axis_starts_at_zero_unless_values_are_below(add, bottom):
    frame = play_tables.weekly()
    ax = panel(play_tables.result(frame.assign(y=frame["y"] + add)))
    low, high = ax.get_ylim()
    assert low == bottom if bottom is not None else low < frame["y"].min() + add
    shown = [value for line in ax.lines[:3] for value in line.get_ydata()]
    assert low <= min(shown) and max(shown) <= high


@pytest.mark.parametrize(
    "dates",
    [
        pd.date_range("2025-01-01", periods=120, tz="Asia/Manila"),
        pd.date_range("2025-01-01", periods=120, freq="h"),
        pd.date_range("2020-01-06", periods=120, freq="W-MON"),
        np.arange(1, 121),
    ],
    ids=["zone", "hours", "weeks", "numbers"],
)
def test_ticks_do_not_lie_on_each_other(dates):
    frame = play_tables.weekly(12).assign(ds=np.tile(dates, 12) if dates[0] == 1 else None)
    if dates[0] != 1:
        frame["ds"] = list(dates) * 12
    figure = forecast_figures.figure(play_tables.result(frame), [0, 1, 2])
    figure.canvas.draw()
    for ax in figure.axes:
        boxes = [tick.get_window_extent() for tick in ax.get_xticklabels() if tick.get_text()]
        boxes.sort(key=lambda box: box.x0)
        assert 2 <= len(boxes) <= 9
        assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_a_figure_has_the_largest_and_says_so(whole):
    many = play_tables.result(play_tables.weekly(14))
    figure = forecast_figures.figure(many)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == [f"song {i}" for i in range(13, 1, -1)]
    assert figure.get_suptitle() == (
        "SeasonalNaive(7), 14 days from 2025-05-01 on: the 12 largest of 14 series"
    )
    some = forecast_figures.figure(whole, forecast_figures.places_of(whole, ["song 3", "song 1"]))
    assert [ax.get_title(loc="left") for ax in some.axes] == ["song 3", "song 1"]
    assert some.get_suptitle().endswith("2 of 12 series")
    assert forecast_figures.figure(whole).get_suptitle().endswith(": 12 series")


def test_a_series_that_is_none_is_refused(whole):
    with pytest.raises(ForecastError, match="no series 'x' among the 12, which are 'song 0', "):
        forecast_figures.places_of(whole, ["song 1", "x"])


@pytest.mark.parametrize(
    ("name", "starts"), [("f.png", b"\x89PNG"), ("f.SVG", b"<?xml"), ("f.pdf", b"%PDF")]
)
def test_a_file_is_in_the_format_of_its_name_and_the_same_again(whole, tmp_path, name, starts):
    written = []
    for folder in ("a", "b"):
        forecast_figures.save(forecast_figures.figure(whole, [0]), tmp_path / folder / name)
        written.append((tmp_path / folder / name).read_bytes())
        assert [path.name for path in (tmp_path / folder).iterdir()] == [name]
    assert written[0].startswith(starts) and written[0] == written[1]


def test_what_cannot_be_written_is_refused(whole, tmp_path):
    made = forecast_figures.figure(whole, [0])
    with pytest.raises(ForecastError, match=r"f\.txt: figures are \.png, \.svg or \.pdf"):
        forecast_figures.save(made, tmp_path / "f.txt")
    (tmp_path / "file").touch()
    with pytest.raises(ForecastError, match=r"f\.png: cannot be written"):
        forecast_figures.save(made, tmp_path / "file" / "f.png")


def test_names_are_no_formulas_and_fit(tmp_path):
    frame = play_tables.weekly(12)
    names = {"song 0": "$x^2$ 歌", "song 1": "a" * 40 + "\n" + "b" * 40}
    frame["unique_id"] = frame["unique_id"].replace(names)
    figure = forecast_figures.figure(play_tables.result(frame), [0, 1])
    forecast_figures.save(figure, tmp_path / "f.svg")
    text = (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert "$x^2$ 歌" in text and f"{'a' * 16}…{'b' * 16}" in text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (950, "950"), (1500, "1.5k"), (-2e6, "−2M"), (3e9, "3G")]
)
def test_numbers_in_few_letters(value, text):
    assert forecast_figures.compact(value) == text
