"""Progress: silent when work is quick, and every epoch is passed on."""

from __future__ import annotations

import time
from contextlib import contextmanager

from spdkit.common import progress


def shown_by(capsys, patience, *, shown=True):
    calls = []
    with progress.training_progress(
        9, lambda *all_: calls.append(all_), shown=shown, patience=patience
    ) as note:
        note("autoencoder", 1, {"loss": 0.5, "val_loss": 0.25})
        note("popularity", 9, {"loss": 0.125})
    assert [call[:2] for call in calls] == [("autoencoder", 1), ("popularity", 9)]
    out = capsys.readouterr()
    assert out.out == ""
    return out.err


def test_a_bar_for_each_net(capsys):
    text = shown_by(capsys, -1)
    for word in ("autoencoder", "1/9", "val_loss 0.2500", "popularity", "9/9", "loss 0.1250"):
        assert word in text


def test_quick_training_is_silent(capsys):
    assert shown_by(capsys, 60) == ""


def test_nothing_is_shown_unasked(capsys):
    assert shown_by(capsys, -1, shown=False) == ""


def test_without_a_callback_nothing_is_called():
    with progress.training_progress(9, None, shown=False) as note:
        assert note is None


def test_a_bar_counts_items_and_failures(capsys):
    with progress.progress_bar("songs", 2) as advance:
        advance(False)
        advance(True)
    text = capsys.readouterr().err
    assert "songs" in text and "2/2" in text and "1 failed" in text


def test_a_log_has_a_line_at_once_and_then_now_and_then(capsys, monkeypatch):
    """There no bar is drawn before the end."""
    for seconds, n_lines in ((3600.0, 1), (0.0, 3)):
        monkeypatch.setattr(progress, "LINE_SECONDS", seconds)
        with progress.progress_bar("songs", 2) as advance:
            assert capsys.readouterr().err == "songs: 0 of 2\n"
            advance(False)
            advance(True)
        lines = [line for line in capsys.readouterr().err.splitlines() if " of 2" in line]
        assert lines == ["songs: 1 of 2", "songs: 2 of 2, 1 failed"][: n_lines - 1]


def test_slow_work_is_announced_and_quick_work_is_not(capsys):
    with progress.announced("loading", 60):
        pass
    assert capsys.readouterr().err == ""
    with progress.announced("loading \x1b[2J", 0):
        for _ in range(1000):
            if text := capsys.readouterr().err:
                break
            time.sleep(0.01)
    assert text == "loading \\x1b[2J\n"


def test_without_items_or_before_its_time_there_is_no_bar(capsys):
    for total, shown, patience in ((0, True, 0.0), (2, False, 0.0), (2, True, 60.0)):
        with progress.progress_bar("songs", total, shown=shown, patience=patience) as advance:
            advance(False)
    assert capsys.readouterr().err == ""


def test_a_log_has_a_line_before_a_first_item_that_takes_long(capsys, monkeypatch):
    texts = []

    @contextmanager
    def announced(text, patience):
        texts.append((text, patience))
        yield

    monkeypatch.setattr(progress, "announced", announced)
    with progress.progress_bar("forecasting", 3, patience=2.0):
        pass
    with progress.progress_bar("forecasting", 3):
        pass
    assert texts == [("forecasting: 0 of 3", 2.0)]
