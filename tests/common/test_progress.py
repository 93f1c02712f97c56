"""The progress bar of training: silent when it is quick, and every epoch is heard."""

from __future__ import annotations

from spdkit.common import progress


def heard(capsys, patience, monkeypatch, *, shown=True):
    monkeypatch.setattr(progress, "_PATIENCE", patience)
    calls = []
    with progress.training_progress(9, lambda *all_: calls.append(all_), shown=shown) as told:
        told("autoencoder", 1, {"loss": 0.5, "val_loss": 0.25})
        told("popularity", 9, {"loss": 0.125})
    assert [call[:2] for call in calls] == [("autoencoder", 1), ("popularity", 9)]
    out = capsys.readouterr()
    assert out.out == ""
    return out.err


def test_a_bar_for_each_net(capsys, monkeypatch):
    text = heard(capsys, -1, monkeypatch)
    for word in ("autoencoder", "1/9", "val_loss 0.2500", "popularity", "9/9", "loss 0.1250"):
        assert word in text


def test_quick_training_is_silent(capsys, monkeypatch):
    assert heard(capsys, 60, monkeypatch) == ""


def test_nothing_is_shown_unasked(capsys, monkeypatch):
    assert heard(capsys, -1, monkeypatch, shown=False) == ""


def test_without_a_callback_nothing_is_called():
    with progress.training_progress(9, None, shown=False) as told:
        assert told is None
