"""A finished notebook as one HTML page: self-contained, without scripts, for screen, phone and A4.

Only what `povstudy.reporting.report.Report` displayed is taken as HTML; any other output is shown as escaped text.
"""

from __future__ import annotations

import datetime
import functools
import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from povstudy.errors import ReportError
from povstudy.reporting import wording
from povstudy.reporting.cite import citation
from povstudy.reporting.formats import TAG, Date
from povstudy.reporting.record import page_record
from povstudy.reporting.report import MARK

if TYPE_CHECKING:
    from jinja2 import BytecodeCache
    from jinja2.bccache import Bucket
    from nbconvert.exporters.templateexporter import TemplateExporter

__all__ = ["CSP", "about", "compile_templates", "page_css", "render", "title_of"]

CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
TEMPLATES = Path(__file__).parent / "templates"
HEADING = re.compile(r'<h([1-6]) id="[^"]*">(.*?)(?:<a class="anchor-link"[^>]*>.*?</a>)?</h\1>', re.DOTALL)
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PAGE_WORDS = ("contents", "code", "area", "date", "language", "language_name", "standard", "table", "figure")
PAGE_WORDS += ("cite_heading", "identifier", "data_hash", "code_hash", "lock_hash", "recompute", "record", "files")


@functools.cache
def page_css() -> str:
    """Return the style sheet of every page, with the colours of highlighted code.

    Returns
    -------
    str
        CSS.
    """
    return (TEMPLATES / "page.css").read_text(encoding="utf-8")


def about(notebook: Mapping) -> dict[str, str]:
    """Return what the notebook said about itself through ``Report.about``.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook.

    Returns
    -------
    dict of str to str
        ``standard``, ``area`` and ``title`` where given; the last call counts.
    """
    facts: dict[str, str] = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            said = output.get("metadata", {}).get(MARK, {}).get("about", {})
            facts |= {k: v for k, v in said.items() if v}
    return facts


def title_of(notebook: Mapping, default: str) -> str:
    """Return the first heading of level 1 in the text of a notebook.

    Parameters
    ----------
    notebook : mapping
        A notebook.
    default : str
        For a notebook without one.

    Returns
    -------
    str
        Plain text.
    """
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for line in cell["source"].splitlines():
                if line.startswith("# "):
                    return html.unescape(TAG.sub("", line[2:])).strip()
    return default


class _Page:
    """Filters of one page; collects its headings, and the code of cells that show nothing."""

    def __init__(self, lang: str) -> None:
        from povstudy.reporting.text_cells import TextCells

        self.lang = lang
        self.code_waiting: list[str] = []
        self.contents: list[dict[str, object]] = []
        self.anchors: set[str] = {"cite", "contents-heading", "notes"}
        self.title_seen = False
        self.text_cells = TextCells(lang)

    def markdown(self, source: str) -> str:
        """Return a text cell as HTML; its first heading of level 1 is dropped, it is the title."""
        return self.rest() + HEADING.sub(self._heading, self.text_cells.html(source))

    def notes(self, _: object = None) -> str:
        """Return the footnotes of the page, with their place in the table of contents."""
        text = self.text_cells.notes()
        if text:
            self.contents.append({"level": 2, "text": wording.text_of("page.notes", self.lang), "anchor": "notes"})
        return text

    def _heading(self, match: re.Match) -> str:
        level, inner = int(match.group(1)), match.group(2)
        if level == 1 and not self.title_seen:
            self.title_seen = True
            return ""
        level = max(level, 2)
        text = html.unescape(TAG.sub("", inner)).strip()
        anchor = self._anchor(text)
        if level <= 3:
            self.contents.append({"level": level, "text": text, "anchor": anchor})
        return f'<h{level} id="{anchor}">{inner}</h{level}>'

    def _anchor(self, text: str) -> str:
        plain = unicodedata.normalize("NFKD", text.lower().replace("đ", "d"))
        base = re.sub(r"[^a-z0-9]+", "-", "".join(c for c in plain if not unicodedata.combining(c)))
        base = base.strip("-")[:60] or "section"
        anchor, count = base, 1
        while anchor in self.anchors:
            count += 1
            anchor = f"{base}-{count}"
        self.anchors.add(anchor)
        return anchor

    def code(self, cell: Mapping) -> str:
        """Return a code cell: its code folded, with that of cells before it that show nothing, then its outputs."""
        if cell["source"].strip():
            self.code_waiting.append(cell["source"])
        shown = "".join(map(_output, cell["outputs"]))
        return self.rest() + shown if shown else ""

    def rest(self, _: object = None) -> str:
        """Return the code that waits, folded away and escaped."""
        if not self.code_waiting:
            return ""
        blocks = "".join(f'<pre tabindex="0"><code>{html.escape(code)}</code></pre>\n' for code in self.code_waiting)
        self.code_waiting = []
        return (
            f'<details class="code"><summary>{wording.text_of("page.code", self.lang)}</summary>\n{blocks}</details>\n'
        )


def _output(output: Mapping) -> str:
    """Return an output as HTML: what Report displayed as it is, anything else as escaped text."""
    if output["output_type"] == "stream":
        return _plain(output["text"]) if output["name"] == "stdout" else ""
    if output["output_type"] not in ("display_data", "execute_result"):
        return ""
    data, mark = output["data"], output["metadata"].get(MARK, {})
    kind = mark.get("kind")
    if kind == "figure":
        return _figure(data["image/png"], mark)
    if kind == "table":
        label = html.escape(data["text/plain"], quote=True)
        return f'<div class="table-scroll" role="region" tabindex="0" aria-label="{label}">{data["text/html"]}</div>\n'
    if kind == "say":
        return data["text/html"] + "\n"
    if kind == "caption" or "about" in mark:
        return ""
    if "image/png" in data:
        return _figure(data["image/png"], {"alt": data.get("text/plain", "")})
    return _plain(data.get("text/plain", ""))


def _plain(text: str) -> str:
    text = ANSI.sub("", text).strip("\n")
    return f"<pre>{html.escape(text)}</pre>\n" if text.strip() else ""


def _figure(png: str, mark: Mapping) -> str:
    name = f' id="figure-{html.escape(mark["name"])}"' if mark.get("name") else ""
    width = f' width="{int(mark["width"])}"' if mark.get("width") else ""
    caption = f"\n<figcaption>{mark['caption']}</figcaption>" if mark.get("caption") else ""
    image = f'<img src="data:image/png;base64,{"".join(png.split())}" alt="{html.escape(mark["alt"])}"{width}>'
    return f'<figure{name} tabindex="0">{image}{caption}</figure>\n'


def _exporter(page: _Page) -> TemplateExporter:
    """Return what renders one page; what it compiles is kept for the next one."""
    from nbconvert.exporters.templateexporter import TemplateExporter

    exporter = TemplateExporter(
        template_name="povstudy",
        extra_template_basedirs=[str(TEMPLATES)],
        template_extension=".html.j2",
        file_extension=".html",
        default_preprocessors=[],  # none is wanted, and each would check the whole notebook once more
        filters={
            "report_markdown": page.markdown,
            "report_code": page.code,
            "report_rest": page.rest,
            "report_notes": page.notes,
            "report_contents": lambda _: page.contents,
        },
    )
    exporter.environment.bytecode_cache = _compiled()
    return exporter


@functools.cache
def _compiled() -> BytecodeCache:
    """Return the compiled templates of this process and of those forked from it."""
    from jinja2 import BytecodeCache

    class Compiled(BytecodeCache):
        def __init__(self) -> None:
            self.kept: dict[str, bytes] = {}

        def load_bytecode(self, bucket: Bucket) -> None:
            if bucket.key in self.kept:
                bucket.bytecode_from_string(self.kept[bucket.key])

        def dump_bytecode(self, bucket: Bucket) -> None:
            self.kept[bucket.key] = bucket.bytecode_to_string()

    return Compiled()


def compile_templates() -> None:
    """Compile the template of a page and those that it extends, before the first page is rendered."""
    from jinja2 import meta

    exporter = _exporter(_Page(wording.LANGUAGES[0]))
    names, environment = [exporter.template.name], exporter.environment
    while names:
        environment.get_template(names[0])
        source, _, _ = environment.loader.get_source(environment, names.pop(0))
        names += [name for name in meta.find_referenced_templates(environment.parse(source)) if name]


def render(notebook: Mapping, record: Mapping[str, object], files: Sequence[str]) -> str:
    """Return the page of a finished notebook.

    Parameters
    ----------
    notebook : NotebookNode
        Executed notebook, text cells of one language only.
    record : mapping
        Its record: title, area, date, standard, identifier, hashes and command.
    files : sequence of str
        Relative paths that the citation block links to.

    Returns
    -------
    str
        A complete HTML document.

    Raises
    ------
    ReportError
        If the language of the record is not known.
    """
    lang = str(record["lang"])
    if lang not in wording.LANGUAGES:
        raise ReportError(f"Language {lang!r} is not known; possible are {', '.join(wording.LANGUAGES)}.")
    exporter = _exporter(_Page(lang))
    facts = {
        "lang": lang,
        "csp": CSP,
        "css": page_css(),
        "title": record["title"],
        "area": record["area_name"],
        "standard": record["standard"],
        "date": Date(datetime.datetime.fromisoformat(str(record["finished"])).date(), lang).html,
        "words": {word: wording.text_of(f"page.{word}", lang) for word in PAGE_WORDS},
        "citation": citation(record, lang).html,
        "record": record,
        "record_text": page_record(record),
        "files": list(files),
    }
    text, _ = exporter.from_notebook_node(notebook, {"povstudy": facts})
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"
