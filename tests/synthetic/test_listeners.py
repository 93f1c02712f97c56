"""Made-up listeners: tastes are two quantities and chance, in the shares that are stated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spdkit.common.errors import ParameterError
from spdkit.synthetic import listeners


def quantities(n=60, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        rng.standard_normal((n, 5)) * [20, 900, 2, 5, 1] + [110, 2000, 4, -15, 0],
        columns=list(listeners.QUANTITIES),
        index=[f"song {i}" for i in range(n)],
    )
    table["mode"] = (table["mode"] > 0).astype(float)
    return table


def test_plays_are_two_standardised_quantities_and_chance():
    table = quantities()
    taste = listeners.draw_taste(table, 3)
    parts = [(table[q] - table[q].mean()) / table[q].std(ddof=0) for q in taste.quantities]
    signal = parts[0] + parts[1]
    signal = (signal - signal.mean()) / signal.std(ddof=0)
    # What is left of the plays when sound explains what it can, by least squares.
    slope, _ = np.polyfit(signal, taste.plays, 1)
    left = taste.plays - slope * signal
    assert slope == pytest.approx(0.6**0.5)
    assert np.var(left) == pytest.approx(0.4)
    assert np.var(taste.plays) == pytest.approx(1.0)
    assert taste.plays.mean() == pytest.approx(0.0, abs=1e-12)
    others = [name for name in table if name not in taste.quantities]
    assert len(others) == 3


def test_seeds_draw_every_pair_and_the_same_seed_the_same():
    table = quantities()
    pairs = {listeners.draw_taste(table, seed).quantities for seed in range(60)}
    assert len(pairs) == 10
    once, again = (listeners.draw_taste(table, 5).plays for _ in range(2))
    assert (once == again).all()
    assert (once != listeners.draw_taste(table, 6).plays).any()


def test_a_random_taste_knows_no_sound():
    plays = listeners.random_plays(2000, 1)
    assert plays.mean() == pytest.approx(0, abs=1e-12) and plays.std() == pytest.approx(1)
    table = quantities(2000)
    assert abs(table.corrwith(pd.Series(plays, table.index))).max() < 0.08


def test_what_cannot_be_told_of_a_song_is_the_mean_song():
    table = quantities(6)[["tempo", "mode"]]
    table["mode"] = [0.0, 1, 0, 1, 0, 1]
    table.loc["song 0", "tempo"] = np.nan
    taste = listeners.draw_taste(table, 0)
    known = table["tempo"].dropna()
    tempo = (table["tempo"] - known.mean()).fillna(0)
    expected = tempo / tempo.std(ddof=0) + (table["mode"] - 0.5) / 0.5
    assert taste.signal == pytest.approx((expected - expected.mean()) / expected.std(ddof=0))


def test_what_is_the_same_for_all_songs_is_not_drawn():
    table = quantities().assign(mode=1.0, tempo=np.nan, loudness=-9.0)
    drawn = {listeners.draw_taste(table, seed).quantities for seed in range(20)}
    assert drawn == {("centroid", "onset_rate")}
    with pytest.raises(ParameterError, match="1 does"):
        listeners.draw_taste(table.assign(centroid=1.0), 0)
    with pytest.raises(ParameterError, match="at least 4 songs, got 3"):
        listeners.draw_taste(table.head(3), 0)
    opposite = table.assign(onset_rate=-table["centroid"])
    with pytest.raises(ParameterError, match="centroid and onset_rate of these songs are opposite"):
        listeners.draw_taste(opposite, 0)


def test_quantities_are_columns_of_the_extractors():
    columns = {name: [1.0] for name in listeners.QUANTITIES.values()}
    found = listeners.quantities_of(pd.DataFrame({**columns, "other": [2.0]}))
    assert list(found) == ["tempo", "centroid", "onset_rate", "loudness", "mode"]
    from spdkit.extractors.audio import AudioExtractor
    from spdkit.extractors.descriptors import DescriptorExtractor

    names = {*AudioExtractor().get_feature_names_out()}
    names |= {*DescriptorExtractor().get_feature_names_out()}
    assert set(listeners.QUANTITIES.values()) <= names
    with pytest.raises(ParameterError, match="no column tempo_bpm"):
        listeners.quantities_of(pd.DataFrame({"a": [1.0]}))


def test_a_log_has_listeners_of_their_own_taste(tmp_path):
    table = quantities(50)
    log = listeners.triplets(table, 3, seed=7)
    assert list(log) == ["user_id", "song_id", "plays"]
    assert log.groupby("user_id").size().to_dict() == {f"listener-{n}": 40 for n in (1, 2, 3)}
    assert log["plays"].min() >= 1 and log["plays"].dtype == np.int64
    assert not log.duplicated(["user_id", "song_id"]).any()
    second = log[log["user_id"] == "listener-2"].set_index("song_id")["plays"]
    taste = pd.Series(listeners.draw_taste(table, 8).plays, table.index)
    assert second.corr(taste[second.index]) > 0.99
    file = listeners.write_triplets(log, tmp_path / "log.txt")
    first = log.iloc[0]
    line = f"{first['user_id']}\t{first['song_id']}\t{first['plays']}"
    assert file.read_text().splitlines()[0] == line
    assert len(file.read_text().splitlines()) == 120
