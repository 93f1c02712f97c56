"""The ``spdkit`` program: its commands, put together.

Heavy imports wait until a command runs, so that ``--help`` answers at once. Progress goes to
stderr, results to stdout; an error that the user can act on is one line and exit status 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from spdkit.cli import charts, collect, demo, doctor, extract, forecast, inspect, plays, popularity
from spdkit.common.threads import wait_asleep
from spdkit.common.versions import installed_versions

app = typer.Typer(
    help="The toolkit for hit-song science: features from music, popularity, forecasts.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(collect.app, name="collect")
app.add_typer(charts.app, name="charts")
app.add_typer(plays.app, name="plays")
_COMMANDS: dict[str, Callable[..., None]] = {
    "fit": popularity.fit,
    "evaluate": popularity.evaluate,
    "predict": popularity.predict,
    "report": popularity.write_report,
    "forecast": forecast.forecast_series,
    "extract": extract.extract,
    "inspect": inspect.inspect,
    "doctor": doctor.doctor,
    "demo": demo.demo,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"spdkit {installed_versions(['spdkit'])['spdkit']}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    wait_asleep()
