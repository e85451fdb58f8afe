"""The default on real panels that no choice was made on; `forecasting_tables.py` writes the table.

The panels come with packages of the test extra.  None of them was looked at before the first rule was written.  When
a rule that does less harm without a trend was looked for, the three panels of unemployment were there to choose it by
(`CHOSEN_ON`, fixed before any candidate was scored) and the others, which share no figure with them, were scored once.
"""

from __future__ import annotations

import gzip
import io
import pickle
from importlib.resources import files

import pandas as pd

CHOSEN_ON = (
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
    }


def _panel(table: pd.DataFrame, area: str, value: str, *, scale: float = 1.0) -> pd.DataFrame:
    """Return the columns that a forecast takes, rows without a figure left out."""
    rows = pd.DataFrame(
        {"area": "usa-" + table[area].astype(str), "year": table["year"].astype(int), "value": scale * table[value]}
    )
    return rows.astype({"value": float}).dropna().sort_values(["area", "year"], ignore_index=True)
