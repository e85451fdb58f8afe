"""A memo as PDF for paper and screen readers (PDF/UA-1): the same memo gives the same bytes.

Typst sets it from `memo.typ`.  Values reach it only as data (``sys_inputs``), never as source, so that nothing in a
name can be taken for markup.  Fonts are those that come with matplotlib, so no system library and no font is needed.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from povstudy.reporting.formats import Phrase
from povstudy.reporting.memo.blocks import Block, Figure, Headline, Memo, Paragraph, Run, Section, Table, runs_of
from povstudy.reporting.memo.printing import cells_of, clean_runs, harmless, heads_of

__all__ = ["memo_pdf"]

TEMPLATE = Path(__file__).with_name("memo.typ")
LONG_WORD = re.compile(r"\S{32}(?=\S)")
# Points, at scale one; the key of the section that opens the second page.
SIZE, SHEET_SIZE = 8.4, 9.4
PAGE_TWO = "track"
NO_GLYPH = "□"


def memo_pdf(memo: Memo) -> bytes:
    """Return a memo as PDF: two pages and a sheet.

    Parameters
    ----------
    memo : Memo
        What stands where.

    Returns
    -------
    bytes
        PDF/UA-1, tagged, with title, language and alternative texts; no date.
    """
    import typst

    return typst.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        font_paths=[str(_fonts())],
        ignore_system_fonts=True,
        pdf_standards=["ua-1"],
        sys_inputs={"memo": json.dumps(_data(memo), ensure_ascii=False)},
    )


def _fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@functools.cache
def _glyphs() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_fonts() / "DejaVuSans.ttf")).get_charmap())


def printable(text: str) -> str:
    """Return a text that the font can print: a sign without a glyph becomes a box, a very long word can break."""
    shown = "".join(sign if ord(sign) in _glyphs() or sign.isspace() else NO_GLYPH for sign in harmless(text))
    return LONG_WORD.sub(lambda match: match.group() + "\N{ZERO WIDTH SPACE}", shown)


def _data(memo: Memo) -> dict[str, object]:
    turn = next((place for place, one in enumerate(memo.sections) if one.key == PAGE_TWO), len(memo.sections))
    first, second = memo.sections[:turn], memo.sections[turn:]
    return {
        "lang": memo.lang,
        "title": printable(memo.title),
        "footer": printable(memo.footer),
        "pages": [
            _page(memo.lang, SIZE, first, memo.title, memo.subtitle),
            _page(memo.lang, SIZE, second),
            _page(memo.lang, SHEET_SIZE, memo.sheet, memo.sheet_title, memo.sheet_subtitle),
        ],
    }


def _page(
    lang: str, size: float, sections: tuple[Section, ...], title: str | None = None, subtitle: Phrase | str = ""
) -> dict[str, object]:
    return {
        "size": size,
        "title": None if title is None else printable(title),
        "subtitle": _runs(runs_of(subtitle)),
        "sections": [_section(one, lang) for one in sections],
    }


def _section(section: Section, lang: str) -> dict[str, object]:
    return {
        "heading": printable(section.heading),
        "blocks": [_block(block, lang) for block in section.blocks],
    }


def _runs(runs: list[Run]) -> list[dict[str, object]]:
    return [{"text": printable(run.text), "bold": run.bold, "note": run.note} for run in clean_runs(runs)]


def _block(block: Block, lang: str) -> dict[str, object]:
    if isinstance(block, Headline):
        return {"kind": "headline", "value": printable(block.value), "runs": _runs(runs_of(block.phrase))}
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "style": block.style, "runs": _runs(runs_of(block.phrase))}
    if isinstance(block, Figure):
        alt, caption = printable(str(block.alt)), _runs(runs_of(block.caption))
        return {"kind": "figure", "svg": block.svg, "alt": alt, "caption": caption}
    return _table(block, lang)


def _table(table: Table, lang: str) -> dict[str, object]:
    rows = cells_of(table, lang)
    numbers = [any(row[place].number for row in rows) for place in range(len(table.frame.columns))]
    return {
        "kind": "table",
        "caption": _runs(runs_of(table.caption)),
        "widths": list(table.widths) or [1.0] * len(numbers),
        "numbers": numbers,
        "head": [printable(text) for text in heads_of(table, lang)],
        "rows": [[_runs(list(cell.runs)) for cell in row] for row in rows],
    }
