"""The page of scores: forecasts on record and hindcasts against what was published since, in figures and tables."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from povstudy.errors import NotAvailableError, ReportError
from povstudy.reporting import folders, ledger, record, wording
from povstudy.reporting.cite import series_in
from povstudy.reporting.formats import Date, Number, Phrase, format_number, phrase
from povstudy.reporting.report import CSS_DPI, NUMBERS_FILE, numbers_json
from povstudy.reporting.scoring import FORECASTS, HINDCASTS, Scores, score_ledger
from povstudy.reporting.tables import csv_cell, csv_text, html_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["ScorePage", "score", "text_table"]

SUMMARY, CASES = "scores.csv", "cases.csv"
DEFAULT_MODEL = "povstudy-default"
MODEL_PREFIX = "povstudy-"
PANELS = 4
PANEL_FORECASTS = 20  # fewer make no line: they stand in the table
LEVELS = {"50": 0.5, "80": 0.8, "95": 0.95}
FIGURE_WIDTH, PANEL_HEIGHT = 6.4, 3.2
TERMINAL = ("kind", "model_id", "standard", "horizon", "low_confidence", "n", "target_years", "mae", "mae_last")
TERMINAL += ("relative_mae", "crps", "wis", "coverage_50", "coverage_80", "coverage_95")


@dataclass(frozen=True)
class ScorePage:
    """What `score` wrote.

    Parameters
    ----------
    path : Path
        The page.
    scores : Scores
        What it shows.
    """

    path: Path
    scores: Scores


def score(output: str | Path | None = None, *, lang: str = "en") -> ScorePage:
    """Score the ledger of a folder of reports and the shipped hindcasts; write the page of scores.

    Parameters
    ----------
    output : str or Path, optional
        The parent of all reports; default: ``reports`` in the project folder.
    lang : str
        Language of the page.

    Returns
    -------
    ScorePage
        ``<output>/scores/scores.html`` with its figures, ``scores.csv``, ``cases.csv`` and ``numbers.json``.

    Raises
    ------
    UnwritableError
        If the folder cannot be written.
    DataError
        If a file of the ledger cannot be read.
    NotAvailableError
        If there is no forecast on record and no hindcast.
    ReportError
        If the page cannot be written; the old one is untouched.
    """
    from povstudy.sources import load, project_home

    home = project_home()
    out = Path(output) if output is not None else home / "reports"
    ledgers = {FORECASTS: ledger.read_ledger(out), HINDCASTS: ledger.read_hindcasts(home)}
    if not any(len(table) for table in ledgers.values()):
        raise NotAvailableError(
            f"There is no forecast on record in {out / ledger.LEDGER}, and {ledger.HINDCASTS.as_posix()} is not "
            "there. Run `povstudy report` first."
        )
    scores = score_ledger(ledgers, load("rates", home=home))
    out = folders.make_output(out)
    try:
        with folders.work_folder(out) as work:
            _write(work, scores, home, lang)
            folders.publish(work, (out / folders.SCORES_PAGE).parent)
    except OSError as error:
        raise ReportError(
            f"The scores could not be written: {error.strerror or error}. The old ones are kept."
        ) from None
    return ScorePage(out / folders.SCORES_PAGE, scores)


def _write(work: Path, scores: Scores, home: Path, lang: str) -> None:
    import jinja2

    from povstudy import sources
    from povstudy.reporting.figures import figure_png
    from povstudy.reporting.render import CSP, TEMPLATES, page_css

    (work / "figures").mkdir()
    (work / SUMMARY).write_text(csv_text(scores.summary, SUMMARY), encoding="utf-8")
    _write_cases(work / CASES, scores.cases)
    figures = []
    for name, figure, caption in _figures(scores.summary, lang):
        png = figure_png(figure)
        (work / "figures" / f"{name}.png").write_bytes(png)
        figures.append(
            {
                "name": name,
                "png": base64.b64encode(png).decode("ascii"),
                "alt": str(phrase(f"score.alt.{name}", lang, {})),
                "caption": caption,
                "width": round(figure.get_size_inches()[0] * CSS_DPI),
            }
        )
    sentences, numbers = _sentences(scores, lang)
    (work / NUMBERS_FILE).write_text(numbers_json(numbers), encoding="utf-8")
    page_words = ("figure", "table", "date", "data_hash", "code_hash", "recompute", "files")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.get_template("scores.html.j2").render(
        lang=lang,
        csp=CSP,
        css=page_css(),
        title=wording.text_of("score.title", lang),
        intro=wording.text_of("score.intro", lang),
        words={word: wording.text_of(f"page.{word}", lang) for word in page_words}
        | {"made": wording.text_of("score.made", lang)},
        sentences=sentences,
        figures=figures,
        parts=list(_parts(scores.summary, lang)),
        date=Date(datetime.datetime.now(datetime.UTC).date(), lang),
        data=record.sha256_text(record.canonical(sources.data_hashes(home))),
        code=record.code_hash(),
        command=f"povstudy score --lang {lang}",
        files=[SUMMARY, CASES, NUMBERS_FILE],
    )
    (work / folders.SCORES_PAGE.name).write_text(text, encoding="utf-8")


def _write_cases(path: Path, cases: pd.DataFrame) -> None:
    """Write the cases: numbers at 10 significant digits, text that no spreadsheet executes."""
    texts = [name for name in cases.columns if str(cases[name].dtype) in ("str", "object", "string")]
    safe = {name: cases[name].map({value: csv_cell(value) for value in cases[name].unique()}) for name in texts}
    cases.assign(**safe).to_csv(path, index=False, float_format="%.10g", lineterminator="\n")


def _model(name: str, lang: str) -> str:
    key = f"score.model.{name.removeprefix(MODEL_PREFIX)}"
    return str(phrase(key, lang, {})) if key in wording.catalogue() else name


def _standard(label: str, lang: str) -> str:
    from povstudy.standards import list_series, series_name

    known = label in {series.label for series in list_series()}
    return series_name(label, lang, short=True) if known else label


def _sentences(scores: Scores, lang: str) -> tuple[list[Phrase], dict[str, Number]]:
    """Return the sentences of the page and the numbers they state."""
    numbers = {"level": _level(lang)}

    def number(name: str, value: int) -> Number:
        numbers[name] = Number(name, int(value), "count", 0, "ledger", lang)
        return numbers[name]

    if scores.cases.empty:
        return [phrase("score.none", lang, {})], numbers
    pending = sum(scores.pending.values())
    counts = {"scored": number("scored", len(scores.cases)), "pending": number("pending", pending)}
    sentences = [phrase("score.counts", lang, counts)]
    if scores.scenarios or scores.incomplete:
        left = {
            "scenarios": number("scenarios", scores.scenarios),
            "incomplete": number("incomplete", scores.incomplete),
        }
        sentences.append(phrase("score.left_out", lang, left))
    if scores.summary["low_confidence"].any():
        sentences.append(phrase("score.low", lang, {}))
    return sentences, numbers


def _panels(summary: pd.DataFrame) -> list[tuple[tuple, pd.DataFrame]]:
    """Return the series with the most forecasts, those on record first."""
    good = summary[~summary["low_confidence"] & summary["relative_mae"].notna() & summary["n"].ge(PANEL_FORECASTS)]
    groups = list(good.groupby(["kind", "standard", "target", "group"], sort=True))
    groups.sort(key=lambda item: (-int(item[1]["n"].max()), item[0]))
    return sorted(groups[:PANELS], key=lambda item: item[0])


def _figures(summary: pd.DataFrame, lang: str) -> Iterator[tuple[str, Figure, Phrase]]:
    """Give name, figure and caption of each figure: errors, and the coverage of the default rule."""
    from povstudy.plots import plot_coverage

    panels = _panels(summary)
    if not panels:
        return
    yield "errors", _errors(panels, lang), phrase("score.caption.errors", lang, {})
    spells = [
        {"spell": _panel_title(key, lang), "horizon": row.horizon, "coverage_80": row.coverage_80}
        for key, rows in panels
        for row in rows[rows["model_id"].eq(DEFAULT_MODEL)].itertuples()
    ]
    if not spells:
        return
    import pandas as pd

    labels = {
        "x": wording.text_of("score.axis.coverage", lang),
        "nominal": wording.text_of("score.axis.nominal", lang),
        "horizon": wording.fill("score.axis.ahead", lang, {"horizon": "{horizon}"}),
    }
    axes = plot_coverage(pd.DataFrame(spells), labels=labels, comma=lang == "vi")
    yield "coverage", axes.figure, phrase("score.caption.coverage", lang, {"level": _level(lang)})


def _level(lang: str) -> Number:
    return Number("level", LEVELS["80"], "share", 0, "ledger", lang)


def _panel_title(key: tuple, lang: str) -> str:
    kind, standard, target, group = key
    name = _standard(standard, lang)
    more = (
        ""
        if target.endswith(" poor rate") and group == "all"
        else f", {series_in({'target': target, 'group': group}, lang)}"
    )
    return f"{phrase(f'score.kind.{kind}', lang, {})}: {name}{more}"


def _errors(panels: list[tuple[tuple, pd.DataFrame]], lang: str) -> Figure:
    from matplotlib.figure import Figure

    from povstudy.plots import plot_errors

    figure = Figure(figsize=(FIGURE_WIDTH, PANEL_HEIGHT * len(panels)), layout="constrained")
    labels = {"x": wording.text_of("score.axis.x", lang), "y": wording.text_of("score.axis.y", lang)}
    for axes, (key, rows) in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        names = {model: _model(model, lang) for model in rows["model_id"].unique()}
        lines = rows.assign(method=rows["model_id"], mae=rows["relative_mae"])
        plot_errors(lines, names=names, ax=axes, labels=labels, comma=lang == "vi")
        axes.set_title(_panel_title(key, lang), loc="left", fontsize="medium")
        last = dict.fromkeys(_model(model, lang) for model in panels[-1][1]["model_id"])
        if key != panels[-1][0] and [line.get_label() for line in axes.lines] == list(last):
            axes.get_legend().remove()  # the one below the last panel is for all of them
    figure.get_layout_engine().set(hspace=0.06)
    return figure


def _parts(summary: pd.DataFrame, lang: str) -> Iterator[dict[str, str]]:
    """Give a table for each kind of forecast."""
    for kind in (FORECASTS, HINDCASTS):
        rows = summary[summary["kind"].eq(kind)]
        if len(rows):
            title = str(phrase(f"score.kind.{kind}", lang, {}))
            yield {
                "kind": kind,
                "title": title,
                "note": wording.text_of(f"score.note.{kind}", lang),
                "table": _table(rows, kind, title, lang),
            }


def _table(rows: pd.DataFrame, kind: str, title: str, lang: str) -> str:
    import pandas as pd

    def head(name: str, **values: str) -> str:
        return str(phrase(f"score.column.{name}", lang, values))

    level = {name: format_number(value, "share", lang, digits=0) for name, value in LEVELS.items()}
    shown = {
        head("model"): [_model(name, lang) for name in rows["model_id"]],
        head("standard"): [_standard(label, lang) for label in rows["standard"]],
        head("series"): [
            series_in({"target": target, "group": group}, lang, words="short")
            for target, group in zip(rows["target"], rows["group"], strict=True)
        ],
        head("horizon"): rows["horizon"].to_numpy(),
        head("low"): [wording.text_of("yes", lang) if low else "" for low in rows["low_confidence"]],
        head("n"): rows["n"].to_numpy(),
        head("target_years"): rows["target_years"].to_numpy(),
    }
    measures = ("mae", "mae_last", "relative_mae", "bias", "crps", "wis")
    shown |= {head(name): rows[name].to_numpy() for name in measures}
    shown |= {head("coverage", level=level[n]): rows[f"coverage_{n}"].to_numpy() for n in LEVELS}
    shown[head("width", level=level["80"])] = rows["width_80"].to_numpy()
    units = {head("coverage", level=level[n]): "share" for n in LEVELS}
    caption = phrase("score.caption.table", lang, {"kind": title})
    digits = dict.fromkeys(units, 0)
    return html_table(pd.DataFrame(shown), lang, name=kind, caption=caption, units=units, digits=digits)


def text_table(summary: pd.DataFrame) -> str:
    """Return the summary as lines for a terminal.

    Parameters
    ----------
    summary : DataFrame
        ``Scores.summary``.

    Returns
    -------
    str
        One line a row; shares and points with three digits.
    """
    if summary.empty:
        return "No forecast on record can be scored yet."
    rows = summary[list(TERMINAL)].assign(low_confidence=summary["low_confidence"].map({True: "yes", False: ""}))
    head = [name.replace("_", " ") for name in TERMINAL]
    cells = [head, *[[_cell(value) for value in row] for row in rows.itertuples(index=False)]]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    texts = TERMINAL.index("horizon")
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.3f}"
    return str(value)
