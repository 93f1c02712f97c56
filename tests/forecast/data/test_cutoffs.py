"""Cutoffs of the past."""

from __future__ import annotations

import pytest
from long_frames import long_frame

from spdkit.forecast.data.checks import ForecastError
from spdkit.forecast.data.long_table import check_frame
from spdkit.forecast.data.panel import cutoffs

PANEL = check_frame(long_frame(a=range(10), b=range(20, 27)))


def values(panel):
    return [panel.series(i).tolist() for i in range(len(panel))]


def test_by_hand():
    # Two windows of 2 rows, 3 apart: series a ends at 9, so that its cutoffs lie after 4 and 7.
    (past, future), (later, last) = cutoffs(PANEL, 2, n_windows=2, step_size=3)
    assert values(past) == [[0, 1, 2, 3, 4], [20, 21]]
    assert values(future) == [[5, 6], [22, 23]]
    assert values(later) == [[0, 1, 2, 3, 4, 5, 6, 7], [20, 21, 22, 23, 24]]
    assert values(last) == [[8, 9], [25, 26]]


def test_windows_lie_side_by_side_by_default_and_the_last_row_is_used():
    futures = [future for _, future in cutoffs(PANEL, 2, n_windows=3)]
    assert [future.series(0).tolist() for future in futures] == [[4, 5], [6, 7], [8, 9]]
    assert [future.ds[0].day for future in futures] == [5, 7, 9]


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"n_windows": 0}, "n_windows must be a whole number of at least 1, got 0"),
        ({"n_windows": True}, "n_windows must be a whole number of at least 1, got True"),
        ({"step_size": 1.5}, "step_size must be a whole number of at least 1, got 1.5"),
        (
            {"n_windows": 4},
            "series 'b' has 7 rows, at least 9 are needed: 4 windows of 2 rows, 2 ap",
        ),
    ],
)
def test_windows_that_do_not_fit(settings_, message):
    with pytest.raises(ForecastError, match=message):
        list(cutoffs(PANEL, 2, **settings_))
    assert len(list(cutoffs(PANEL, 2, n_windows=3))) == 3  # 7 rows are just enough
