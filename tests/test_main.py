"""Program: how ``python -m spdkit`` ends."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from spdkit.__main__ import main


def test_an_interrupt_outside_of_any_command_is_one_line(monkeypatch, capsys):
    def app():
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "spdkit.cli.app", SimpleNamespace(app=app))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130 and capsys.readouterr().err == "spdkit: interrupted\n"


def test_it_runs_the_commands(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["spdkit", "--version"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0 and capsys.readouterr().out.startswith("spdkit ")
