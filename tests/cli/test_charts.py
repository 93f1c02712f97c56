"""``spdkit charts``: any form in, one table out, and what is wrong by name."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
from chart_files import FORMS, KWORB_CSV, KWORB_PAGE, LAYOUT, write
from command_line import invoke
from few_trees import few_trees  # noqa: F401 (a fixture)

from spdkit.synthetic.charts import chart_rows, write_chart


def test_help_teaches_every_form():
    text = " ".join(invoke("charts", "read", "--help").stdout.replace("│", " ").split())
    for word in (
        *("Position, Track Name, Artist, Streams, URL", "rank, uri, artist_names, track_name"),
        *("Kaggle", "kworb.net", "regional-ph-daily-2020-05-20.csv", "--region", "--date"),
        *("the Thursday", "matched by artist and title", "forbid training", "Example:"),
    ):
        assert word in text, word


@pytest.mark.parametrize("form", FORMS)
def test_every_form(form, tmp_path):
    name, text, arguments = FORMS[form]
    options = [word for key, value in arguments.items() for word in (f"--{key}", value)]
    output = tmp_path / "chart.parquet"
    done = invoke("charts", "read", write(tmp_path, name, text), *options, "-o", output)
    assert done.exit_code == 0, done.stderr
    assert "2 rows, 2 songs" in done.stdout
    frame = pd.read_parquet(output)
    columns = ["region", "ds", "position", "track_id", "title", "artist", "streams"]
    assert list(frame) == columns
    assert frame["streams"].tolist() == [158720, 91000]


def test_remarks_on_stderr_a_table_on_stdout_and_json(tmp_path):
    chart = write_chart(tmp_path)
    rows = pd.read_csv(chart)
    rest = rows[~((rows["region"] == "XA") & (rows["ds"] == "2025-06-01"))]
    rest.to_csv(chart, index=False)
    output = tmp_path / "out.csv"
    done = invoke("charts", "read", chart, "-o", output)
    assert done.exit_code == 0
    remark = "spdkit: XA: 1 of 240 dates have no chart: 2025-06-01"
    assert remark in done.stderr.splitlines()
    assert "239" in done.stdout and "XB" in done.stdout
    assert invoke("charts", "read", chart, "-o", output, "--quiet").stderr == ""
    content = json.loads(invoke("charts", "read", chart, "-o", output, "--json").stdout)
    assert content["regions"]["XA"] == {
        **{"n_rows": 4780, "n_songs": 36, "n_dates": 239, "n_missing": 1},
        **{"first": "2024-11-03", "last": "2025-06-30"},
    }
    assert content["remarks"] == [remark.removeprefix("spdkit: ")]
    assert (content["freq"], content["n_rows"]) == ("D", len(rest))
    assert content["file"] == str(output)


def test_what_is_wrong_is_a_line_each_and_names_options(tmp_path):
    first = write(tmp_path, "ph_daily_2020-05-20.csv", KWORB_CSV)
    second = write(tmp_path, "page.html", KWORB_PAGE)
    output = tmp_path / "chart.csv"
    done = invoke("charts", "read", first, second, "-o", output)
    assert done.exit_code == 1
    lines = [line for line in done.stderr.splitlines() if not line.startswith("reading")]
    assert lines[0] == "spdkit: 2 files: not charts as they are"
    assert lines[1].startswith("- 1 dates stand in two files: PH 2020-05-20 in ")
    assert lines[1].endswith(
        'or keep the first file by duplicates="first" (spdkit charts read --duplicates first).'
    )
    assert not output.exists()
    done = invoke("charts", "read", first, second, "-o", output, "--duplicates", "first")
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("text", "option"),
    [
        (
            "position,title,artist,streams\n1,One,A,7\n",
            "say the region and the date: give it",
        ),
        (
            LAYOUT.replace("91000", "91.000"),
            "thousands separators: say which by the option thousands",
        ),
        (
            LAYOUT.replace("streams", "plays"),
            "(spdkit charts read --column streams=Plays)",
        ),
        (LAYOUT, "give freq, D for a chart of days or W-THU for one of weeks"),
    ],
)
def test_what_is_to_be_given_is_named_as_an_option(text, option, tmp_path):
    done = invoke("charts", "read", write(tmp_path, "a.csv", text), "-o", tmp_path / "chart.csv")
    assert done.exit_code == 1
    assert option in done.stderr


def test_columns_by_other_names(tmp_path):
    path = write(tmp_path, "a.csv", LAYOUT.replace("streams", "plays").replace("title", "tune"))
    output = tmp_path / "chart.csv"
    words = ("charts", "read", path, "-o", output, "--freq", "D", "--column", "title=tune")
    done = invoke(*words, "--column", "streams=Plays")
    assert done.exit_code == 0, done.stderr
    assert pd.read_csv(output)["streams"].tolist() == [158720, 91000]
    for wrong in ("Plays", "=Plays", "streams="):
        done = invoke(*words, "--column", wrong)
        assert done.exit_code == 1
        assert f"--column {wrong}: give a name and a column, such as" in done.stderr


def test_what_is_written_for_songs_without_a_title_is_forecast(chart, tmp_path, few_trees):  # noqa: F811
    rows = pd.read_csv(chart)
    empty = (rows["position"] == 12) & (rows["ds"] > "2025-06-20")
    rows.loc[empty, ["track_id", "title", "artist"]] = None
    path, output = tmp_path / "rows.csv", tmp_path / "chart.parquet"
    rows.to_csv(path, index=False)
    assert invoke("charts", "read", path, "-o", output).exit_code == 1
    done = invoke("charts", "read", path, "-o", output, "--duplicates", "first")
    assert done.exit_code == 0, done.stderr
    done = invoke("charts", "forecast", output, "-H", 1, "--validate", 0)
    assert done.exit_code == 0, done.stderr
    assert "rows are the song 'untitled'" in done.stderr


def test_a_chart_that_is_read_is_not_overwritten(tmp_path):
    path = write(tmp_path, "chart.csv", LAYOUT)
    done = invoke("charts", "read", path, "-o", path, "--freq", "D")
    assert done.exit_code == 1
    assert "is read by this command, and would be overwritten" in done.stderr
    done = invoke("charts", "read", path, "-o", tmp_path / "chart.txt")
    assert done.exit_code == 1
    assert "tables are .csv" in done.stderr


def test_the_command_is_light():
    code = (
        "import sys, spdkit.cli.charts\n"
        "heavy = {'pandas', 'numpy', 'bs4', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def chart(tmp_path_factory):
    path = tmp_path_factory.mktemp("chart") / "chart.csv"
    chart_rows(30, days=80, places=12).to_csv(path, index=False)
    return path


def test_help_of_forecast_teaches():
    text = " ".join(invoke("charts", "forecast", "--help").stdout.replace("│", " ").split())
    for word in (
        *("--horizon", "--metadata", "--region", "--level", "--validate", "--report", "--json"),
        *("p_in_chart", "if it stays", "did not know", "seasonal naive", "Example:"),
    ):
        assert word in text, word


def test_a_chart_is_forecast(chart, tmp_path, few_trees):  # noqa: F811 (the fixture)
    output, page, songs = (tmp_path / name for name in ("f.csv", "page.html", "songs.csv"))
    songs.write_text("track_id,title,artist,release_date\nnew,=Song,Ilse Inkwood,2025-07-02\n")
    words = ("charts", "forecast", chart, "-H", 2, "--region", "XB", "--validate", 1)
    done = invoke(*words, "--level", 80, "--metadata", songs, "-o", output, "--report", page)
    assert done.exit_code == 0, done.stderr
    assert "spdkit: metadata: 1 of them come out on dates that are forecast" in done.stderr
    assert "2 July 2025" in done.stdout and "last value" in done.stdout
    frame = pd.read_csv(output)
    assert [*frame] == [
        *("region", "ds", "track_id", "title", "artist", "position", "streams", "lo-80", "hi-80"),
        *("p_in_chart", "last_position", "change"),
    ]
    assert set(frame["region"]) == {"XB"} and len(frame) == 24
    assert "=Song" in page.read_text()
    again = invoke(*words, "--json", "--quiet")
    assert again.stderr == ""
    content = json.loads(again.stdout)
    assert content["scores"]["first"] == "2025-06-29" and content["level"] == 90
    assert len(content["forecasts"]) == 24 and content["releases"] == []


def test_what_cannot_be_forecast_is_refused_in_words(chart, tmp_path):
    def refused(*words):
        done = invoke("charts", "forecast", *words)
        assert done.exit_code == 1
        return done.stderr.splitlines()[-1]

    assert "is read by this command" in refused(chart, "-o", chart)
    assert "no region 'PH'" in refused(chart, "--region", "PH")
    rows = pd.read_csv(chart)
    short = tmp_path / "short.csv"
    rows[rows["ds"] > "2025-06-26"].to_csv(short, index=False)
    assert "a longer chart or a shorter horizon" in refused(short)
    assert "at most" in refused(chart, "-H", 60)
    doubled = tmp_path / "doubled.csv"
    pd.concat([rows, rows.iloc[:1]]).to_csv(doubled, index=False)
    assert "(spdkit charts read --duplicates first)" in refused(doubled)
