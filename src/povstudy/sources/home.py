"""Where the project folder is: never the working folder as such."""

from __future__ import annotations

import os
from pathlib import Path

from povstudy.errors import ProjectError

__all__ = ["MARKER", "project_home"]

MARKER = Path("data", "raw", "datapackage.json")
"""The file that makes a folder a project folder."""

_VARIABLE = "POVSTUDY_HOME"


def _checkout() -> Path:
    """Return the folder that the package was installed from, if it was installed from a checkout."""
    return Path(__file__).resolve().parents[3]


def project_home() -> Path:
    """Return the project folder.

    The folder named by the variable POVSTUDY_HOME; else the checkout that the package was installed from;
    else the nearest folder at or above the working folder that holds data/raw/datapackage.json.

    Returns
    -------
    Path
        Absolute path of a folder that holds data/raw/datapackage.json.

    Raises
    ------
    ProjectError
        If POVSTUDY_HOME names a folder without data, or if no project folder is found.

    Examples
    --------
    >>> (project_home() / "data" / "raw" / "datapackage.json").is_file()
    True
    """
    named = os.environ.get(_VARIABLE)
    if named:
        home = Path(named).expanduser().absolute()
        if not (home / MARKER).is_file():
            raise ProjectError(
                f"{_VARIABLE} names {named!r}, but there is no {MARKER.as_posix()} in it. Set {_VARIABLE} to the "
                "folder of a povstudy checkout, or unset it."
            )
        return home
    cwd = Path.cwd()
    for folder in (_checkout(), cwd, *cwd.parents):
        if (folder / MARKER).is_file():
            return folder
    raise ProjectError(
        f"No povstudy project folder was found: neither the installed package nor {str(cwd)!r} or a folder above it "
        f"holds {MARKER.as_posix()}. Set {_VARIABLE} to the folder of a povstudy checkout, or start from inside it."
    )
