"""From households and their members to deprivation flags: one rule an indicator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from povstudy.errors import DataError, StandardError
from povstudy.multidimensional.conditions import Condition, Truth, read_condition

__all__ = ["Roster", "Rule", "read_rule", "roster_of"]

COLLAPSES = ("any", "all", "share_above", "share_at_least")
RULE_KEYS = ("indicator", "of", "deprived", "eligible", "collapse", "share", "without_eligible")


@dataclass(frozen=True)
class Rule:
    """When a household is deprived in an indicator, in terms of columns.

    Attributes
    ----------
    indicator : str
        Code of the indicator.
    of : str
        "household", or "members": the condition is on persons and is collapsed to the household.
    deprived : Condition
        When a household, or a member, is deprived.
    eligible : Condition or None
        Which members count; None for all.
    collapse : str
        "any" eligible member, "all" eligible members, or their "share_above" / "share_at_least" ``share``.
    share : float
        For the shares.
    without_eligible : bool
        Whether a household without an eligible member is deprived (it is not, unless the file says so).
    """

    indicator: str
    of: str
    deprived: Condition
    eligible: Condition | None = None
    collapse: str = ""
    share: float = 0.0
    without_eligible: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads, of the households' or of the members' table."""
        own = self.eligible.columns if self.eligible else ()
        return tuple(dict.fromkeys((*own, *self.deprived.columns)))

    def flags(self, households: pd.DataFrame, roster: Roster | None) -> np.ndarray:
        """Return the deprivation of each household.

        Parameters
        ----------
        households : pandas.DataFrame, shape (n, ...)
            One row a household.
        roster : Roster or None
            The members; needed where the rule is of members.

        Returns
        -------
        numpy.ndarray of bool, shape (n,)

        Raises
        ------
        DataError
            When a missing value decides.
        """
        if self.of == "household":
            return _settled(self.deprived.evaluate(households), self, "households")
        assert roster is not None
        eligible = np.ones(len(roster.members), dtype=bool)
        if self.eligible is not None:
            eligible = _settled(self.eligible.evaluate(roster.members), self, "members (who is eligible)")
        own = roster.members[eligible]
        codes = roster.codes[eligible]
        deprived = _settled(self.deprived.evaluate(own), self, "eligible members")
        count = np.bincount(codes, minlength=len(households))
        hits = np.bincount(codes[deprived], minlength=len(households))
        return np.where(count == 0, self.without_eligible, self._collapsed(hits, count))

    def _collapsed(self, hits: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Return whether a household is deprived, from its deprived and its eligible members."""
        if self.collapse == "any":
            return hits > 0
        if self.collapse == "all":
            return hits == count
        share = hits / np.maximum(count, 1)
        return share > self.share if self.collapse == "share_above" else share >= self.share


def _settled(truth: Truth, rule: Rule, rows: str) -> np.ndarray:
    """Return truth values, refusing rows where a missing value decides."""
    unknown = int((~truth.known).sum())
    if unknown:
        raise DataError(
            f"{rule.indicator}: for {unknown} {rows} a missing value decides (columns {', '.join(rule.columns)}). A"
            " missing value is never 'not deprived': complete it, or leave these rows out explicitly."
        )
    return truth.true


@dataclass(frozen=True, eq=False)
class Roster:
    """The members of households.

    Attributes
    ----------
    members : pandas.DataFrame, shape (persons, ...)
        One row a person.
    codes : numpy.ndarray, shape (persons,)
        Position of each person's household in the households' table.
    """

    members: pd.DataFrame
    codes: np.ndarray


def roster_of(households: pd.DataFrame, members: pd.DataFrame, household: str, member: str | None) -> Roster:
    """Match members to their households.

    Parameters
    ----------
    households, members : pandas.DataFrame
        Both with the column ``household``.
    household : str
        Column that identifies a household.
    member : str or None
        Column that identifies a person within a household, to find persons entered twice.

    Returns
    -------
    Roster

    Raises
    ------
    DataError
        When a column is absent or missing in a row, a household or person stands there twice, a member has no
        household, or a household no member.

    Examples
    --------
    >>> households = pd.DataFrame({"household": ["a", "b"]})
    >>> members = pd.DataFrame({"household": ["b", "a", "b"]})
    >>> roster_of(households, members, "household", None).codes.tolist()
    [1, 0, 1]
    """
    for name, table in (("households", households), ("members", members)):
        if household not in table.columns:
            raise DataError(f"{name}: no column {household!r} that identifies the household; name it with household=.")
        if table[household].isna().any():
            raise DataError(f"{name}: column {household!r} is missing in {int(table[household].isna().sum())} rows.")
    twice = households[household].duplicated()
    if twice.any():
        raise DataError(
            f"households: {int(twice.sum())} rows repeat a household (column {household!r}, first at position "
            f"{int(np.argmax(twice))}). One row a household is needed."
        )
    if member is not None:
        if member not in members.columns:
            raise DataError(f"members: no column {member!r} that identifies the person; name it with member=.")
        repeated = members.duplicated([household, member])
        if repeated.any():
            raise DataError(
                f"members: {int(repeated.sum())} persons stand there twice (same {household!r} and {member!r}, first"
                f" at position {int(np.argmax(repeated))}). Remove the copies."
            )
    codes = pd.Index(households[household]).get_indexer(pd.Index(members[household]))
    if (codes < 0).any():
        raise DataError(f"members: {int((codes < 0).sum())} persons belong to no household of the table.")
    empty = int((np.bincount(codes, minlength=len(households)) == 0).sum())
    if empty:
        raise DataError(f"members: {empty} of {len(households)} households have no member in the table.")
    return Roster(members, codes)


def read_rule(entry: Any, where: str) -> Rule:
    """Read one rule of a specification file.

    Parameters
    ----------
    entry : mapping
        Keys ``indicator, of, deprived``; of members also ``collapse`` and perhaps ``eligible, share,
        without_eligible``.
    where : str
        Where it stands, for messages.

    Returns
    -------
    Rule

    Raises
    ------
    StandardError
        When a key is unknown, absent, or does not fit.
    """
    if not isinstance(entry, Mapping) or not isinstance(entry.get("indicator"), str):
        raise StandardError(f"{where}: a rule is a table with the code of its indicator.")
    where = f"{where}, rule {entry['indicator']!r}"
    unknown = [str(key) for key in entry if key not in RULE_KEYS]
    if unknown:
        raise StandardError(f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(RULE_KEYS)}.")
    if entry.get("of") not in ("household", "members"):
        raise StandardError(f"{where}: of is 'household' or 'members', got {entry.get('of')!r:.40}.")
    deprived = read_condition(entry.get("deprived"), f"{where}, deprived")
    if entry["of"] == "household":
        extra = [key for key in ("eligible", "collapse", "share", "without_eligible") if key in entry]
        if extra:
            raise StandardError(f"{where}: {', '.join(extra)} belong to a rule of members.")
        return Rule(entry["indicator"], "household", deprived)
    collapse = entry.get("collapse")
    if collapse not in COLLAPSES:
        raise StandardError(f"{where}: collapse is one of {', '.join(COLLAPSES)}, got {collapse!r:.40}.")
    share = entry.get("share")
    if (share is not None) != collapse.startswith("share"):
        raise StandardError(f"{where}: share stands beside share_above and share_at_least, and only there.")
    if share is not None and not 0 <= share <= 1:
        raise StandardError(f"{where}: share lies in [0, 1], got {share!r:.40}.")
    without = entry.get("without_eligible", False)
    if not isinstance(without, bool):
        raise StandardError(f"{where}: without_eligible is true or false, got {without!r:.40}.")
    eligible = read_condition(entry["eligible"], f"{where}, eligible") if "eligible" in entry else None
    return Rule(entry["indicator"], "members", deprived, eligible, collapse, float(share or 0.0), without)
