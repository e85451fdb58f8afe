"""Text cells of a notebook as HTML: formulas as MathML, footnotes gathered at the end of the page.

JupyterLab shows the same cells with a formula renderer of its own; a report has no scripts, and browsers draw MathML.
"""

from __future__ import annotations

import functools
import html
import re
import xml.etree.ElementTree as ElementTree

from mistune import import_plugin
from mistune.plugins.footnotes import md_footnotes_hook
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from povstudy.reporting import wording

__all__ = ["TextCells", "mathml"]

PLUGINS = (*MarkdownWithMath.DEFAULT_PLUGINS, "footnotes")
NAMESPACE = "http://www.w3.org/1998/Math/MathML"
# MathML Core without what could link, load or run.
ELEMENTS = re.compile(
    "math|mrow|mi|mn|mo|ms|mtext|mspace|mfrac|msqrt|mroot|msub|msup|msubsup|munder|mover|munderover|mmultiscripts|"
    "mprescripts|mtable|mtr|mtd|mstyle|mpadded|mphantom"
)
ATTRIBUTES = re.compile(
    "display|accent|accentunder|stretchy|fence|form|separator|lspace|rspace|width|height|depth|linethickness|"
    "columnalign|mathvariant|displaystyle|scriptlevel|movablelimits|minsize|maxsize|symmetric|largeop"
)


@functools.lru_cache(maxsize=256)
def mathml(formula: str, *, block: bool = False) -> str:
    r"""Return a formula as MathML, with its TeX as the alternative text.

    Parameters
    ----------
    formula : str
        TeX without dollar signs.
    block : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str
        HTML.  A formula that cannot be read, or holds more than mathematics, stays as it was written, as escaped code.

    Examples
    --------
    >>> mathml("H")
    '<math alttext="H"><mrow><mi>H</mi></mrow></math>'
    >>> mathml(r"\text{<script>}")
    '<code>\\text{&lt;script&gt;}</code>'
    """
    from latex2mathml.converter import convert

    formula = " ".join(formula.split())
    try:
        tree = ElementTree.fromstring(convert(formula, display="block" if block else "inline"))
    except Exception:  # the library raises what it likes: a report must not fail for a formula
        return f"<code>{html.escape(formula)}</code>"
    for element in tree.iter():
        element.tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        # A command that is not known comes back as it was written.
        known = ELEMENTS.fullmatch(element.tag) and all(map(ATTRIBUTES.fullmatch, element.attrib))
        if not known or "\\" in (element.text or ""):
            return f"<code>{html.escape(formula)}</code>"
    if not block:
        tree.attrib.pop("display", None)
    tree.set("alttext", formula)
    return ElementTree.tostring(tree, encoding="unicode")


class _Renderer(IPythonRenderer):
    """Draws formulas instead of leaving them to a script."""

    def block_math(self, body: str) -> str:
        """Return a formula between double dollars."""
        return f'<span class="formula" tabindex="0">{mathml(body, block=True)}</span>'

    def multiline_math(self, text: str) -> str:
        """Return a formula of several lines, its dollars taken off."""
        return self.block_math(text.strip().removeprefix("$$").removesuffix("$$"))

    def latex_environment(self, name: str, body: str) -> str:
        """Return an environment, for instance ``cases``."""
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")

    def inline_math(self, body: str) -> str:
        """Return a formula inside a sentence."""
        return mathml(body)


class TextCells:
    """The text cells of one page; footnotes are numbered through it.

    Parameters
    ----------
    lang : str
        Language of the page.
    """

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._markdown = MarkdownWithMath(_Renderer(escape=False), plugins=map(import_plugin, PLUGINS))
        self._markdown.after_render_hooks.remove(md_footnotes_hook)
        self._markdown.renderer.register("footnote_ref", self._reference)
        self._before = 0
        self._referred: set[int] = set()
        self._notes: list[str] = []

    def html(self, source: str) -> str:
        """Return a cell as HTML.

        Parameters
        ----------
        source : str
            Markdown.

        Returns
        -------
        str
            Its footnotes are kept for `notes`.
        """
        self._before = len(self._notes)
        content, state = self._markdown.parse(source)
        texts = state.env.get("ref_footnotes") or {}
        keys = state.env.get("footnotes") or []
        self._notes += [self._plain(texts[key]) for key in keys]
        return str(content)

    def _plain(self, source: str) -> str:
        """Return the text of a footnote; a footnote has none of its own."""
        content, _ = self._markdown.parse(" ".join(source.split()))
        return str(content).strip().removeprefix("<p>").removesuffix("</p>")

    def _reference(self, _: object, key: str, index: int) -> str:
        number = self._before + index
        anchor = "" if number in self._referred else f' id="noteref-{number}"'
        self._referred.add(number)
        label = html.escape(wording.text_of("page.note", self._lang))
        return (
            f'<sup class="footnote-ref"><cite><a href="#note-{number}"{anchor} role="doc-noteref" '
            f'aria-label="{label} {number}">{number}</a></cite></sup>'
        )

    def notes(self) -> str:
        """Return all footnotes of the page, empty if there are none."""
        if not self._notes:
            return ""
        heading, back = (wording.text_of(f"page.{word}", self._lang) for word in ("notes", "note_back"))
        items = "".join(
            f'<li id="note-{number}">{text} '
            f'<a href="#noteref-{number}" role="doc-backlink" aria-label="{html.escape(back)} {number}">↩</a></li>\n'
            for number, text in enumerate(self._notes, 1)
        )
        return (
            f'<section class="footnotes" role="doc-endnotes" aria-labelledby="notes">\n<h2 id="notes">{heading}</h2>\n'
            f"<ol>\n{items}</ol>\n</section>\n"
        )
