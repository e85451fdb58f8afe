"""Write environment.yml from pyproject.toml; with --check, say whether it is in step and exit 1 if not.

A library has the same name on PyPI and on conda-forge; those of `ONLY_ON_PYPI` were not found there and are installed
by pip, and so are those of `OTHER_ON_CONDA`: under their names conda-forge has, or may have, another thing (the
Rust program typst, the JavaScript library playwright).
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "environment.yml"
ONLY_ON_PYPI = {"axe-playwright-python", "causaldata", "diff-diff", "hubdata", "moderndid", "synthdid-py"}
OTHER_ON_CONDA = {"playwright", "typst"}
BY_PIP = ONLY_ON_PYPI | OTHER_ON_CONDA


def name_of(requirement: str) -> str:
    """Return the name of a library: what stands before its bounds."""
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]


def requirements(pyproject: dict) -> tuple[list[str], list[str]]:
    """Return what conda installs (Python first, then by name) and what pip does."""
    project = pyproject["project"]
    libraries = sorted({*project["dependencies"], *project["optional-dependencies"]["test"]})
    conda = [library for library in libraries if name_of(library) not in BY_PIP]
    return [f"python{project['requires-python']}", "pip", *conda], [
        library for library in libraries if name_of(library) in BY_PIP
    ]


def render(pyproject: dict) -> str:
    """Return the text of environment.yml (keys of CEP-24)."""
    conda, pip = requirements(pyproject)
    lines = [
        "# Written by scripts/environment.py from pyproject.toml; change that file instead.",
        f"name: {pyproject['project']['name']}",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        *(f'  - "{spec}"' for spec in conda),
        "  - pip:",
        *(f'      - "{spec}"' for spec in pip),
        '      - "-e ."',
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Write, or with --check compare."""
    text = render(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    if arguments == ["--check"]:
        if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
            return 0
        print(
            "environment.yml is not what pyproject.toml says; run: python scripts/environment.py",
            file=sys.stderr,
        )
        return 1
    if arguments:
        print("usage: environment.py [--check]", file=sys.stderr)
        return 2
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
