"""Values that stand in a sentence or a table: formatted by language, escaped, marked up with their meaning."""

from __future__ import annotations

import datetime
import functools
import html
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from povstudy.errors import ReportError, did_you_mean
from povstudy.reporting import wording

__all__ = [
    "Clause",
    "Date",
    "Interval",
    "Name",
    "Number",
    "Phrase",
    "Unit",
    "Year",
    "as_html",
    "as_text",
    "format_number",
    "in_language",
    "rounded",
    "units",
]

SIGNIFICANT_DIGITS = 10
MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Unit:
    """How numbers of a unit are printed; see wording/units.toml.

    Parameters
    ----------
    name : str
        Name, for instance ``"%"``.
    pattern, label : dict of str to str
        Text with ``{number}``, and name in a table head, by language.
    digits : int
        Digits behind the decimal sign.
    kind : str
        ``number``, ``percent_of_one``, ``count`` or ``year``.
    """

    name: str
    pattern: dict[str, str]
    label: dict[str, str]
    digits: int
    kind: str


@functools.cache
def units() -> dict[str, Unit]:
    """Read the units that a number may have.

    Returns
    -------
    dict of str to Unit
        By name.

    Examples
    --------
    >>> units()["pp"].label["vi"]
    'điểm phần trăm'
    """
    path = Path(wording.__file__).with_name(wording.UNITS_FILE)
    return {
        name: Unit(
            name,
            {lang: entry[lang].replace(" %", NBSP + "%") for lang in wording.LANGUAGES},
            {lang: entry[f"label_{lang}"] for lang in wording.LANGUAGES},
            entry["digits"],
            entry["kind"],
        )
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


def unit_named(name: str) -> Unit:
    """Return the unit of that name.

    Parameters
    ----------
    name : str
        For instance ``"%"``, ``"pp"``, ``"probability"``, ``"households"``.

    Returns
    -------
    Unit
        The unit.

    Raises
    ------
    ReportError
        If there is none.
    """
    known = units()
    if name not in known:
        raise ReportError(
            f"Unit {name!r} is not known; possible are {', '.join(known)}.{did_you_mean(str(name), known)}"
        )
    return known[name]


def rounded(value: float) -> int | float:
    """Return a finite number at the 10 significant digits with which every file is written.

    Parameters
    ----------
    value : float
        Integer or float, of Python or numpy.

    Returns
    -------
    int or float
        Plain Python number; integers unchanged, no negative zero.

    Raises
    ------
    ReportError
        If the value is not a finite number.

    Examples
    --------
    >>> rounded(1 / 3), rounded(7), rounded(-0.0)
    (0.3333333333, 7, 0.0)
    """
    if isinstance(value, str) or type(value).__name__ in ("bool", "bool_"):
        raise ReportError(f"Expected a number, got {value!r}.")
    if hasattr(value, "__index__"):
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ReportError(f"Expected a number, got {value!r}.") from None
    if not math.isfinite(number):
        raise ReportError(f"Expected a finite number, got {number!r}.")
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}") + 0.0


def format_number(value: float, unit: str, lang: str, *, digits: int | None = None, with_unit: bool = True) -> str:
    r"""Print a number in a language, with its unit.

    Parameters
    ----------
    value : float
        Finite number; a probability or share lies in [0, 1] and is printed in percent.
    unit : str
        Name of a unit.
    lang : str
        ``en`` or ``vi``.
    digits : int, optional
        Digits behind the decimal sign; default: the unit's.
    with_unit : bool
        False: the numeral only (for tables, whose head names the unit).

    Returns
    -------
    str
        For instance ``"4.64 %"`` (with a no-break space) or ``"4,64%"``.  A probability that would be rounded to
        0 or 100 without being so is printed as "less than 1 %" or "more than 99 %".

    Raises
    ------
    ReportError
        If the value is not finite, the unit is unknown, or a probability is outside [0, 1].

    Examples
    --------
    >>> format_number(4.64, "%", "vi"), format_number(-0.3, "pp", "vi")
    ('4,64%', '−0,30 điểm phần trăm')
    >>> format_number(1234567, "households", "en"), format_number(2030, "year", "en")
    ('1,234,567', '2030')
    >>> format_number(0.0004, "probability", "en").replace("\xa0", " ")
    'less than 1 %'
    """
    kind = unit_named(unit)
    places = kind.digits if digits is None else digits
    number = rounded(value)
    bound = ""
    if kind.kind == "percent_of_one":
        number, bound = _percent(number, unit, places)
    numeral = _numeral(number, places, lang, grouped=kind.kind != "year")
    text = kind.pattern[lang].format(number=numeral) if with_unit else numeral
    return wording.fill(bound, lang, {"number": text}) if bound else text


def _percent(share: float, unit: str, places: int) -> tuple[float, str]:
    """Return the percentage and, for a probability too near 0 or 1 to print, the wording key of its bound."""
    if unit != "probability":
        return share * 100, ""
    if not 0 <= share <= 1:
        raise ReportError(f"A probability must lie in [0, 1], got {share!r}.")
    step = 10.0**-places
    if 0 < share * 100 <= step / 2:
        return step, "less_than"
    if 100 - step / 2 <= share * 100 < 100:
        return 100 - step, "more_than"
    return share * 100, ""


def _numeral(number: float, places: int, lang: str, *, grouped: bool) -> str:
    from babel.numbers import format_decimal

    pattern = ("#,##0" if grouped else "0") + ("." + "0" * places if places else "")
    text = format_decimal(abs(number), format=pattern, locale=lang, group_separator=grouped)
    return MINUS + text if number < 0 and any(c in "123456789" for c in text) else text


@dataclass(frozen=True)
class Number:
    """A number that a report states: it stands in numbers.json under its name.

    Parameters
    ----------
    name : str
        Name in numbers.json.
    value : int or float
        Value at 10 significant digits.
    unit : str
        Name of a unit.
    digits : int
        Digits behind the decimal sign where it is printed.
    source : str
        Where it comes from.
    lang : str
        Language in which ``str()`` prints it.

    Examples
    --------
    >>> str(Number("rate_2022", 4.64, "%", 2, "nso", "vi"))
    '4,64%'
    """

    name: str
    value: int | float
    unit: str
    digits: int
    source: str = ""
    lang: str = "en"

    def __str__(self) -> str:
        return format_number(self.value, self.unit, self.lang, digits=self.digits)

    def __float__(self) -> float:
        return float(self.value)

    @property
    def html(self) -> str:
        """The number as a ``data`` element that carries its value and its name."""
        attributes = f'class="number" value="{self.value}" data-name="{html.escape(self.name)}"'
        return f"<data {attributes}>{html.escape(str(self))}</data>"


@dataclass(frozen=True)
class Interval:
    """Two numbers as a range in a sentence.

    Parameters
    ----------
    low, high : Number
        Its ends.
    """

    low: Number
    high: Number

    def __str__(self) -> str:
        return wording.fill("interval", self.low.lang, {"low": str(self.low), "high": str(self.high)})

    @property
    def html(self) -> str:
        """Both numbers, marked up, joined by the word of the language."""
        return wording.fill("interval", self.low.lang, {"low": self.low.html, "high": self.high.html})


@dataclass(frozen=True)
class Year:
    """A calendar year in a sentence.

    Examples
    --------
    >>> Year(2024).html
    '<time class="year">2024</time>'
    """

    year: int

    def __str__(self) -> str:
        return str(int(self.year))

    @property
    def html(self) -> str:
        """The year as a ``time`` element."""
        return f'<time class="year">{int(self.year)}</time>'


@dataclass(frozen=True)
class Date:
    """A date in a sentence, written out by language.

    Examples
    --------
    >>> str(Date(datetime.date(2026, 11, 25))), str(Date(datetime.date(2026, 11, 25), "vi"))
    ('25 November 2026', '25 tháng 11, 2026')
    """

    date: datetime.date
    lang: str = "en"

    def __str__(self) -> str:
        from babel.dates import format_date

        pattern = {"en": "d MMMM y", "vi": "d 'tháng' M, y"}[self.lang]
        return format_date(self.date, format=pattern, locale=self.lang)

    @property
    def html(self) -> str:
        """The date as a ``time`` element."""
        return f'<time datetime="{self.date.isoformat()}">{html.escape(str(self))}</time>'


@dataclass(frozen=True)
class Clause:
    """The number or title of a legal instrument or of a clause in it.

    Examples
    --------
    >>> Clause("07/2021/NĐ-CP").html
    '<cite class="clause">07/2021/NĐ-CP</cite>'
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def html(self) -> str:
        """The text as a ``cite`` element."""
        return f'<cite class="clause">{html.escape(self.text)}</cite>'


@dataclass(frozen=True)
class Name:
    """A proper name (of an area, a method, a file) whose digits are no statement.

    Examples
    --------
    >>> Name("<b>Quận 5").html
    '<cite class="name" translate="no">&lt;b&gt;Quận 5</cite>'
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def html(self) -> str:
        """The text as a ``cite`` element."""
        return f'<cite class="name" translate="no">{html.escape(self.text)}</cite>'


@dataclass(frozen=True)
class Phrase:
    """A filled sentence of the wording catalogue: HTML whose values are escaped.

    Examples
    --------
    >>> str(Phrase("a &amp; <b>b</b>"))
    'a & b'
    """

    html: str

    def __str__(self) -> str:
        return html.unescape(TAG.sub("", self.html))


def as_html(value: object, *, where: str = "a sentence") -> str:
    """Return the HTML of a value; plain text is escaped.

    Parameters
    ----------
    value : Number, Interval, Year, Date, Clause, Name, Phrase or str
        What stands in a sentence.
    where : str
        For messages.

    Returns
    -------
    str
        Safe HTML.

    Raises
    ------
    ReportError
        If the value is a bare number or another object.

    Examples
    --------
    >>> as_html("<script>")
    '&lt;script&gt;'
    """
    if isinstance(value, Number | Interval | Year | Date | Clause | Name | Phrase):
        return value.html
    if isinstance(value, str):
        return html.escape(value)
    raise ReportError(
        f"{where}: got {value!r} of type {type(value).__name__}; expected a Number (report.number), Year, Date, "
        "Clause, Name, Interval, Phrase or text. Give a bare number a name with report.number first."
    )


def as_text(value: object, *, where: str = "a text") -> str:
    """Return the plain text of a value that may stand in a sentence.

    Parameters
    ----------
    value : Number, Interval, Year, Date, Clause, Name, Phrase or str
        As in `as_html`.
    where : str
        For messages.

    Returns
    -------
    str
        Plain text, not escaped.

    Raises
    ------
    ReportError
        As in `as_html`.
    """
    as_html(value, where=where)
    return str(value)


def phrase(key: str, lang: str, values: dict[str, object]) -> Phrase:
    """Fill a sentence of the wording catalogue.

    Parameters
    ----------
    key, lang : str
        Key and language.
    values : dict of str to object
        Value by placeholder, see `as_html`.

    Returns
    -------
    Phrase
        The sentence.

    Raises
    ------
    ReportError
        If the key is unknown or a value is missing, has no place, or is a bare number.

    Examples
    --------
    >>> str(phrase("index.not_available", "en", {"reason": "one < two"}))
    'not available: one < two'
    """
    where = f"wording {key!r}"
    spoken = {name: in_language(value, lang) for name, value in values.items()}
    return Phrase(wording.fill(key, lang, {k: as_html(v, where=f"{where}, {k!r}") for k, v in spoken.items()}))


def in_language(value: object, lang: str) -> object:
    """Return a value whose text, if the records hold it in English, is in the language; see `wording.recorded`.

    Parameters
    ----------
    value : object
        Plain text, a Clause or a Name; anything else is returned as it is.
    lang : str
        ``en`` or ``vi``.

    Returns
    -------
    object
        Of the same type.

    Examples
    --------
    >>> in_language(Clause("Programme 135-II"), "vi")
    Clause(text='Chương trình 135 giai đoạn II')
    """
    if isinstance(value, str):
        return wording.recorded(value, lang)
    if isinstance(value, Clause | Name):
        return type(value)(wording.recorded(value.text, lang))
    return value
