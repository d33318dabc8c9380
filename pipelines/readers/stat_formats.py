"""Which display formats of SPSS, Stata and SAS make a number a date, and the encodings those files declare."""

import codecs
import re
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from pipelines.readers import canonical
from pipelines.readers.encodings import FALLBACK

_DAY_MS = 86_400_000.0
# Of each package: milliseconds from its epoch to 1970-01-01.
_SPSS_EPOCH_MS = 12_219_379_200_000.0  # 1582-10-14
_EPOCH_1960_MS = 3_653 * _DAY_MS  # Stata and SAS

_SPSS = {
    **dict.fromkeys(("DATE", "ADATE", "EDATE", "JDATE", "SDATE", "QYR", "MOYR", "WKYR"), "date"),
    **dict.fromkeys(("DATETIME", "YMDHMS"), "datetime"),
    **dict.fromkeys(("TIME", "DTIME", "MTIME"), "duration"),
}
# A SAS date is a count of days whichever part of it the format shows.
_SAS = {
    **dict.fromkeys(
        (
            *("DATE", "DAY", "DOWNAME", "JULDAY", "JULIAN", "MONNAME", "MONTH", "MONYY", "NENGO", "MINGUO"),
            *("QTR", "QTRR", "WEEKDATE", "WEEKDATX", "WEEKDAY", "WEEKU", "WEEKV", "WEEKW", "WORDDATE", "WORDDATX"),
            *("YEAR", "YYMON", "PDJULG", "PDJULI", "E8601DA", "B8601DA", "IS8601DA"),
            *(name + mark for name in ("DDMMYY", "MMDDYY", "YYMMDD") for mark in ("", *"BCDNPS")),
            *(name + mark for name in ("MMYY", "YYMM", "YYQ", "YYQR") for mark in ("", *"CDNPS")),
            *("EURDFDE", "EURDFDD", "EURDFMY", "EURDFWDX", "EURDFWKX", "NLDATE", "NLDATEL", "NLDATEM", "NLDATES"),
        ),
        "date",
    ),
    **dict.fromkeys(
        (
            *("DATETIME", "DATEAMPM", "DTDATE", "DTMONYY", "DTWKDATX", "DTYEAR", "DTYYQC", "MDYAMPM", "NLDATM"),
            *("E8601DT", "B8601DT", "E8601DN", "B8601DN", "E8601DZ", "B8601DZ", "IS8601DT", "YMDDTTM", "EURDFDT"),
        ),
        "datetime",
    ),
    **dict.fromkeys(
        (
            *("TIME", "TIMEAMPM", "TOD", "HHMM", "HOUR", "MMSS", "NLTIME", "NLTIMAP"),
            *("E8601TM", "B8601TM", "E8601LZ", "E8601TZ", "B8601TZ", "IS8601TM"),
        ),
        "duration",
    ),
}
_STATA_TIMES_OF_DAY = ("tcHH:MM:SS", "tcHH:MM")
# Counts that are not of days or milliseconds: their numbers stay.
_STATA_PERIODS = re.compile(r"t[wmqhyC]")

# The byte at offset 70 of a SAS file; 0 and unknown ones are read as Western Windows, as SAS does.
_SAS_ENCODING_OFFSET = 70
_SAS_ENCODINGS = {
    **{20: "utf-8", 28: "ascii"},
    **{29 + n: f"iso8859-{n + 1}" for n in range(10)},
    **{39: "iso8859-11", 40: "iso8859-15", 227: "iso8859-14", 242: "iso8859-13"},
    **{41: "cp437", 42: "cp850", 43: "cp852", 44: "cp857", 45: "cp858", 46: "cp862", 47: "cp864", 48: "cp865"},
    **{49: "cp866", 50: "cp869", 51: "cp874", 55: "cp720", 56: "cp737", 57: "cp775", 58: "cp860", 59: "cp863"},
    **{60 + n: f"cp{1250 + n}" for n in range(9)},
    **{118: "cp950", 123: "big5", 125: "gb18030", 126: "cp936", 134: "euc_jp", 136: "cp932"},
    **{138: "shift_jis", 140: "euc_kr", 141: "cp949", 142: "cp949", 205: "gb18030"},
}


def is_period(format: str) -> bool:
    """Whether a Stata format counts something else than days or milliseconds."""
    return format.startswith("%") and bool(_STATA_PERIODS.match(_stata_shown(format)))


def moments_text(numbers: Any, display: str, missing: tuple[tuple[float, float], ...], package: str) -> Any:
    """Text of the numbers that are dates, date-times or durations; None for a variable of plain numbers.

    Args:
        numbers: float64 array.
        display: the variable's display format.
        missing: (lowest, highest) of the codes that are declared missing; a missing code of a date is a code.
        package: dta, sav or sas7bdat.
    """
    kind = _kind(display, package)
    if kind is None:
        return None
    for low, high in missing:
        is_code = pc.and_(pc.greater_equal(numbers, low), pc.less_equal(numbers, high))
        numbers = pc.if_else(is_code, None, numbers)
    is_days = kind == "date" and package != "sav"
    unit_ms = _DAY_MS if is_days else 1.0 if package == "dta" else 1000.0
    milliseconds = pc.multiply(numbers, unit_ms)
    if kind == "duration":
        return canonical.durations_text(milliseconds)
    since_1970 = pc.subtract(milliseconds, _SPSS_EPOCH_MS if package == "sav" else _EPOCH_1960_MS)
    if kind == "datetime":
        return canonical.datetimes_text(since_1970)
    return canonical.dates_text(pc.divide(since_1970, _DAY_MS))


def own_sas_encoding(path: Path) -> str:
    """Codec that a SAS file declares."""
    with path.open("rb") as stream:
        stream.seek(_SAS_ENCODING_OFFSET)
        code = stream.read(1)
    name = _SAS_ENCODINGS.get(code[0], "cp1252") if code else "cp1252"
    return FALLBACK if name in ("ascii", "cp1252") else codecs.lookup(name).name


def own_stata_encoding(path: Path) -> str:
    """Codec of a Stata file, which its release settles."""
    with path.open("rb") as stream:
        head = stream.read(64)
    tagged = re.match(rb"<stata_dta><header><release>(\d+)", head)
    release = int(tagged[1]) if tagged else head[0]
    return "utf-8" if release >= 118 else FALLBACK


def _kind(display: str, package: str) -> str | None:
    """What a display format makes of a number; None for a number."""
    if package == "dta":
        shown = _stata_shown(display)
        if shown in _STATA_TIMES_OF_DAY:
            return "duration"
        if shown.startswith("tc"):
            return "datetime"
        return "date" if shown.startswith(("td", "d")) else None
    name = re.sub(r"[\d.]*$", "", display)
    return _SPSS.get(name) if package == "sav" else _SAS.get(name.upper())


def _stata_shown(display: str) -> str:
    """A Stata format without its percent sign and alignment."""
    return display.removeprefix("%").removeprefix("-")
