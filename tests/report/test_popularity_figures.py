"""Figures of the report: every value where its axis says it is; and the map of the code."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spdkit.evaluation.metrics import reliability
from spdkit.report import code_map, popularity_figures, svg

NAN = float("nan")


def axes():
    return Figure().subplots()


def test_many_points_become_a_picture_in_the_picture():
    test = pd.DataFrame({"y": np.linspace(0, 100, 2001), "predicted": 50.0})

    def drawn(rows):
        return svg.draw(
            "a", "b", 3.0, lambda ax: popularity_figures.predicted_against_true(rows, (25, 65), ax)
        )

    assert drawn(test).count("<image") == 1 and len(drawn(test)) < 60_000
    assert "<image" not in drawn(test[:2000])


def test_words_of_a_figure_are_words():
    drawn = svg.draw(
        "a", 'a "quote" & <b>', 2.0, lambda ax: ax.set(xlabel="<i> $x$ & y", ylabel="日本") and ax
    )
    root = ElementTree.fromstring(drawn)
    assert root.get("aria-label") == 'a "quote" & <b>'
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<i> $x$ & y" in words and "日本" in words


def test_points_are_parted_by_their_intervals_ends_included():
    test = pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0], "predicted": [1.0, 9.0, 3.0, 4.0]})
    test["low"], test["high"] = [1.0, 8.0, 2.0, 3.0], [1.5, 9.5, 3.0, 3.9]
    ax = popularity_figures.predicted_against_true(test, (25, 65), axes())
    inside, outside = (c.get_offsets().tolist() for c in ax.collections)
    assert inside == [[1, 1], [3, 3]] and outside == [[2, 9], [4, 4]]


def test_popularity_is_in_percent_of_each_part():
    ax = popularity_figures.popularity_of_rows([1, 2, 98, NAN], [50] * 7, (25.0, 65.0), axes())
    training, test = (patch.get_xy() for patch in ax.patches)
    assert training[:, 1].max() == pytest.approx(200 / 3)
    assert test[:, 1].max() == pytest.approx(100)


def test_losses_mark_the_best_epoch_and_span_decades_by_logarithm():
    history = pd.DataFrame(
        {"net": "first", "epoch": [1, 2, 3], "loss": [9.0, 0.5, 0.4], "val_loss": [8.0, 0.6, 0.7]}
    )
    refits = pd.DataFrame({"net": ["refit 1", "refit 2"], "epoch": 1, "loss": [3.0, 4.0]})
    ax = popularity_figures.losses(pd.concat([history, refits]), "loss", axes())
    (best,) = (line for line in ax.lines if line.get_label() == "best epoch")
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (2, 0.6)
    assert ax.get_yscale() == "log"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["training rows", "stopping rows", "best epoch", "refits, all rows"]
    assert popularity_figures.losses(history[1:], "loss", axes()).get_yscale() == "linear"


def test_confusion_cells_are_as_dark_as_their_share():
    counts = np.array([[8, 2, 0], [0, 0, 0], [1, 0, 3]])
    ax = popularity_figures.confusion(counts, axes())
    words = [text.get_text() for text in ax.texts]
    assert words == ["8\n80 %", "2\n20 %", "0\n0 %", *"000", "1\n25 %", "0\n0 %", "3\n75 %"]
    assert [patch.get_alpha() for patch in ax.patches][:2] == pytest.approx([0.4, 0.1])


def test_calibration_has_a_point_a_bin():
    shares = np.array([[0.9, 0.05, 0.05], [0.88, 0.1, 0.02], [0.1, 0.5, 0.4]])
    ax = popularity_figures.calibration(reliability([0, 1, 1], shares), axes())
    (points,) = ax.collections
    np.testing.assert_allclose(points.get_offsets(), [[0.5, 1.0], [0.89, 0.5]])
    small_bin, large_bin = points.get_sizes()
    assert large_bin > small_bin


def test_coverage_is_by_true_class_with_wilson_intervals():
    ax = popularity_figures.coverage_by_class(
        [True] * 9 + [False] + [True] * 2, [0] * 10 + [2] * 2, 0.9, axes()
    )
    points = {
        line.get_xdata()[0]: line.get_ydata()[0] for line in ax.lines if line.get_marker() != "None"
    }
    assert points == {0: 90.0, 2: 100.0}
    # Wilson: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), p = 0.9, n = 10, z = 1.96.
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [59.585, 98.212], atol=1e-3)
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "low\n10 songs",
        "medium\n0 songs",
        "high\n2 songs",
    ]


def test_importance_is_sorted_and_long_names_keep_their_ends():
    table = pd.DataFrame({"name": [f"n{i}" for i in range(20)], "increase": np.arange(20.0)})
    table.loc[19, "name"] = "the beginning of a very long name and its end"
    ax = popularity_figures.importance(table.assign(low=0.0, high=1.0), "x", "y", axes())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["the beginni…and its end", *(f"n{i}" for i in range(18, 4, -1))]
    assert [bar.get_width() for bar in ax.patches] == list(range(19, 4, -1))


# --- the map of the code


def test_the_map_keeps_neighbours_together_and_is_the_same_twice():
    rng = np.random.default_rng(0)
    code = np.concatenate([rng.normal(c, 0.1, (30, 4)) for c in (0, 10)])
    found = code_map.place(code)
    assert found.points.shape == (60, 2)
    np.testing.assert_array_equal(found.rows, np.arange(60))
    one, other = found.points[:30], found.points[30:]
    apart = np.linalg.norm(one.mean(axis=0) - other.mean(axis=0))
    within = max(np.linalg.norm(part - part.mean(axis=0), axis=1).max() for part in (one, other))
    assert apart > within
    np.testing.assert_array_equal(code_map.place(code).points, found.points)


@pytest.mark.parametrize("shape", [(0, 3), (9, 3), (40, 0)])
def test_too_few_songs_have_no_map(shape):
    assert code_map.place(np.random.default_rng(0).random(shape)) is None


@pytest.mark.parametrize("width", [1, 2, 5])
def test_ten_different_codes_are_enough_however_narrow(width):
    code = np.repeat(np.arange(10.0)[:, None], width, axis=1)
    assert np.isfinite(code_map.place(code).points).all()
    code[0] = code[1]
    assert code_map.place(code) is None


def test_of_many_rows_some_are_drawn(monkeypatch):
    monkeypatch.setattr(code_map, "MOST_ROWS", 20)
    found = code_map.place(np.random.default_rng(0).random((50, 3)))
    assert len(found.rows) == len(set(found.rows)) == 20
    assert (np.diff(found.rows) > 0).all() and found.rows.max() > 25
    assert found.perplexity == pytest.approx(19 / 3)
