"""The documents of a memo, handed out through its report: PDF, Word, and the workbooks of all tables."""

from __future__ import annotations

from povstudy.reporting.folders import slug
from povstudy.reporting.memo.blocks import Memo
from povstudy.reporting.memo.parts import Reports
from povstudy.reporting.memo.pdf import memo_pdf
from povstudy.reporting.memo.word import memo_docx
from povstudy.reporting.memo.workbook import SIMULATED_BOOK, workbooks
from povstudy.reporting.report import Report

__all__ = ["hand_out"]


def hand_out(report: Report, reports: Reports, memo: Memo) -> None:
    """Write the documents of a memo beside its page and link them.

    Parameters
    ----------
    report : Report
        The report of the memo.
    reports : Reports
        What it is made from.
    memo : Memo
        What stands where.

    Raises
    ------
    ReportError
        If a document stands there twice.
    """
    ending = f"{slug(memo.area)}-{memo.lang}".lower()
    report.file(f"policy_memo-{ending}.pdf", memo_pdf(memo), title=report.phrase("memo.file.pdf"))
    report.file(f"policy_memo-{ending}.docx", memo_docx(memo, report.numbers), title=report.phrase("memo.file.docx"))
    for name, content in workbooks(reports).items():
        key = "memo.file.simulated" if name == SIMULATED_BOOK else "memo.file.xlsx"
        report.file(f"{name}-{ending}.xlsx", content, title=report.phrase(key))
