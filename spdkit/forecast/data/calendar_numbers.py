"""Calendar numbers: dates written as whole numbers, which do not count on as steps do.

After month 201512 comes 201601, not 201513; after day 20150131 comes 20150201. Years alone (2015,
2016) count on as steps do, and so are none of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spdkit.forecast.data.checks import ForecastError


@dataclass(frozen=True)
class _Form:
    """How dates are written as whole numbers.

    Attributes
    ----------
    name, conversion : str
        In words, and how pandas reads them.
    parts : tuple of (divisor, modulus, low, high)
        What each part ``number // divisor % modulus`` of a number may be.
    """

    name: str
    conversion: str
    parts: tuple[tuple[int, int, int, int], ...]

    def fits(self, numbers: NDArray[np.int64]) -> bool:
        """Whether all numbers may be written so."""
        return all(
            bool(((part >= low) & (part <= high)).all())
            for divisor, modulus, low, high in self.parts
            for part in [numbers // divisor % modulus]
        )


_ALL = 10**18  # modulus of the first part, which has all digits that are left
_EPOCH = (631_152_000, 4_102_444_800)  # 1990 to 2100, in seconds since 1970


def _year(divisor: int) -> tuple[int, int, int, int]:
    return divisor, _ALL, 1900, 2100


def _day(divisor: int) -> tuple[tuple[int, int, int, int], ...]:
    return (100 * divisor, 100, 1, 12), (divisor, 100, 1, 31)


def _text(pattern: str) -> str:
    return f'pandas.to_datetime(ds.astype(str), format="{pattern}")'


_FORMS = (
    _Form(
        "quarters (YYYYQ)",
        'pandas.PeriodIndex(ds.astype(str).str[:4] + "Q" + ds.astype(str).str[4:], freq="Q")'
        ".to_timestamp()",
        (_year(10), (1, 10, 1, 4)),
    ),
    _Form(
        "months or weeks (YYYYMM, YYYYWW)",
        f'{_text("%Y%m")}, weeks by pandas.to_datetime(ds.astype(str) + "1", format="%G%V%u")',
        (_year(100), (1, 100, 0, 53)),
    ),
    _Form("days (YYMMDD)", _text("%y%m%d"), ((10_000, _ALL, 10, 99), *_day(1))),
    _Form("days of a year (YYYYDDD)", _text("%Y%j"), (_year(1000), (1, 1000, 1, 366))),
    _Form("days (YYYYMMDD)", _text("%Y%m%d"), (_year(10_000),)),
    *(
        _Form(
            "dates and times (YYYYMMDDHH…)",
            _text(f"%Y%m%d{clock}"),
            (_year(10_000 * size), *_day(size), (size // 100, 100, 0, 24)),
        )
        for clock, size in (("%H", 100), ("%H%M", 10**4), ("%H%M%S", 10**6))
    ),
    *(
        _Form(
            f"times since 1970 (in {unit})",
            f'pandas.to_datetime(ds, unit="{unit}")',
            ((size, _ALL, *_EPOCH),),
        )
        for unit, size in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9))
    ),
)


def refuse_calendar_numbers(numbers: NDArray[np.int64]) -> None:
    """Refuse whole numbers all of which look like dates.

    Raises
    ------
    ForecastError
        Saying like which, and how to convert them.
    """
    for form in _FORMS:
        if form.fits(numbers):
            raise ForecastError(
                f"the dates are whole numbers that look like {form.name}, such as {numbers[0]}, "
                f"and do not count on as steps do. Write them as dates (2020-01-31, 2020-01), or "
                f"convert them by {form.conversion}; if they are steps, give freq=1."
            )
