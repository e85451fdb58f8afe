"""Exploring a forecast by hand: area, series, years, rule and target, with the fan chart and the target's probability.

`explore` shows controls where the notebook is open in a frontend with ipywidgets.  Anywhere else (a report, a run by
papermill, a viewer without widgets) it shows the one setting that the parameters name, as a picture and a table.
"""

from __future__ import annotations

import base64
import functools
import html
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from povstudy.areas import area_label, area_name, successor_of
from povstudy.errors import PovstudyError
from povstudy.projection.outlook import Outlook, outlook_of_panel, outlooks
from povstudy.reporting import wording
from povstudy.reporting.formats import Clause, Name, Phrase, Year
from povstudy.reporting.tables import html_table

if TYPE_CHECKING:
    from ipywidgets import VBox
    from matplotlib.figure import Figure

    from povstudy.reporting.report import Report

__all__ = ["Explorer", "Setting", "View", "explore"]

SCREEN_DPI = 110
LEVEL = 0.8
KEPT = 128
LEVELS = ("country", "region", "province", "district", "commune", "hamlet")
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
WIDE = {"description_width": "initial"}
FAN_WORDS = {"x": "year", "y": "rate", "observed": "observed", "median": "median"}


@dataclass(frozen=True)
class Setting:
    """What is looked at.

    Parameters
    ----------
    area : str
        Id of an area.
    horizon : int
        Years ahead of the area's newest figure.
    method : str
        A forecasting rule.
    target : float
        Percent: how likely is a rate of at most this in the last year?
    series : str
        Key of one of the area's series; empty or unknown to the area: its first.
    """

    area: str
    horizon: int = 6
    method: str = "default"
    target: float = 1.0
    series: str = ""


@dataclass(frozen=True)
class View:
    """What a setting shows.

    Parameters
    ----------
    sentences : tuple of Phrase
        The forecast, and the probability of the target.
    table : DataFrame
        Year, median, both ends of the interval (%), probability of the target (share in [0, 1]).
    units : dict of str to str
        Unit by column of the table.
    series : dict of str to str
        Words of the area's series, by key.
    chosen : str
        Key of the series that is shown.
    draw : callable
        Draws the fan chart; returns a Figure.
    alt, caption : Phrase or None
        Of the figure; None where there is nothing to show, and then the sentence says why.
    """

    sentences: tuple[Phrase, ...]
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    units: Mapping[str, str] = field(default_factory=dict)
    series: Mapping[str, str] = field(default_factory=dict)
    chosen: str = ""
    draw: Callable[[], Figure] | None = None
    alt: Phrase | None = None
    caption: Phrase | None = None


class Explorer:
    """Answers settings; forecasts are kept, so that a control that goes back costs nothing.

    Parameters
    ----------
    report : Report
        What the notebook opened: it has the language and states the numbers.
    rates : DataFrame
        ``load("rates")``.
    panel : DataFrame, optional
        A user's own figures, as `read_panel` gives them; then only their areas are shown.
    seed : int
        Seed of the draws.
    """

    def __init__(self, report: Report, rates: pd.DataFrame, *, panel: pd.DataFrame | None = None, seed: int = 0):
        self.report = report
        self.rates = rates
        self.panel = panel
        self.seed = seed
        self._outlooks = functools.lru_cache(KEPT)(self._made)

    def areas(self) -> dict[str, str]:
        """Return the areas that have a rate: the country, regions, provinces of today, then the 63, then smaller ones.

        Returns
        -------
        dict of str to str
            Ids by their name in the report's language.
        """
        lang = self.report.lang
        if self.panel is not None:
            names = self.panel["area_name"] if "area_name" in self.panel else self.panel["area"]
            return dict(zip(names.astype(str), self.panel["area"].astype(str), strict=True))
        found = self.rates.drop_duplicates("area")
        known = {row.area: (LEVELS.index(row.level), row.vintage != "34") for row in found.itertuples()}
        # A province of today has the rates of its parts.
        old = found[found["level"].eq("province") & found["vintage"].eq("63")]["area"]
        known |= dict.fromkeys(map(successor_of, old), (LEVELS.index("province"), False))
        order = sorted(known, key=lambda area: (*known[area], area_name(area, lang)))
        return {area_label(area, lang): area for area in order}

    def name(self, area: str) -> str:
        """Return the name of an area in the report's language.

        Parameters
        ----------
        area : str
            Its id.

        Returns
        -------
        str
            The id where it has no name.
        """
        return next((name for name, known in self.areas().items() if known == area), area)

    def _made(self, area: str, horizon: int, method: str) -> tuple[Outlook, ...]:
        options = {"horizon": horizon, "method": method, "seed": self.seed}
        if self.panel is not None:
            return (outlook_of_panel(self.panel, area, **options),)
        return tuple(view for view in outlooks(self.rates, area, **options) if not view.context)

    def view(self, setting: Setting) -> View:
        """Return what a setting shows; where there is nothing to show, the sentence says why.

        Parameters
        ----------
        setting : Setting
            What is looked at.

        Returns
        -------
        View
            Its sentences, table and figure.
        """
        report = self.report
        try:
            found = {view.key: view for view in self._outlooks(setting.area, setting.horizon, setting.method)}
        except PovstudyError as error:
            reason = wording.recorded(str(error), report.lang)
            return View((report.phrase("explore.nothing", area=Name(self.name(setting.area)), reason=reason),))
        chosen = setting.series if setting.series in found else next(iter(found))
        words = {key: report.words(f"short.{key}") for key in found}
        return self._shown(setting, found[chosen], words)

    def _shown(self, setting: Setting, outlook: Outlook, words: Mapping[str, str]) -> View:
        report, table = self.report, outlook.forecast.table
        final, source = table.iloc[-1], f"forecast {outlook.standard}"
        target = report.number("target", setting.target, "%", source="parameter target_rate")
        facts = {
            "last": report.number("last", outlook.last["value"], "%", source=f"rates {outlook.standard}"),
            "last_year": Year(outlook.last["year"]),
            "median": report.number("median", final["median"], "%", source=source),
            "low": report.number("low_80", final["low_80"], "%", source=source),
            "high": report.number("high_80", final["high_80"], "%", source=source),
            "target_year": Year(final["target_year"]),
            "level": report.number("level", LEVEL, "share", digits=0),
        }
        chances = [
            float(outlook.forecast.probability_at_most(setting.target, int(year))) for year in table["target_year"]
        ]
        probability = report.number("probability", chances[-1], "probability", source="forecast draws")
        area, series = Name(self.name(setting.area)), report.phrase(f"series.{outlook.key}")
        sentences = (
            report.phrase("headline", area=area, series=series, **facts),
            report.phrase(
                "explore.probability",
                target=target,
                year=facts["target_year"],
                probability=probability,
                verdict=report.words(wording.verdict_key(chances[-1])),
            ),
        )
        columns = {
            report.words("explore.year"): table["target_year"].astype(str).tolist(),
            report.words("explore.median"): table["median"].tolist(),
            report.words("explore.low", level=facts["level"]): table["low_80"].tolist(),
            report.words("explore.high", level=facts["level"]): table["high_80"].tolist(),
            report.words("explore.at_most", target=target): chances,
        }
        heads = list(columns)
        return View(
            sentences,
            pd.DataFrame(columns),
            {**dict.fromkeys(heads[1:4], "%"), heads[4]: "probability"},
            words,
            outlook.key,
            functools.partial(
                self._figure, outlook, setting.target, report.words("explore.target_line", target=target)
            ),
            report.phrase("alt.fan", **facts),
            report.phrase(
                "caption.fan",
                area=area,
                series=series,
                standard=Clause(self._standard(outlook)),
                method=report.words("method." + outlook.method),
                sources=self._sources(outlook),
            ),
        )

    def _standard(self, outlook: Outlook) -> str:
        from povstudy.standards import series_name

        return outlook.standard if outlook.family == "user" else series_name(outlook.standard, self.report.lang)

    def _sources(self, outlook: Outlook) -> Name | Phrase:
        if outlook.family == "user":
            return self.report.phrase(f"series.{outlook.key}")
        own = self.rates["area"].isin(outlook.parts or (outlook.area,)) & self.rates["preferred"]
        cited = self.rates[own & self.rates["standard"].eq(outlook.standard)]
        return Name(", ".join(sorted(set(cited["source_id"]) - {""})))

    def _figure(self, outlook: Outlook, target: float, named: str) -> Figure:
        from povstudy.plots import plot_fan

        years = [int(outlook.last["year"]), int(outlook.forecast.table["target_year"].max())]
        line = pd.DataFrame({"target": named, "year": years, "value": target})
        words = {name: self.report.words(f"w03.{word}") for name, word in FAN_WORDS.items()}
        words["band"] = self.report.words("w03.band", level="{level}")
        axes = plot_fan(
            outlook.observed, outlook.forecast.table, targets=line, labels=words, comma=self.report.lang == "vi"
        )
        return axes.figure

    def page(self, setting: Setting) -> str:
        """Return what a setting shows as HTML: sentences, picture, table.

        Parameters
        ----------
        setting : Setting
            What is looked at.

        Returns
        -------
        str
            HTML that needs nothing else.
        """
        view = self.view(setting)
        said = "".join(f"<p>{sentence.html}</p>\n" for sentence in view.sentences)
        if view.draw is None:
            return f'<div class="povstudy-explore">{said}</div>'
        shown = html_table(
            view.table,
            self.report.lang,
            name="explore",
            caption=self.report.phrase("explore.caption"),
            units=view.units,
        )
        picture = base64.b64encode(_screen_png(view.draw())).decode("ascii")
        image = f'<img src="data:image/png;base64,{picture}" alt="{html.escape(str(view.alt))}" style="max-width:100%">'
        return (
            f'<div class="povstudy-explore" aria-live="polite">{said}<figure style="margin:0">{image}'
            f"<figcaption>{view.caption.html}</figcaption></figure>\n{shown}</div>"
        )

    def plain(self, setting: Setting) -> None:
        """Show one setting through the report: sentences, figure, table, forecast.

        Parameters
        ----------
        setting : Setting
            What is looked at.

        Raises
        ------
        NotAvailableError
            If the area has nothing to show.
        """
        found = {view.key: view for view in self._outlooks(setting.area, setting.horizon, setting.method)}
        report, view = self.report, self.view(setting)
        outlook = found[view.chosen]
        report.about(standard=self._standard(outlook), area=self.name(setting.area))
        for sentence in view.sentences:
            report.say("paragraph", text=sentence)
        report.figure("fan", view.draw(), alt=view.alt, caption=view.caption)
        report.table("years", view.table, caption=report.phrase("explore.caption"), units=view.units)
        report.say("explore.plain")
        report.forecast(
            outlook.forecast,
            targets={int(outlook.forecast.table["target_year"].max()): [setting.target]},
            group=outlook.group,
            target=f"{outlook.family} {outlook.concept} rate",
        )

    def controls(self, setting: Setting, methods: tuple[str, ...]) -> VBox:
        """Return the controls and, below them, what their setting shows.

        Parameters
        ----------
        setting : Setting
            Where they start.
        methods : tuple of str
            Rules to choose from.

        Returns
        -------
        VBox
            A widget; every change of a control renews the page below it.
        """
        import ipywidgets as widgets

        said, first = self.report.words, self.view(setting)
        rules = dict.fromkeys((setting.method, *methods))
        area = widgets.Dropdown(
            options=list(self.areas().items()), value=setting.area, description=said("explore.area"), style=WIDE
        )
        series = widgets.Dropdown(
            options=[(word, key) for key, word in first.series.items()],
            value=first.chosen or None,
            description=said("explore.series"),
            style=WIDE,
        )
        horizon = widgets.IntSlider(
            setting.horizon, 1, 15, description=said("explore.horizon"), continuous_update=False, style=WIDE
        )
        method = widgets.Dropdown(
            options=[(said(f"method.{rule}"), rule) for rule in rules],
            value=setting.method,
            description=said("explore.method"),
            style=WIDE,
        )
        target = widgets.BoundedFloatText(
            setting.target, min=0, max=100, step=0.1, description=said("explore.target"), style=WIDE
        )
        shown = widgets.HTML(self.page(setting))
        busy = False

        def renew(change: Mapping) -> None:
            nonlocal busy
            if busy:
                return
            wanted = Setting(area.value, horizon.value, method.value, target.value, series.value or "")
            busy = True  # the series that an area has follow the area: no second page for that
            try:
                view = self.view(wanted)
                series.options = [(word, key) for key, word in view.series.items()]
                series.value = view.chosen or None
            finally:
                busy = False
            shown.value = self.page(wanted)

        for control in (area, series, horizon, method, target):
            control.observe(renew, names="value")
        return widgets.VBox([widgets.HBox([area, series]), widgets.HBox([horizon, method, target]), shown])


def explore(
    report: Report,
    rates: pd.DataFrame,
    setting: Setting,
    *,
    methods: tuple[str, ...] = ("default",),
    panel: pd.DataFrame | None = None,
    seed: int = 0,
) -> None:
    """Show the controls of an exploration where they can be used, else the one setting as picture and table.

    Parameters
    ----------
    report : Report
        What the notebook opened.
    rates : DataFrame
        ``load("rates")``.
    setting : Setting
        Where to start.
    methods : tuple of str
        Rules to choose from.
    panel : DataFrame, optional
        A user's own figures.
    seed : int
        Seed of the draws.

    Raises
    ------
    NotAvailableError
        In a report, if the area has nothing to show.
    """
    explorer = Explorer(report, rates, panel=panel, seed=seed)
    widgets_there = report.folder is None and _widgets_work()
    if not widgets_there:
        explorer.plain(setting)
        return
    from IPython.display import display

    # A viewer that knows no widgets takes the page of the first setting from the same output.
    controls = explorer.controls(setting, methods)
    view = {"version_major": 2, "version_minor": 0, "model_id": controls.model_id}
    page = explorer.page(setting)
    display({WIDGET_MIME: view, "text/html": page, "text/plain": str(Phrase(page))}, raw=True)


def _widgets_work() -> bool:
    """Tell whether this is a kernel with ipywidgets, which alone can carry a control's change to a frontend."""
    from IPython import get_ipython

    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def _screen_png(figure: Figure) -> bytes:
    """Return the figure as PNG for a screen, and close it."""
    import matplotlib.pyplot as plt

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=SCREEN_DPI, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    return drawn.getvalue()
