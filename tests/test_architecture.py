"""The house: imports go downwards only, and nothing heavy is loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "povstudy"

LAYERS = {
    "errors": 0,
    "memory": 0,
    "tables": 1,
    "standards": 1,
    "areas": 2,
    "sources": 2,
    "indicators": 3,
    "multidimensional": 3,
    "disclosure": 3,
    "plots": 3,
    "survey": 4,
    "registry": 4,
    "decomposition": 5,
    "dynamics": 5,
    "targeting": 5,
    "projection": 6,
    "evaluation": 6,
    "economics": 7,
    "reporting": 8,
    "cli": 9,
}
NOTEBOOK_LIBRARIES = {
    "papermill",
    "nbformat",
    "nbconvert",
    "nbclient",
    "IPython",
    "jupyter_client",
    "ipykernel",
}
HEAVY = ("pandas", "scipy", "statsmodels", "matplotlib", "seaborn", "numpy")


def part_of(path: Path) -> str:
    """The part (first folder or module below the package) that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    """The dotted name of a file of the package."""
    parts = ["povstudy", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, source: str) -> list[tuple[str, int]]:
    """Every module that a file imports, with its line; those inside functions and relative ones too."""
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, base] if base else up)
            found += [(f"{base}.{alias.name}" if base == "povstudy" else base, node.lineno) for alias in node.names]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute | ast.Name)
            and (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id)
            in {"import_module", "__import__"}
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            found.append((str(node.args[0].value), node.lineno))
    return found


def upward_imports(path: Path, source: str) -> list[str]:
    """What a file imports from its own layer (another part) or from above, as sentences."""
    part = part_of(path)
    own = LAYERS.get(part)
    faults = []
    for name, line in imported(path, source):
        pieces = name.split(".")
        if pieces[0] != "povstudy" or len(pieces) < 2 or pieces[1] == part:
            continue
        target = LAYERS.get(pieces[1])
        if target is None or own is None:
            continue
        if target > own:
            faults.append(f"{path.relative_to(PACKAGE)}:{line} ({part}, layer {own}) imports {name} (layer {target})")
    return faults


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_every_part_has_a_layer():
    assert {part_of(path) for path in FILES} - set(LAYERS) == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_go_downwards_only(path):
    assert upward_imports(path, path.read_text(encoding="utf-8")) == []


def test_an_upward_import_inside_a_function_is_found():
    source = "def f():\n    from povstudy.reporting import open_report\n    import povstudy.cli\n"
    assert len(upward_imports(PACKAGE / "projection" / "paths.py", source)) == 2
    relative = "from ..reporting import record"
    assert len(upward_imports(PACKAGE / "projection" / "paths.py", relative)) == 1


def test_there_is_no_circle_between_parts():
    edges: dict[str, set[str]] = {}
    for path in FILES:
        for name, _ in imported(path, path.read_text(encoding="utf-8")):
            pieces = name.split(".")
            if pieces[0] == "povstudy" and len(pieces) > 1 and pieces[1] in LAYERS and pieces[1] != part_of(path):
                edges.setdefault(part_of(path), set()).add(pieces[1])
    done: set[str] = set()
    while True:
        free = {part for part in set(edges) - done if not (edges[part] - done - (LAYERS.keys() - edges.keys()))}
        if not free:
            break
        done |= free
    assert set(edges) - done == set(), {part: edges[part] for part in set(edges) - done}


def test_only_reporting_imports_a_notebook_library():
    faults = [
        f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        for path in FILES
        if part_of(path) != "reporting"
        for name, line in imported(path, path.read_text(encoding="utf-8"))
        if name.split(".")[0] in NOTEBOOK_LIBRARIES
    ]
    assert faults == []


def loaded_after(statement: str) -> set[str]:
    """The heavy libraries that a fresh process has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return set(ast.literal_eval(out.strip().splitlines()[-1]))


@pytest.mark.parametrize("statement", ["import povstudy", "import povstudy.reporting", "import povstudy.cli"])
def test_our_import_loads_nothing_heavy(statement):
    assert loaded_after(statement) == set()


def test_importing_papermill_loads_nothing_heavy_on_our_account():
    """papermill itself may load what it likes (numpy, where pyarrow is installed)."""
    alone = loaded_after("import entrypoints\nentrypoints.get_group_all = lambda group: []\nimport papermill")
    assert loaded_after("import papermill\nassert 'povstudy.reporting.engine' in __import__('sys').modules") == alone
    assert alone <= {"numpy"}


def test_every_public_name_can_be_imported():
    code = "import povstudy\nfor name in povstudy.__all__: getattr(povstudy, name)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_unknown_name_is_an_attribute_error():
    import povstudy

    with pytest.raises(AttributeError, match="has no attribute 'forcast'"):
        povstudy.forcast  # noqa: B018
