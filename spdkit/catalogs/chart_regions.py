"""Chart regions: the codes of the markets that have a chart, by the names that charts give them.

A code is that of ISO 3166-1 in capitals, or GLOBAL.
"""

from __future__ import annotations

import re

GLOBAL = "GLOBAL"
_NAMES = """
AD Andorra; AE United Arab Emirates; AR Argentina; AT Austria; AU Australia; BE Belgium;
BG Bulgaria; BO Bolivia; BR Brazil; BY Belarus; CA Canada; CH Switzerland; CL Chile;
CO Colombia; CR Costa Rica; CY Cyprus; CZ Czech Republic; CZ Czechia; DE Germany; DK Denmark;
DO Dominican Republic; EC Ecuador; EE Estonia; EG Egypt; ES Spain; FI Finland; FR France;
GB United Kingdom; GB UK; GR Greece; GT Guatemala; HK Hong Kong; HN Honduras; HU Hungary;
ID Indonesia; IE Ireland; IL Israel; IN India; IS Iceland; IT Italy; JP Japan; KR South Korea;
KZ Kazakhstan; LT Lithuania; LU Luxembourg; LV Latvia; MA Morocco; MC Monaco; MT Malta;
MX Mexico; MY Malaysia; NG Nigeria; NI Nicaragua; NL Netherlands; NO Norway; NZ New Zealand;
PA Panama; PE Peru; PH Philippines; PK Pakistan; PL Poland; PT Portugal; PY Paraguay;
RO Romania; RU Russia; RU Russian Federation; SA Saudi Arabia; SE Sweden; SG Singapore;
SK Slovakia; SV El Salvador; TH Thailand; TR Turkey; TR Türkiye; TW Taiwan; UA Ukraine;
US United States; US USA; UY Uruguay; VE Venezuela; VN Vietnam; VN Viet Nam; ZA South Africa
"""
_CODES = {
    name.casefold(): code
    for code, name in (entry.strip().split(" ", 1) for entry in _NAMES.split(";"))
}
_MARKETS = frozenset((GLOBAL, *_CODES.values()))


def is_market(name: str) -> bool:
    """Whether a name or code is of a market that has a chart."""
    return region_code(name) in _MARKETS


def region_code(name: str) -> str:
    """Return the code of a market; a name that is not known stays as it is, without outer spaces.

    Examples
    --------
    >>> [region_code(name) for name in ("ph", "Philippines", "Global", "Atlantis")]
    ['PH', 'PH', 'GLOBAL', 'Atlantis']
    """
    text = name.strip()
    if text.casefold() in ("global", "worldwide"):
        return GLOBAL
    if text.casefold() in _CODES:
        return _CODES[text.casefold()]
    return text.upper() if re.fullmatch("[A-Za-z]{2}", text) else text
