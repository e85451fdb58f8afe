"""The notebooks on plans and models, and what they are made of: refusals, a roll-out with known effect, user files."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from povstudy import plots
from povstudy.economics import Constraints, acceptability, compare_objectives
from povstudy.economics.household_options import ModelCosts, gap_per_person, gap_under_gains, household_options
from povstudy.economics.records import break_even_each, recorded_ledger
from povstudy.errors import DataError, NotAvailableError, ParameterError
from povstudy.evaluation import did, doubly_robust, grade_design, relative_jumps
from povstudy.evaluation.describe import criterion_key, inference_kind, per_served
from povstudy.evaluation.effect import Effect
from povstudy.evaluation.files import join_programme, outcomes_of, read_outcomes, read_programme
from povstudy.evaluation.notes import NOTES, note
from povstudy.evaluation.plans import attempts, jump_spread, placebo_summary, rank_ranges, spell_placebos
from povstudy.evaluation.rollout import repeated_lots, rollout_assumptions, simulate_rollout
from povstudy.plots.style import decimal_ticks
from povstudy.reporting import wording
from povstudy.reporting.inputs import TEMPLATES, column_lines, write_templates
from povstudy.sources import load

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ["area", "year", "value", "standard"]
BREAK = 2022
CAUSAL = re.compile(r"\b(because of|caus\w+|led to|due to|thanks to|nhờ|do kế hoạch)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def survey():
    """NSO's rates of the provinces and the nation, as the notebook takes them."""
    rates = load("rates")
    return rates[
        rates["family"].eq("survey")
        & rates["concept"].eq("poor")
        & rates["group"].eq("all")
        & rates["preferred"]
        & rates["confidence"].isin(["high", "medium"])
        & rates["level"].isin(["province", "country"])
    ]


@pytest.fixture(scope="module")
def made():
    return simulate_rollout(seed=3)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


# --- what can be known of a plan ------------------------------------------------------------------------------


@pytest.mark.parametrize("treated", [["vn63-89"], None], ids=["one province", "every province"])
def test_no_estimator_runs_across_the_change_of_standard(survey, treated):
    panel = survey[survey["level"].eq("province") & survey["standard"].str.startswith("nso-mdp")][COLUMNS]
    tried = attempts(panel, treated=treated or sorted(set(panel["area"])), start=BREAK)
    assert set(tried["estimator"]) == {"did", "event_study", "synthetic_control", "synthetic_did"}
    assert tried["outcome"].eq("StandardError").all()
    assert tried["message"].str.contains("2 series that are not comparable").all()


def test_inside_one_standard_a_plan_of_everybody_is_refused_too(survey):
    panel = survey[survey["level"].eq("province") & survey["year"].ge(BREAK)][COLUMNS]
    tried = attempts(panel, treated=sorted(set(panel["area"])), start=BREAK)
    assert tried["outcome"].eq("DataError").all()
    assert tried["message"].str.contains("treated in every period").all()


def test_the_jump_of_the_break_is_several_times_that_of_other_years(survey):
    jumps = relative_jumps(survey[survey["standard"].str.startswith("nso-mdp")][COLUMNS], nation="vn")
    spread = jump_spread(jumps).set_index("year")
    calm = spread[~spread["new_standard"] & (spread.index < BREAK)]
    assert spread.index[spread["new_standard"]].tolist() == [BREAK]
    assert spread.at[BREAK, "spread_comparable"] > 2 * calm["spread_comparable"].max()
    assert spread.at[BREAK, "areas"] == 63 > spread.at[BREAK, "comparable"]


def test_placebos_cover_all_provinces_in_both_spells(survey):
    provinces = survey[survey["level"].eq("province")]
    for standard, first, last in (("gso-income-2011-2015", 2010, 2016), ("nso-mdp-2016-2020", 2016, 2021)):
        start, table = spell_placebos(provinces, standard=standard, method="did")
        assert first < start < last
        assert table["unit"].nunique() == len(table) == 63
        assert table["last"].max() == last
        # Ho Chi Minh City has no figure for the last year of the first spell.
        assert table.loc[table["unit"].eq("vn63-79"), "last"].item() == (2015 if last == 2016 else last)
    size = placebo_summary(table)
    assert size["half"] < size["twentieth"] <= size["largest"]


def test_a_spell_that_is_too_short_is_refused(survey):
    with pytest.raises(DataError, match="has 3 years with figures of most areas; 4 are needed"):
        spell_placebos(survey[survey["level"].eq("province")], standard="nso-mdp-2022-2025")


def test_without_sampling_error_a_rank_is_certain_and_with_it_it_is_not():
    table = pd.DataFrame({"area": list("abc"), "start": [9.0, 8.0, 7.0], "end": [4.0, 4.0, 4.0]})
    errors = pd.DataFrame({"area": list("abc") * 2, "year": [1] * 3 + [2] * 3, "std_error": 0.0})
    sure = rank_ranges(table, errors, start=1, end=2)
    assert sure[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 2], [3, 3]]
    loose = rank_ranges(table, errors.assign(std_error=2.0), start=1, end=2)
    assert loose["rank_low"].tolist() == [1, 1, 1] and loose["rank_high"].max() == 3
    assert loose["fall_error"].round(3).tolist() == [2.828] * 3
    with pytest.raises(DataError, match="1 rates have no standard error"):
        rank_ranges(table, errors.iloc[1:], start=1, end=2)


def test_no_causal_word_stands_in_a_sentence_about_the_plan():
    said = {key: entry for key, entry in wording.catalogue().items() if key.startswith("p05.")}
    assert len(said) > 60
    for key, entry in said.items():
        if key.startswith(("p05.head_fall", "p05.beside", "p05.noise", "p05.memo", "p05.jump", "p05.scales")):
            assert not any(CAUSAL.search(text) for text in entry.texts.values()), key


# --- two cases whose answer is known --------------------------------------------------------------------------


def test_the_experiment_and_the_naive_comparison_of_a_real_programme():
    from causaldata import cps_mixtape, nsw_mixtape

    trial, people = nsw_mixtape.load_pandas().data, cps_mixtape.load_pandas().data
    both = pd.concat([trial[trial["treat"].eq(1)], people])
    lot = doubly_robust(trial, outcome="re78", treatment="treat", method="means", placement="random")
    naive = doubly_robust(both, outcome="re78", treatment="treat", method="means")
    assert (round(lot.estimate), round(naive.estimate)) == (1794, -8498)
    assert grade_design(lot).grade == 5 and grade_design(naive).grade == 1


def test_the_simulated_roll_out_is_labelled_and_its_truth_is_that_of_its_own_potential_outcomes(made):
    assert made.panel["simulated"].all()
    assert rollout_assumptions()["status"] == "ASSUMED"
    rows = made.panel[made.panel["start"].gt(0) & made.panel["year"].ge(made.panel["start"])]
    without = pd.Series(
        made.potential[0]["income"].ravel(),
        index=pd.MultiIndex.from_product([made.households["household_id"], made.years]),
    )
    gap = rows["income"].to_numpy() - without[pd.MultiIndex.from_frame(rows[["unit", "year"]])].to_numpy()
    assert made.truth("income") == pytest.approx(gap.mean())
    assert made.truth_by_event("income")["truth"].is_monotonic_increasing
    assert made.truth("deprived_water") == 0 > made.truth("poor")
    assert made.panel["standard"].unique().tolist() == ["review-mdp-2022-2025"]


def test_the_same_seed_gives_the_same_roll_out_and_another_seed_another_lot(made):
    again, other = simulate_rollout(seed=3), simulate_rollout(seed=4)
    pd.testing.assert_frame_equal(made.panel, again.panel)
    assert (made.path > 0).sum() == (other.path > 0).sum()
    assert not np.array_equal(made.path, other.path)


def test_over_many_lots_the_method_finds_the_truth(made):
    found = repeated_lots(made, "income", lots=60, seed=1)
    assert found["held"].mean() >= 0.85
    assert abs((found["estimate"] - found["truth"]).mean()) < 0.15 * found["truth"].mean()
    with pytest.raises(DataError, match="'wealth' is no outcome of the roll-out"):
        repeated_lots(made, "wealth", lots=1)


# --- a user's files -------------------------------------------------------------------------------------------


def test_the_templates_can_be_read_joined_and_evaluated(tmp_path):
    written = write_templates(["programme", "outcomes", "costs", "options"], tmp_path)
    assert [path.name for path in written] == ["programme.csv", "outcomes.csv", "costs.csv", "options.csv"]
    joined = join_programme(read_outcomes(tmp_path / "outcomes.csv"), read_programme(tmp_path / "programme.csv"))
    assert (joined.model, joined.served, joined.units, joined.dropped) == ("cattle", 4, 8, 0)
    assert joined.outcomes == ("income", "work", "deprived_water", "poor")
    effect = did(joined.panel, outcome="income", unit="unit", time="year", cohort="start", weight="weight")
    assert inference_kind(effect) == "placebo"
    table, _ = compare_objectives(
        pd.read_csv(tmp_path / "options.csv"), budget=900, constraints=Constraints(max_models=2), poorest="poorest"
    )
    assert len(table) == 2
    for parameter in ("programme", "outcomes"):
        assert any(line.startswith("unit: required") for line in column_lines(parameter))
    assert "invented" in TEMPLATES["costs"]


PANEL = "unit,year,income,poor\na,1,10,50\na,2,12,40\nb,1,11,60\nb,2,15,30\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("unit,income\na,1\n", r"lacks the columns \['year'\]"),
        ("unit,year\na,2023\n", "has no outcome"),
        ("unit,year,poor\na,2023,140\n", "'poor' is a percentage and must lie between 0 and 100"),
        ("unit,year,income\na,2023,1.5.2\n", "line 2: 'income' is no number"),
        ("unit,year,incom\na,2023,1\n", "columns that are not known.*Did you mean"),
        ("unit,year,income,ho_ten\na,2023,1,Nguyen Van A\n", "personal data"),
        ("unit,year,income,minority\na,2023,1,2\n", "'minority' must be 1 or 0"),
        ("", "cannot be read"),
    ],
)
def test_a_faulty_outcomes_file_is_refused_in_words(tmp_path, content, message):
    path = tmp_path / "outcomes.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_outcomes(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("unit\na\n", r"lacks the columns \['start'\]"),
        ("unit,start\na,20.5\n", "line 2: 'start' is no year"),
        ("unit,start\na,2023\na,2024\n", "names 1 units twice in one model"),
        ("unit,start\n,2023\n", "line 2: 'unit' is empty"),
    ],
)
def test_a_faulty_programme_file_is_refused_in_words(tmp_path, content, message):
    path = tmp_path / "programme.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_programme(path)


def test_joining_leaves_other_models_out_and_names_what_is_missing(tmp_path):
    path = tmp_path / "outcomes.csv"
    path.write_text(PANEL, encoding="utf-8")
    panel = read_outcomes(path)
    served = pd.DataFrame({"unit": ["a", "b"], "start": [2, 2], "model": ["cattle", "shed"]})
    joined = join_programme(panel, served, model="shed")
    assert joined.dropped == 1 and set(joined.panel["unit"]) == {"b"}
    with pytest.raises(DataError, match="the model 'goats' is not in the programme file"):
        join_programme(panel, served, model="goats")
    with pytest.raises(DataError, match="1 units of the programme file have no row"):
        join_programme(panel, served.assign(unit=["a", "z"]))
    with pytest.raises(DataError, match="no unit that was ever served"):
        join_programme(panel, served.assign(start=0))
    assert outcomes_of(panel) == ("income", "poor")


# --- words, costs, options ------------------------------------------------------------------------------------


def test_every_key_that_an_evaluation_can_give_has_its_words(made):
    keys = wording.catalogue()
    effect = did(made.panel, outcome="poor", unit="unit", time="year", cohort="start", cluster="commune")
    for text in grade_design(effect).table["criterion"]:
        assert f"p06.criterion.{criterion_key(text)}" in keys
    with pytest.raises(ParameterError, match="criterion 'the moon' is not known"):
        criterion_key("the moon")
    for kind in ("cannot", "randomisation", "placebo", "jackknife", "wild", "clustered", "robust"):
        assert f"p06.inference.{kind}" in keys
    assert all(f"p06.outcome.{outcome}" in keys for outcome in made.outcomes)
    whole = per_served(effect, 0.5)
    assert whole.estimate == 2 * effect.estimate and whole.high == 2 * effect.high
    with pytest.raises(ParameterError, match="taken_up is 0"):
        per_served(effect, 0)


def test_notes_are_worded_in_both_languages_and_stay_readable_in_code():
    """Every code has its words, the English ones are the library's, and a pickled note still knows its code."""
    keys = wording.catalogue()
    for code, sentence in NOTES.items():
        entry = keys[f"p06.note.{code}"].texts
        assert entry["en"] == sentence, code
        assert wording.placeholders(entry["vi"]) == wording.placeholders(sentence), code
    found = pickle.loads(pickle.dumps(note("unbalanced", gaps=3, cells=40)))
    assert found == "The panel is unbalanced: 3 of 40 unit-periods are absent."
    assert (found.code, found.values) == ("unbalanced", {"gaps": "3", "cells": "40"})


def test_recorded_costs_and_what_they_must_achieve():
    """25 models, 587 households, 4.8 bn; 40 models, 993 households, 6.7 bn: at 50 million an exit, 96 and 134 exits."""
    areas = load("areas")
    districts = areas.loc[areas["parent"].eq("vn63-89"), "area"]
    ledger = recorded_ledger(load("programmes"), ["vn63-89", *districts])
    must = break_even_each(ledger, worth=[50.0]).set_index("model")
    assert must.loc["I001", ["served", "cost", "exits"]].tolist() == [587, 4800, 96]
    assert must.loc["I003", ["served", "cost", "exits"]].tolist() == [993, 6700, 134]
    assert must.loc["I010", "per_household"] == 25
    assert not set(ledger["type"]) & {"credit", "programme", "infrastructure"}
    with pytest.raises(NotAvailableError, match="no programme of vn63-01"):
        recorded_ledger(load("programmes"), ["vn63-01"])


def test_options_give_what_the_law_and_arithmetic_say(made):
    people = made.households
    options = household_options(people, made.law, ModelCosts(8.2, 1.5, 30.0), gain=145.0, relieved=0.1, years=3.0)
    cash = options[options["model"].eq("cash")]
    assert np.allclose(cash["gap_closed"], cash["unit_cost"])
    assert cash.set_index("pool")["exits"].groupby(level=0).max().to_dict() == {"near_poor": 0, "poor": 1, "poorest": 1}
    total = (12 * people["size"] * gap_per_person(people, made.law) / 1000 * people["weight"]).sum()
    assert (cash["gap_closed"] * cash["eligible"]).sum() == pytest.approx(total, rel=0.01)
    held = gap_under_gains(people, made.law, options, np.array([145.0, -20.0]), years=3.0)
    assert np.allclose(held[0], options["gap_closed"])
    assert (held[1][options["model"].eq("livelihood")] == 0).all()
    with pytest.raises(ParameterError, match="none may be below 0"):
        household_options(people, made.law, ModelCosts(8.2, 1.5, 30.0), gain=-1.0, relieved=0.0, years=1.0)
    table, plans = compare_objectives(options, budget=2000.0, poorest="poorest")
    assert table["lost_by_poorest"].iloc[1] > 0
    assert all(plan.checks["holds"].all() for plan in plans.values())


def test_options_of_two_households_by_hand(made):
    """Rural, three deprivations: 1.45 million is lifted by 100 thousand or by a water tank, 1 million is not."""
    people = pd.DataFrame(
        {
            "commune": "A",
            "urban": False,
            "income": [1_450_000.0, 1_000_000.0],
            "size": 4,
            "deprivations": 3,
            "deprived_water": [True, False],
            "can_work": True,
            "minority": False,
            "start_class": "poor",
            "weight": 1.0,
        }
    )
    options = household_options(people, made.law, ModelCosts(8.0, 1.5, 30.0), gain=100.0, relieved=0.0, years=2.0)
    given = options.set_index(["model", "pool"])[["gap_closed", "exits", "capacity"]]
    assert given.loc[("livelihood", "poor")].tolist() == pytest.approx([12 * 4 * 0.05 * 2, 1, 1])
    assert given.loc[("livelihood", "poorest")].tolist() == pytest.approx([12 * 4 * 0.1 * 2, 0, 1])
    assert given.loc[("cash", "poorest")].tolist() == pytest.approx([12 * 4 * 0.5, 1, 1])
    assert given.loc[("water", "poor")].tolist() == [0, 1, 1]
    assert ("water", "poorest") not in given.index


# --- figures --------------------------------------------------------------------------------------------------


def test_a_spread_draws_every_unit_and_names_some():
    table = pd.DataFrame({"group": ["x"] * 3 + ["y"] * 3, "unit": list("abc") * 2, "value": range(6)})
    ax = plots.plot_spread(table, named={"b": "Bee $1"})
    assert sum(len(line.get_xdata()) for line in ax.lines[:-1]) == 6
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["other areas", r"Bee \$1"]


def test_a_path_without_intervals_says_so_and_ticks_are_not_rounded():
    table = pd.DataFrame({"event_time": [-1, 0], "estimate": [0.0, 3.0], "reference": [True, False]})
    table = table.assign(**dict.fromkeys(("low", "high", "band_low", "band_high"), np.nan))
    ax = plots.plot_event_study(table)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["estimate, no valid interval"]
    ticks = decimal_ticks(True)
    assert [ticks(value, None) for value in (0.025, 0.15000000000000002, 2.5, 0.0)] == ["0,025", "0,15", "2,5", "0"]


def test_the_acceptability_curve_shows_the_chance_at_each_worth():
    known = Effect(-20.0, 5.0, -29.8, -10.2, 0.0, "", "", 10, 10, 5, pd.DataFrame())
    row = {"model": "bò", "item": "all", "payer": "central", "year": 2024, "amount": 1000.0, "price_year": 2024}
    costs = pd.DataFrame([row | {"kind": "capital", "basis": "fixed", "households": 100}])
    table = acceptability(known, costs, thresholds=[0.0, 50.0, 100.0], unit="points")
    # 1,000 over 100 households: worth 50 an exit needs 20 exits, which is the estimate.
    assert table["probability"].tolist() == pytest.approx([0.0, 0.5, 1.0], abs=0.03)
    ax = plots.plot_acceptability(table, worth=[50.0], labels={"worth": "ở {worth} triệu"}, comma=True)
    assert ax.lines[0].get_ydata() == pytest.approx(100 * table["probability"].to_numpy())
    assert ax.lines[1].get_xdata() == [50.0, 50.0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["bò", "ở 50 triệu"]


def test_falls_effects_and_paths_show_what_the_tables_say():
    falls = pd.DataFrame(
        {
            "area": list("abc"),
            "start": [5.0, 6.0, 0.0],
            "fall": [1.0, 2.0, 0.0],
            "nearest": [False, True, False],
            "region": [False, False, True],
        }
    )
    ax = plots.plot_falls(falls, named={"a": "A"})
    assert sorted(float(x) for line in ax.lines for x in line.get_xdata() if line.get_marker() != "None") == [5.0, 6.0]
    effects = pd.DataFrame(
        {"label": ["a", "b"], "estimate": [1.0, 2], "low": [0.0, 1], "high": [2.0, 3], "truth": [1, 2]}
    )
    assert [t.get_text() for t in plots.plot_effects(effects).get_legend().get_texts()][-1] == "truth"
    assert len(plots.plot_effects(effects.drop(columns="truth")).get_legend().get_texts()) == 1
    path = pd.DataFrame(
        {
            "year": [2025, 2025],
            "scenario": ["no change", "with"],
            "median": [2.0, 1.0],
            "low": [1.0, 0.5],
            "high": [3.0, 2],
        }
    )
    ax = plots.plot_with_without(pd.DataFrame({"year": [2024], "value": [2.5]}), path)
    ends = {line.get_label(): line.get_ydata()[-1] for line in ax.lines}
    assert ends["with"] < ends["no change"] and ax.get_ylim()[0] == 0
    moved = pd.DataFrame({"year": [2026, 2025], "median": [-0.02, 0.0], "low": [-0.03, 0.0], "high": [-0.01, 0.0]})
    ax = plots.plot_difference(moved, comma=True)
    assert ax.lines[-1].get_ydata().tolist() == [0.0, -0.02]
    assert [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()] == [[0.0, 0.0], [-0.03, -0.01]]
    assert ax.yaxis.get_major_formatter()(-0.005) == "−0,005"


# --- the notebooks --------------------------------------------------------------------------------------------

EVERY_KIND = """
import json, os, sys
os.environ["MPLBACKEND"] = "agg"
import nbformat
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.io import capture_output
cases, out = json.loads(sys.argv[1]), Path(sys.argv[2])
shell = InteractiveShell.instance()
for number, (notebook, case) in enumerate(cases):
    cells = [c for c in nbformat.read(notebook, as_version=4).cells if c.cell_type == "code"]
    shell.reset(new_session=False)
    folder = out / str(number)
    folder.mkdir()
    os.environ["POVSTUDY_OUTPUT"] = str(folder)
    for cell in cells:
        with capture_output() as seen:
            result = shell.run_cell(cell.source)
            if "parameters" in cell.metadata.get("tags", []):
                shell.user_ns.update(case)
        if not result.success:
            print(json.dumps({"case": case, "error": repr(result.error_in_exec or result.error_before_exec)}))
            break
"""


def test_the_notebooks_run_for_other_areas_languages_and_a_users_files(tmp_path):
    """One process for all: another province, a user's programme in Vietnamese, and a region that has no plan."""
    write_templates(["programme", "outcomes", "costs", "options"], tmp_path / "files")
    files = {name: str(tmp_path / "files" / f"{name}.csv") for name in ("programme", "outcomes", "costs", "options")}
    plan, model = (str(ROOT / "notebooks" / f"{n}.ipynb") for n in ("05_plan_evaluation", "06_model_evaluation"))
    cases = [
        (plan, {"area": "vn63-11", "lang": "vi"}),
        (model, {"area": "vn63-01", "lang": "vi", "budget": 900.0, **files}),
        (plan, {"area": "vn-mekong-river-delta"}),
    ]
    out = tmp_path / "out"
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EVERY_KIND, json.dumps(cases), str(out)],
        env={**os.environ, "POVSTUDY_HOME": str(ROOT)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (refused,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert refused["case"]["area"] == "vn-mekong-river-delta"
    assert (
        refused["error"].startswith("NotAvailableError") and "plans are compared between provinces" in refused["error"]
    )
    numbers = [json.loads((out / str(n) / "numbers.json").read_text(encoding="utf-8")) for n in range(2)]
    assert numbers[0]["provinces"]["value"] == 63
    assert numbers[1]["units_served"]["value"] == 4
    assert not any(name.endswith("_truth") for name in numbers[1])
    own = {name for name, facts in numbers[1].items() if "figures of the user" in facts["source"]}
    assert {"lead_estimate", "units_served", "bought_0", "plan_exits_exits", "end_with"} <= own
    assert not {"nsw_people", "end_without", "recorded_models"} & own
