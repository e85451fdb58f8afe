"""What may leave a household file: no personal data, no small cells, and a label on what is simulated."""

from __future__ import annotations

from povstudy.disclosure.cells import MIN_CELL, recoverable, suppress, suppress_groups
from povstudy.disclosure.labels import (
    INTERNAL,
    SIMULATED,
    carry_labels,
    data_label,
    label_figure,
    labelled_file_name,
    labelled_key,
    labelled_sheet_name,
    labelled_text,
    said_labels,
)
from povstudy.disclosure.personal import (
    PERSONAL_KINDS,
    drop_personal,
    find_personal,
    kind_of_name,
    kind_of_values,
    numbered,
    pseudonyms,
    safe_name,
    safe_value,
)

__all__ = [
    "INTERNAL",
    "MIN_CELL",
    "PERSONAL_KINDS",
    "SIMULATED",
    "carry_labels",
    "data_label",
    "drop_personal",
    "find_personal",
    "kind_of_name",
    "kind_of_values",
    "label_figure",
    "labelled_file_name",
    "labelled_key",
    "labelled_sheet_name",
    "labelled_text",
    "numbered",
    "pseudonyms",
    "recoverable",
    "safe_name",
    "safe_value",
    "said_labels",
    "suppress",
    "suppress_groups",
]
