"""Text cells on a page: formulas as MathML, footnotes at its end."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from povstudy.reporting.text_cells import TextCells, mathml

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RAW = re.compile(r"\$|\\[a-zA-Z(\[]|\[\^")


class Page(HTMLParser):
    """Collects ids, targets and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids, self.targets, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["href"].removeprefix("#")] if found.get("href", "").startswith("#") else []

    def handle_data(self, data):
        self.text += data


def page(lang, *cells):
    made = TextCells(lang)
    return "".join([*map(made.html, cells), made.notes()])


@pytest.mark.parametrize("lang", ["en", "vi"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_formula_and_footnote_of_a_notebook_is_drawn(path, lang):
    cells = [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
        and f"lang-{lang}" in cell.metadata.tags
        and "jupyterlab" not in cell.metadata.tags
    ]
    html = page(lang, *cells)
    formulas = sum(len(re.findall(r"\$\$.+?\$\$|\$.+?\$", cell)) for cell in cells)
    assert html.count("<math") == formulas
    found = Page(html)
    assert not RAW.search(found.text), found.text
    assert set(found.targets) <= set(found.ids)


def test_the_notebooks_that_compute_say_how():
    for name in ("02_poverty_profile", "03_forecast", "06_model_evaluation"):
        source = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
        assert source.count("$$") >= 4 and source.count("[^") >= 8


def test_a_formula_is_mathematics_with_its_source_for_who_cannot_see_it():
    html = page("en", r"The share $P_\alpha$ is" "\n\n" r"$$P_\alpha=\frac{q}{N}$$")
    assert '<math alttext="P_\\alpha"><mrow><msub><mi>P</mi><mi>α</mi></msub></mrow></math>' in html
    assert '<span class="formula" tabindex="0"><math display="block" alttext="P_\\alpha=\\frac{q}{N}">' in html


@pytest.mark.parametrize(
    "formula",
    [
        r"\text{<script>alert(1)</script>}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(x)}{x}",
        r"\unknown x",
        "",
        r"\frac{1}{" + "{" * 3,
    ],
)
def test_what_is_no_formula_stays_as_it_was_written_and_does_nothing(formula):
    html = mathml(formula)
    assert html.startswith("<code>") and html.endswith("</code>")
    assert not re.search(r"<(?!/?code)", html)


def test_footnotes_are_numbered_through_the_page_and_lead_back():
    html = page(
        "vi",
        "One[^a], two[^b], one again[^a].\n\n[^a]: <cite>Sen (1976)</cite>, $x^2$.\n[^b]: *Second*.",
        "Three[^a].\n\n[^a]: The same key in another cell is another note.",
    )
    assert html.count('<li id="note-') == 3 and "<cite>Sen (1976)</cite>, <math" in html
    assert re.findall(r'href="#note-(\d)"', html) == ["1", "2", "1", "3"]
    found = Page(html)
    assert len(set(found.ids)) == len(found.ids) and set(found.targets) <= set(found.ids)
    assert 'aria-label="Chú thích 3"' in html and "<em>Second</em>" in html
    assert '<h2 id="notes">Chú thích</h2>' in html and html.count('role="doc-backlink"') == 3


def test_a_page_without_footnotes_has_no_place_for_them():
    assert "notes" not in page("en", "It costs $5, and [^x] has no text.")
