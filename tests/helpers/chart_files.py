"""Chart files for tests: the same small chart in every form that people have."""

from __future__ import annotations

IDS = {"Closer": "7BKLCZ1jbUBVqRi2FVlTVw", "Roses - Imanbek Remix": "24Yi9hE78yPEbZ4kxyoXAI"}
TRACK, URI, PH = "https://open.spotify.com/track/", "spotify:track:", "Philippines"
NOTE = (
    ',,,"Note that these figures are generated using a formula that protects against any '
    'artificial inflation of chart positions.",\n'
)
OLD_SITE = (
    NOTE
    + f"""Position,"Track Name",Artist,Streams,URL
1,Closer,"The Chainsmokers",158720,{TRACK}7BKLCZ1jbUBVqRi2FVlTVw
2,"Roses - Imanbek Remix","SAINt JHN",91000,{TRACK}24Yi9hE78yPEbZ4kxyoXAI
"""
)
NEW_SITE = f"""\
rank,uri,artist_names,track_name,source,peak_rank,previous_rank,days_on_chart,streams
1,"{URI}7BKLCZ1jbUBVqRi2FVlTVw","The Chainsmokers, Halsey","Closer",D,1,-1,9,"158720"
2,"{URI}24Yi9hE78yPEbZ4kxyoXAI","SAINt JHN, Imanbek","Roses - Imanbek Remix",G,1,2,8,"91000"
"""
RANKINGS = f"""\
Position,Track Name,Artist,Streams,URL,Date,Region
1,Closer,The Chainsmokers,158720,{TRACK}7BKLCZ1jbUBVqRi2FVlTVw,2020-05-20,ph
2,Roses - Imanbek Remix,SAINt JHN,91000,{TRACK}24Yi9hE78yPEbZ4kxyoXAI,2020-05-20,ph
"""
CHARTS = f"""\
title,rank,date,artist,url,region,chart,trend,streams
Closer,1,2020-05-20,"The Chainsmokers, Halsey",{TRACK}7BKLCZ1jbUBVqRi2FVlTVw,{PH},top200,UP,158720.0
Roses - Imanbek Remix,2,2020-05-20,"SAINt JHN, B",{TRACK}24Yi9hE78yPEbZ4kxyoXAI,{PH},top200,,91000.0
Another,1,2020-05-20,Someone,{TRACK}0kN8xEmgMW9mh7UmDYHlJP,{PH},viral50,NEW_ENTRY,
"""
PHILIPPINES = """\
date,position,track_id,track_name,artist,streams
2020-05-20,1,7BKLCZ1jbUBVqRi2FVlTVw,Closer,The Chainsmokers,158720
2020-05-20,2,24Yi9hE78yPEbZ4kxyoXAI,Roses - Imanbek Remix,SAINt JHN,91000
"""
KWORB_CSV = """\
Pos,P+,Artist and Title,Days,Pk,(x?),Streams,Streams+,7Day,7Day+,Total
1,=,The Chainsmokers - Closer (w/ Halsey),9,1,(x3),"158,720","+1,200","1,000,000","+3","9,000,000"
2,+1,SAINt JHN - Roses - Imanbek Remix,8,1,,"91,000",-77,"600,000",-9,"7,000,000"
"""
KWORB_PAGE = """\
<!DOCTYPE html><html><head><title>Spotify Daily Chart - Philippines</title></head><body>
<span class="pagetitle">Spotify Daily Chart - Philippines - 2020/05/20 |
<a href="ph_daily_totals.html">Totals</a></span>
<table><tr><td>menu</td></tr></table>
<table class="sortable" id="spotifydaily"><thead><tr><th class="np">Pos</th><th>P+</th>
<th class="mp text">Artist and Title</th><th>Days</th><th>Pk</th><th>(x?)</th><th>Streams</th>
<th>Streams+</th><th>7Day</th><th>7Day+</th><th>Total</th></tr></thead><tbody>
<tr class="d1"><td class="np">1</td><td>=</td><td class="text mp"><div>
<a href="../artist/69GGBxA162lTqCwzJG5jLp.html">The Chainsmokers</a> -
<a href="https://kworb.net/spotify/track/7BKLCZ1jbUBVqRi2FVlTVw.html"><b>Closer</b></a>
(w/ <a href="../artist/26VFTg2z8YR0cCuwLzESi2.html">Halsey</a>)</div></td><td>9</td><td>1</td>
<td>(x3)</td><td>158,720</td><td>+1,200</td><td>1,000,000</td><td>+3</td><td>9,000,000</td></tr>
<tr><td class="np">2</td><td>+1</td><td class="text mp"><div>
<a href="../artist/0H39MdGGX6dbnnQPt6NQkZ.html">SAINt JHN</a> -
<a href="../track/24Yi9hE78yPEbZ4kxyoXAI.html">Roses - Imanbek Remix</a></div></td><td>8</td>
<td>1</td><td></td><td>91,000</td><td>-77</td><td>600,000</td><td>-9</td><td>7,000,000</td></tr>
</tbody></table></body></html>
"""
LAYOUT = """\
region,ds,position,track_id,title,artist,streams
PH,2020-05-20,1,7BKLCZ1jbUBVqRi2FVlTVw,Closer,The Chainsmokers,158720
PH,2020-05-20,2,24Yi9hE78yPEbZ4kxyoXAI,Roses - Imanbek Remix,SAINt JHN,91000
"""
# Form -> name of the file, what it holds, and what has to be given besides.
FORMS = {
    "old site": ("regional-ph-daily-2020-05-20.csv", OLD_SITE, {}),
    "without the note": (
        "regional-ph-daily-2020-05-20.csv",
        OLD_SITE.removeprefix(NOTE),
        {},
    ),
    "new site": ("regional-ph-daily-2020-05-20.csv", "\ufeff" + NEW_SITE, {}),
    "worldwide rankings": ("data.csv", RANKINGS, {"freq": "D"}),
    "spotify charts": ("charts.csv", CHARTS, {"freq": "D"}),
    "philippines": ("spotify_daily_charts.csv", PHILIPPINES, {"region": "ph", "freq": "D"}),
    "kworb table": ("ph_daily_2020-05-20.csv", KWORB_CSV, {}),
    "kworb page": ("Spotify Daily Chart - Philippines.html", KWORB_PAGE, {}),
    "one layout": ("chart.csv", LAYOUT, {"freq": "D"}),
}


def write(folder, name, text):
    """Write a file, and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
