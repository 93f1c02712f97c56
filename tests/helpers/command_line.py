"""The command line for tests: commands as a user types them, in this process."""

from __future__ import annotations

from typer.testing import CliRunner

from spdkit.cli.app import app


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])
