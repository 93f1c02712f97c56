"""Debuts in a chart: features by hand, the past alone, and artists of whom something is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from spdkit.forecast.charts.chart_table import COLUMNS, check_chart
from spdkit.forecast.charts.debuts import DebutModel, debut_features, debuts
from spdkit.forecast.data.checks import ForecastError

WEEK = pd.Timedelta(weeks=1)
START = pd.Timestamp("2021-01-07")


def rows(region, *weeks):
    """Weeks of (song, artist, streams), the title being the song's name."""
    return pd.DataFrame(
        [
            (region, START + i * WEEK, place, f"id {song}", song, artist, float(streams))
            for i, week in enumerate(weeks)
            for place, (song, artist, streams) in enumerate(week, 1)
        ],
        columns=list(COLUMNS),
    )


OLD, DEEP = ("Old", "Nobody", 1000), ("Deep", "Nobody else", 10)
# A's first songs come in in the second and third week, B's in the third; "Two" leaves and returns.
IN = rows(
    "IN",
    [OLD, DEEP],
    [OLD, ("One", "A", 100), DEEP],
    [OLD, ("Two", "A feat. C", 400), ("Song", "B", 50), DEEP],
    [OLD, DEEP],
    [OLD, ("Two", "A feat. C", 200), DEEP],
)
MA = rows("MA", [OLD, DEEP], [OLD, ("Hit", "A", 500), DEEP], [OLD, DEEP], [OLD, DEEP])
BOTH = check_chart(pd.concat([IN, MA]))


def release(region, week, title="New", artist="A", **others):
    ds = START + week * WEEK
    return pd.DataFrame([{"region": region, "ds": ds, "title": title, "artist": artist, **others}])


def made_up(n_weeks=40, n_places=30, seed=0, regions=("IN",)):
    """Ten artists whose songs come in at levels of their own, far apart, and fall week by week."""
    rng = np.random.default_rng(seed)
    levels = np.linspace(0.5, 3.5, 10)
    parts = []
    for region in regions:
        songs, n = {}, 0
        for week in range(n_weeks):
            songs = {song: log - 0.3 for song, log in songs.items()}
            for _ in range(5):
                artist = rng.integers(10)
                songs[f"{region} {n}", artist] = 7 + levels[artist] + rng.normal(0, 0.2)
                n += 1
            for i in range(n_places):  # the floor of the chart
                songs[f"floor {i}", 99] = 7 - 0.01 * i
            chart = sorted(songs.items(), key=lambda item: -item[1])[:n_places]
            parts += [
                (region, START + week * WEEK, place, name, name, f"Artist {a}", math.exp(log))
                for place, ((name, a), log) in enumerate(chart, 1)
            ]
    return pd.DataFrame(parts, columns=list(COLUMNS))


SMALL = {"n_trees": 25, "min_leaf": 10, "feature_share": 0.5, "n_models": 1}


def test_debuts_are_first_dates_after_the_region_s_first():
    entries = debuts(BOTH)
    assert entries[["region", "title"]].to_numpy().tolist() == [
        ["IN", "One"],
        ["IN", "Two"],
        ["IN", "Song"],
        ["MA", "Hit"],
    ]
    assert (entries["ds"] - START).dt.days.tolist() == [7, 14, 14, 7]


def test_features_of_an_artist_by_hand():
    features = debut_features(BOTH, release("IN", 3)).iloc[0]
    assert features["last_place"] == pytest.approx(math.log(10))
    assert features["top"] == pytest.approx(math.log(100))
    # Of the third week: 1000, 400, 50, 10.
    median = (math.log(400) + math.log(50)) / 2
    assert features["median"] == pytest.approx(median - math.log(10))
    # A's debuts here: 100 and 400 over a last place of 10; with the one in MA, three.
    mine = features.filter(like="above region performer").to_numpy()
    np.testing.assert_allclose(mine, [2, math.log(10 * 40) / 2, math.log(40), 7])
    everywhere = features.filter(regex="^above performer").to_numpy()
    np.testing.assert_allclose(everywhere, [3, math.log(10 * 40 * 50) / 3, math.log(40), 7])
    # Its songs stood in the second week at the median of 1000, 100, 10, and in the third.
    standing = features.filter(like="level region performer").to_numpy()
    np.testing.assert_allclose(
        standing, [2, (math.log(400) - median) / 2, math.log(400) - median, 7]
    )
    # Three debuts in the last eight weeks.
    assert features["recent n"] == 3
    assert features["recent 0.5"] == pytest.approx(math.log(10))


def test_a_song_is_known_from_other_regions_and_other_ids():
    features = debut_features(BOTH, release("IN", 3, "HIT (feat. D)", "a", track_id="x")).iloc[0]
    # In MA it stood a fortnight ago at 500 of a median of 500; here never.
    np.testing.assert_allclose(features.filter(regex="^level song"), [1, 0, 0, 14])
    assert features.filter(regex="^level region song").isna().all()
    returned = debut_features(BOTH, release("IN", 4, "Two", "A", track_id="another")).iloc[0]
    assert returned["level region song n"] == 1 and returned["level region song days"] == 14
    remix = debut_features(BOTH, release("IN", 4, "Two - Remix", "A")).iloc[0]
    assert remix.filter(like="song").isna().all() and remix["version"] == 1


def test_nothing_of_the_date_and_after_it_is_known():
    songs = pd.concat([release("IN", 2), release("IN", 2, "Song", "B"), release("MA", 1)])
    before = debut_features(BOTH, songs)
    frame = BOTH.frame
    later = frame["ds"] >= START + 2 * WEEK
    absurd = frame.assign(
        streams=np.where(later, 1e12 / frame["position"], frame["streams"]),
        artist=np.where(later, "A", frame["artist"]),
    )
    early = debut_features(check_chart(absurd), songs)
    pd.testing.assert_frame_equal(early, before)
    assert before["above region performer n"].fillna(0).tolist() == [1, 0, 0]


def test_songs_without_a_name_are_nobody_s():
    frame = BOTH.frame.assign(
        artist=BOTH.frame["artist"].replace("A", ""), title=BOTH.frame["title"].replace("One", "")
    )
    songs = pd.concat(
        [release("IN", 3, "", ""), release("IN", 3, None, None), release("IN", 3, "")]
    )
    features = debut_features(check_chart(frame), songs, announced=True)
    assert features[:2].filter(regex="performer|song").isna().all(axis=None)
    assert features["announced"].tolist() == [1, 1, 1]
    # A song without a title is still its artist's: "Two".
    assert features["above region performer n"][2] == 1
    assert features[2:].filter(like="song").isna().all(axis=None)


def test_songs_of_the_date_count_only_where_they_are_announced():
    songs = pd.concat([release("IN", 3, name, artist) for name, artist in ("xA", "yA", "zB")])
    assert "announced" not in debut_features(BOTH, songs)
    assert debut_features(BOTH, songs, announced=True)["announced"].tolist() == [2, 2, 1]


def test_an_artist_s_past_tells_what_a_song_gets():
    table = check_chart(made_up())
    cutoff = START + 29 * WEEK
    model = DebutModel(**SMALL).fit(table.until(cutoff))
    assert model.regions_ == ("IN",) and model.n_debuts_ == (debuts(table)["ds"] <= cutoff).sum()
    songs = debuts(table)
    songs = songs[songs["ds"] > cutoff]
    answers = model.predict(table, songs)
    logs = np.log(songs["streams"].to_numpy())
    errors = np.abs(np.log(answers["DebutModel"].to_numpy()) - logs)
    assert len(logs) > 30
    # 0.16 is the mean absolute deviation of what nobody can know.
    assert errors.mean() < 0.35 < np.abs(logs - np.median(logs)).mean()
    low, high = (answers[f"DebutModel-{end}-90"].to_numpy() for end in ("lo", "hi"))
    assert (low <= answers["DebutModel"]).all() and (answers["DebutModel"] <= high).all()
    inside = (np.exp(logs) >= low) & (np.exp(logs) <= high)
    assert inside.mean() > 0.8


def test_nothing_after_the_cutoff_changes_what_is_learned():
    df = made_up(n_weeks=16)
    cutoff = START + 12 * WEEK
    songs = debuts(check_chart(df))
    songs = songs[songs["ds"] == cutoff + WEEK]
    later = df["ds"] > cutoff
    absurd = df.assign(
        streams=np.where(later, 1e12 / df["position"], df["streams"]),
        track_id=np.where(later, df["track_id"] + "?", df["track_id"]),
    )
    answers = [
        DebutModel(**SMALL).fit(check_chart(d).until(cutoff)).predict(check_chart(d), songs)
        for d in (df, absurd)
    ]
    pd.testing.assert_frame_equal(*answers)


def test_the_first_dates_of_a_song():
    table = check_chart(made_up(n_weeks=25))
    model = DebutModel(n_dates=3, levels=(80,), **SMALL | {"n_trees": 60}).fit(table)
    song = release("IN", 25, "New", "Artist 9")
    answers = model.predict(table, song)
    assert answers.columns.tolist() == [
        *("region", "debut", "ds", "title", "artist", "DebutModel"),
        *("DebutModel-lo-80", "DebutModel-hi-80"),
    ]
    assert answers["debut"].unique() == song["ds"].unique()
    assert (answers["ds"] - answers["debut"]).tolist() == [0 * WEEK, WEEK, 2 * WEEK]
    # By 0.3 a week songs fall.
    falls = -np.diff(np.log(answers["DebutModel"]))
    assert (falls > 0.1).all() and falls.mean() == pytest.approx(0.3, abs=0.15)


def described(table):
    """Songs without an artist's past, and their level as a descriptor; others hold nothing."""
    artists = table.frame["artist"].str.removeprefix("Artist ").astype(int)
    songs = table.frame.assign(artist=table.frame["title"], energy=artists.astype(float))
    static = songs.drop_duplicates("track_id")[["track_id", "energy"]]
    return check_chart(songs.drop(columns="energy")), static.reset_index(drop=True)


def test_a_planted_descriptor_is_learned_and_what_is_missing_is_missing():
    table, static = described(check_chart(made_up()))
    cutoff = START + 29 * WEEK
    songs = debuts(table)
    learned, scored = songs[songs["ds"] <= cutoff], songs[songs["ds"] > cutoff]
    static["album"], static["empty"] = "A", np.nan
    static["tempo"] = np.where(static["track_id"] == learned["track_id"].iloc[0], np.nan, 100.0)
    without = static[static["track_id"] != learned["track_id"].iloc[1]]
    model = DebutModel(levels=(), **SMALL).fit(table.until(cutoff), static_df=without)
    n = len(learned)
    assert model.descriptors_ == ["energy", "tempo"]
    assert model.remarks_ == [
        f"{n - 1} of the {n} songs that are learned from have numbers (energy, tempo), {n - 2} all "
        "of them: what is missing stays missing",
        "nothing learns from album, empty: no numbers of such songs",
    ]
    truth = np.log(scored["streams"].to_numpy())

    def error(model, **words):
        answers = model.predict(table, scored, **words)
        return np.abs(np.log(answers["DebutModel"].to_numpy()) - truth).mean()

    plain = DebutModel(levels=(), **SMALL).fit(table.until(cutoff))
    assert plain.descriptors_ == plain.remarks_ == []
    assert error(model) < 0.35 and error(plain) > 0.7
    # Descriptors of other songs, or none, are those that are known of a song.
    of_these = static[static["track_id"].isin(scored["track_id"])]
    assert error(model, static_df=of_these.assign(album=1)) == error(model)
    assert error(model, static_df=static[:0]) > 0.7
    assert model.describe(scored[:2])["energy"].tolist() == of_these["energy"][:2].tolist()
    nameless = model.predict(table, scored.drop(columns="track_id"))
    pd.testing.assert_frame_equal(nameless, model.predict(table, scored, static_df=static[:0]))


def test_descriptors_of_songs_that_come_later_change_nothing():
    table, static = described(check_chart(made_up(n_weeks=16)))
    cutoff = START + 12 * WEEK
    later = debuts(table)["track_id"][debuts(table)["ds"] > cutoff]
    absurd = static.astype({"energy": object})
    absurd.loc[absurd["track_id"].isin(later), "energy"] = "loud"
    song = release("IN", 13, "New", "Artist 9", track_id="new")
    known = pd.DataFrame({"track_id": ["new"], "energy": [9]})
    answers = [
        DebutModel(**SMALL)
        .fit(table.until(cutoff), static_df=df)
        .predict(table, song, static_df=known)
        for df in (static, absurd)
    ]
    pd.testing.assert_frame_equal(*answers)


def test_metadata_that_cannot_be_used():
    table, static = described(check_chart(made_up(n_weeks=10)))
    model = DebutModel(levels=(), **SMALL).fit(table, static_df=static)
    song = release("IN", 10, track_id="new")
    new = pd.DataFrame({"track_id": ["new"], "energy": ["loud"]})
    with pytest.raises(ForecastError, match="column 'energy' of static_df holds"):
        model.predict(table, song, static_df=new)
    with pytest.raises(ForecastError, match="static_df: no column 'energy'"):
        model.predict(table, song, static_df=new[["track_id"]])
    with pytest.raises(ForecastError, match="static_df: no column 'track_id'"):
        DebutModel().fit(table, static_df=static[["energy"]])
    with pytest.raises(ForecastError, match="more than once"):
        DebutModel().fit(table, static_df=pd.concat([static, static]))
    plain = DebutModel(levels=(), **SMALL).fit(table)
    with pytest.raises(ForecastError, match="learned without static_df"):
        plain.predict(table, song, static_df=static)


def test_some_debuts_can_be_left_out_of_what_is_learned():
    table = check_chart(made_up(n_weeks=25))
    songs = debuts(table)
    some = songs[songs["artist"] != "Artist 9"]
    model = DebutModel(levels=(), **SMALL).fit(table, some)
    assert model.n_debuts_ == len(some) < len(songs)
    song = release("IN", 25, "New", "Artist 9")
    whole = DebutModel(levels=(), **SMALL).fit(table).predict(table, song)
    assert model.predict(table, song)["DebutModel"][0] < whole["DebutModel"][0]


def test_no_intervals_unless_asked_for():
    table = check_chart(made_up(n_weeks=10))
    answers = DebutModel(levels=(), **SMALL).fit(table).predict(table, release("IN", 10))
    assert answers.columns[-1] == "DebutModel"


def test_a_region_that_was_not_learned_is_refused_by_name():
    model = DebutModel(levels=(), **SMALL).fit(check_chart(made_up(n_weeks=10)))
    with pytest.raises(ForecastError, match="did not learn from region 'VN': it knows 'IN'"):
        model.predict(BOTH, release("VN", 1))


@pytest.mark.parametrize(
    ("songs", "message"),
    [
        (release("IN", 0, "Dawn"), "IN has no chart before 2021-01-07, the debut of 'Dawn'"),
        (release("IN", 2).drop(columns="artist"), "no column 'artist'"),
        (release("IN", 2).assign(ds="soon"), "'soon' is no date"),
    ],
)
def test_songs_that_cannot_be_forecast(songs, message):
    model = DebutModel(levels=(), **SMALL).fit(check_chart(made_up(n_weeks=10)))
    with pytest.raises(ForecastError, match=message):
        model.predict(BOTH, songs)


def test_what_cannot_be_learned():
    with pytest.raises(ForecastError, match="nothing to learn debuts from"):
        DebutModel().fit(check_chart(rows("IN", [OLD, DEEP], [OLD, DEEP])))
    with pytest.raises(ForecastError, match="levels must be"):
        DebutModel(levels=(100,)).fit(BOTH)
    with pytest.raises(NotFittedError):
        DebutModel().predict(BOTH, release("IN", 2))
