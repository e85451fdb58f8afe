"""The default on real panels that the first rule was not written on; `forecasting_tables.py` writes the table.

Rates of US states come with packages of the test extra, those of countries with `scripts/data`.  None of them was
looked at before the first rule was written.  Candidates may be compared on `CHOSEN_ON`; the others are held out.  The
panels of unemployment were set aside for that before any candidate was scored; of the countries the rates below $8.30
a day were, when the rule of then and EB had been scored on all of them and no other candidate on any.
"""

from __future__ import annotations

import gzip
import io
import pickle
from importlib.resources import files
from pathlib import Path

import pandas as pd

COUNTRIES = Path(__file__).parent / "data" / "wdi_poverty.csv"
RICHER = 10.0
"""A country is richer where its first figure below $8.30 a day (%) is less: read off the start, not off what came."""
RECENT = 2000

CHOSEN_ON = (
    "below $8.30 a day, poorer countries, 1977-2024",
    "unemployment, US states, 1979-2018",
    "unemployment, US states, 1985-2000",
    "unemployment, US states, 2000-2010",
)
"""Panels that candidates may be compared on; the rest is held out."""


def panels() -> dict[str, pd.DataFrame]:
    """Return the panels by name: ``area, year, value``, the value in percent."""
    mixtape = files("causaldata")
    prisons = pd.read_stata(io.BytesIO(mixtape.joinpath("texas/texas.dta").read_bytes()))
    castle = pd.read_stata(io.BytesIO(mixtape.joinpath("castle/castle.dta").read_bytes()))
    survey = pd.read_csv(io.BytesIO(files("synthdid").joinpath("data/CPS.csv").read_bytes()), sep=None, engine="python")
    insured = pickle.loads(gzip.decompress(files("moderndid").joinpath("core/datasets/ehec_data.pkl.gz").read_bytes()))
    return {
        "poverty, US states, 1985-2000": _panel(prisons, "statefip", "poverty"),
        "poverty, US states, 2000-2010": _panel(castle, "sid", "poverty"),
        "without health insurance, low incomes, US states, 2008-2019": _panel(
            insured.assign(none=1 - insured["dins"]), "stfips", "none", scale=100.0
        ),
        "unemployment, US states, 1979-2018": _panel(survey, "state", "urate", scale=100.0),
        "unemployment, US states, 1985-2000": _panel(prisons, "statefip", "ur"),
        "unemployment, US states, 2000-2010": _panel(castle, "sid", "unemployrt"),
        **_countries(),
    }


def recent() -> dict[str, pd.DataFrame]:
    """Return the panels below the dollar lines from 2000 on, where the national lines begin: parts of `panels`."""
    return {
        f"{name.rpartition(',')[0]}, from {RECENT}": panel[panel["year"].ge(RECENT)].reset_index(drop=True)
        for name, panel in _countries().items()
        if panel["year"].min() < RECENT
    }


def _countries() -> dict[str, pd.DataFrame]:
    """Return the panels of countries; of the richer ones, where few live below the dollar lines, on national lines."""
    table = pd.read_csv(COUNTRIES).sort_values(["code", "year"])
    first = table.groupby("code")["SI.POV.UMIC"].first()
    richer = table["code"].map(first).lt(RICHER)
    poorer = table[~richer]
    return {
        "national lines, poorer countries, 2000-2024": _panel(poorer, "code", "SI.POV.NAHC"),
        "national lines, richer countries, 2002-2023": _panel(table[richer], "code", "SI.POV.NAHC"),
        "below $3.00 a day, poorer countries, 1977-2024": _panel(poorer, "code", "SI.POV.DDAY"),
        "below $8.30 a day, poorer countries, 1977-2024": _panel(poorer, "code", "SI.POV.UMIC"),
    }


def _panel(table: pd.DataFrame, area: str, value: str, *, scale: float = 1.0) -> pd.DataFrame:
    """Return the columns that a forecast takes, rows without a figure left out."""
    rows = pd.DataFrame(
        {"area": table[area].astype(str), "year": table["year"].astype(int), "value": scale * table[value]}
    )
    return rows.astype({"value": float}).dropna().sort_values(["area", "year"], ignore_index=True)
