"""What a notebook hands out: numbers, tables, figures, sentences and a forecast, through one object.

``report = open_report()`` writes into the folder that the runner names in ``POVSTUDY_OUTPUT``.  Without it
(JupyterLab, plain papermill) everything is displayed and nothing is written.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from povstudy.errors import ReportError
from povstudy.reporting import wording
from povstudy.reporting.formats import Interval, Number, Phrase, as_html, as_text, phrase, rounded, unit_named
from povstudy.reporting.record import FORECAST_FILE
from povstudy.reporting.tables import csv_text, html_table, spoken_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["DOCUMENTS", "OUTPUT_VARIABLE", "TABLES_FILE", "Report", "documents", "numbers_json", "open_report"]

OUTPUT_VARIABLE = "POVSTUDY_OUTPUT"
LANGUAGE_VARIABLE = "POVSTUDY_LANG"
FILE_NAME = re.compile(r"[a-z0-9_]{1,80}")
CSS_DPI = 96
MARK = "povstudy"
NUMBERS_FILE = "numbers.json"
TABLES_FILE = "tables.json"
# Endings of the documents that a report can hand out, and what a document may be called.
DOCUMENTS = (".docx", ".pdf", ".xlsx")
DOCUMENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}(\.docx|\.pdf|\.xlsx)")


def open_report(*, lang: str | None = None) -> Report:
    """Open the report of the running notebook.

    Parameters
    ----------
    lang : str, optional
        ``en`` or ``vi``; default: the notebook's own parameter ``lang``, else the runner's, else ``en``.

    Returns
    -------
    Report
        It writes into the folder named by ``POVSTUDY_OUTPUT``, or nowhere if that is not set.

    Raises
    ------
    ReportError
        If the language is not known or the folder does not exist.
    """
    lang = lang or _notebook_language() or os.environ.get(LANGUAGE_VARIABLE) or "en"
    folder = os.environ.get(OUTPUT_VARIABLE)
    return Report(lang=lang, folder=Path(folder) if folder else None)


def _notebook_language() -> str | None:
    from IPython import get_ipython

    shell = get_ipython()
    value = shell.user_ns.get("lang") if shell is not None else None
    return value if isinstance(value, str) else None


def numbers_json(numbers: Mapping[str, Number]) -> str:
    """Return numbers.json: name to value, unit, digits and source, sorted by name.

    Parameters
    ----------
    numbers : mapping of str to Number
        Numbers by name.

    Returns
    -------
    str
        JSON text.
    """
    entries = [_number_json(name, n.value, n.unit, n.digits, n.source) for name, n in sorted(numbers.items())]
    return "{\n" + ",\n".join(entries) + "\n}\n" if entries else "{}\n"


@functools.lru_cache(maxsize=4096, typed=True)
def _number_json(name: str, value: float, unit: str, digits: int, source: str) -> str:
    """Return the entry of a number; kept, because the file is written again with every number that is stated."""
    facts = {"value": value, "unit": unit, "digits": digits, "source": source}
    return json.dumps({name: facts}, ensure_ascii=False, indent=1, allow_nan=False)[2:-2]


def documents(folder: Path) -> list[str]:
    """Return the documents that a report holds beside its page.

    Parameters
    ----------
    folder : Path
        The report folder.

    Returns
    -------
    list of str
        File names, sorted.
    """
    return sorted(p.name for p in folder.iterdir() if p.suffix in DOCUMENTS and p.is_file())


class Report:
    """What a notebook hands out; see `open_report`.

    Parameters
    ----------
    lang : str
        Language of sentences and numbers.
    folder : Path or None
        Folder to write into; None writes nothing.
    """

    def __init__(self, *, lang: str = "en", folder: Path | None = None) -> None:
        if lang not in wording.LANGUAGES:
            raise ReportError(f"Language {lang!r} is not known; possible are {', '.join(wording.LANGUAGES)}.")
        if folder is not None and not folder.is_dir():
            raise ReportError(f"{OUTPUT_VARIABLE} names {folder}, which is not a folder. Let `povstudy run` set it.")
        self.lang = lang
        self.folder = folder
        self._numbers: dict[str, Number] = {}
        self._names: dict[str, set[str]] = {"table": set(), "figure": set(), "document": set()}
        self._tables: dict[str, dict[str, object]] = {}
        self._forecasts: list[pd.DataFrame] = []
        if folder is not None and (folder / NUMBERS_FILE).exists():
            raise ReportError("open_report() was called twice in this run. Call it once and keep its result.")
        self._write(NUMBERS_FILE, numbers_json({}))

    def __repr__(self) -> str:
        target = "displays and writes nothing" if self.folder is None else "writes into the report folder"
        return f"<Report: {self.lang}, {target}>"

    @property
    def numbers(self) -> dict[str, Number]:
        """Numbers stated so far, by name (a copy)."""
        return dict(self._numbers)

    def about(self, *, standard: str = "", area: str = "", title: str = "") -> None:
        """Say what the title block shows: the legal standard, and a name where the default is not wanted.

        Parameters
        ----------
        standard : str
            Name of the standard or standards, in the report's language.
        area : str
            Name of the area; default: the name of the parameter ``area``.
        title : str
            Title; default: the first heading of the notebook.
        """
        from IPython.display import display

        facts = {"standard": str(standard), "area": str(area), "title": str(title)}
        display({"text/plain": ""}, metadata={MARK: {"about": facts}}, raw=True)

    def number(self, name: str, value: float, unit: str, *, digits: int | None = None, source: str = "") -> Number:
        """State a number under a name: it goes into numbers.json and can stand in a sentence.

        Parameters
        ----------
        name : str
            Lower-case letters, digits and ``_``; unique in the report.
        value : float
            A finite number; probabilities and shares in [0, 1].
        unit : str
            Name of a unit, see wording/units.toml.
        digits : int, optional
            Digits behind the decimal sign where it is printed; default: the unit's.
        source : str
            Where it comes from: source id, function, or table.

        Returns
        -------
        Number
            For `say`, `phrase`, captions.

        Raises
        ------
        ReportError
            If the name is not valid or has another value already, the value is not a finite number, or the unit is
            not known.
        """
        _check_name(name, "number")
        places = unit_named(unit).digits if digits is None else int(digits)
        try:
            stated = Number(name, rounded(value), unit, places, str(source), self.lang)
        except ReportError as error:
            raise ReportError(f"Number {name!r}: {error}") from None
        str(stated)
        before = self._numbers.get(name)
        if before is not None and before != stated and self.folder is not None:
            raise ReportError(
                f"Number {name!r} is stated twice: first {before.value!r} {before.unit}, now {stated.value!r} "
                f"{stated.unit}. Give the second one a name of its own."
            )
        self._numbers[name] = stated
        if self.folder is not None and before is None:
            self._write(NUMBERS_FILE, numbers_json(self._numbers))
        return stated

    def interval(self, low: Number, high: Number) -> Interval:
        """Return two numbers as a range for a sentence.

        Parameters
        ----------
        low, high : Number
            Its ends.

        Returns
        -------
        Interval
            For `say` and `phrase`.
        """
        return Interval(low, high)

    def phrase(self, key: str, **values: object) -> Phrase:
        """Fill a sentence of the wording catalogue without showing it: for captions and inside other sentences.

        Parameters
        ----------
        key : str
            Key of the wording catalogue.
        **values : Number, Interval, Year, Date, Clause, Name, Phrase or str
            Exactly its placeholders.

        Returns
        -------
        Phrase
            The sentence.

        Raises
        ------
        ReportError
            If the key is unknown, or a value is missing, has no place, or is a bare number.
        """
        return phrase(key, self.lang, values)

    def say(self, key: str, **values: object) -> None:
        """Show a sentence of the wording catalogue as a paragraph.

        Parameters
        ----------
        key : str
            Key of the wording catalogue.
        **values : Number, Interval, Year, Date, Clause, Name, Phrase or str
            Exactly its placeholders.

        Raises
        ------
        ReportError
            As in `phrase`.
        """
        sentence = self.phrase(key, **values)
        _show(f'<p class="said" data-key="{html.escape(key)}">{sentence.html}</p>', str(sentence), kind="say")

    def words(self, key: str, **values: object) -> str:
        """Return a text of the wording catalogue as plain text: for axis labels and alt texts.

        Parameters
        ----------
        key : str
            Key of the wording catalogue.
        **values : Number, Interval, Year, Date, Clause, Name, Phrase or str
            Exactly its placeholders.

        Returns
        -------
        str
            Plain text.

        Raises
        ------
        ReportError
            As in `phrase`.
        """
        return str(self.phrase(key, **values))

    def recorded(self, text: str) -> str:
        """Return a text of the records in the report's language: for labels in which it stands among other words.

        A Clause, a Name and a cell of a table are treated so without being asked.

        Parameters
        ----------
        text : str
            For instance the name of a programme.

        Returns
        -------
        str
            Plain text; the same where records.toml has no entry.
        """
        return wording.recorded(str(text), self.lang)

    def table(
        self,
        name: str,
        df: pd.DataFrame,
        *,
        caption: str | Phrase = "",
        units: Mapping[str, str] | None = None,
        digits: Mapping[str, int] | int | None = None,
    ) -> None:
        """Write a table to ``tables/<name>.csv``, its caption and units to ``tables.json``, and show it.

        Parameters
        ----------
        name : str
            Lower-case letters, digits and ``_``; unique in the report.  Where the caption or a cell says that the data
            are simulated or for internal use, the file name says it in front.
        df : DataFrame
            The table; a named index becomes columns.
        caption : str or Phrase
            Caption above it.
        units : mapping of str to str, optional
            Unit by column.
        digits : mapping of str to int, or int, optional
            Digits behind the decimal sign; default: the unit's.

        Raises
        ------
        ReportError
            If the name is not valid or used before, or the table has two header rows.
        """
        _check_name(name, "table")
        df = spoken_table(df, self.lang)
        content = csv_text(df, name)
        name = self._claim(name, "table", as_text(caption), content)
        shown = html_table(df, self.lang, name=name, caption=caption, units=units, digits=digits)
        self._write(f"tables/{name}.csv", content)
        places = dict(digits) if isinstance(digits, Mapping) else dict.fromkeys(map(str, df.columns), digits)
        self._tables[name] = {
            "caption": as_text(caption),
            "units": dict(units or {}),
            "digits": {column: int(count) for column, count in places.items() if count is not None},
        }
        self._write(TABLES_FILE, json.dumps(dict(sorted(self._tables.items())), ensure_ascii=False, indent=1) + "\n")
        _show(shown, as_text(caption) or name, kind="table", name=name)

    def figure(self, name: str, fig: Figure, *, alt: str | Phrase, caption: str | Phrase) -> None:
        """Write a figure to ``figures/<name>.png``, the table behind it to ``figures/<name>.csv``, and show it.

        Parameters
        ----------
        name : str
            Lower-case letters, digits and ``_``; unique in the report.  Where the caption says that the data are
            simulated or for internal use, the file name says it in front.
        fig : Figure or Axes
            A matplotlib figure; it is closed.
        alt : str or Phrase
            What the figure shows, in words, for those who do not see it.
        caption : str or Phrase
            Caption below it, with the source.

        Raises
        ------
        ReportError
            If the name is not valid or used before, or alt text or caption is empty.
        """
        import matplotlib.pyplot as plt
        from IPython.display import display

        from povstudy.reporting.figures import figure_png, figure_table

        _check_name(name, "figure")
        alt_text, caption_html = as_text(alt).strip(), as_html(caption).strip()
        if not alt_text or not caption_html:
            raise ReportError(f"Figure {name!r} needs an alt text and a caption; got {alt_text!r}, {caption_html!r}.")
        name = self._claim(name, "figure", as_text(caption))
        figure = getattr(fig, "figure", None) or fig
        # The table first: drawing may move what is drawn, and a picture that is known is not drawn again.
        self._write(f"figures/{name}.csv", csv_text(figure_table(figure), name))
        png = figure_png(figure)
        self._write(f"figures/{name}.png", png)
        plt.close(figure)
        width = round(figure.get_size_inches()[0] * CSS_DPI)
        display(
            {"image/png": base64.b64encode(png).decode("ascii"), "text/plain": alt_text},
            metadata={
                "image/png": {"alt": alt_text, "width": width},
                MARK: {
                    "kind": "figure",
                    "name": name,
                    "alt": alt_text,
                    "caption": caption_html,
                    "width": width,
                },
            },
            raw=True,
        )
        _show(f'<p class="caption">{caption_html}</p>', as_text(caption), kind="caption", name=name)

    def file(self, name: str, content: bytes, *, title: str | Phrase) -> None:
        """Write a document beside the page and show a link to it.

        Parameters
        ----------
        name : str
            Lower-case letters, digits, ``_`` and ``-``, with one of the endings of `DOCUMENTS`; unique in the report.
        content : bytes
            The document.
        title : str or Phrase
            What it is, in words: the text of the link.

        Raises
        ------
        ReportError
            If the name is not valid or used before.
        """
        if not isinstance(name, str) or not DOCUMENT_NAME.fullmatch(name):
            raise ReportError(
                f"The document name {str(name)[:80]!r} is not valid: use up to 100 lower-case letters a-z, digits, '_' "
                f"and '-', and one of the endings {', '.join(DOCUMENTS)}."
            )
        self._claim_once(name, "document")
        self._write(name, content)
        words = as_html(title)
        link = f'<a href="{html.escape(name)}">{words}</a>' if self.folder is not None else words
        _show(f'<p class="said">{link}</p>', as_text(title), kind="say")

    def forecast(self, forecast: object, *, targets: object = None, **labels: object) -> None:
        """Write a forecast into forecast.csv; several forecasts of one report stand below each other.

        Parameters
        ----------
        forecast : Forecast or DataFrame
            A `povstudy.projection.Forecast`, or a table in the shape of its ``to_hubverse()``.
        targets : sequence of float, optional
            Values at which the cumulative probability is written; handed to ``to_hubverse``.
        **labels : object
            Further keywords of ``to_hubverse``, for instance ``group="ethnic_minority"``.

        Raises
        ------
        ReportError
            If a row of the table stands in the report already with another value.
        """
        import pandas as pd

        if hasattr(forecast, "to_hubverse"):
            given = {"targets": targets, **labels} if targets is not None else labels
            table = forecast.to_hubverse(**given)
        elif isinstance(forecast, pd.DataFrame):
            table = forecast.assign(**labels)
        else:
            raise ReportError(f"report.forecast: expected a Forecast or a DataFrame, got {type(forecast).__name__}.")
        key = [column for column in table.columns if column != "value"]
        joined = pd.concat([*self._forecasts, table], ignore_index=True)
        if joined.duplicated(key).any():
            first = joined.loc[joined.duplicated(key), key].iloc[0].to_dict()
            raise ReportError(f"forecast.csv would hold two values for {first}. Give each forecast labels of its own.")
        self._forecasts.append(table)
        self._write(FORECAST_FILE, csv_text(joined, "forecast"))

    def _claim(self, name: str, kind: str, *said: str) -> str:
        """Return the name of the files of a table or figure: it says what the caption or a cell says of the data."""
        from povstudy.disclosure import labelled_key, said_labels

        name = labelled_key(name, *map(said_labels, said))
        self._claim_once(name, kind)
        return name

    def _claim_once(self, name: str, kind: str) -> None:
        if name in self._names[kind] and self.folder is not None:
            raise ReportError(f"The report has two {kind}s named {name!r}. Rename one.")
        self._names[kind].add(name)

    def _write(self, path: str, content: str | bytes) -> None:
        if self.folder is None:
            return
        target = self.folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def _check_name(name: str, kind: str) -> None:
    if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
        raise ReportError(
            f"The {kind} name {str(name)[:80]!r} is not valid: use 1 to 80 lower-case letters a-z, digits and '_'."
        )


def _show(content: str, text: str, **facts: str) -> None:
    from IPython.display import display

    display({"text/html": content, "text/plain": text}, metadata={MARK: facts}, raw=True)
