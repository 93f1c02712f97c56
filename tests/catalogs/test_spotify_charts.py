"""Spotify's charts: every form to the one table, and what is wrong is refused by file and row."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from chart_files import CHARTS, FORMS, IDS, KWORB_CSV, KWORB_PAGE, LAYOUT, NOTE, OLD_SITE, write

from spdkit.catalogs import CatalogError, spotify_charts
from spdkit.catalogs.spotify_charts import read_charts
from spdkit.common.errors import ParameterError
from spdkit.common.table_io import write_table

HEAD = "region,ds,position,track_id,title,artist,streams\n"


def problems(*files, **arguments):
    with pytest.raises(CatalogError) as caught:
        read_charts(files, **arguments)
    assert "not charts as they are" in caught.value.message
    return caught.value.problems


def old_site(folder, name, *rows):
    text = "".join(f"{row}\n" for row in ("Position,Track Name,Artist,Streams,URL", *rows))
    return write(folder, name, NOTE + text)


def layout(folder, *rows, name="chart.csv"):
    return write(folder, name, HEAD + "".join(f"{row}\n" for row in rows))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_becomes_the_one_table(form, tmp_path):
    name, text, arguments = FORMS[form]
    table = read_charts([write(tmp_path, name, text)], **arguments)
    frame = table.frame
    assert table.freq == "D"
    assert frame["region"].tolist() == ["PH", "PH"]
    assert frame["ds"].tolist() == [pd.Timestamp("2020-05-20")] * 2
    assert frame["position"].tolist() == [1, 2]
    assert frame["title"].tolist() == [*IDS]
    assert frame["artist"].str.split(",").str[0].tolist() == ["The Chainsmokers", "SAINt JHN"]
    assert frame["streams"].tolist() == [158720, 91000]
    if form == "kworb table":
        expected = ["the chainsmokers – closer", "saint jhn – roses - imanbek remix"]
        assert table.remarks[0].startswith("2 rows have no id: songs are matched by artist and ti")
    else:
        expected = [*IDS.values()]
    assert frame["track_id"].tolist() == expected


@pytest.mark.parametrize("ending", [".csv.gz", ".tsv", ".parquet"])
def test_packed_and_typed_tables(ending, tmp_path):
    frame = read_charts([write(tmp_path, "a.csv", LAYOUT)], freq="D").frame
    write_table(frame, tmp_path / f"chart{ending}")
    assert read_charts([tmp_path / f"chart{ending}"], freq="D").frame.equals(frame)


def test_columns_may_come_in_any_order_and_case(tmp_path):
    path = write(
        tmp_path,
        "gb_weekly_2021-05-20.csv",
        "STREAMS,Song,Spotify URI,Chart Position,Performer,Weeks\n7,One,x1,1,A,3\n",
    )
    frame = read_charts([path]).frame
    assert frame.to_dict("records") == [
        {
            **{"region": "GB", "ds": pd.Timestamp("2021-05-20"), "position": 1, "track_id": "x1"},
            **{"title": "One", "artist": "A", "streams": 7.0},
        }
    ]


def test_of_two_columns_for_one_thing_the_surer_counts(tmp_path):
    text = "rank,url,uri,track_name,artist,streams\n1,https://a/track/x,song-1,One,A,7\n"
    frame = read_charts([write(tmp_path, "gb_daily_2021-05-20.csv", text)]).frame
    assert frame["track_id"].tolist() == ["song-1"]


def test_many_files_and_their_dates(tmp_path):
    song = "One,A,70,https://open.spotify.com/track/7BKLCZ1jbUBVqRi2FVlTVw"
    files = [
        old_site(tmp_path, f"regional-{region}-daily-2020-02-{day}.csv", f"1,{song}")
        for region in ("ph", "global")
        for day in ("28", "29")
    ]
    files.append(old_site(tmp_path, "regional-ph-daily-2020-03-02.csv", f"1,{song}"))
    seen = []
    table = read_charts(files, progress=seen.append)
    assert seen == files
    assert table.regions == ("GLOBAL", "PH")
    assert table.remarks == ("PH: 1 of 4 dates have no chart: 2020-03-01",)


def test_files_in_another_order_are_told(tmp_path):
    song = "One,A,70,https://open.spotify.com/track/7BKLCZ1jbUBVqRi2FVlTVw"
    names = ("regional-ph-daily-2020-02-29.csv", "regional-ph-daily-2020-02-28.csv")
    table = read_charts([old_site(tmp_path, name, f"1,{song}") for name in names])
    (remark,) = table.remarks
    assert "PH 2020-02-28 place 1 comes late (1 such rows); sorted" in remark


@pytest.mark.parametrize(
    ("name", "day"),
    [
        # 14 and 21 May 2021 are Fridays.
        ("regional-us-weekly-2021-05-14--2021-05-21.csv", "2021-05-20"),
        ("regional-us-weekly-2021-05-14--2021-05-20.csv", "2021-05-20"),
        ("regional-us-weekly-2021-05-20.csv", "2021-05-20"),
        ("us_weekly_20210520.csv", "2021-05-20"),
    ],
)
def test_a_week_is_dated_by_its_last_day(name, day, tmp_path):
    table = read_charts([old_site(tmp_path, name, "1,One,A,70,")])
    assert table.freq == "W-THU"
    assert table.frame["ds"].tolist() == [pd.Timestamp(day)]


def test_weeks_in_rows(tmp_path):
    rows = ("GB,2021-05-14--2021-05-21,1,x1,One,A,7", "GB,2021/05/21 - 2021/05/28,1,x1,One,A,8")
    table = read_charts([layout(tmp_path, *rows)])
    assert table.freq == "W-THU"
    assert table.frame["ds"].dt.day.tolist() == [20, 27]


@pytest.mark.parametrize("text", ["2021-05-20", "2021/05/20", "20210520", "2021-05-20 00:00:00"])
def test_dates(text, tmp_path):
    frame = read_charts([layout(tmp_path, f"GB,{text},1,x1,One,A,7")], freq="D").frame
    assert frame["ds"].tolist() == [pd.Timestamp("2021-05-20")]


@pytest.mark.parametrize(
    "text", ["2021-02-30", "20/05/2021", "05/20/2021", "2021", "2021-05-20 06:00", "2021-W20",
             "2021-05-14--2021-05-22", "latest"]
)  # fmt: skip
def test_what_is_no_date_is_refused_by_row(text, tmp_path):
    path = layout(tmp_path, "GB,2021-05-20,1,x1,One,A,7", f"GB,{text},2,x2,Two,A,6")
    (problem,) = problems(path)
    what = f"{path}: column 'ds': no date as 2021-05-20 and no week: {text!r} in row 2"
    assert problem.removesuffix(TURNED) == what
    assert problem.endswith(TURNED) == (text.count("/") == 2)


TURNED = (
    ". Which number is the day and which the month is not guessed: convert them, by "
    "pandas.to_datetime(…, format='%d/%m/%Y') or '%m/%d/%Y'"
)


@pytest.mark.parametrize("text", ["0001-01-01", "1500-01-01", "2300-01-01", "9999-12-31",
                                  "9999-12-25--9999-12-31", "9999-12-25--9999-12-32"])  # fmt: skip
def test_days_that_nobody_can_count_are_no_dates(text, tmp_path):
    path = layout(tmp_path, "GB,2021-05-20,1,x1,One,A,7", f"GB,{text},2,x2,Two,A,6")
    (problem,) = problems(path)
    assert problem == f"{path}: column 'ds': no date as 2021-05-20 and no week: {text!r} in row 2"


def test_weeks_and_days_in_one_column_are_read_apart(tmp_path):
    rows = ("GB,2021-05-14--2021-05-21,1,x1,One,A,7", "GB,2021-05-21,1,x1,One,A,8")
    path = layout(tmp_path, *rows)
    path.write_text(path.read_text().replace(",ds,", ",Week,"))
    assert problems(path) == (
        f"{path}: column 'Week': '2021-05-14--2021-05-21' is a week, and this a day: read them "
        "apart: '2021-05-21' in row 2",
    )
    (problem,) = problems(layout(tmp_path, rows[0], name="regional-gb-daily-2021-05-20.csv"))
    assert "heading says a chart of a day, and '2021-05-14--2021-05-21' is a week" in problem


def test_one_week_needs_no_step(tmp_path):
    path = layout(tmp_path, "GB,2021-05-14--2021-05-21,1,x1,One,A,7")
    assert read_charts([path]).freq == "W-THU"


def test_what_rows_say_wins_and_what_is_given_for_nothing_is_told(tmp_path):
    text = "region,date,position,title,artist,streams\nGB,2021-05-21,1,One,A,7\n"
    path = write(tmp_path, "regional-us-daily-2021-05-20.csv", text)
    table = read_charts([path], region="de", date="2020-01-01")
    assert table.frame["region"].tolist() == ["GB"]
    assert table.frame["ds"].tolist() == [pd.Timestamp("2021-05-21")]
    assert table.remarks[-2:] == (
        "region de is not used: every file says its own",
        "date 2020-01-01 is not used: every file says its own",
    )
    table = read_charts([path], region="United Kingdom", date="20210521")
    assert not any("not used" in text for text in table.remarks)


PLACES = "position,track_id,title,artist,streams\n1,x,One,A,7\n"


def test_what_is_given_may_not_differ_from_the_sites_own_name(tmp_path):
    path = write(tmp_path, "regional-ph-daily-2021-05-20.csv", PLACES)
    assert problems(path, region="US") == (
        f"{path}: its name says PH, and US is given as the region: correct one of them",
    )
    (problem,) = problems(path, date="2021-05-21")
    assert "its name says 2021-05-20, and 2021-05-21 is given as the date" in problem
    table = read_charts(path, region="Philippines", date="20210520")
    assert (table.regions, table.freq, table.remarks) == (("PH",), "D", ())


@pytest.mark.parametrize("name", ["my_daily.csv", "df_daily_charts.csv", "my_weekly_2021-05-21.csv",
                                  "regional-df-daily-latest.csv"])  # fmt: skip
def test_what_is_given_wins_over_any_other_name(name, tmp_path):
    path = write(tmp_path, name, PLACES)
    table = read_charts(path, region="PH", date="2021-05-20", freq="D")
    assert table.regions == ("PH",)
    assert table.frame["ds"].tolist() == [pd.Timestamp("2021-05-20")]
    assert table.remarks == ()


def test_another_name_says_what_is_sure_alone_and_that_is_told(tmp_path):
    path = write(tmp_path, "my_daily_2021-05-20.csv", PLACES)
    table = read_charts(path)
    assert (table.regions, table.freq) == (("MY",), "D")
    assert table.remarks == (
        "the names of 1 files say the region or the date, and nothing else does: MY and "
        "2021-05-20 of my_daily_2021-05-20.csv",
    )
    (problem,) = problems(write(tmp_path, "df_daily_2021-05-20.csv", PLACES))
    assert "neither the rows nor the name of the file say the region: give it" in problem
    for name in ("us_daily_2020-01-01_to_2020-03-01.csv", "us_daily_2020-13-01.csv"):
        (problem,) = problems(write(tmp_path, name, PLACES))
        assert "neither the rows nor the name of the file say the date: give it" in problem
    rows = ("GB,2021-05-13,1,x1,One,A,7", "GB,2021-05-20,1,x1,One,A,7")
    assert read_charts(layout(tmp_path, *rows, name="gb_daily.csv")).freq == "W-THU"
    (problem,) = problems(layout(tmp_path, rows[0], name="us_daily.csv"), region="GB")
    assert "too few to find the step" in problem  # of a name that is another region's


def test_a_market_that_is_not_known_is_of_the_sites_name_and_told(tmp_path):
    table = read_charts(write(tmp_path, "regional-df-daily-2021-05-20.csv", PLACES))
    assert table.regions == ("DF",)
    assert "DF of regional-df" in table.remarks[0]


def test_a_date_that_is_given_is_one(tmp_path):
    with pytest.raises(ParameterError, match="date must be a day as 2021-05-20, got '31/12/2019'"):
        read_charts(write(tmp_path, "a.csv", PLACES), region="GB", date="31/12/2019")


def test_messages_call_columns_as_the_file_does(tmp_path):
    text = "Date,Market,Rank,Song,Performer,Streams\n10/03/2021,,x,One,A,7\n"
    path = write(tmp_path, "merged.csv", text)
    assert problems(path) == (
        f"{path}: column 'Market': empty: row 1",
        f"{path}: column 'Date': no date as 2021-05-20 and no week: '10/03/2021' in row 1{TURNED}",
        f"{path}: column 'Rank': no whole number from 1: 'x' in row 1",
    )


def test_columns_by_other_names_are_named(tmp_path):
    text = "day,market,rank,song,performer,daily_streams\n2021-05-20,GB,1,One,A,7\n"
    path = write(tmp_path, "merged.csv", text)
    (problem,) = problems(path)
    assert problem.endswith(
        "song, performer, daily_streams. What is there by another name is read by "
        'columns={"streams": "Plays"} (spdkit charts read --column streams=Plays)'
    )
    table = read_charts(path, columns={"streams": "Daily streams"}, freq="D")
    assert table.frame["streams"].tolist() == [7]
    # By any of its names, and before what has a name that is known.
    table = read_charts(
        path, columns={"streams": "daily_streams", "track_name": "market"}, freq="D"
    )
    assert table.frame["title"].tolist() == ["GB"]
    (problem,) = problems(path, columns={"streams": "Plays"})
    assert problem.startswith(f"{path}: no column 'Plays' (streams); the columns are day, market")
    with pytest.raises(
        ParameterError, match=r"columns must be named by region, ds, .* got 'plays'"
    ):
        read_charts(path, columns={"plays": "daily_streams"})


def test_without_places_streams_tell_them(tmp_path):
    text = (
        "date,region,title,artist,streams\n2021-05-20,GB,Two,A,7\n2021-05-20,GB,One,A,9\n"
        "2021-05-20,US,Two,A,9\n2021-05-21,GB,Two,A,9\n"
    )
    path = write(tmp_path, "a.csv", text)
    table = read_charts(path)
    assert table.frame["position"].tolist() == [1, 2, 1, 1]
    assert table.frame["title"].tolist() == ["One", "Two", "Two", "Two"]
    remark = "4 rows have no place: songs are ranked by streams within region and date"
    assert remark in table.remarks
    assert problems(write(tmp_path, "a.csv", text.replace("One,A,9", "One,A,7"))) == (
        f"{path}: no column of position or rank or pos or chart_position, and streams that are "
        "equal on a date do not tell the places: they are needed: '7' in row 1, '7' in row 2",
    )


def test_tables_of_songs_and_artists_are_named_as_such(tmp_path):
    songs = write(
        tmp_path, "songs.csv", "track_id,track_name,artist_name,energy,tempo\nx,A,B,1,2\n"
    )
    (problem,) = problems(songs)
    assert problem.endswith(
        "This looks like a table of songs (energy, tempo): charts forecast takes it by --metadata"
    )
    (problem,) = problems(write(tmp_path, "a.csv", "artist_id,artist_name,genres\nx,A,[]\n"))
    assert problem.endswith("This looks like a table of artists (genres): no chart is in it")
    dated = "date,track_name,artist_name,energy,plays\n2021-05-20,A,B,1,2\n"
    assert "Plays" in problems(write(tmp_path, "dated.csv", dated))[0]


def test_words_for_a_missing_id_are_none(tmp_path):
    rows = (
        *("GB,2021-05-20,1,NA,One,A,9", "GB,2021-05-20,2,null,Two,A,8"),
        *("GB,2021-05-20,3,NaN,NA,NA,7", "GB,2021-05-20,4,None,NA,A,6"),
        "GB,2021-05-20,5,7BKLCZ1jbUBVqRi2FVlTVw,NA,NA,5",
    )
    path = layout(tmp_path, *rows)
    (problem,) = problems(path, freq="D")
    assert problem.startswith("1 rows have neither an id nor a title: GB 2021-05-20 place 3")
    table = read_charts(path, freq="D", duplicates="first")
    ids = ["a – one", "a – two", "untitled", "a – na", "7BKLCZ1jbUBVqRi2FVlTVw"]
    assert table.frame["track_id"].tolist() == ids
    assert table.remarks[4] == (
        "1 rows without an id have such words as title and artist, and are taken to have none"
    )
    assert sorted(table.remarks[:4]) == [
        f"1 ids are {word!r}, a word for a missing one, and taken for that"
        for word in ("NA", "NaN", "None", "null")
    ]


def test_of_many_files_a_remark_counts_the_rows(tmp_path):
    files = [layout(tmp_path, f"GB,2021-05-2{i},1,NA,One,A,9", name=f"{i}.csv") for i in range(3)]
    assert read_charts(files).remarks[0].startswith("3 ids are 'NA', a word for a missing one")


def test_one_path_is_a_file(tmp_path):
    path = layout(tmp_path, "GB,2021-05-20,1,x1,One,A,7")
    assert read_charts(path, freq="D").frame.equals(read_charts(str(path), freq="D").frame)


@pytest.mark.parametrize("address", ["https:/x.org/a.csv", "https://kworb.net/ph_daily.html",
                                     "https://charts.spotify.com/charts"])  # fmt: skip
def test_an_address_is_no_file(address):
    (problem,) = problems(address)
    assert problem.endswith("no such file: this is an address, and files are read. Save it as one f"
                            "irst")  # fmt: skip


def test_a_table_that_another_sign_separates(tmp_path):
    (problem,) = problems(write(tmp_path, "a.csv", LAYOUT.replace(",", ";")))
    assert "its cells seem to be separated by ';'. A .csv has commas, a .tsv tabs" in problem
    assert "is read by columns" not in problem


def test_the_thousands_that_are_given_hold_for_kworbs_tables_too(tmp_path):
    text = KWORB_CSV.replace("91,000", "91.000")
    path = write(tmp_path, "regional-ph-daily-2020-05-20.csv", text)
    (problem,) = problems(path)
    what = "column 'Streams': thousands separators: say which by the option thousands: '91.000'"
    assert what in problem
    assert read_charts(path, thousands=".").frame["streams"].tolist() == [158720, 91000]
    (problem,) = problems(path, thousands="'")
    assert 'thousands separators that are no "\'": say which' in problem


def test_the_song_without_a_title_reads_again_and_is_told(tmp_path):
    rows = ("US,2017-07-20,8,,,,888", "US,2017-07-21,9,,,,777")
    table = read_charts(layout(tmp_path, *rows), duplicates="first")
    write_table(table.frame, tmp_path / "again.csv")
    again = read_charts(tmp_path / "again.csv")
    assert again.frame["track_id"].tolist() == ["untitled", "untitled"]
    assert again.remarks[0] == (
        "2 rows are the song 'untitled', as those without an id and a title were written"
    )
    twice = layout(tmp_path, "US,2017-07-20,8,untitled,,,8", "US,2017-07-20,9,untitled,,,7")
    (problem,) = problems(twice, freq="D")
    assert "a song stands more than once on a date (1 rows too many)" in problem
    (problem,) = problems(tmp_path / "again.csv", layout(tmp_path, "GB,2017-07-20,1,,,,8"))
    assert problem.startswith("3 rows have neither an id nor a title")


def test_region_and_date_can_be_given(tmp_path):
    path = write(tmp_path, "top.csv", "position,title,artist,streams\n1,One,A,7\n")
    table = read_charts([path], region="Viet Nam", date="2021-05-20", freq="W-THU")
    assert (table.regions, table.freq) == (("VN",), "W-THU")
    assert table.frame["ds"].tolist() == [pd.Timestamp("2021-05-20")]
    what = f"{path}: neither the rows nor the name of the file say the region"
    (problem,) = problems(path)
    assert problem.startswith(f"{what} and the date: give it")
    (problem,) = problems(path, date="2021-05-20")
    assert problem.startswith(f"{what}: give it")


def test_the_latest_chart_has_no_date(tmp_path):
    (problem,) = problems(write(tmp_path, "regional-global-daily-latest.csv", OLD_SITE))
    assert "say the date" in problem


def test_rows_of_other_charts_are_left_out_and_told(tmp_path):
    path = write(tmp_path, "charts.csv", CHARTS)
    table = read_charts([path], freq="D")
    assert table.remarks == ("charts.csv: rows of other charts, left out: 1 of 'viral50'",)
    assert problems(path, chart="top50") == (
        f"{path}: no rows of the chart 'top50', only of 'top200', 'viral50'",
    )
    (problem,) = problems(path, chart="viral50", freq="D")
    assert problem == f"{path}: column 'streams': no whole number from 1: row 3"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "_spotify_country_ph_daily_totals.csv",
            "Artist and Title,Days,T10,Pk,(x?),PkStreams,Total\nA - One,3,,6,,471241,286221328\n",
            "totals of all charts, without dates: no chart of a day or a week",
        ),
        (
            "viral-us-daily-2020-01-01.csv",
            "Position,Track Name,Artist,URL\n1,One,A,x\n",
            "no column of streams; a viral chart has none; the columns are Position, Track Name",
        ),
        (
            "plays.csv",
            "unique_id,ds,y\na,2020-01-01,3\n",
            "no column of position or rank or pos or chart_position; no column of streams; no "
            "column of title or track_name or track or song or song_name; no column of artist or "
            "artist_names or artist_name or artists or performer; the columns are unique_id, ds, y",
        ),
        (
            "twice.csv",
            NOTE + "Position,Track Name,Artist,Streams,Streams\n1,A,X,300,400\n",
            "more than one column 'Streams': rename or delete one",
        ),
        ("empty.csv", HEAD, "the chart has no rows"),
        ("noted.csv", NOTE, "no rows after the note that the old site begins with"),
        ("odd.csv", HEAD + "GB,2020-01-01\n", "line 2 has 2 cells and the header 7"),
        ("chart.xlsx", "", "tables are .csv or .tsv"),
    ],
)
def test_what_is_no_chart_is_refused_as_what_it_is(name, text, message, tmp_path):
    path = write(tmp_path, name, text)
    (problem,) = problems(path)
    assert problem.startswith(f"{path}: ")
    assert message in problem


def test_a_file_that_is_not_there_and_no_file(tmp_path):
    (problem,) = problems(tmp_path / "nowhere.csv")
    assert "no such file" in problem
    with pytest.raises(ParameterError, match="files must be one or more, got none"):
        read_charts([])


def test_everything_that_is_wrong_is_named_at_once(tmp_path):
    first = layout(
        tmp_path,
        *(" ,2021-05-20,0,x1,One,A,7", "GB,,1.5,x2,Two,A,-6", "GB,2021-05-20,3,x3,Three,A,"),
        name="a.csv",
    )
    second = write(tmp_path, "b.csv", "x\n1\n")
    faults = problems(first, second)
    assert faults[:4] == (
        f"{first}: column 'region': empty: row 1",
        f"{first}: column 'ds': empty: row 2",
        f"{first}: column 'position': no whole number from 1: '0' in row 1, '1.5' in row 2",
        f"{first}: column 'streams': no whole number from 1: '-6' in row 2, row 3",
    )
    assert faults[4].startswith(f"{second}: no column of")


def test_rows_are_counted_as_in_the_file(tmp_path):
    path = old_site(tmp_path, "regional-ph-daily-2020-02-29.csv", "1,One,A,70,", "2,Two,A,many,")
    assert problems(path) == (f"{path}: column 'Streams': no whole number from 1: 'many' in row 2",)
    wrong = write(tmp_path, "charts.csv", CHARTS.replace("91000.0", "x"))
    text = wrong.read_text().splitlines(keepends=True)
    wrong.write_text("".join([text[0], text[3], *text[1:3]]))  # the viral row first
    assert problems(wrong) == (f"{wrong}: column 'streams': no whole number from 1: 'x' in row 3",)


def test_of_very_many_problems_the_first_are_shown(tmp_path):
    files = [write(tmp_path, f"{i}.csv", "x\n1\n") for i in range(30)]
    faults = problems(*files)
    assert len(faults) == spotify_charts.SHOWN_PROBLEMS + 1
    assert faults[-1] == "… and 10 more"


@pytest.mark.parametrize(
    ("written", "sign"), [("1,158,720", ","), ("1.158.720", "."), ("1 158 720", "space"),
                          ("1\u202f158\u202f720", "space"), ("1’158’720", "'")]
)  # fmt: skip
def test_thousands_separators_are_named_until_one_is_given(written, sign, tmp_path):
    path = layout(tmp_path, f'GB,2021-05-20,1,x1,One,A,"{written}"')
    (problem,) = problems(path, freq="D")
    assert problem == (
        f"{path}: column 'streams': thousands separators: say which by the option thousands: "
        f"{written!r} in row 1"
    )
    frame = read_charts([path], freq="D", thousands=sign).frame
    assert frame["streams"].tolist() == [1158720]
    other = next(each for each in spotify_charts.SEPARATORS if each != sign)
    assert problems(path, freq="D", thousands=other)


@pytest.mark.parametrize("written", ["1,15", "1,1587", ",158", "15,8720", "1.5"])
def test_what_is_no_thousands_is_refused(written, tmp_path):
    path = layout(tmp_path, f'GB,2021-05-20,1,x1,One,A,"{written}"')
    (problem,) = problems(path, freq="D", thousands=",")
    assert "no whole number from 1" in problem


def test_ids_of_other_catalogues_stay_and_addresses_without_a_track_are_none(tmp_path):
    rows = (
        "GB,2021-05-20,1,track-007,One,A,9",
        "GB,2021-05-20,2,https://open.spotify.com/artist/69GGBxA162lTqCwzJG5jLp,Two,A,8",
        "GB,2021-05-20,3,https://open.spotify.com/track/7BKLCZ1jbUBVqRi2FVlTVw?si=1,Three,A,7",
        "GB,2021-05-20,4,spotify:track:24Yi9hE78yPEbZ4kxyoXAI,Four,A,6",
    )
    ids = read_charts([layout(tmp_path, *rows)], freq="D").frame["track_id"].tolist()
    assert ids == ["track-007", "a – two", *IDS.values()]


def test_rows_without_an_id_take_that_of_the_same_song_in_another_file(tmp_path):
    daily = write(tmp_path, "ph_daily_2020-05-21.csv", KWORB_CSV)
    page = write(tmp_path, "page.html", KWORB_PAGE)
    table = read_charts([page, daily])
    assert table.frame["track_id"].tolist() == [*IDS.values()] * 2
    assert "2 rows take the id of the same song in other rows" in table.remarks[0]


def test_doubled_songs_and_places_are_refused_until_the_first_counts(tmp_path):
    rows = (
        *("US,2017-01-01,1,,All Time Low,Jon Bellion,9", "US,2017-01-01,2,,Other,B,8"),
        *("US,2017-01-01,3,,All Time Low,Jon Bellion,7", "US,2017-01-02,1,,Other,B,8"),
        "US,2017-01-02,1,,More,B,7",
    )
    path = layout(tmp_path, *rows)
    (problem,) = problems(path)
    assert "a song stands more than once on a date (1 rows too many)" in problem
    assert "US song 'jon bellion – all time low' on 1 dates from 2017-01-01" in problem
    table = read_charts([path], duplicates="first")
    assert table.frame["streams"].tolist() == [9, 8, 8]
    assert any("a place stands more than once on a date (1 rows" in r for r in table.remarks)


def test_rows_without_an_id_and_a_title_are_one_song_when_that_is_asked_for(tmp_path):
    rows = ("US,2017-07-20,8,,,,888", "US,2017-07-20,16,,,,686", "US,2017-07-21,9,,,,777",
            "US,2017-07-21,1,0kN8xEmgMW9mh7UmDYHlJP,,,999")  # fmt: skip
    path = layout(tmp_path, *rows)
    (problem,) = problems(path)
    assert problem == (
        "3 rows have neither an id nor a title: US 2017-07-20 place 8, US 2017-07-20 place 16, US "
        '2017-07-21 place 9. Correct them, or take them for one song by duplicates="first" '
        "(spdkit charts read --duplicates first)."
    )
    table = read_charts([path], duplicates="first")
    ids = ["untitled", "0kN8xEmgMW9mh7UmDYHlJP", "untitled"]
    assert table.frame["track_id"].tolist() == ids
    assert table.frame["streams"].tolist() == [888, 999, 777]
    assert any(r.endswith("counts (1 rows are left out)") for r in table.remarks)


def test_a_date_that_is_in_two_files(tmp_path):
    first = write(tmp_path, "ph_daily_2020-05-20.csv", KWORB_CSV)
    second = write(tmp_path, "page.html", KWORB_PAGE.replace("158,720", "158,721"))
    faults = problems(first, second)
    assert faults[0].startswith(
        "1 dates stand in two files: PH 2020-05-20 in ph_daily_2020-05-20.csv and page.html. Leave"
    )
    table = read_charts([second, first], duplicates="first")
    assert table.frame["streams"].tolist() == [158721, 91000]
    assert table.frame["track_id"].tolist() == [*IDS.values()]
    assert table.remarks[0].endswith("; the first file counts (2 rows are left out)")


def test_weeks_that_end_on_another_day_than_spotifys_are_told(tmp_path):
    rows = ("GB,2021-05-14,1,x1,One,A,7", "GB,2021-05-21,1,x1,One,A,8")
    table = read_charts([layout(tmp_path, *rows)])
    assert table.freq == "W-FRI"
    (remark,) = table.remarks
    assert "weeks are dated W-FRI, and Spotify's are W-THU" in remark


def test_days_and_weeks_are_read_apart(tmp_path):
    day = old_site(tmp_path, "regional-us-daily-2021-05-20.csv", "1,One,A,70,")
    week = old_site(tmp_path, "regional-us-weekly-2021-05-20.csv", "1,One,A,70,")
    with pytest.raises(CatalogError, match=r"daily.*\.csv is a chart of a day, .* of a week: read"):
        read_charts([day, week])


def test_one_date_alone_needs_its_step(tmp_path):
    (problem,) = problems(layout(tmp_path, "GB,2021-05-20,1,x1,One,A,7"))
    assert "every region has one date, too few to find the step: give freq" in problem


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"freq": "M"}, "freq must be None or one of 'D'"),
        ({"duplicates": "last"}, "duplicates must be one of 'refuse', 'first', got 'last'"),
        ({"thousands": ";"}, "thousands must be None or one of ',', '.', 'space'"),
        ({"chart": 7}, "chart must be str"),
    ],
)
def test_arguments_are_what_they_may_be(arguments, message, tmp_path):
    with pytest.raises(ParameterError, match=message):
        read_charts([layout(tmp_path, "GB,2021-05-20,1,x1,One,A,7")], **arguments)


def test_what_is_written_reads_again(tmp_path):
    frame = read_charts([write(tmp_path, "ph_daily_2020-05-20.csv", KWORB_CSV)]).frame
    write_table(frame, tmp_path / "chart.csv")
    again = read_charts([tmp_path / "chart.csv"], freq="D")
    assert again.frame.equals(frame)
    assert again.remarks == ()


DATA = Path(os.environ.get("SPDKIT_DATA", ""))


@pytest.mark.data
def test_the_charts_of_the_philippines():
    path = DATA / "ph_charts" / "spotify_daily_charts.csv.gz"
    table = read_charts([path], region="PH")
    assert (len(table.frame), table.frame["track_id"].nunique()) == (319_600, 3_495)
    assert table.remarks[0].endswith("have no chart: 2017-05-30, 2017-05-31, 2017-06-02")


@pytest.mark.data
def test_the_charts_of_the_us():
    path = DATA / "streams" / "daily_top200_us_2017.csv.gz"
    faults = problems(path, region="US")
    assert faults[0].startswith("16 rows have neither an id nor a title")
    assert "US song 'jon bellion – all time low' on 24 dates from 2017-01-01" in faults[1]
    table = read_charts([path], region="US", duplicates="first")
    # 6 rows without a title stand beside another, and one song changes its spelling on a day.
    assert len(table.frame) == 74_200 - 24 - 6 - 1
