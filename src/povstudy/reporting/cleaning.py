"""Takes out of an executed notebook what belongs to this machine and this moment: paths, times, statuses."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import tempfile
from pathlib import Path

__all__ = ["clean", "clean_text"]

START_OF_NAME = r"(?<![\w.-])"
END_OF_NAME = r"(?![\w-])"
# Folders too common to be taken for a place of this machine.
PYTHON = (sys.prefix, sysconfig.get_path("stdlib"), sys.base_prefix)
COMMON = ("/", "/usr", "/usr/local", "/root", "/opt", "/tmp")


def clean(notebook: object, work: Path, home: Path) -> None:
    """Clean an executed notebook in place.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook.
    work, home : Path
        The working folder and the project folder.
    """
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [_without_paths(output, work, home) for output in cell.outputs]
    if isinstance(notebook.metadata.get("language_info"), dict):
        notebook.metadata["language_info"] = {"name": "python", "file_extension": ".py"}


def _without_paths(value: object, work: Path, home: Path) -> object:
    """Return nested data with the folders of this machine replaced by names of what they are."""
    if isinstance(value, str):
        return clean_text(value, work, home)
    if isinstance(value, list):
        return [_without_paths(item, work, home) for item in value]
    if isinstance(value, dict):
        # An image is no text: its base64 may hold anything.
        return type(value)(
            {k: v if k.startswith("image/") else _without_paths(v, work, home) for k, v in value.items()}
        )
    return value


def clean_text(text: str, work: Path, home: Path) -> str:
    """Replace the folders of this machine in a text by what they are.

    Parameters
    ----------
    text : str
        Text of an output.
    work, home : Path
        The working folder and the project folder.

    Returns
    -------
    str
        With ``[report]``, ``[project]``, ``[python]``, ``[home]`` and ``[cell]``: no markup, they stand in HTML too.

    Examples
    --------
    >>> clean_text("/w/.running-1/a.csv of /p/data", Path("/w/.running-1"), Path("/p"))
    '[report]/a.csv of [project]/data'
    """
    cell = re.escape(str(Path(tempfile.gettempdir()) / "ipykernel_")) + r"\d+[/\\]\d+\.py"
    text = re.sub(cell, "[cell]", text)
    places = {**dict.fromkeys(PYTHON, "[python]"), str(home): "[project]", str(work): "[report]"}
    for place in sorted(set(places) - set(COMMON), key=len, reverse=True):
        text = re.sub(START_OF_NAME + re.escape(place) + END_OF_NAME, places[place], text)
    return text.replace(f"{Path.home()}{os.sep}", f"[home]{os.sep}")
