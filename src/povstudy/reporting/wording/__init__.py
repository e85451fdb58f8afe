"""Every sentence with a value in it, in English and Vietnamese.

The catalogues are the TOML files beside this module: ``[key]`` with ``en`` and ``vi``, placeholders in braces.
A text of a catalogue is HTML written by us; what is filled in is escaped by its own type (see
`povstudy.reporting.formats`).  A key is unique over all catalogues.
"""

from __future__ import annotations

import functools
import html
import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from povstudy.errors import ReportError, did_you_mean

__all__ = [
    "LANGUAGES",
    "VERDICTS",
    "Entry",
    "catalogue",
    "catalogue_files",
    "faults",
    "fill",
    "merge",
    "placeholders",
    "recorded",
    "text_of",
    "verdict_key",
]

LANGUAGES = ("en", "vi")
UNITS_FILE = "units.toml"
RECORDS = "record."
# Lowest probability of each verdict, from the top; below the last one it is "very_unlikely".
VERDICTS = ((0.9, "very_likely"), (0.66, "likely"), (0.33, "open"), (0.1, "unlikely"), (0.0, "very_unlikely"))


@dataclass(frozen=True)
class Entry:
    """One text of a catalogue.

    Parameters
    ----------
    key : str
        Its key.
    texts : dict of str to str
        By language.
    file : str
        Name of its catalogue.
    """

    key: str
    texts: dict[str, str]
    file: str


def catalogue_files() -> list[Path]:
    """Return the catalogue files, without the file of units.

    Returns
    -------
    list of Path
        Sorted by name.
    """
    return sorted(p for p in Path(__file__).parent.glob("*.toml") if p.name != UNITS_FILE)


@functools.cache
def catalogue() -> dict[str, Entry]:
    """Read all catalogues.

    Returns
    -------
    dict of str to Entry
        By key; the keys of nested tables are joined by dots.  Languages and placeholders are checked where a text
        is used, so that a fault in one catalogue stops only what needs it; `faults` checks all.

    Raises
    ------
    ReportError
        If a key stands in two catalogues.

    Examples
    --------
    >>> catalogue()["yes"].texts["vi"]
    'có'
    """
    return merge({path.name: tomllib.loads(path.read_text(encoding="utf-8")) for path in catalogue_files()})


def merge(files: Mapping[str, Mapping]) -> dict[str, Entry]:
    """Join catalogues by file name into one.

    Parameters
    ----------
    files : mapping of str to mapping
        Parsed TOML by file name.

    Returns
    -------
    dict of str to Entry
        By key.

    Raises
    ------
    ReportError
        If a key stands in two of them, or something is not a table of texts.
    """
    merged: dict[str, Entry] = {}
    for name, content in files.items():
        for key, texts in _flatten(content, name):
            if key in merged:
                raise ReportError(f"Wording {key!r} stands in {merged[key].file} and in {name}. Rename one of them.")
            merged[key] = Entry(key, texts, name)
    return merged


def faults(entries: Mapping[str, Entry]) -> list[str]:
    """Return what is wrong with the entries of a catalogue.

    Parameters
    ----------
    entries : mapping of str to Entry
        What `merge` gives.

    Returns
    -------
    list of str
        One message for each entry that lacks a language or whose languages have different placeholders.

    Examples
    --------
    >>> faults(merge({"a.toml": {"x": {"en": "{n} reports", "vi": "báo cáo"}}}))
    ["Wording 'x' in a.toml: 'en' has the placeholders {n}, 'vi' has none. Make them equal."]
    """
    found = []
    for entry in entries.values():
        try:
            _check_entry(entry)
        except ReportError as error:
            found.append(str(error))
    return found


def _flatten(table: Mapping, file: str, prefix: str = "") -> list[tuple[str, dict[str, str]]]:
    if set(table) & set(LANGUAGES) and all(isinstance(v, str) for v in table.values()):
        return [(prefix, dict(table))]
    found: list[tuple[str, dict[str, str]]] = []
    for key, value in table.items():
        path = f"{prefix}.{key}" if prefix else key
        if not isinstance(value, Mapping):
            raise ReportError(f"Wording {path!r} in {file} is not a table with 'en' and 'vi'. Write [{path}] first.")
        found += _flatten(value, file, path)
    return found


def _check_entry(entry: Entry) -> None:
    at = f"Wording {entry.key!r} in {entry.file}"
    if set(entry.texts) != set(LANGUAGES) or not all(text.strip() for text in entry.texts.values()):
        named = ", ".join(map(repr, entry.texts))
        raise ReportError(f"{at} has {named}; expected exactly 'en' and 'vi', not empty.")
    fields = {language: placeholders(entry.texts[language]) for language in LANGUAGES}
    if fields["en"] != fields["vi"]:
        named = {k: ", ".join("{" + f + "}" for f in sorted(v)) or "none" for k, v in fields.items()}
        raise ReportError(f"{at}: 'en' has the placeholders {named['en']}, 'vi' has {named['vi']}. Make them equal.")


def placeholders(text: str) -> frozenset[str]:
    """Return the names in braces of a text of a catalogue.

    Parameters
    ----------
    text : str
        Text with ``{name}`` placeholders; ``{{`` is a brace.

    Returns
    -------
    frozenset of str
        The names.

    Raises
    ------
    ReportError
        If a placeholder is anything but a plain name.

    Examples
    --------
    >>> sorted(placeholders("{low} to {high}"))
    ['high', 'low']
    """
    found = set()
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ReportError(f"Wording {text!r}: {error}. Write a brace as '{{{{' or '}}}}'.") from None
    for _, field, specification, conversion in parts:
        if field is None:
            continue
        if not field.isidentifier() or specification or conversion:
            raise ReportError(f"Wording {text!r}: a placeholder is a plain name in braces, got {{{field}}}.")
        found.add(field)
    return frozenset(found)


def text_of(key: str, lang: str) -> str:
    """Return the text of a key in a language, placeholders unfilled.

    Parameters
    ----------
    key : str
        Key of the catalogues, for instance ``"verdict.likely"``.
    lang : str
        ``en`` or ``vi``.

    Returns
    -------
    str
        The text: HTML of ours.

    Raises
    ------
    ReportError
        If the key or the language does not exist, or the entry lacks a language or has unequal placeholders.

    Examples
    --------
    >>> text_of("verdict.met", "en")
    'met'
    """
    if lang not in LANGUAGES:
        raise ReportError(f"Language {lang!r} is not known; possible are {', '.join(LANGUAGES)}.")
    entries = catalogue()
    if key not in entries:
        files = ", ".join(path.name for path in catalogue_files())
        raise ReportError(f"Wording {key!r} is in no catalogue ({files}).{did_you_mean(key, entries)}")
    _check_entry(entries[key])
    return entries[key].texts[lang]


def fill(key: str, lang: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders of a text; exactly its placeholders must be given.

    Parameters
    ----------
    key, lang : str
        As in `text_of`.
    values : mapping of str to str
        Value by placeholder, already escaped where the text is used as HTML.

    Returns
    -------
    str
        The filled text.

    Raises
    ------
    ReportError
        If a value is missing or has no place.

    Examples
    --------
    >>> fill("interval", "vi", {"low": "1", "high": "2"})
    '1 đến 2'
    """
    text = text_of(key, lang)
    wanted = placeholders(text)
    if wanted != set(values):
        missing, extra = sorted(wanted - set(values)), sorted(set(values) - wanted)
        raise ReportError(
            f"Wording {key!r} needs {sorted(wanted)}: missing {missing}, without a place {extra}. Give exactly its "
            "placeholders."
        )
    return text.format_map(values)


def verdict_key(probability: float) -> str:
    """Return the key of the verdict for the probability that a target is met.

    Parameters
    ----------
    probability : float
        In [0, 1].

    Returns
    -------
    str
        Key of the wording catalogue: from .9 very likely, .66 likely, .33 open, .1 unlikely, below very unlikely.

    Raises
    ------
    ReportError
        If the probability is outside [0, 1].

    Examples
    --------
    >>> verdict_key(0.9), verdict_key(0.899), verdict_key(0.0)
    ('verdict.very_likely', 'verdict.likely', 'verdict.very_unlikely')
    """
    if not 0 <= probability <= 1:
        raise ReportError(f"A probability must lie in [0, 1], got {probability!r}.")
    return "verdict." + next(word for lowest, word in VERDICTS if probability >= lowest)


def recorded(text: str, lang: str) -> str:
    """Say in a language what the records hold in English: a grade of evidence, an instrument, a programme, a reason.

    Parameters
    ----------
    text : str
        Plain text of a record.
    lang : str
        ``en`` or ``vi``.

    Returns
    -------
    str
        The text of records.toml in that language; ``text`` itself in English, and where there is no entry.

    Raises
    ------
    ReportError
        If the language is not known.

    Examples
    --------
    >>> recorded("Repeats the figure of s031.", "vi")
    'Lặp lại số liệu của s031.'
    >>> recorded("my own word", "vi")
    'my own word'
    """
    if lang == "en" or not text:
        return text
    fixed, varying = _records()
    if text in fixed:
        return html.unescape(text_of(fixed[text], lang))
    for pattern, key in varying:
        if found := pattern.fullmatch(text):
            return html.unescape(text_of(key, lang)).format_map(found.groupdict())
    return text


@functools.cache
def _records() -> tuple[dict[str, str], list[tuple[re.Pattern, str]]]:
    """Return the keys of records.toml by their English text, and by pattern those with placeholders, longest first."""
    fixed, varying = {}, []
    for key, entry in catalogue().items():
        if not key.startswith(RECORDS):
            continue
        english = html.unescape(entry.texts["en"])
        if placeholders(english):
            parts = [
                re.escape(literal) + (f"(?P<{name}>.+?)" if name else "")
                for literal, name, _, _ in string.Formatter().parse(english)
            ]
            varying.append((re.compile("".join(parts)), key))
        else:
            fixed[english] = key
    return fixed, sorted(varying, key=lambda entry: -len(entry[0].pattern))
