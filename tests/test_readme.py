"""The README does what it says: its shell blocks run as they stand, in a copy of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FENCE = re.compile(r"^```(sh|bash|shell|powershell|python|csv)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELLS = {"sh", "bash", "shell", "powershell"}


READMES = ("README.md", "README.vi.md")


def blocks(root: Path, name: str = "README.md") -> list[tuple[str, str, str]]:
    """Language, tag and text of each fenced block."""
    text = (root / name).read_text(encoding="utf-8")
    return [(language, tag.strip(), body) for language, tag, body in FENCE.findall(text)]


@pytest.fixture(scope="module")
def checkout(root, tmp_path_factory):
    """A copy of the checkout as a user would have it: no reports, no built data, no environment."""
    target = tmp_path_factory.mktemp("copy") / "povstudy"
    ignore = shutil.ignore_patterns(
        ".git", ".venv", "reports", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", "local"
    )
    shutil.copytree(root, target, ignore=ignore)
    for built in (target / "data" / "processed").iterdir():
        if built.name != "README.md":
            shutil.rmtree(built) if built.is_dir() else built.unlink()
    return target


@pytest.fixture(scope="module")
def environment(checkout):
    """The copy's own code and data, and the commands of the environment that runs the tests."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(checkout / "src"),
        "POVSTUDY_HOME": str(checkout),
    }


def test_every_shell_block_says_whether_it_is_run(root):
    tags = [tag for language, tag, _ in blocks(root) if language in SHELLS]
    assert tags
    assert [tag for tag in tags if tag != "run" and not re.fullmatch(r"not run here: \S.+", tag)] == []


def test_the_two_make_commands_are_what_ci_runs(root):
    ci = (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    shown = [body for language, tag, body in blocks(root) if ".ci/run" in tag and language == "sh"]
    assert shown == ["make report\nmake test\n"]
    assert {"make report", "make test"} <= set(ci)


def test_ci_selects_every_test(root):
    text = (root / ".ci" / "run").read_text(encoding="utf-8") + (root / "Makefile").read_text(encoding="utf-8")
    commands = [line for line in text.splitlines() if "pytest" in line]
    assert commands
    assert not any(re.search(r"\s(-m (?!pytest)|-k|--ignore|--deselect)", line) for line in commands)


def test_the_run_blocks_run(root, checkout, environment):
    before = {path.relative_to(checkout) for path in checkout.rglob("*") if "processed" not in path.parts}
    script = "\n".join(body for language, tag, body in blocks(root) if language == "sh" and tag == "run")
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reports = sorted(path.parent.name for path in (checkout / "reports").glob("*/report.html"))
    assert len(reports) == 2, reports
    after = {path.relative_to(checkout) for path in checkout.rglob("*") if "processed" not in path.parts}
    new = {path.parts[0] for path in after - before if "__pycache__" not in path.parts}
    assert new == {"reports", "my-figures"}


def test_the_csv_example_is_a_panel_that_is_accepted(root, tmp_path):
    from povstudy import read_panel

    (example,) = [body for language, _, body in blocks(root) if language == "csv"]
    (tmp_path / "panel.csv").write_text(example, encoding="utf-8")
    assert len(read_panel(tmp_path / "panel.csv")) == example.count("\n") - 1


def test_the_python_example_runs(root, checkout, environment):
    (example,) = [body for language, _, body in blocks(root) if language == "python"]
    subprocess.run([sys.executable, "-c", example], env=environment, cwd="/", check=True, capture_output=True)


@pytest.mark.parametrize("name", READMES)
def test_every_link_of_the_readme_leads_somewhere(root, name):
    text = (root / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", text)
    assert targets
    assert [target for target in targets if not (root / target).exists()] == []


@pytest.mark.parametrize("name", READMES)
def test_every_notebook_is_in_the_readme_and_every_one_named_exists(root, name):
    text = (root / name).read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\d\d_\w+)` \|", text, flags=re.MULTILINE))
    assert named == {path.stem for path in (root / "notebooks").glob("*.ipynb")}


def shape(root: Path, name: str) -> dict[str, object]:
    """What a translation may not change: levels of the headings, code blocks, links, file names, numbers of rows."""
    text = FENCE.sub("", (root / name).read_text(encoding="utf-8"))
    return {
        "headings": [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)],
        "blocks": blocks(root, name),
        "links": sorted(set(re.findall(r"\]\(([^)#]+)", text.replace(".vi.png", ".png"))) - set(READMES)),
        "code": sorted(re.findall(r"`([^`\n]+)`", text)),
        "rows": len(re.findall(r"^\|", text, flags=re.MULTILINE)),
        "points": len(re.findall(r"^- ", text, flags=re.MULTILINE)),
    }


def test_the_vietnamese_readme_says_the_same(root):
    assert shape(root, "README.vi.md") == shape(root, "README.md")


def test_the_readmes_link_to_each_other(root):
    for name, other in zip(READMES, reversed(READMES), strict=True):
        assert f"]({other})" in (root / name).read_text(encoding="utf-8")
