"""A memo as a Word file that can be edited: real tables, heading styles, language, alternative texts, citation ids."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Mapping

from povstudy.reporting import wording
from povstudy.reporting.formats import Number, Phrase, unit_named
from povstudy.reporting.memo.blocks import Block, Figure, Headline, Memo, Paragraph, Run, Table, runs_of
from povstudy.reporting.memo.printing import Cell, cells_of, clean_runs, harmless, heads_of, said_source

__all__ = ["memo_docx"]

LOCALE = {"en": "en-GB", "vi": "vi-VN"}
FONT = "Times New Roman"  # on every office machine, and prescribed for official papers in Viet Nam
FIXED = datetime.datetime(2000, 1, 1)
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
SIZE, SMALL, LARGE = 10, 8.5, 22
BLUE, GREY = (0x0B, 0x4F, 0x8A), (0x4A, 0x53, 0x61)
WIDTH_CM, PICTURE_CM = 17.0, 14.0


def memo_docx(memo: Memo, numbers: Mapping[str, Number]) -> bytes:
    """Return a memo as a Word file.

    Parameters
    ----------
    memo : Memo
        What stands where.
    numbers : mapping of str to Number
        The numbers that it states: an annex lists each with the identifier of its record.

    Returns
    -------
    bytes
        The same each time.
    """
    from docx import Document

    document = Document()
    _set_up(document, memo)
    _part(document, memo, memo.title, memo.subtitle, memo.sections)
    document.add_page_break()
    _part(document, memo, memo.sheet_title, memo.sheet_subtitle, memo.sheet)
    document.add_page_break()
    _annex(document, memo, numbers)
    file = io.BytesIO()
    document.save(file)
    return _same_bytes(file.getvalue())


def _same_bytes(content: bytes) -> bytes:
    """Return a zip file whose entries carry no time."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            plain = zipfile.ZipInfo(entry.filename, ZIP_TIME)
            plain.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(plain, old.read(entry))
    return file.getvalue()


def _set_up(document: object, memo: Memo) -> None:
    """Set paper, language, styles, properties and footer."""
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt, RGBColor

    facts = document.core_properties
    facts.title, facts.author, facts.language = harmless(memo.title), "povstudy", LOCALE[memo.lang]
    facts.created = facts.modified = FIXED
    facts.last_modified_by, facts.comments, facts.revision = "povstudy", "", 1
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm((21.0 - WIDTH_CM) / 2)
    section.top_margin = section.bottom_margin = Cm(1.6)
    styles = document.styles
    for name in ("Normal", "Title", "Heading 1", "Caption", "List Bullet"):
        style = styles[name]
        style.font.name = FONT
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(kind), FONT)
        for kind in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
            fonts.attrib.pop(qn(kind), None)
    styles["Normal"].font.size = Pt(SIZE)
    styles["Normal"].paragraph_format.space_after = Pt(4)
    looks = (("Title", 18, BLUE, True, 0), ("Heading 1", 12.5, BLUE, True, 9), ("Caption", SMALL, GREY, False, 2))
    for name, size, colour, bold, before in looks:
        style = styles[name]
        style.font.size, style.font.color.rgb, style.font.bold = Pt(size), RGBColor(*colour), bold
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(3)
    styles["List Bullet"].paragraph_format.space_after = Pt(2)
    _language(styles.element, LOCALE[memo.lang])
    footer = section.footer.paragraphs[0]
    footer.text = harmless(memo.footer)
    footer.style = styles["Caption"]


def _language(styles: object, locale: str) -> None:
    """Set the language of the whole document, so that it is spelled and read aloud as what it is."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    (defaults,) = styles.xpath("w:docDefaults/w:rPrDefault/w:rPr")
    for old in defaults.findall(qn("w:lang")):
        defaults.remove(old)
    language = OxmlElement("w:lang")
    for kind in ("w:val", "w:eastAsia", "w:bidi"):
        language.set(qn(kind), locale)
    defaults.append(language)


def _part(document: object, memo: Memo, title: str, subtitle: Phrase, sections: tuple) -> None:
    document.add_paragraph(harmless(title), style="Title")
    _write(document.add_paragraph(), runs_of(subtitle), small=True)
    for section in sections:
        document.add_heading(harmless(section.heading), level=1)
        for block in section.blocks:
            _block(document, block, memo.lang)


def _write(paragraph: object, runs: list[Run], *, small: bool = False, bold: bool = False) -> None:
    from docx.shared import Pt

    for piece in clean_runs(runs):
        run = paragraph.add_run(piece.text)
        run.bold = True if piece.bold or bold else None
        run.font.superscript = True if piece.note else None
        if small:
            run.font.size = Pt(SMALL)


def _block(document: object, block: Block, lang: str) -> None:
    from docx.shared import Pt, RGBColor

    if isinstance(block, Headline):
        paragraph = document.add_paragraph()
        figure = paragraph.add_run(f"{harmless(block.value)}  ")
        figure.bold, figure.font.size, figure.font.color.rgb = True, Pt(LARGE), RGBColor(*BLUE)
        _write(paragraph, runs_of(block.phrase))
    elif isinstance(block, Paragraph):
        style = "List Bullet" if block.style == "point" else None
        paragraph = document.add_paragraph(style=style)
        _write(paragraph, runs_of(block.phrase), small=block.style == "small", bold=block.style == "warning")
    elif isinstance(block, Figure):
        _picture(document, block)
    elif isinstance(block, Table):
        _table(document, runs_of(block.caption), heads_of(block, lang), cells_of(block, lang), block.widths)


def _picture(document: object, block: Figure) -> None:
    from docx.shared import Cm

    document.add_picture(io.BytesIO(block.png), width=Cm(PICTURE_CM))
    document.inline_shapes[-1]._inline.docPr.set("descr", harmless(str(block.alt)))
    document.inline_shapes[-1]._inline.docPr.set("name", block.name)
    _write(document.add_paragraph(style="Caption"), runs_of(block.caption))


def _table(
    document: object, caption: list[Run], heads: list[str], rows: list[list[Cell]], widths: tuple[float, ...]
) -> None:
    """Add a table whose first row is its head, repeated on each page."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt

    above = document.add_paragraph(style="Caption")
    above.paragraph_format.keep_with_next = True
    _write(above, caption)
    table = document.add_table(rows=1 + len(rows), cols=len(heads), style="Table Grid")
    table.autofit = False
    header = table.rows[0]._tr.get_or_add_trPr()
    header.append(OxmlElement("w:tblHeader"))
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    shares = widths or (1.0,) * len(heads)
    for place, column in enumerate(table.columns):
        column.width = Cm(WIDTH_CM * shares[place] / sum(shares))
    numbers = [any(row[place].number for row in rows) for place in range(len(heads))]
    texts = [[Cell((Run(head, bold=True),), numbers[place]) for place, head in enumerate(heads)], *rows]
    for row, cells in zip(table.rows, texts, strict=True):
        for place, (cell, written) in enumerate(zip(row.cells, cells, strict=True)):
            cell.width = Cm(WIDTH_CM * shares[place] / sum(shares))
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(0)
            if numbers[place]:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            _write(paragraph, list(written.runs), small=True)
    below = document.add_paragraph()  # Word joins tables that nothing parts
    below.paragraph_format.space_after = Pt(0)
    below.paragraph_format.line_spacing = Pt(4)
    look = table._tbl.tblPr.find(qn("w:tblLook"))
    if look is not None:
        look.set(qn("w:firstRow"), "1")


def _annex(document: object, memo: Memo, numbers: Mapping[str, Number]) -> None:
    """Add the list of all numbers of the memo with the identifiers of their records."""
    document.add_heading(wording.text_of("memo.annex", memo.lang), level=1)
    heads = [wording.text_of(f"memo.w.{word}", memo.lang) for word in ("name", "value", "unit", "source")]
    rows = []
    for name, number in sorted(numbers.items()):
        texts = (name, str(number), unit_named(number.unit).label[memo.lang], said_source(number.source, memo.lang))
        rows.append([Cell((Run(harmless(text)),), place == 1) for place, text in enumerate(texts)])
    caption = [Run(wording.text_of("memo.annex_caption", memo.lang))]
    _table(document, caption, heads, rows, (4.5, 3.0, 2.5, 7.0))
