"""Showing a memo in its notebook: the report page is the memo in HTML."""

from __future__ import annotations

from povstudy.reporting.memo.blocks import Figure, Headline, Memo, Paragraph, Table
from povstudy.reporting.report import Report

__all__ = ["show"]


def show(report: Report, memo: Memo, key: str) -> None:
    """Show one section of a memo through the report.

    Parameters
    ----------
    report : Report
        The report of the memo.
    memo : Memo
        What stands where.
    key : str
        Key of the section; its heading is a text cell of the notebook.

    Raises
    ------
    ReportError
        If a name stands twice.
    """
    for block in memo.section(key).blocks:
        if isinstance(block, Headline):
            report.say("memo.html.headline", value=block.value, text=block.phrase)
        elif isinstance(block, Paragraph):
            report.say(f"memo.html.{block.style}", text=block.phrase)
        elif isinstance(block, Table):
            report.table(
                block.name, block.frame, caption=block.caption, units=dict(block.units), digits=dict(block.digits)
            )
        elif isinstance(block, Figure):
            report.figure(block.name, block.drawn, alt=block.alt, caption=block.caption)
