"""Languages: the codes that names of files and tags carry, and the model that tells a text's.

Conventions
-----------
``song.en.lrc`` and the tag ``lyrics-eng`` say a language by ISO 639, in two letters or three, maybe
with a region or script behind it (``pt-BR``, ``zh_Hans``).
"""

from __future__ import annotations

import re
from functools import cache
from threading import Lock
from typing import Any

_TWO = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb "
    "lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
# Of the thousands of three letters those that are common in music; xxx and und are "unknown".
_THREE = (
    "afr alb ara arm aze baq bel ben bos bul bur cat ces chi cmn cym cze dan deu dut ell eng epo "
    "est eus fao fas fil fin fra fre geo ger gle glg grc gre hat haw heb hin hrv hun hye ice ind "
    "isl ita jam jav jpn kan kat kaz khm kor kur lao lat lav lit ltz mac mal mar may mkd mlt mon "
    "mri msa mya nap nld nno nob nor oci pan per pol por pus roh ron rum rus san scn slk slo slv "
    "smo spa sqi srp swa swe tam tat tel tgl tha tuk tur ukr urd uzb vie wel wol xho yid yor yue "
    "zho zul und xxx mul zxx"
)
CODES = frozenset(f"{_TWO} {_THREE}".split())
_REGION = re.compile(r"[-_](?:[A-Za-z]{2}|[A-Za-z]{4}|[0-9]{3})")

_LOADING = Lock()


def is_language(code: str) -> bool:
    """Whether `code` is that of a language, with or without a region or script.

    Examples
    --------
    >>> is_language("en"), is_language("zh-Hans"), is_language("by")
    (True, True, False)
    """
    bare = code.partition("-")[0].partition("_")[0]
    return bare.lower() in CODES and (bare == code or bool(_REGION.fullmatch(code[len(bare) :])))


def identifier() -> Any:
    """Return py3langid's classifier over all its languages, loaded once a process."""
    with _LOADING:
        return _identifier()


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
