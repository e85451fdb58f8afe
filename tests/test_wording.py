"""Wording in two languages, and the numbers, years and clauses that stand in it."""

from __future__ import annotations

import datetime
import html.parser
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from povstudy.errors import ReportError
from povstudy.reporting import wording
from povstudy.reporting.formats import (
    Clause,
    Date,
    Interval,
    Name,
    Number,
    Phrase,
    Year,
    as_html,
    as_text,
    format_number,
    phrase,
    rounded,
    units,
)

NBSP = "\N{NO-BREAK SPACE}"
VOID_ALLOWED = {"br"}
ROOT = Path(__file__).resolve().parents[1]
# The same in both languages: names of people, peoples and of measures that are spoken of by their English initials.
INTERNATIONAL = {"Gini", "Khmer", "Theil", "Watts", "Sen", "Shorrocks", "Thon", "MAE", "CRPS", "WIS"}
VOWELS, TONES = "aăâeêioôơuưy", ("", *"\u0300\u0301\u0303\u0309\u0323")
LETTERS = {unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES} | {"đ"}
LETTERS |= {letter.upper() for letter in LETTERS}


def test_every_text_has_both_languages_with_the_same_placeholders():
    assert wording.faults(wording.catalogue()) == []


def test_no_text_is_left_in_english():
    for key, entry in wording.catalogue().items():
        if entry.texts["en"] == entry.texts["vi"]:
            words = re.findall(r"\w{2,}", re.sub(r"<[^>]+>|\{\w+\}", " ", entry.texts["vi"]))
            assert set(words) <= INTERNATIONAL, key


def _missing(font: str) -> set[str]:
    from matplotlib.ft2font import FT2Font

    known = FT2Font(font).get_charmap()
    return {letter for letter in LETTERS if ord(letter) not in known}


def test_every_vietnamese_letter_has_a_glyph_in_the_fonts_of_figures_and_pdf():
    from matplotlib.font_manager import FontProperties, findfont

    assert len(LETTERS) == 2 * (12 * 6 + 1)
    template = (ROOT / "src" / "povstudy" / "reporting" / "memo" / "memo.typ").read_text(encoding="utf-8")
    families = {*re.findall(r'font:\s*"([^"]+)"', template), "sans-serif"}
    assert "raw" not in re.findall(r"\w+", template), "raw text has a font of its own"
    for family in families:
        for weight in ("normal", "bold"):
            for style in ("normal", "italic"):
                font = findfont(FontProperties(family=family, weight=weight, style=style))
                assert "DejaVuSans" in font and not _missing(font), (font, _missing(font))
    assert len(_missing(findfont(FontProperties(family="monospace")))) == 46, "this test can tell"


def test_no_figure_asks_for_another_font():
    for path in (ROOT / "src" / "povstudy").rglob("*.py"):
        asked = re.findall(r"\b(?:fontfamily|fontname|font)=|rcParams\[[\"\']font", path.read_text(encoding="utf-8"))
        assert not asked, path.name


def test_no_key_stands_in_two_catalogues():
    assert len(wording.catalogue_files()) >= 1
    assert wording.catalogue()


class _Balanced(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.bad = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID_ALLOWED:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.bad.append(tag)


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_every_text_is_well_formed_markup(lang):
    for key, entry in wording.catalogue().items():
        page = _Balanced()
        page.feed(entry.texts[lang])
        page.close()
        assert not page.open and not page.bad, key
        assert not re.search(r"&(?!\w+;|#\d+;)", entry.texts[lang]), key
        assert "<script" not in entry.texts[lang].lower(), key


def test_every_unit_has_both_languages():
    for unit in units().values():
        for lang in wording.LANGUAGES:
            assert "{number}" in unit.pattern[lang]
            assert unit.label[lang]
        assert unit.kind in ("number", "percent_of_one", "count", "year")


def test_a_change_of_a_rate_is_never_in_percent():
    for name in ("pp", "pp/year"):
        assert "%" not in units()[name].pattern["vi"] + units()[name].pattern["en"]
        assert "điểm phần trăm" in units()[name].pattern["vi"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"x": {"en": "{n} reports", "vi": "báo cáo"}},
            "Wording 'x' in a.toml: 'en' has the placeholders {n}, 'vi' has none.",
        ),
        ({"x": {"en": "one"}}, "Wording 'x' in a.toml has 'en'; expected exactly 'en' and 'vi', not empty."),
        ({"x": {"en": "one", "vi": " "}}, "expected exactly 'en' and 'vi', not empty."),
        ({"x": {"en": "one", "vi": "một", "fr": "un"}}, "expected exactly 'en' and 'vi'"),
        ({"x": {"en": "{n.a}", "vi": "{n.a}"}}, "a placeholder is a plain name in braces, got {n.a}"),
        ({"x": {"en": "{n:.2f}", "vi": "{n}"}}, "a placeholder is a plain name in braces"),
        ({"x": {"en": "{n!r}", "vi": "{n}"}}, "a placeholder is a plain name in braces"),
        ({"x": {"en": "{", "vi": "{"}}, "Write a brace as"),
    ],
)
def test_a_fault_of_a_catalogue_is_named(content, message):
    (fault,) = wording.faults(wording.merge({"a.toml": content}))
    assert message in fault


def test_a_key_in_two_catalogues_is_refused():
    entry = {"en": "one", "vi": "một"}
    with pytest.raises(ReportError, match=r"Wording 'x' stands in a\.toml and in b\.toml"):
        wording.merge({"a.toml": {"x": entry}, "b.toml": {"x": entry}})


def test_what_is_no_table_of_texts_is_refused():
    with pytest.raises(ReportError, match=r"Wording 'x' in a\.toml is not a table with 'en' and 'vi'"):
        wording.merge({"a.toml": {"x": "text"}})


def test_nested_tables_are_joined_by_dots():
    merged = wording.merge({"a.toml": {"verdict": {"met": {"en": "met", "vi": "đạt"}}}})
    assert list(merged) == ["verdict.met"]


def test_an_unknown_key_is_suggested():
    with pytest.raises(
        ReportError, match=r"Wording 'verdict\.likly' is in no catalogue .*Did you mean 'verdict\.likely'"
    ):
        wording.text_of("verdict.likly", "en")


def test_an_unknown_language_is_refused():
    with pytest.raises(ReportError, match="Language 'fr' is not known; possible are en, vi"):
        wording.text_of("yes", "fr")


def test_exactly_the_placeholders_are_filled():
    with pytest.raises(ReportError, match=r"missing \['high'\], without a place \['top'\]"):
        wording.fill("interval", "en", {"low": "1", "top": "2"})


def test_a_value_is_not_filled_twice():
    assert wording.fill("interval", "en", {"low": "{high}", "high": "2"}) == "{high} to 2"


@pytest.mark.parametrize(
    ("probability", "key"),
    [
        (1.0, "very_likely"),
        (0.9, "very_likely"),
        (0.8999, "likely"),
        (0.66, "likely"),
        (0.6599, "open"),
        (0.33, "open"),
        (0.3299, "unlikely"),
        (0.1, "unlikely"),
        (0.0999, "very_unlikely"),
        (0.0, "very_unlikely"),
    ],
)
def test_verdicts_follow_the_stated_bands(probability, key):
    assert wording.verdict_key(probability) == f"verdict.{key}"
    assert wording.text_of(f"verdict.{key}", "vi")


@pytest.mark.parametrize("probability", [-0.01, 1.01, float("nan")])
def test_a_verdict_needs_a_probability(probability):
    with pytest.raises(ReportError, match=r"must lie in \[0, 1\]"):
        wording.verdict_key(probability)


@pytest.mark.parametrize(
    ("value", "unit", "digits", "en", "vi"),
    [
        (4.64, "%", None, "4.64_%", "4,64%"),
        (2.5, "%", 1, "2.5_%", "2,5%"),
        (-0.3, "pp", None, "−0.30 percentage points", "−0,30 điểm phần trăm"),
        (0.9525, "pp/year", 4, "0.9525 percentage points a year", "0,9525 điểm phần trăm mỗi năm"),
        (-0.001, "pp", 1, "0.0 percentage points", "0,0 điểm phần trăm"),
        (0.123, "probability", None, "12_%", "12%"),
        (0.0, "probability", None, "0_%", "0%"),
        (1.0, "probability", None, "100_%", "100%"),
        (0.0049, "probability", None, "less than 1_%", "dưới 1%"),
        (0.005, "probability", 0, "less than 1_%", "dưới 1%"),
        (0.995, "probability", None, "more than 99_%", "trên 99%"),
        (0.00004, "probability", 1, "less than 0.1_%", "dưới 0,1%"),
        (0.8, "share", 0, "80_%", "80%"),
        (1234567, "households", None, "1,234,567", "1.234.567"),
        (1234, "count", None, "1,234", "1.234"),
        (2030, "year", None, "2030", "2030"),
        (1500000, "VND", None, "1,500,000 đồng", "1.500.000 đồng"),
        (1234.5, "billion VND", None, "1,234.5 billion đồng", "1.234,5 tỷ đồng"),
        (1.5, "ratio", None, "1.50", "1,50"),
        (0.3567, "index", None, "0.357", "0,357"),
    ],
)
def test_numbers_are_printed_by_language(value, unit, digits, en, vi):
    assert format_number(value, unit, "en", digits=digits) == en.replace("_", NBSP)
    assert format_number(value, unit, "vi", digits=digits) == vi


def test_a_table_prints_the_numeral_only():
    assert format_number(4.64, "%", "vi", with_unit=False) == "4,64"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, np.bool_(True), "4.64", None, [1]])
def test_only_finite_numbers_are_printed(value):
    with pytest.raises(ReportError, match=r"Expected a (finite )?number, got"):
        format_number(value, "%", "en")


@pytest.mark.parametrize("value", [-0.01, 1.01, 12])
def test_a_probability_lies_in_zero_and_one(value):
    with pytest.raises(ReportError, match=r"A probability must lie in \[0, 1\]"):
        format_number(value, "probability", "en")


def test_an_unknown_unit_is_suggested():
    with pytest.raises(
        ReportError, match=r"Unit 'houshold' is not known; possible are %, pp,.*Did you mean 'households'"
    ):
        format_number(1, "houshold", "en")


def test_values_keep_ten_significant_digits():
    assert rounded(np.float64(2 / 3)) == 0.6666666667
    assert rounded(123456789012) == 123456789012
    assert rounded(np.int64(7)) == 7 and type(rounded(np.int64(7))) is int
    assert str(rounded(-0.0)) == "0.0"


def test_numbers_years_dates_and_clauses_are_marked_up():
    number = Number("rate", 4.64, "%", 2, "", "en")
    assert number.html == f'<data class="number" value="4.64" data-name="rate">4.64{NBSP}%</data>'
    assert Year(np.int64(2024)).html == '<time class="year">2024</time>'
    day = datetime.date(2025, 7, 1)
    assert Date(day, "en").html == '<time datetime="2025-07-01">1 July 2025</time>'
    assert Date(day, "vi").html == '<time datetime="2025-07-01">1 tháng 7, 2025</time>'
    assert Clause("điểm a <b>").html == '<cite class="clause">điểm a &lt;b&gt;</cite>'
    assert Name("Quận 5").html == '<cite class="name" translate="no">Quận 5</cite>'


def test_an_interval_names_both_ends():
    ends = [Number("low", 0.4, "%", 1, "", "vi"), Number("high", 3.1, "%", 1, "", "vi")]
    assert str(Interval(*ends)) == "0,4% đến 3,1%"
    assert Interval(*ends).html.count("<data ") == 2


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", '" onload="x', "a & b", "'"])
def test_text_in_a_sentence_is_escaped_and_read_back(value):
    made = phrase("index.not_available", "en", {"reason": value})
    assert "<" not in made.html and '"' not in made.html
    assert str(made) == f"not available: {value}"
    assert as_text(made) == f"not available: {value}"


def test_a_phrase_stands_in_a_phrase():
    inner = phrase("interval", "en", {"low": Year(2022), "high": Year(2024)})
    outer = phrase("index.not_available", "en", {"reason": inner})
    assert outer.html == 'not available: <time class="year">2022</time> to <time class="year">2024</time>'


@pytest.mark.parametrize("value", [4.64, 3, True, None, np.float64(1), ["a"]])
def test_a_bare_number_has_no_place_in_a_sentence(value):
    with pytest.raises(ReportError, match="expected a Number"):
        as_html(value)


def test_markup_drops_out_of_plain_text():
    assert str(Phrase("<strong>a</strong> &lt; b")) == "a < b"
