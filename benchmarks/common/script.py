"""Script of a benchmark: its command line, one thread, results in a file and on a console."""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock, Timeout
from rich.console import Console

from spdkit.common.errors import SpdkitError
from spdkit.common.files import write_text

ONE_THREAD = {
    f"{library}_THREADS": "1"
    for library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "VECLIB_MAXIMUM")
}
RESULTS = Path(__file__).parents[1] / "results"
Progress = Callable[[str], None]

# The command line


def new_parser(doc: str | None, epilog: str | None = None) -> argparse.ArgumentParser:
    """A parser whose help keeps the lines of a script's docstring."""
    lines = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(description=doc, epilog=epilog, formatter_class=lines)


def at_least(least: float, reason: str = "") -> Callable[[str], float]:
    """The type of an argument: a number of the kind of `least`, and no less."""
    kind = type(least)

    def number(text: str) -> float:
        if not (value := kind(text)) >= least:
            why = f": {reason}" if reason else ""
            raise argparse.ArgumentTypeError(f"must be at least {least:g}, got {text}{why}")
        return value

    number.__name__ = kind.__name__  # argparse names it: "invalid int value"
    return number


def some_of(choices: Iterable[Any], *, or_none: bool = False) -> Callable[[str], tuple[Any, ...]]:
    """The type of an argument: some of the choices, in any case, with commas between."""
    named = {str(choice).casefold(): choice for choice in choices}

    def some(text: str) -> tuple[Any, ...]:
        words = text.split(",") if text else []
        if unknown := {word for word in words if word.casefold() not in named}:
            raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
        if not words and not or_none:
            raise argparse.ArgumentTypeError("give at least one")
        asked = {word.casefold() for word in words}
        return tuple(choice for word, choice in named.items() if word in asked)

    return some


def add_counts(parser: argparse.ArgumentParser, **counts: tuple[int, str]) -> None:
    """Options for numbers of at least 1: the default and the help of each."""
    for name, (default, text) in counts.items():
        option, help_ = f"--{name.replace('_', '-')}", f"{text} (default: {default})"
        parser.add_argument(option, type=at_least(1), default=default, help=help_)


def add_numbers(
    parser: argparse.ArgumentParser, name: str, default: list[int], text: str, least: int = 1
) -> None:
    """An option for several numbers that are not below `least`."""
    help_ = f"{text} (default: {' '.join(map(str, default))})"
    kind = at_least(least)
    parser.add_argument(f"--{name}", type=kind, nargs="+", default=default, metavar="N", help=help_)


CLIP_SECONDS: dict[str, Any] = {  # of an option --duration
    "type": at_least(3.0, "librosa's longest constant-Q frame is 2.97 s"),
    "default": 30.0,
    "help": "seconds a clip (default: 30)",
}


def add_output(parser: argparse.ArgumentParser, name: str, beside: str = "") -> None:
    """Add -o, by default a JSON of that name among the results."""
    help_ = f"JSON{beside} (default: benchmarks/results/{name}.json)"
    default = RESULTS / f"{name}.json"
    parser.add_argument("-o", "--output", type=Path, default=default, help=help_)


def add_tables_options(
    parser: argparse.ArgumentParser, name: str, lists: Mapping[str, Iterable[Any]]
) -> None:
    """Options of a script whose fits are kept: lists of choices, --work, --jobs, --partial, -o.

    The default of -o is None: its name may depend on what is read.
    """
    default = Path("build") / name
    parser.add_argument("--work", type=Path, default=default, help="where finished fits are kept")
    for option, choices in lists.items():
        named = ",".join(map(str, choices)).replace("%", "%%")  # argparse formats it
        text = f"some of {named} (default: all)"
        kind = some_of(choices, or_none=option == "rivals")
        parser.add_argument(f"--{option}", type=kind, default=tuple(choices), help=text)
    add_counts(parser, jobs=(1, "processes, one thread each"))
    parser.add_argument(
        "--partial", action="store_true", help="fit nothing: tables of what is there"
    )
    text = f"JSON, with what is drawn and .md beside it (default: benchmarks/results/{name}….json, "
    text += "which is overwritten)"
    parser.add_argument("-o", "--output", type=Path, help=text)


def command_line(
    script: str, args: argparse.Namespace, *options: str, first: tuple[str, ...] = ()
) -> str:
    """The command line of a script of benchmarks/, to be shown.

    Parameters
    ----------
    script : str
        Its path in benchmarks/.
    args : Namespace
    *options : str
        Options to name; those that hold a tuple are joined with commas, as `some_of` reads them.
    first : tuple of str
        Words before the options, where folders have stand-ins.
    """
    words = ["python", f"benchmarks/{script}", *first]
    for option in options:
        value = getattr(args, option)
        text = [",".join(map(str, value))] if isinstance(value, tuple) else value
        values = text if isinstance(text, list) else [text]
        words += [f"--{option.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)


# The run


def in_one_thread(main: Callable[[], int]) -> NoReturn:
    """Exit with the status of a script whose libraries have one thread each."""
    if ONE_THREAD.items() <= os.environ.items():
        raise SystemExit(main())
    # The libraries under numpy read these when they load, and by now they have: start again.
    os.execve(sys.executable, sys.orig_argv, os.environ | ONE_THREAD)  # nosec B606 # itself


def resumable(
    args: argparse.Namespace,
    compute: Callable[[argparse.Namespace, Progress], dict[str, Any]],
    page: Callable[[dict[str, Any], Path], str],
) -> int:
    """Compute results with what is kept in a folder, write them, and print their page.

    Parameters
    ----------
    args : Namespace
        Of options of `add_tables_options`. The folder --work is made when it is not there; no other
        run is at work in it while results are computed.
    compute : callable
        Gives the results; its progress is not part of the output.
    page : callable
        Gives the page of results and the place of their JSON, which is there by then.

    Returns
    -------
    int
        The exit status; what stopped the run has been printed where it is not 0.
    """
    progress = error_console().print
    args.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(args.work / "lock", timeout=0):
            results = compute(args, progress)
        save(results, args.output, allow_nan=False)
        print(save_page(page(results, args.output), args.output))
    except Timeout:
        progress(f"another run is at work in {args.work}")
        return 1
    except SpdkitError as error:
        progress(str(error))
        return 1
    except KeyboardInterrupt:
        progress("interrupted: the same command goes on from here")
        return 130
    return 0


def known(value: float) -> float | None:
    """A number for JSON: None where there is none, such as the interval of few artists."""
    return None if math.isnan(value) else value


def save(results: dict[str, Any], path: Path, *, allow_nan: bool = True) -> None:
    """Write results as JSON; ValueError for NaN and infinity that are not allowed."""
    write_text(path, json.dumps(results, indent=1, ensure_ascii=False, allow_nan=allow_nan) + "\n")


def save_page(page: str, path: Path) -> str:
    """Write the page of results beside their JSON; give the page."""
    write_text(path.with_suffix(".md"), page)
    return page


def results_console() -> Console:
    """Where results are printed."""
    # A pipe has no width: wide enough there that no name wraps.
    return Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def error_console() -> Console:
    """Where progress and errors are printed."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
