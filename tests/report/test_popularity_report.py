"""The report: what it says is what the record holds, whatever the record lacks."""

from __future__ import annotations

import functools
import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import records
from hypothesis import Phase, given, settings, strategies as st
from pages import Reader

from spdkit.common.errors import SpdkitError
from spdkit.evaluation.bootstrap import Score
from spdkit.evaluation.metrics import MetricError
from spdkit.popularity.record import Split, from_files, to_files
from spdkit.report import (
    popularity_pictures,
    popularity_report as report,
    popularity_tables as tables,
)
from spdkit.report.page import plain
from spdkit.report.svg import TEXT

NAN = float("nan")
PRESETS = {"regression": "1-B", "classification": "spdkit"}


def read(of):
    return Reader(report.render(of.record, of.history))


@pytest.fixture
def without_pictures(monkeypatch):
    """Nine tenths of the time of a page, where what is tested stands in words."""
    monkeypatch.setattr(report, "pictures", lambda *_: ())


@functools.cache
def page_of(task):
    of = records.fitted(task, PRESETS[task])
    return report.render(of.record, of.history)


def scored(model, mlr, low, high, metric="mae"):
    """A model beside one baseline, and their difference."""
    difference = replace(records.difference(model - mlr), low=low, high=high)
    return {
        "scores": {
            "model": {metric: Score(model, model - 1, model + 1)},
            "mlr": {metric: Score(mlr, mlr - 1, mlr + 1)},
        },
        "differences": {"mlr": difference},
        "headline": metric,
    }


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_page_is_whole_and_stands_alone(task):
    page = page_of(task)
    found = Reader(page)
    assert "script" not in found.tags and "link" not in found.tags
    assert len(found.ids) == len(set(found.ids))
    for address in found.addresses:
        assert address.startswith("data:image/png") or address[1:] in found.ids, address[:60]
    assert not [name for name in found.attributes if name.startswith("on")]
    assert not re.search(r"url\((?!#)|@import", page)
    assert "default-src 'none'" in page
    for inner in re.findall(r"url\(#([^)]+)\)", page):
        assert inner in found.ids
    assert page.count("<figure ") == page.count("<figcaption>") == page.count('role="img"')


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_same_record_gives_the_same_page_also_from_disk(task):
    of = records.fitted(task, PRESETS[task])
    assert report.render(from_files(to_files(of.record)), of.history) == page_of(task)


@pytest.mark.usefixtures("without_pictures")
def test_empty_names_of_a_store_are_shown_as_they_are():
    features = pd.DataFrame(
        {"modality": "", "family": "", "low": 0.0, "high": 1.0}, index=pd.Index([""], name="name")
    )
    importance = {"level": ["family"], "name": [""], "increase": 1.0, "low": 0.5, "high": 1.5}
    of = records.small(
        features=features,
        importance=pd.DataFrame(importance),
        training_X=pd.DataFrame([0.0] * 4),
        extractors={"": {"version": "", "modality": "", "parameters": {}}},
    )
    page = report.render(from_files(to_files(of.record)), of.history)
    assert page == report.render(of.record, of.history)
    assert "nan" not in "".join(re.findall(r"<t[hd][^>]*>[^<]*", page))


def test_the_pictures_of_a_regressor_and_of_a_classifier():
    def names(task):
        ids = Reader(page_of(task)).ids
        return {i.removeprefix("figure-") for i in ids if i.startswith("figure-")}

    both = {"popularity", "scores", "predicted", "confusion", "calibration", "code"}
    both |= {f"importance-{level}" for level in ("modality", "family", "feature")}
    both |= {"loss-popularity"}
    assert names("regression") == both | {"coverage", "loss-autoencoder"}
    assert names("classification") == both


def test_numbers_stand_with_their_intervals_and_units():
    scores = {"model": {"mae": Score(10.706, 10.42, 11.004), "r2": Score(-0.0004, -0.5, 0.1234)}}
    table = tables.score_table(
        records.small(scores=scores).record, "numbers", "x", tables.NUMBER_METRICS
    )
    assert [column.text for column in table.columns] == ["Model", "MAE (points)", "R²"]
    assert [column.detail for column in table.columns][1:] == [
        "lower is better",
        "higher is better",
    ]
    ((name, mae, r2),) = table.rows
    assert name.text == "HitMusicNet 1-A"
    assert (mae.text, mae.detail) == ("10.71", "[10.42, 11.00]")
    # A minus is no hyphen, and no zero has a sign.
    assert (r2.text, r2.detail) == ("0.000", "[−0.500, 0.123]")
    assert plain(NAN, 2) == plain(np.inf, 2) == "–"


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("metric", "ends", "expected"),
    [
        ("mae", (-2.0, -0.5), "the model is better"),
        ("mae", (0.5, 2.0), "the baseline is better"),
        ("f1_macro", (0.5, 2.0), "the model is better"),
        ("f1_macro", (-2.0, -0.5), "the baseline is better"),
        ("mae", (-2.0, 0.0), "not told apart"),
        ("mae", (NAN, NAN), "cannot be compared"),
    ],
)
def test_the_verdict_goes_by_the_interval(metric, ends, expected):
    task = "regression" if metric == "mae" else "classification"
    of = records.small(3, task, **scored(12.0, 11.0, *ends, metric=metric))
    (row,) = tables.difference_table(of.record).rows
    assert row[3].text == expected
    sentence = {
        "the model is better": "the model is better, by more than chance explains",
        "the baseline is better": "the baseline is better, by more than chance explains",
        "not told apart": "these songs cannot tell the two apart",
        "cannot be compared": "the two cannot be compared",
    }[expected]
    other = "11.00 points" if metric == "mae" else "11.000"
    assert f"The best baseline, MLR, has {other}: {sentence}." in read(of).text


@pytest.mark.usefixtures("without_pictures")
def test_the_best_baseline_is_the_one_beside_the_model():
    scores = {
        name: {"mae": Score(value, value, value)}
        for name, value in [("model", 9.0), ("median", 14.0), ("lightgbm", 8.0), ("mlr", NAN)]
    }
    found = read(records.small(scores=scores)).text
    assert "The best baseline, LightGBM, has 8.00 points" in found
    assert "the two were not compared song by song" in found


TITLES = ["<script>alert(1)</script>", '<b>&amp; "it\'s"</b>', "{{ 7 * 7 }}", "x" * 300, "日本の歌"]


def test_names_from_data_are_words_and_nothing_else():
    of = records.small(5)
    test = of.record.test.assign(y=90.0, title=TITLES, artist="</td><img src=x onerror=alert(2)>")
    test["class"] = 0
    test.index = pd.Index(["<i>1</i>", "2", "3", "4", "5"], name="track_id")
    nasty = '"><svg onload=alert(3)>'
    importance = pd.DataFrame(
        [(level, nasty, 1.0, 0.5, 1.5) for level in popularity_pictures.LEVELS],
        columns=of.record.importance.columns,
    )
    extractors = {nasty: {"version": nasty, "modality": nasty, "parameters": {nasty: nasty}}}
    odd = {"store": nasty, "labels": nasty, "target": nasty, "preset": nasty, "command": nasty}
    record = replace(
        of.record, test=test, importance=importance, extractors=extractors, losses=(nasty,), **odd
    )
    page = report.render(record, of.history)
    found = Reader(page)
    assert "script" not in found.tags and "img" not in found.tags and "b" not in found.tags
    for title in TITLES:
        assert title in found.text
    assert found.text.count(nasty) > 10
    assert not [name for name in found.attributes if name.startswith("on")]


def test_the_worst_mistakes_come_first_and_only_mistakes():
    n = 30
    y = np.r_[np.full(12, 80.0), np.full(12, 10.0), np.full(6, 50.0)]
    predicted = np.r_[np.arange(12.0) + 20, np.arange(12.0) + 30, np.full(6, 50.0)]
    predicted[11] = 70.0  # a hit that was found
    test = pd.DataFrame(
        {"y": y, "predicted": predicted, "low": predicted - 5, "high": predicted + 5},
        index=pd.Index([f"s{i}" for i in range(n)], name="track_id"),
    )
    test["class"] = np.digitize(predicted, (25.0, 65.0))
    test["title"] = [None, *("a title" for _ in range(n - 1))]
    record = replace(records.small(n).record, test=test)
    missed, believed = (
        tables.missed_hits(record),
        tables.believed_flops(record),
    )
    assert missed.caption == "The hits it missed: the 10 worst of 11, among 12 hits"
    assert [row[0].text for row in missed.rows] == ["s0", *["a title"] * 9]
    assert [row[0].detail for row in missed.rows] == ["", *(f"s{i}" for i in range(1, 10))]
    assert [cell.text for cell in missed.rows[0][1:]] == ["80.0", "20.0", "15.0 to 25.0", "low"]
    assert believed.caption.startswith("The flops it believed in: the 10 worst of 12, among 12")
    assert [row[2].text for row in believed.rows] == [f"{v:.1f}" for v in range(41, 31, -1)]
    # A classifier has probabilities to go by.
    likely = test.drop(columns=["predicted", "low", "high"]).assign(p_high=(100 - predicted) / 100)
    by_chance = tables.missed_hits(replace(record, test=likely, task="classification"))
    assert [row[0].detail for row in by_chance.rows] == [f"s{i}" for i in range(10, 0, -1)]


def test_importance_is_listed_level_by_level_the_largest_first():
    rows = [
        ("modality", "audio", 1.5, 1.0, 2.0),
        ("modality", "lyrics", 2.25, NAN, NAN),
        ("feature", "tempo", -0.00001, -1.0, NAN),
    ]
    record = records.small(3).record
    record = replace(record, importance=pd.DataFrame(rows, columns=record.importance.columns))
    table = tables.importance_table(record)
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["lyrics", "modality", "+2.2500", "–"],
        ["audio", "modality", "+1.5000", "+1.0000 to +2.0000"],
        ["tempo", "feature", "0.0000", "−1.0000 to –"],
    ]


@pytest.mark.usefixtures("without_pictures")
def test_no_mistakes_are_said_to_be_none():
    of = records.small(3)
    test = of.record.test.assign(y=[10.0, 50.0, 90.0])
    found = read(replace(of, record=replace(of.record, test=test)))
    assert "No hit among the test songs was missed." in found.text
    assert "No test song of class low was called more." in found.text


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("n", [1, 3, 12])
def test_a_record_that_lacks_everything_still_makes_a_page(task, n):
    found = read(records.small(n, task)).text
    assert "does not exist on its" in found
    for lacking in (
        "The model was compared with no baseline.",
        "Nothing is on record of what was left out of the data.",
        "Importance was not measured.",
        "There is no map of the code",
        "There are no class probabilities",
    ):
        assert lacking in found
    assert ("There are no intervals" in found) == (task == "regression")


def test_a_history_that_is_empty_or_has_no_validation():
    of = records.small(3)
    empty = pd.DataFrame(columns=["net", "epoch", "loss"])
    assert "There is no history" in Reader(report.render(of.record, empty)).text
    one = pd.DataFrame({"net": ["popularity"], "epoch": [1], "loss": [0.5]})
    assert "There is no history" not in Reader(report.render(of.record, one)).text


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("artist", "by artists it never heard"),
        ("time", "released after all it learned from"),
        ("paper", "Songs of one artist can be on both sides"),
        ("reference", "On 3 songs that took part in its training, it misses"),
    ],
)
def test_each_protocol_is_said_for_what_it_is(protocol, expected):
    of = records.small(
        split=Split(protocol, "a sentence", 7, 10, 3), **scored(12.0, 11.0, -2.0, 3.0)
    )
    others = {
        "by artists it never heard",
        "released after all it learned from",
        "Songs of one artist can be on both sides",
        "On 3 songs that took part in its training, it misses",
    } - {expected}
    found = read(of).text
    assert expected in found
    assert ("These scores are too good." in found) == (protocol == "reference")
    assert not [other for other in others if other in found]


@pytest.mark.usefixtures("without_pictures")
def test_what_intervals_promise_depends_on_the_model():
    conformal, around = "The intervals are split conformal", "They are around what a first net"
    of = records.small(3)
    test = of.record.test.assign(low=0.0, high=100.0)
    paper = read(replace(of, record=replace(of.record, test=test))).text
    assert conformal in paper and around not in paper
    history = of.history.assign(net=["first", "refit 1"])
    ours = read(replace(of, record=replace(of.record, test=test), history=history)).text
    assert conformal in ours and around in ours
    neither = read(of).text
    assert conformal not in neither and around not in neither


def test_the_card_names_terms_and_how_songs_were_drawn():
    found = Reader(page_of("regression")).text
    assert "forbid using its content to train" in found
    assert "whole groups (artist_id)" in found
    assert "songs one by one" in read(records.small()).text


# A user may call a song "nan"; what the tests look for is one that we wrote.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(
    lambda text: "nan" not in text.lower() and "Figure" not in text
)
WORDS |= st.sampled_from(["<i>", "\"><svg onload='x'>", "&lt", "</dd></div>", "$x_$", "a\nb"])
SHARES = st.sampled_from([0.0, 0.3, 1.0, NAN])
SCORES = st.builds(Score, *[st.floats(-1e6, 1e6) | st.just(NAN)] * 3)


@st.composite
def odd_records(draw):
    n = draw(st.integers(1, 14))
    task = draw(st.sampled_from(["regression", "classification"]))
    names = st.sampled_from(["mae", "r2", "coverage", "width", "f1_macro", "hit_recall"])
    by_metric = st.dictionaries(names, SCORES)
    models = ["mlr", "median", "a model of another kind"]
    scores = {"model": draw(by_metric), **draw(st.dictionaries(st.sampled_from(models), by_metric))}
    of = records.small(
        n,
        task,
        scores=scores,
        differences={
            m: draw(st.builds(records.difference, SHARES)) for m in scores if m != "model"
        },
        test_code=np.array(
            draw(st.lists(SHARES.filter(np.isfinite), min_size=2 * n, max_size=2 * n))
        )
        .reshape(n, 2)
        .astype(np.float32),
        losses=tuple(draw(st.lists(WORDS, max_size=2))),
        store=draw(WORDS),
        groups=draw(st.none() | WORDS),
        thresholds=draw(st.sampled_from([(25.0, 65.0), (0.5, 99.75), (30.0, 100.0)])),
    )
    columns = {}
    if draw(st.booleans()):
        columns |= {"title": draw(st.lists(st.none() | WORDS, min_size=n, max_size=n))}
    if draw(st.booleans()):
        columns |= {"p_low": 0.25, "p_medium": 0.25, "p_high": 0.5}
    if task == "regression" and draw(st.booleans()):
        columns |= {"low": of.record.test["predicted"] - 1, "high": of.record.test["predicted"] + 1}
    rows = st.tuples(st.sampled_from(list(popularity_pictures.LEVELS)), WORDS, *[SHARES] * 3)
    importance = pd.DataFrame(
        draw(st.lists(rows, max_size=3)), columns=of.record.importance.columns
    )
    record = replace(of.record, test=of.record.test.assign(**columns), importance=importance)
    return replace(of, record=record)


# Without shrinking, which would draw the figures some hundred times.
@settings(deadline=None, max_examples=5, phases=[Phase.generate])
@given(odd_records())
def test_odd_records_make_whole_pages(of):
    found = read(of)
    assert found.text.count("Figure") == 0  # numbers are the style sheet's
    assert "figure-confusion" in found.ids and "nan" not in found.text.lower().split()


def test_records_whose_parts_do_not_fit_are_refused():
    of = records.small(3)
    for changes, message in (
        ({"test_code": np.zeros((2, 2), np.float32)}, "2 codes for 3 test rows"),
        ({"scores": {}}, "no 'model' among the scores"),
        ({"test": of.record.test.drop(columns=["class", "y"])}, "no column class, y"),
        ({"test": of.record.test.drop(columns="predicted")}, "no column predicted"),
    ):
        with pytest.raises(report.ReportError, match=message):
            report.render(replace(of.record, **changes), of.history)
    with pytest.raises(SpdkitError, match="not in"):
        report.render(replace(of.record, test=of.record.test.assign(y=101.0)), of.history)
    with pytest.raises(MetricError, match="none of the classes"):
        test = of.record.test.assign(**{"class": 3})
        report.render(replace(of.record, test=test), of.history)


@pytest.mark.usefixtures("without_pictures")
def test_a_report_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    of = records.small(3)
    path = tmp_path / "new" / "report.html"
    report.write(of.record, of.history, path)
    assert path.read_text(encoding="utf-8") == report.render(of.record, of.history)
    assert list(path.parent.iterdir()) == [path]
    before = path.read_bytes()
    monkeypatch.setattr(report, "render", lambda *_: "half a page")
    monkeypatch.setattr("spdkit.common.files.os.fsync", _full)
    with pytest.raises(SpdkitError, match=r"report\.html: cannot be written: No space"):
        report.write(of.record, of.history, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def _full(_):
    raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("without_pictures")
def test_a_name_that_is_no_text_is_written(tmp_path):
    # Half of a letter, which Python makes of a name that is not UTF-8; and what clears a screen.
    of = records.small(1, store="a\udcff\x1b[2J.h5")
    report.write(of.record, of.history, tmp_path / "a.html")
    assert r"a\udcff\x1b[2J.h5" in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("module", "name"), [("jinja2", "report"), ("matplotlib", "plots")])
def test_what_is_not_installed_is_named(module, name, monkeypatch):
    of = records.small(1)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SpdkitError, match=rf"pip install 'spdkit\[{name}\]'"):
        report.render(of.record, of.history)


def test_every_figure_labels_both_axes_with_units():
    for part in page_of("regression").split("<figure ")[1:]:
        labels = re.findall(r">([^<]+ \([^<]+\)|Model|True class|[^<]*Feature|Modality)<", part)
        labels += re.findall(r">(Family of features)<", part)
        assert len(labels) >= 2, part[:60]
        assert len(re.search(r"<figcaption>(.*?)</figcaption>", part, re.DOTALL)[1]) > 40
        svg = part[part.index("<svg") : part.index("</svg>")]
        assert TEXT not in svg and "currentColor" in svg
        assert "font-family" not in svg and "<style" not in svg
