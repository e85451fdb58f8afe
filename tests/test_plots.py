"""Figures draw what the table says, on the Axes they are given, and refuse to join what is not one thing."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from povstudy import plots
from povstudy.errors import DataError, StandardError


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def series(standard="nso-mdp-2022-2025", area="vn63-89", name="survey"):
    return pd.DataFrame(
        {
            "series": name,
            "area": area,
            "standard": standard,
            "year": [2022, 2023, 2024],
            "value": [4.64, 3.71, 2.53],
            "std_error": [0.94, 0.85, 0.7],
        }
    )


def fan(area="vn63-89", standard="nso-mdp-2022-2025", scenario=""):
    steps = np.arange(1, 7)
    table = pd.DataFrame({"area": area, "target_year": 2024 + steps, "median": 2.5 * 0.8**steps, "standard": standard})
    table["scenario"] = scenario
    for level, spread in ((50, 0.2), (80, 0.4), (95, 0.6)):
        table[f"low_{level}"] = table["median"] * (1 - spread)
        table[f"high_{level}"] = table["median"] * (1 + spread)
    return table


def test_plots_draw_on_the_given_axes_and_set_no_global_style():
    before = dict(matplotlib.rcParams)
    _, ax = plt.subplots()
    assert plots.plot_series(series(), ax=ax) is ax
    assert plots.plot_fan(series(), fan(), ax=ax) is ax
    assert dict(matplotlib.rcParams) == before


def test_series_draws_one_line_per_standard():
    both = pd.concat([series(), series("review-mdp-2022-2025", name="review")])
    ax = plots.plot_series(both)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["survey", "review"]


@pytest.mark.parametrize("other", ["nso-mdp-2016-2020", "review-mdp-2022-2025"])
def test_one_line_across_two_standards_or_families_is_refused(other):
    both = pd.concat([series(), series(other)])
    with pytest.raises(StandardError, match=r"one line of a figure.*"):
        plots.plot_series(both)


def test_one_line_across_the_merger_is_refused():
    both = pd.concat([series(), series(area="vn34-91")])
    with pytest.raises(StandardError, match=r"vn34-91|vn63-89"):
        plots.plot_series(both)


def test_a_fan_on_another_standard_than_what_was_observed_is_refused():
    with pytest.raises(StandardError):
        plots.plot_fan(series("review-mdp-2022-2025"), fan())
    with pytest.raises(StandardError):
        plots.plot_fan(series(), fan(area="vn34-91"))


@pytest.mark.parametrize("column", ["area", "scenario"])
def test_a_fan_of_two_areas_or_scenarios_is_refused(column):
    two = pd.concat([fan(), fan(**{column: "vn63-91"})])
    with pytest.raises(DataError, match=f"plot_fan draws one {column}, the forecast holds 2"):
        plots.plot_fan(series(), two)


def test_the_fan_starts_at_the_last_observed_figure_and_ends_at_the_last_median():
    ax = plots.plot_fan(series(), fan())
    median = next(line for line in ax.lines if line.get_label() == "forecast (median)")
    assert median.get_xdata()[0] == 2024
    assert median.get_ydata()[0] == 2.53
    assert median.get_ydata()[-1] == pytest.approx(fan()["median"].iloc[-1])
    assert len(ax.collections) == 3
    shades = [band.get_facecolor()[0] for band in ax.collections]
    assert all(shade[3] == 1 for shade in shades), "a see-through band has another colour in the legend"
    assert [sum(shade) for shade in shades] == sorted((sum(shade) for shade in shades), reverse=True)


def test_past_forecasts_are_grey_and_start_at_the_figure_that_they_knew():
    past = pd.DataFrame(
        {"origin_year": [2023, 2023, 1999], "target_year": [2025, 2024, 2000], "median": [2.0, 2.9, 9.0]}
    )
    ax = plots.plot_fan(series(), fan(), past=past)
    lines = [line for line in ax.lines if line.get_color() == plots.style.COLOURS[7]]
    assert len(lines) == 1, "an origin without a figure is not drawn"
    assert lines[0].get_label() == "past forecasts (median)"
    known = series().set_index("year")["value"]
    assert lines[0].get_xydata().tolist() == [[2023, known[2023]], [2024, 2.9], [2025, 2.0]]


def test_targets_have_a_dash_of_their_own_and_a_point_has_none():
    rows = [("a", 2024, 2.5), ("a", 2030, 0.5), ("b", 2024, 2.5), ("b", 2030, 1.0), ("a long name " * 6, 2028, 1.5)]
    ax = plots.plot_fan(series(), fan(), targets=pd.DataFrame(rows, columns=["target", "year", "value"]))
    drawn = ax.lines[-3:]
    assert len({line.get_linestyle() for line in drawn}) == 3 and drawn[-1].get_linestyle() == "None"
    widest = ax.get_legend().get_texts()[-1].get_text()
    assert "\n" in widest and max(map(len, widest.splitlines())) <= 44


def test_labels_replace_words_and_an_unused_one_is_an_error():
    ax = plots.plot_series(series(), labels={"x": "Năm"})
    assert ax.get_xlabel() == "Năm"
    with pytest.raises(KeyError, match="not used by this figure"):
        plots.plot_series(series(), labels={"z": "?"})


def test_a_decimal_comma_on_the_axis():
    ax = plots.plot_series(series(), comma=True)
    assert ax.yaxis.get_major_formatter()(2.5, 0) == "2,5"
    assert plots.plot_series(series()).yaxis.get_major_formatter()(2.5, 0) == "2.5"


def test_a_name_with_a_dollar_sign_stays_text():
    ax = plots.plot_series(series(name="$x^2$ <script>"))
    ax.figure.canvas.draw()
    assert ax.get_legend().get_texts()[0].get_text() == r"\$x^2\$ <script>"


def test_availability_shows_counts_and_leaves_empty_cells_empty():
    table = pd.DataFrame({2022: [63, 0], 2023: [63, 2]}, index=["survey", "review"])
    ax = plots.plot_availability(table)
    assert sorted(text.get_text() for text in ax.texts) == ["2", "63", "63"]


def test_reconciliation_has_both_axes_on_one_scale():
    table = pd.DataFrame({"series": ["a", "b"], "published": [4.19, 12.8], "weighted": [4.5, 13.0]})
    ax = plots.plot_reconciliation(table)
    assert ax.get_xlim() == ax.get_ylim()


def test_errors_have_one_line_per_method_in_the_given_words():
    scores = pd.DataFrame({"method": ["a", "a", "b", "b"], "horizon": [1, 2, 1, 2], "mae": [1.0, 2, 3, 4]})
    ax = plots.plot_errors(scores, names={"a": "this rule"})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["this rule", "b"]


def test_coverage_is_drawn_in_percent_beside_what_was_promised():
    scores = pd.DataFrame({"spell": ["2010-16", "2016-21"], "horizon": [1, 1], "coverage_80": [0.5, 0.9]})
    ax = plots.plot_coverage(scores)
    assert list(ax.lines[0].get_xdata()) == [50, 90]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["2010-16", "2016-21"] and ax.yaxis.get_inverted()
    assert ax.lines[-1].get_xdata()[0] == 80


def test_probabilities_run_from_zero_to_a_hundred_with_their_verdict():
    table = pd.DataFrame({"target": ["a", "b"], "probability": [0.0, 0.9], "verdict": ["no", "likely"]})
    ax = plots.plot_probabilities(table)
    assert [bar.get_width() for bar in ax.patches] == [0, 90]
    assert [text.get_text() for text in ax.texts] == ["a", "no", "b", "likely"]
    assert ax.get_xlim() == (0, 100)


def rows_of(n=12):
    names = [f"a model whose name is so long that it needs two lines or three, number {i}" for i in range(n)]
    return pd.DataFrame({"label": names, "estimate": 1.0, "low": 0.5, "high": 1.5, "truth": 1.1})


PAPER = (176, 225)
"""Millimetres of a figure on A4 at most: see ``@media print`` of page.css."""
TARGET = pd.DataFrame(
    {"target": "at most 1.00 % in the year in which the plan ends, " * 2, "year": [2030], "value": 1.0}
)
DRAWN = {
    "series": lambda: plots.plot_series(
        pd.concat([series(name=f"series number {i} of a long list") for i in range(9)])
    ),
    "fan": lambda: plots.plot_fan(series(), fan(), targets=TARGET),
    "two lines of ticks": lambda: plots.plot_spread(
        pd.DataFrame({"group": ["2021", "2022\n(new)"], "unit": "u", "value": [0.1, 0.2]})
    ),
    "few rows": lambda: plots.plot_effects(rows_of(2)),
    "many rows": lambda: plots.plot_effects(rows_of(14)),
    "ranking": lambda: plots.plot_ranking(
        rows_of(20)
        .rename(columns={"label": "name", "estimate": "median", "low": "low_80", "high": "high_80"})
        .assign(area=[str(i) for i in range(20)], name="Bà Rịa - Vũng Tàu (đến 6/2025)", last=2.0)
    ),
    "availability": lambda: plots.plot_availability(
        pd.DataFrame(63, index=[f"a series of figures {i}" for i in range(9)], columns=range(1993, 2026))
    ),
    "members": lambda: plots.plot_members(
        pd.DataFrame(
            {"unit": list("aabb"), "former": ["Vĩnh Trung"] * 4, "former_class": ["I", "III", "none", "unknown"]}
        )
    ),
    "tiles": lambda: plots.plot_tiles(tiles()),
    "budget": lambda: plots.plot_allocation(
        pd.DataFrame({"plan": list("aabb"), "part": list("xyxy"), "cost": [1000.0, 2000, 2500, 500]})
    ),
    "probabilities": lambda: plots.plot_probabilities(
        pd.DataFrame(
            {
                "target": ["a name of a target " * 9, "b"],
                "probability": [0.9, 0.0],
                "verdict": ["likely", "cannot be met from where it starts"],
            }
        )
    ),
}


def crossing(boxes):
    """Pairs of names whose boxes share more than a pixel."""
    return [
        (a, b)
        for i, (a, one) in enumerate(boxes)
        for b, other in boxes[i + 1 :]
        if min(one.x1, other.x1) - max(one.x0, other.x0) > 1 and min(one.y1, other.y1) - max(one.y0, other.y0) > 1
    ]


@pytest.mark.parametrize("name", DRAWN)
def test_no_letter_is_smaller_than_seven_points_on_paper(name):
    from matplotlib.text import Text

    figure = DRAWN[name]().figure
    figure.canvas.draw()
    width, height = (25.4 * side for side in figure.get_tightbbox().size)
    shrunk = min(1, PAPER[0] / width, PAPER[1] / height)
    letters = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in letters) * shrunk >= 7


@pytest.mark.parametrize("name", DRAWN)
def test_no_label_overlaps_another_or_leaves_the_figure(name):
    ax = DRAWN[name]()
    ax.figure.canvas.draw()
    shown = []
    for axis, (low, high) in ((ax.xaxis, sorted(ax.get_xlim())), (ax.yaxis, sorted(ax.get_ylim()))):
        shown += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    shown = [text for text in [*shown, *ax.texts, ax.xaxis.label, ax.yaxis.label] if text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    if ax.get_legend() is not None:
        boxes.append(("the legend", ax.get_legend().get_window_extent()))
    assert crossing(boxes) == []
    page = ax.figure.bbox
    assert [label for label, box in boxes if box.x0 < page.x0 - 1 or box.x1 > page.x1 + 1 or box.y0 < page.y0 - 1] == []


def test_a_ninth_series_differs_from_the_first_in_its_marker():
    ax = plots.plot_series(pd.concat([series(name=f"{i}") for i in range(9)]))
    first, ninth = (ax.containers[position].lines[0] for position in (0, 8))
    assert first.get_markerfacecolor() != "white" == ninth.get_markerfacecolor()


def tiles():
    cells = {"area": ["x-1", "x-2", "x-3"], "name": ["Bà Rịa - Vũng Tàu", "Huế", "Hà Nội"], "row": [0, 1, 17]}
    return pd.DataFrame({**cells, "column": [0, 7, 3], "value": [23.1, 2.3, np.nan]})


def test_tiles_carry_name_and_rate_and_darken_with_it():
    ax = plots.plot_tiles(tiles(), own=["x-2"], labels={"missing": "chưa biết"}, comma=True)
    assert [text.get_text() for text in ax.texts] == ["Bà Rịa - Vũng\nTàu\n23,10", "Huế\n2,30", "Hà Nội\nchưa biết"]
    high, low, missing = (sum(patch.get_facecolor()[:3]) for patch in ax.patches)
    assert high < low < missing == 3
    assert [text.get_fontweight() for text in ax.texts] == ["normal", "bold", "normal"]
    assert min(text.get_fontsize() for text in ax.texts) >= 7
    ax.figure.canvas.draw()
    for text, patch in zip(ax.texts, ax.patches, strict=True):
        inner, outer = text.get_window_extent(), patch.get_window_extent()
        assert outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0 and inner.y1 <= outer.y1


def test_letters_on_a_tile_stand_out_from_it():
    """Contrast of at least 4.5 to 1, as WCAG 2 asks of small letters, at every shade."""
    from matplotlib.colors import to_rgb

    values = np.linspace(0, 20, 41)
    table = pd.DataFrame({"area": values, "name": "a", "row": range(41), "column": 0, "value": values})
    ax = plots.plot_tiles(table)

    def light(colour):
        parts = np.array(to_rgb(colour))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05

    for text, patch in zip(ax.texts, ax.patches, strict=True):
        one, other = sorted((light(text.get_color()), light(patch.get_facecolor()[:3])))
        assert other / one >= 4.5, text.get_text()


def test_panels_share_their_axes_and_break_at_a_new_standard():
    names = {"vn63-89": "An Giang", "vn63-91": "Kiên Giang"}
    rows = pd.concat([series(area=a).assign(value=lambda t, k=k: t["value"] * k) for k, a in enumerate(names, start=1)])
    older = rows.assign(standard="nso-mdp-2016-2020", year=rows["year"] - 6)
    table = pd.concat([older, rows])
    figure = plots.plot_panels(table.assign(name=table["area"].map(names)), own=["vn63-91"], behind=series())
    first, second = figure.axes
    assert [ax.get_title(loc="left") for ax in figure.axes] == list(names.values())
    assert first.get_ylim() == second.get_ylim() and first.get_ylim()[0] == 0
    assert first.get_ylim()[1] >= table["value"].max(), "the highest panel is not cut"
    assert [len(line.get_xdata()) for line in second.lines] == [3, 3, 3]
    assert first.lines[-1].get_color() != second.lines[-1].get_color()


def test_each_scenario_has_a_panel_and_the_forecast_stays_grey_behind_it():
    spoken = [f"scenario {n}" for n in range(11)]
    lines = pd.concat([fan(scenario=name).assign(median=0.1 * n + 0.5) for n, name in enumerate(spoken)])
    figure = plots.plot_scenarios(series(), fan(), lines, comma=True)
    panels = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title(loc="left") for ax in panels] == spoken
    for n, ax in enumerate(panels):
        grey, black, own = ax.lines
        assert list(own.get_ydata()[1:]) == pytest.approx([0.1 * n + 0.5] * 6)
        assert list(grey.get_ydata()[1:]) == list(fan()["median"]) and list(black.get_ydata()) == [4.64, 3.71, 2.53]
        assert [text.get_text() for text in ax.texts] == [f"{0.1 * n + 0.5:.2f}".replace(".", ",")]
        assert len({line.get_color() for line in ax.lines}) == 3
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["forecast, median and 80 % interval", "observed"]


def test_scenarios_of_another_standard_or_none_at_all_are_refused():
    with pytest.raises(StandardError, match="plot_scenarios"):
        plots.plot_scenarios(series("review-mdp-2022-2025"), fan(), fan(scenario="stall"))
    with pytest.raises(DataError, match="has no scenario to draw"):
        plots.plot_scenarios(series(), fan(), fan().iloc[:0])


def test_the_plane_has_a_ray_for_each_worth_and_keeps_what_is_not_known_apart():
    rows = [("a", 5.0, 2.0, 8.0, 800.0), ("b", np.nan, np.nan, np.nan, 3000.0)]
    table = pd.DataFrame(rows, columns=["model", "exits", "low", "high", "cost"])
    ax = plots.plot_plane(table, worth=[50, 1000], labels={"worth": "{worth} each"})
    slopes = [line.get_ydata()[1] / line.get_xdata()[1] for line in ax.lines[:2]]
    assert slopes == pytest.approx([50, 1000]), "a ray is cut at the frame and keeps its slope"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "50 each",
        "1,000 each",
        "cost known, effect not",
        "a",
    ]
    unknown = ax.lines[2]
    assert list(unknown.get_ydata()) == [3000] and list(unknown.get_xdata()) == [ax.get_xlim()[0]]
