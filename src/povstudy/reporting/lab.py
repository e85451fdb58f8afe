"""JupyterLab on the notebooks: with this interpreter's kernel, at this project, and without asking the network."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["lab_command", "lab_environment"]

START = "/lab/tree/notebooks"
SETTINGS = (
    f"--LabApp.default_url={START}",
    # The kernel "python3" is looked up in this environment first (`lab_environment`); its command is "python", which
    # Jupyter replaces by the interpreter of the server.
    "--MultiKernelManager.default_kernel_name=python3",
    # No news, no look for updates, no list of extensions: nothing leaves the machine.
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


def lab_command(home: Path, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command that starts JupyterLab.

    Parameters
    ----------
    home : Path
        The project folder: what the file browser shows; it opens at the notebooks.
    arguments : sequence of str
        Further arguments; they come last, so they win.

    Returns
    -------
    list of str
        Command and arguments.
    """
    # The server listens on this machine only and asks for a token; in a container its user is often root.
    root = ["--ServerApp.allow_root=True"] if getattr(os, "geteuid", lambda: -1)() == 0 else []
    return [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={home}", *SETTINGS, *root, *arguments]


def lab_environment(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of JupyterLab and its kernels.

    Parameters
    ----------
    home : Path
        The project folder.
    environment : mapping of str to str
        That of this process.

    Returns
    -------
    dict of str to str
        The kernels and extensions of this interpreter's environment come before all others, also before those that
        ``JUPYTER_PATH`` names.

    Examples
    --------
    >>> made = lab_environment(Path("povstudy"), {"JUPYTER_PATH": "elsewhere"})
    >>> made["JUPYTER_PATH"].split(os.pathsep)[-1], made["POVSTUDY_HOME"]
    ('elsewhere', 'povstudy')
    """
    own = str(Path(sys.prefix) / "share" / "jupyter")
    paths = os.pathsep.join(filter(None, [own, environment.get("JUPYTER_PATH", "")]))
    return {**environment, "POVSTUDY_HOME": str(home), "JUPYTER_PATH": paths, "JUPYTER_PREFER_ENV_PATH": "1"}
