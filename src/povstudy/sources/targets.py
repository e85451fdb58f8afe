"""Targets as published to targets that a program can read: kind, years, bounds, whose."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from povstudy.errors import DataError
from povstudy.sources.ids import COUNTRY, slug
from povstudy.tables import shown

__all__ = ["TARGET_COLUMNS", "parse_bounds", "parse_period", "targets_table"]

TARGET_COLUMNS = (
    "target_id",
    "area",
    "area_text",
    "group",
    "concept",
    "indicator",
    "kind",
    "period_start",
    "period_end",
    "low",
    "high",
    "unit",
    "value_text",
    "whose",
    "instrument",
    "status",
    "binding",
    "same_as",
    "note",
    "source_id",
    "file",
)

_FIGURE = r"\d+(?:\.\d+)?"
_GROUPS = {
    "all households": "all",
    "all people": "all",
    "households": "all",
    "poor and near-poor households": "all",
    "ethnic-minority households": "ethnic_minority",
    "ethnic-minority people": "ethnic_minority",
    "ethnic_minority": "ethnic_minority",
    "all": "all",
    "rural_ntm_communes": "rural_ntm",
}
_BASICALLY_NONE = "~0"


def parse_bounds(text: str) -> tuple[float, float]:
    """Return the lower and upper bound that a target's figure sets.

    Parameters
    ----------
    text : str
        ``"1 to 1.5"``, ``">3"``, ``">=3"``, ``"<10"``, ``"~0"`` (basically none), ``"4"`` or ``""``.

    Returns
    -------
    tuple of float
        ``(low, high)``; a missing bound is nan.  Whether a bound is strict stands in the column
        ``value_text``.

    Raises
    ------
    DataError
        If the text is none of these.

    Examples
    --------
    >>> parse_bounds("1 to 1.5"), parse_bounds("4"), parse_bounds("~0")
    ((1.0, 1.5), (4.0, 4.0), (0.0, 0.0))
    >>> parse_bounds(">3"), parse_bounds("<10")
    ((3.0, nan), (nan, 10.0))
    """
    text = text.strip()
    if text == "":
        return np.nan, np.nan
    if text == _BASICALLY_NONE:
        return 0.0, 0.0
    if found := re.fullmatch(rf"({_FIGURE}) to ({_FIGURE})", text):
        return float(found[1]), float(found[2])
    if found := re.fullmatch(rf"(>=|>|<=|<)?({_FIGURE})", text):
        figure = float(found[2])
        sign = found[1] or ""
        return (np.nan if "<" in sign else figure), (np.nan if ">" in sign else figure)
    raise DataError(
        f"A target cannot be read: got {shown(text)}, allowed: a figure, two with 'to' between, or one after >, >=, <, "
        "<= or ~0. Correct target_value."
    )


def parse_period(text: str) -> tuple[int | None, int | None]:
    """Return the first and last year of a target's period.

    Examples
    --------
    >>> parse_period("2021-2025"), parse_period("by 2030"), parse_period("2017")
    ((2021, 2025), (None, 2030), (2017, 2017))
    """
    if found := re.fullmatch(r"(\d{4})-(\d{4})", text):
        return int(found[1]), int(found[2])
    if found := re.fullmatch(r"by (\d{4})", text):
        return None, int(found[1])
    if found := re.fullmatch(r"\d{4}", text):
        return int(found[0]), int(found[0])
    raise DataError(
        f"A target's period cannot be read: got {shown(text)}, allowed: 2021-2025, 2017 or 'by 2030'. Correct period."
    )


def kind_of(indicator: str, unit: str) -> str:
    """Return the kind of a target: annual_decline, level, halving, share, count_zero or other.

    Examples
    --------
    >>> kind_of("annual fall in poverty rate", "pp/year"), kind_of("poverty rate", "%")
    ('annual_decline', 'level')
    """
    if unit in {"pp/year", "pp/yr", "pp"}:
        return "annual_decline"
    if "remaining" in indicator:
        return "count_zero"
    if indicator.startswith("number of poor") or indicator.startswith("share poor in all dimensions"):
        return "halving"
    if indicator in {"poverty rate", "multidimensional poverty rate", "near-poverty rate"}:
        return "level"
    return "share" if unit == "%" else "other"


def _row(raw: dict, **extra) -> dict:
    low, high = parse_bounds(raw["target_value"])
    start, end = parse_period(raw["period"])
    return {
        "group": _GROUPS.get(raw["group"], slug(raw["group"]).replace("-", "_")),
        "concept": _concept(raw["indicator"], raw["group"]),
        "indicator": raw["indicator"],
        "kind": kind_of(raw["indicator"], raw["unit"]),
        "period_start": start,
        "period_end": end,
        "low": low,
        "high": high,
        "unit": raw["unit"],
        "value_text": raw["target_value"],
        "instrument": raw["legal_source"],
        "status": raw["status"],
        "note": raw["note"],
        "source_id": raw["source_id"],
        **extra,
    }


def _concept(indicator: str, group: str) -> str:
    if "poor and near-poor" in f"{indicator} {group}":
        return "poor_near_poor"
    if "near-poverty" in indicator:
        return "near_poor"
    return "poor" if "poverty rate" in indicator or indicator.startswith("share poor") else ""


def _national(raw: pd.DataFrame) -> list[dict]:
    rows = []
    for number, row in enumerate(raw.to_dict("records"), start=1):
        binding = "proposal" not in row["status"] and "draft" not in row["legal_source"].casefold()
        national = row["area"] == "national"
        whose = "global" if row["area"] == "global" else "national" if national else "programme"
        rows.append(
            _row(
                row,
                target_id=f"nat-{number:02d}",
                area=COUNTRY if national else "",
                area_text=row["area"],
                whose=whose,
                binding=binding,
                file="data/raw/targets_national.csv",
            )
        )
    return rows


def _plan(raw: pd.DataFrame) -> list[dict]:
    return [
        _row(
            row,
            target_id=f"ag-plan-{slug(row['group'])}",
            area=f"vn63-{row['area_code']}",
            area_text=row["area"],
            whose="province plan",
            binding=True,
            file="data/raw/targets_an_giang.csv",
        )
        for row in raw.to_dict("records")
    ]


_REVIEW_TARGETS = {
    "target_decline_pp": "annual fall in poverty rate",
    "target_poor_rate_pct": "poverty rate",
    "target_near_poor_rate_pct": "near-poverty rate",
    "target_reduction_of_poor_and_near_poor_households_pct": (
        "number of poor and near-poor households, reduction against the base"
    ),
}


def _instrument(source_date: str) -> str:
    """Return the instrument that the date of a source names, for instance ``QĐ 1898 (2022-07-28)``."""
    found = re.search(r"(QĐ \d+) of (\d{4}-\d{2}-\d{2})", source_date)
    return f"{found[1]} ({found[2]})" if found else ""


def _in_one_unit(table: pd.DataFrame) -> pd.DataFrame:
    """Return targets with one unit for each of the kinds that a program judges.

    A yearly fall is in points a year; a halving says how much of the base may be left, as a ratio.
    """
    out = table.copy()
    halving = out["kind"] == "halving"
    reduction = halving & out["unit"].str.startswith("%")
    out["high"] = out["high"].where(~reduction, 1 - out["high"] / 100)
    out["low"] = out["low"].where(~halving)
    out["unit"] = out["unit"].where(~halving, "ratio to base").where(out["kind"] != "annual_decline", "pp/year")
    return out


def _from_reviews(reviews: pd.DataFrame) -> list[dict]:
    """Return one row for each target among the reviews; its minimum and maximum share the row."""
    figures = reviews[reviews["indicator"].str.startswith("target_")].copy()
    figures["side"] = figures["indicator"].str.extract(r"_(min|max)$")[0].fillna("")
    figures["stem"] = figures["indicator"].str.replace(r"_(min|max)$", "", regex=True)
    same = ["area", "area_name", "period", "population_group", "stem", "unit", "standard", "source_id"]
    rows = []
    for (area, name, period, group, stem, unit, _, source), part in figures.groupby(same, sort=False):
        value = dict(zip(part["side"], part["value"], strict=True))
        indicator = _REVIEW_TARGETS[stem]
        start, end = parse_period(period)
        is_level = stem.endswith("rate_pct")
        both = value.get("")
        rows.append(
            {
                "target_id": f"ag-{source}-{slug(f'{area} {group} {stem} {period}')}",
                "area": area,
                "area_text": name,
                "group": _GROUPS.get(group, group),
                "concept": _concept(indicator, group) or "poor",
                "indicator": indicator,
                "kind": kind_of(indicator, unit),
                "period_start": start,
                "period_end": end,
                "low": value.get("min", np.nan if is_level else np.nan if both is None else both),
                "high": value.get("max", np.nan if both is None else both),
                "unit": unit,
                "value_text": " to ".join(f"{v:g}" for _, v in sorted(value.items(), reverse=True)),
                "whose": "province plan",
                "instrument": _instrument(part["source_date"].iat[0]),
                "status": f"confidence {part['confidence'].iat[0]}",
                "binding": True,
                "note": part["note"].iat[0],
                "source_id": source,
                "file": "data/raw/an_giang_reviews.csv",
            }
        )
    return rows


def targets_table(raw: dict[str, pd.DataFrame], reviews: pd.DataFrame) -> pd.DataFrame:
    """Return every target, one row each.

    Parameters
    ----------
    raw : dict of str to DataFrame
        Checked raw tables by file name.
    reviews : DataFrame
        An Giang's reviews with their column ``area``.

    Returns
    -------
    DataFrame
        Columns :data:`TARGET_COLUMNS`; the figure as published stands in ``value_text``.  ``low`` and
        ``high`` bound what is to be reached: a fall of at least ``low`` points a year, a level of at most
        ``high``; a bound that the target does not set is missing. ``same_as`` names the earlier row with the
        same area, group, concept, kind, years and bounds, so that a target which two instruments state is
        judged once.
    """
    rows = [
        *_plan(raw["targets_an_giang.csv"]),
        *_from_reviews(reviews),
        *_national(raw["targets_national.csv"]),
    ]
    table = _in_one_unit(pd.DataFrame(rows))
    judged = [
        "area",
        "area_text",
        "group",
        "concept",
        "kind",
        "period_start",
        "period_end",
        "low",
        "high",
        "whose",
    ]
    alike = table.assign(area_text=table["area_text"].where(table["area"] == "", "")).groupby(judged, dropna=False)
    first = alike["target_id"].transform("first")
    stated = table["low"].notna() | table["high"].notna()
    table["same_as"] = first.where(stated & (first != table["target_id"]), "")
    for column in ("period_start", "period_end"):
        table[column] = table[column].astype("Int64")
    return table[list(TARGET_COLUMNS)]
