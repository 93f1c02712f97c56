"""The planted rule: what is written is what is done, and what it promises is what comes out."""

import re

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score

from spdkit.common.errors import SpdkitError
from spdkit.synthetic import popularity
from spdkit.synthetic.lyrics import write_lyrics
from spdkit.synthetic.metadata import song_facts
from spdkit.synthetic.popularity import CAUSES, ceiling, planted_table, planted_variances
from spdkit.synthetic.sound import plan_song

PARTS = ["audio", "lyrics", "metadata"]


@pytest.fixture(scope="module")
def truth():
    return planted_table(2000, seed=0)


def test_one_song_by_hand(truth):
    # Song 1 of seed 0: 170 BPM, slope 0.964477, 5 choruses, 33 words, 1305 followers.
    #   audio    =  8·(170 − 120)/50 − 6·(0.964477 − 1.45)/0.55         =  8 + 5.29661
    #   lyrics   =  7·(5 − 3.5)/2.5 + 3·(33 − 21)/15                    =  4.2 + 2.4
    #   metadata = 14·(log10(1305) − 4.5)/2.5 = 14·(3.115611 − 4.5)/2.5 = −7.752580
    # 50 + 13.29661 + 6.6 − 7.75258 = 62.14403; with the noise, 6.16310, that is 68.3.
    row = truth.iloc[1]
    assert (row.track_id, row.artist_id) == ("song-001.flac", "artist-003")
    assert row.audio == pytest.approx(13.29661, abs=2e-5)
    assert row.lyrics == pytest.approx(6.6)
    assert row.metadata == pytest.approx(-7.75258, abs=1e-5)
    assert row.expected == pytest.approx(62.14403, abs=2e-5)
    noise = np.random.default_rng([0, 1, 2]).triangular(-12, 0, 12)
    assert row.noise == noise == pytest.approx(6.16310, abs=1e-5)
    assert row.popularity == 68.3


@pytest.mark.parametrize("i", [0, 1, 777])
def test_causes_are_those_of_the_songs_themselves(truth, i):
    row, words = truth.iloc[i], write_lyrics(i)
    plan, artist = plan_song(i), song_facts(i).artist
    assert (row.track_id, row.tempo, row.lead_slope) == (
        plan.song.file,
        plan.song.tempo,
        plan.lead.slope,
    )
    assert row.choruses == words.as_text().count("[Chorus]")
    assert row.vocabulary == words.vocabulary
    assert 10**row.log_followers == pytest.approx(artist.followers)


def test_the_first_songs_are_the_same_however_many_there_are(truth):
    assert planted_table(50).equals(truth[:50])
    assert not planted_table(50, seed=1)["popularity"].equals(truth["popularity"][:50])


def test_labels_are_in_range_and_never_clipped(truth):
    assert truth["popularity"].between(0, 100).all()
    clipped = truth["popularity"] - truth["expected"] - truth["noise"]
    assert clipped.abs().max() <= 0.05 + 1e-9
    # The extremes themselves: all causes at their worst or best, and the noise too.
    reach = sum(abs(cause.weight) for cause in CAUSES) + popularity.NOISE
    assert (50 - reach, 50 + reach) == (0, 100)
    assert (truth["popularity"] < 25).any()
    assert (truth["popularity"] >= 65).any()


def test_instrumentals_have_no_part_of_words(truth):
    silent = truth[truth["choruses"].isna()]
    assert len(silent) == 200  # 4 of 40
    assert silent["vocabulary"].isna().all()
    assert (silent["lyrics"] == 0).all()
    assert truth.drop(columns=["choruses", "vocabulary"]).notna().all(axis=None)


def test_causes_are_uniform_and_independent(truth):
    names = [cause.name for cause in CAUSES]
    for cause in CAUSES:
        z = cause.z(truth[cause.name].dropna())
        assert abs(z).max() <= 1
        assert z.mean() == pytest.approx(0, abs=5 * 0.7 / np.sqrt(1800))
        assert cause.weight**2 * z.var() == pytest.approx(cause.variance, rel=0.1)
    correlations = truth[[*names, "noise"]].corr().to_numpy()
    assert np.abs(correlations - np.eye(len(correlations))).max() < 5 / np.sqrt(1800)


def test_variances_are_those_worked_out_by_hand():
    # A fair die of n even steps on [−1, 1] has variance (n + 1) / (3 (n − 1)):
    # 101 tempi 102/300 = 0.34, 6 choruses 7/15, 11 vocabularies 12/30 = 0.4, continuous 1/3.
    assert np.var(np.linspace(-1, 1, 6)) == pytest.approx(7 / 15)
    by_hand = {
        "metadata": 196 / 3,
        "audio": 64 * 0.34 + 36 / 3,
        "lyrics": 0.9 * (49 * 7 / 15 + 9 * 0.4),
        "noise": 144 / 6,
    }
    assert planted_variances() == pytest.approx(by_hand)
    assert ceiling().r2 == pytest.approx(1 - 24 / sum(by_hand.values()))
    assert ceiling().mae == pytest.approx(4.0)


def test_the_docstring_states_the_numbers_in_force():
    text = popularity.__doc__
    for part, variance in planted_variances().items():
        stated, share = re.search(rf"^{part} +([\d.]+)  (\d+) %", text, re.MULTILINE).groups()
        assert float(stated) == pytest.approx(variance, abs=0.005)
        assert int(share) == round(100 * variance / sum(planted_variances().values()))
    assert f"**{ceiling().r2:.3f}**" in text
    assert f"**{ceiling().mae:.1f}** points" in text


def test_modalities_matter_in_the_stated_order(truth):
    shares = truth[PARTS].var() / truth["popularity"].var()
    assert shares["metadata"] > 1.5 * shares["audio"]
    assert shares["audio"] > 1.2 * shares["lyrics"]
    assert shares["lyrics"] > 0.1
    stated = planted_variances()
    for part in PARTS:
        assert truth[part].var() == pytest.approx(stated[part], rel=0.1)


def test_the_ceiling_is_reached_by_who_knows_the_rule(truth):
    r2 = r2_score(truth["popularity"], truth["expected"])
    assert r2 == pytest.approx(ceiling().r2, abs=0.015)
    mae = mean_absolute_error(truth["popularity"], truth["expected"])
    assert mae == pytest.approx(ceiling().mae, abs=0.2)  # standard error 0.06


def test_who_learns_the_rule_finds_its_weights_and_no_more_than_the_ceiling(truth):
    X = np.stack([cause.z(truth[cause.name].to_numpy()) for cause in CAUSES], axis=1)
    X = np.nan_to_num(X)  # the middle of the range, for instrumentals
    y = truth["popularity"].to_numpy()
    model = LinearRegression().fit(X[:1000], y[:1000])
    np.testing.assert_allclose(model.coef_, [c.weight for c in CAUSES], atol=1.5)
    assert model.score(X[1000:], y[1000:]) == pytest.approx(ceiling().r2, abs=0.02)


@pytest.mark.parametrize(("n_songs", "seed"), [(0, 0), (-3, 0), (1, -1)])
def test_bad_numbers_are_refused(n_songs, seed):
    with pytest.raises(SpdkitError, match=f"got {n_songs} and {seed}"):
        planted_table(n_songs, seed)
