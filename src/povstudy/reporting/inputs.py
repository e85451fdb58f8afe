"""Files that a user hands to a notebook: which parameters name one, their templates, their copies in the report.

A parameter that names a file of a user is listed here with a template.  The runner copies the file to
``input/<parameter>.csv`` inside the report and hands the notebook that relative path; hash and record hold the content.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from povstudy.errors import ParameterError
from povstudy.reporting.parameters import show

if TYPE_CHECKING:
    from povstudy.tables import Field

__all__ = [
    "PRIVATE",
    "REPORTS",
    "TEMPLATES",
    "InputFile",
    "column_lines",
    "input_path",
    "read_inputs",
    "write_templates",
]

FOLDER = "input"
# The parameter of a notebook that is made from the reports of others: the runner gathers them into one JSON file.
REPORTS = "reports"
# Parameters whose file holds households, or may: it is checked before anything starts, the notebook reads a copy of it,
# and no copy stays in the report (its hash does).
PRIVATE = frozenset({"registry", "programme", "outcomes"})
# What reads a file, and says every fault in it before anything starts; a panel is read where its areas are looked up.
READERS = {
    "communes": "povstudy.projection.communes.read_communes",
    "outcomes": "povstudy.evaluation.files.read_outcomes",
    "own_targets": "povstudy.projection.target_file.read_targets",
    "programme": "povstudy.evaluation.files.read_programme",
    "registry": "povstudy.registry.read_registry",
}
PRIVATE_ENDINGS = (".parquet", ".pq", ".tsv", ".txt")
# Parameter to the text of its template: invented figures, labelled as such.
TEMPLATES = {
    "panel": (
        "area,area_name,year,value,weight,standard,parent\n"
        "my-country,Example country (invented figures),2022,9.1,1500000,my-standard,\n"
        "my-country,Example country (invented figures),2023,8.2,1510000,my-standard,\n"
        "my-country,Example country (invented figures),2024,7.6,1520000,my-standard,\n"
        "my-north,Example north (invented figures),2022,12.4,700000,my-standard,my-country\n"
        "my-north,Example north (invented figures),2023,11.0,704000,my-standard,my-country\n"
        "my-north,Example north (invented figures),2024,10.1,708000,my-standard,my-country\n"
        "my-south,Example south (invented figures),2022,6.2,800000,my-standard,my-country\n"
        "my-south,Example south (invented figures),2023,5.7,806000,my-standard,my-country\n"
        "my-south,Example south (invented figures),2024,5.4,812000,my-standard,my-country\n"
    ),
    "own_targets": (
        "target_id,area,concept,kind,period_start,period_end,low,high,whose,instrument,status,note\n"
        "ours-decline,vn63-89,poor,annual_decline,2025,2030,0.3,,a district's own plan,,invented,points a year\n"
        "ours-level,vn63-89,poor,level,,2028,,1.5,a district's own plan,,invented,a rate of 1.5 % or less\n"
        "ours-half,vn34-91,poor_near_poor,halving,2026,2030,,0.5,a district's own plan,,invented,half of the base\n"
    ),
    "communes": (
        "commune,year,class,poverty_rate,near_poor_rate,households,poor_minority_households,minority_share_of_poor,"
        "new_rural,certification_probability,exit_probability,standard,list,criteria,borders,note\n"
        "Alpha (invented),2024,III,18.2,9.0,4200,510,71,no,,,review-mdp-2022-2025,list A,rule A,2025,invented\n"
        "Alpha (invented),2025,III,15.9,8.1,4210,460,70,no,,,review-mdp-2022-2025,list A,rule A,2025,invented\n"
        "Beta (invented),2024,III,13.1,7.7,3600,140,40,no,,,review-mdp-2022-2025,list A,rule A,2025,invented\n"
        "Beta (invented),2025,III,11.0,7.0,3610,120,38,no,0.4,,review-mdp-2022-2025,list A,rule A,2025,invented\n"
        "Gamma (invented),2025,coastal,9.5,8.5,2900,,,no,,,review-mdp-2022-2025,list A,rule A,2025,facts unknown\n"
        "Delta (invented),2025,III,,,,,,no,,,,list A,rule A,2025,rate unknown: the prior speaks\n"
        "Epsilon (invented),2025,III,,,,,,no,,0.75,,list A,rule A,2025,a judgement of your own\n"
    ),
    "registry": (
        "household_id,year,district,commune,urban,minority,size,income,deprivations,can_work,female_head,listed,"
        "newly_escaped,weight,deprived_job,deprived_dependants,deprived_nutrition,deprived_health_insurance,"
        "deprived_adult_education,deprived_child_school,deprived_housing_quality,deprived_housing_area,deprived_water,"
        "deprived_toilet,deprived_telecom,deprived_info_assets,programme_credit,programme_housing\n"
        "a1,2024,Alpha (invented),Alpha one,0,0,4,1200000,4,1,0,poor,0,1,1,0,0,1,1,0,0,0,0,1,0,0,1,0\n"
        "a2,2024,Alpha (invented),Alpha one,0,1,5,1450000,3,1,1,near_poor,0,1,0,1,0,0,1,0,0,0,0,1,0,0,0,0\n"
        "a3,2024,Alpha (invented),Alpha two,1,0,3,1900000,2,1,0,near_poor,0,1,0,0,0,1,0,0,0,0,0,1,0,0,1,0\n"
        "a4,2024,Alpha (invented),Alpha two,1,0,2,4100000,0,1,0,not_poor,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n"
        "b1,2024,Beta (invented),Beta one,0,1,6,900000,5,0,1,poor,0,1,1,1,0,1,1,0,0,0,0,1,0,0,1,1\n"
        "b2,2024,Beta (invented),Beta one,0,0,4,2600000,1,1,0,not_poor,0,1,0,0,0,0,1,0,0,0,0,0,0,0,0,0\n"
        "b3,2024,Beta (invented),Beta one,0,0,4,5200000,0,1,0,not_poor,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n"
        "b4,2024,Beta (invented),Beta one,0,0,3,3300000,3,1,1,poor,0,1,0,1,0,0,1,0,0,0,0,1,0,0,1,0\n"
    ),
    "programme": (
        "unit,start,model\n"
        "alpha-invented,2023,cattle\nbeta-invented,2024,cattle\ngamma-invented,2023,cattle\n"
        "delta-invented,2024,cattle\nepsilon-invented,,\nzeta-invented,,\neta-invented,,\ntheta-invented,,\n"
    ),
    "outcomes": "unit,year,standard,weight,minority,income,work,deprived_water,poor\n"
    + "".join(
        f"{unit}-invented,{2021 + step},review-mdp-2022-2025,{210 + 15 * place},{place % 2},"
        f"{1310 + 24 * place + 55 * step + 7 * (place * step % 5) + 40 * max(0, step - 1) * (place < 4)},"
        f"{71 + place + step},{22 - place - step},{31 - 2 * place - 2 * step - (place < 4) * max(0, step - 1)}\n"
        for place, unit in enumerate(("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"))
        for step in range(5)
    ),
    "costs": (
        "model,item,payer,year,amount,price_year,kind,basis,households,lifetime,repaid_share,repaid_year,assigned,as_of\n"
        "cattle,calves (invented),central,2023,20,2023,capital,per_household,120,5,0.25,2026,,\n"
        "cattle,training (invented),province,2023,150,2023,recurrent,fixed,120,,,,,\n"
        "cattle,shed (invented),household,2023,3,2023,capital,per_household,120,5,,,,\n"
    ),
    "options": (
        "commune,model,pool,unit_cost,fixed_cost,capacity,eligible,eligible_workers,livelihood,gap_closed,exits,"
        "deprivations,poorest,extremely_disadvantaged,minority_area\n"
        "Alpha (invented),cattle,poorest,25,40,30,60,40,1,14,0.05,0.1,1,1,1\n"
        "Alpha (invented),cash,poorest,18,0,60,60,40,0,18,1,0,1,1,1\n"
        "Alpha (invented),cattle,poor,25,40,20,45,38,1,9,0.4,0.1,0,1,1\n"
        "Beta (invented),cattle,poor,25,40,25,50,44,1,9,0.4,0.1,0,0,0\n"
        "Beta (invented),cash,poor,6,0,50,50,44,0,6,1,0,0,0,0\n"
    ),
}


@dataclass(frozen=True)
class InputFile:
    """A user's file, read once.

    Parameters
    ----------
    parameter : str
        Name of the parameter.
    name : str
        Name of the file, without its folder.
    content : bytes
        Its content.
    """

    parameter: str
    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Hash of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def relative(self) -> str:
        """Path of its copy inside the report folder; a household file keeps its ending (CSV or Parquet)."""
        ending = Path(self.name).suffix.lower()
        plain = input_path(self.parameter)
        return plain[:-4] + ending if self.private and ending in PRIVATE_ENDINGS else plain

    @property
    def private(self) -> bool:
        """Whether it holds households, so that no copy of it may stay in the report."""
        return self.parameter in PRIVATE


def input_path(parameter: str) -> str:
    """Return the path of the copy of a user's file inside the report folder.

    Parameters
    ----------
    parameter : str
        Name of the parameter.

    Returns
    -------
    str
        For instance ``input/panel.csv``.

    Examples
    --------
    >>> input_path("panel")
    'input/panel.csv'
    >>> input_path("reports")
    'input/reports.json'
    """
    return f"{FOLDER}/{parameter}.{'json' if parameter == REPORTS else 'csv'}"


def read_inputs(values: Mapping[str, object]) -> dict[str, InputFile]:
    """Read every file that the parameters name.

    Parameters
    ----------
    values : mapping of str to object
        Checked parameters; a path may be relative to the working folder.

    Returns
    -------
    dict of str to InputFile
        By parameter.

    Raises
    ------
    ParameterError
        If a file cannot be read.
    DataError
        If a file is of the wrong shape: every fault at once.
    """
    files = {}
    for name in TEMPLATES:
        value = values.get(name)
        if value is None:
            continue
        try:
            path = Path(str(value)).expanduser()
            if path.exists() and not path.is_file():
                raise ValueError("it is not a file")
            files[name] = InputFile(name, path.name, path.read_bytes())
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ParameterError(
                f"The parameter {name!r} names {show(value, 200)}, which cannot be read: {reason}. "
                f"Give the path of a CSV file; `povstudy show NOTEBOOK --template DIR` writes an example."
            ) from None
        if name in READERS:
            _reader(name)(path)
    return files


def _reader(parameter: str) -> Callable[[Path], object]:
    """Return the function that reads a user's file, or raises a DataError with every fault in it."""
    module, _, name = READERS[parameter].rpartition(".")
    return getattr(importlib.import_module(module), name)


def column_lines(parameter: str) -> list[str]:
    """Return the documentation of the columns of a user's file, a line each.

    Parameters
    ----------
    parameter : str
        Name of the parameter.

    Returns
    -------
    list of str
        Empty where the parameter names no file with columns of its own.

    Examples
    --------
    >>> column_lines("registry")[1]
    'household_id: required; id; id of the household; a pseudonym replaces it'
    """
    if parameter in ("programme", "outcomes"):
        from povstudy.evaluation.files import OUTCOME_COLUMNS, PROGRAMME_COLUMNS

        columns = PROGRAMME_COLUMNS if parameter == "programme" else OUTCOME_COLUMNS
        return [
            "columns (CSV in UTF-8):",
            *(f"{name}: {meaning}" for name, meaning in columns.items()),
            "Columns with names, identity numbers, telephones or addresses are refused; no copy stays in a report.",
        ]
    if parameter in ("communes", "own_targets"):
        from povstudy.projection.communes import COMMUNE_FILE
        from povstudy.projection.target_file import TARGET_FILE

        table = COMMUNE_FILE if parameter == "communes" else TARGET_FILE
        return ["columns (CSV in UTF-8):", *map(_field_line, table.fields)]
    if parameter != "registry":
        return []
    from povstudy.registry import registry_columns

    lines = ["columns (one row a household; CSV in UTF-8, or Parquet):"]
    for row in registry_columns().itertuples():
        unit = f" ({row.unit})" if row.unit else ""
        lines.append(f"{row.name}: {row.need}; {row.kind}{unit}; {row.meaning_en}")
    return [
        *lines,
        "Names, identity numbers, telephones and addresses are dropped at reading; no copy stays in a report.",
    ]


def _field_line(field: Field) -> str:
    """Return what a column of a table holds."""
    need = "required" if field.required else "optional"
    allowed = f" ({', '.join(map(str, field.enum))})" if field.enum else ""
    return f"{field.name}: {need}; {field.type}{allowed}; {field.description}"


def write_templates(names: list[str], folder: Path) -> list[Path]:
    """Write the templates of input files; a file that exists already is refused.

    Parameters
    ----------
    names : list of str
        Parameters of a notebook.
    folder : Path
        Where to write.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    ParameterError
        If a file exists already or the folder cannot be written.
    """
    written = []
    for name in [n for n in names if n in TEMPLATES]:
        path = folder / f"{name}.csv"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(TEMPLATES[name])
        except FileExistsError:
            raise ParameterError(
                f"{path} exists already and is not overwritten. Give another folder with --template DIR."
            ) from None
        except OSError as error:
            raise ParameterError(
                f"The folder {folder} cannot be written: {error.strerror}. Give another one with --template DIR."
            ) from None
        written.append(path)
    return written
