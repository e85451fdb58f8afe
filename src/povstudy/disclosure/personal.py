"""Personal data: found by column name and by value, dropped at reading, never shown.

Nothing in this file writes a value of a cell into a message; :func:`safe_value` and :func:`safe_name` are
what every other part uses to speak about a cell or a column of a user's file.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pandas as pd

from povstudy.errors import DataError

__all__ = [
    "PERSONAL_KINDS",
    "drop_personal",
    "find_personal",
    "kind_of_name",
    "kind_of_values",
    "numbered",
    "pseudonyms",
    "safe_name",
    "safe_value",
]

PERSONAL_KINDS = {
    "name": ("name of a person", "họ tên"),
    "identity_number": ("identity, insurance, tax or account number", "số định danh, thẻ, tài khoản"),
    "phone": ("telephone number", "số điện thoại"),
    "email": ("e-mail address", "thư điện tử"),
    "address": ("address", "địa chỉ"),
    "birth_date": ("full date of birth", "ngày sinh"),
    "location": ("coordinates of a dwelling", "toạ độ nhà ở"),
    "free_text": ("free text that differs from row to row", "ghi chú tự do"),
}
NAME_SHARE = 0.2
"""A text column holds names when this share of its distinct values, or more, looks like one."""
FREE_TEXT_SHARE = 0.5
FREE_TEXT_ROWS = 20
"""An undeclared text column of more rows, with a larger share of distinct values, is free text."""
MAX_CODE_DIGITS = 8
"""A number with more digits than this is never printed: identity numbers and telephones start at nine."""

_AREA_WORDS = {
    "area", "province", "district", "commune", "ward", "village", "hamlet", "region", "tinh", "huyen", "xa",
    "phuong", "ap", "thon", "khom", "quan", "tp", "programme", "program", "project", "model", "school",
    "truong",
    "chuong", "trinh", "mo", "hinh", "du", "an", "chinh", "sach", "policy", "variable", "file", "indicator",
    "standard", "group", "class", "dan", "toc", "ethnic", "crop", "bank", "source", "column", "language",
}  # fmt: skip
_NAME_PATTERNS = {
    "identity_number": (
        r"\b(cccd|cmnd|cmt|cmtnd|cmtndcccd|cancuoc|passport|ssn)\b",
        r"\b(can cuoc|chung minh|ho chieu|dinh danh|so ho khau|so tai khoan|stk|ma so thue)\b",
        r"\btax (code|id|number)\b",
        r"\b(so|ma|ma so|so the) (the )?(bhyt|bhxh|bao hiem)\b",
        r"\b(identity|identification|national|citizen|personal) (id|no|num|number|code|card)\b",
        r"\b(insurance|card|account) (id|no|num|number|code|card)\b",
        r"\bid (number|no|num|card)\b|\bnationalid\b|\bidcard\b",
    ),
    "phone": (r"\b(phone|telephone|mobile|tel|sdt|dtdd|zalo|hotline|dien thoai|so dt|di dong|phone ?no)\b",),
    "email": (r"\b(e ?mail|thu dien tu)\b",),
    "address": (
        r"\b(dia chi|address|addr|so nha|street|duong pho|ten duong)\b",
        r"\b(thuong tru|tam tru|noi o|cho o|que quan)\b",
        r"\b(house (no|number)|residence|hometown|diachi|place of birth|noi sinh|birthplace)\b",
    ),
    "birth_date": (r"\b(ngay sinh|ngaysinh|dob|birth ?date|birth ?day|date of birth|ngay thang nam sinh)\b",),
    "location": (r"\b(gps|lat|latitude|lon|lng|long|longitude|vi do|kinh do|toa do|coordinates?|geo ?location)\b",),
}
_NAME_OF_PERSON = (
    r"\b(ho ten|ho va ten|hoten|hovaten|tenchuho|ten chu ho)\b",
    r"\b(full ?name|first ?name|last ?name|surname|fname|lname)\b",
    r"^(chu ho|chuho|head|household head|head of household|respondent|ten|name|nguoi khai|nguoi tra loi)$",
    r"\b(alias|biet danh|nickname)\b",
)
_SURNAMES = {
    "au", "bach", "bui", "cao", "chau", "dang", "danh", "dao", "dinh", "do", "doan", "duong",
    "giang", "giap", "ha", "ho", "hoang", "hua", "huynh", "khong", "khuu", "kieu", "kim", "la",
    "lam", "le", "lieu", "luong", "luu", "ly", "mai", "mohamad", "mohamed", "muhammad", "neang",
    "neary", "nghiem", "ngo", "nguyen", "ong", "pham", "phan", "phung", "quach", "quan", "sa",
    "son", "su", "ta", "tang", "thach", "thai", "than", "thi", "to", "ton", "tong", "tran", "trieu",
    "trinh", "truong", "vo", "vu", "vuong",
}  # fmt: skip
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)
_PHONE = re.compile(r"^(?:\+?84|0)(?:[35789]\d{8}|2\d{8,9})$")
_CARD = re.compile(r"^[A-Z]{2}\d{13}$")
_DIGITS = re.compile(r"^\d+$")
_ADDRESS = re.compile(
    r"(?:\b(?:so nha|dia chi|to dan pho|house no)\b|\bto \d+\b"
    r"|\b\d+[\w/]*,? (?:duong|pho|hem|ngo|ngach|kiet|street|st|road|lane)\b)"
)
_BIRTH = re.compile(r"^(?:\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d\d|(?:19|20)\d\d-\d\d-\d\d)(?: 00:00:00)?$")
_PROVINCE_CODES = range(1, 97)


def plain(text: str) -> str:
    """Return ``text`` without diacritics, in lower case, words separated by one space.

    Examples
    --------
    >>> plain("Họ_và Tên chủHộ")
    'ho va ten chu ho'
    """
    text = unicodedata.normalize("NFC", text)
    split = "".join(
        f" {c}" if c.isupper() and before.islower() else c for before, c in zip(" " + text, text, strict=False)
    )
    flat = unicodedata.normalize("NFKD", split.replace("đ", "d").replace("Đ", "D"))
    flat = "".join(c for c in flat if not unicodedata.combining(c)).lower()
    return " ".join(re.findall(r"[a-z0-9]+", flat))


def kind_of_name(column: str) -> str:
    """Return which kind of personal data the NAME of a column announces, or ``""``.

    Examples
    --------
    >>> [kind_of_name(c) for c in ("Họ tên chủ hộ", "so_cccd", "SĐT", "commune_name", "income")]
    ['name', 'identity_number', 'phone', '', '']
    """
    words = plain(str(column))
    for kind, patterns in _NAME_PATTERNS.items():
        if any(re.search(pattern, words) for pattern in patterns):
            return kind
    if any(re.search(pattern, words) for pattern in _NAME_OF_PERSON):
        return "name"
    tokens = set(words.split())
    if tokens & {"name", "names", "ten"} and not tokens & _AREA_WORDS:
        return "name"
    return ""


def _is_identity(text: str) -> bool:
    """Recognise a CCCD (12 digits, one leading zero perhaps lost), a CMND (9) or an insurance card."""
    if _CARD.match(text):
        return True
    if not _DIGITS.match(text) or text.endswith("000"):
        return False
    return len(text) == 9 or (len(text) in (11, 12) and int(text.zfill(12)[:3]) in _PROVINCE_CODES)


def _is_person(text: str) -> bool:
    """Recognise two to five capitalised words, the first a surname that is common in Viet Nam."""
    words = text.split()
    if not 2 <= len(words) <= 5 or not all(word[:1].isupper() and word.isalpha() for word in words):
        return False
    return plain(words[0]) in _SURNAMES


def _kind_of_text(text: str) -> str:
    """Return the kind of one value, or ``""``; names are judged by :func:`kind_of_values` as a share."""
    compact = re.sub(r"[\s.\-()]", "", text)
    if _EMAIL.search(text):
        return "email"
    if _PHONE.match(compact):
        return "phone"
    if _is_identity(compact):
        return "identity_number"
    if _BIRTH.match(text):
        return "birth_date"
    if _ADDRESS.search(" ".join(re.findall(r"[a-z0-9/,]+", _flat(text)))):
        return "address"
    for word in re.split(r"[\s,;:/]+", text):
        found = re.sub(r"[.\-()]", "", word)
        if _PHONE.match(found):
            return "phone"
        if len(found) in (11, 12) and _is_identity(found):
            return "identity_number"
    return ""


def _flat(text: str) -> str:
    """Lower case without diacritics; punctuation kept."""
    flat = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in flat if not unicodedata.combining(c)).lower()


def _as_text(values: pd.Series) -> pd.Series:
    """Distinct non-missing values as text; whole numbers without their ``.0``."""
    distinct = pd.Series(values.dropna().unique())
    if pd.api.types.is_bool_dtype(distinct) or distinct.empty:
        return pd.Series([], dtype=object)
    if pd.api.types.is_datetime64_any_dtype(distinct):
        return distinct.dt.strftime("%Y-%m-%d").astype(object)
    if pd.api.types.is_numeric_dtype(distinct):
        numbers = distinct.astype(float)
        whole = numbers[np.isfinite(numbers) & (numbers == np.floor(numbers)) & (numbers >= 10**8)]
        return whole[whole < 10**15].astype("int64").astype(str).astype(object)
    return distinct.astype(str).str.strip().astype(object)


def kind_of_values(values: pd.Series, *, names: bool = True, free_text: bool = True) -> str:
    """Return which kind of personal data the VALUES of a column hold, or ``""``.

    Parameters
    ----------
    values : Series, shape (n,)
        One column.  A number of nine digits or more, text, or dates are looked at; smaller numbers never.
    names : bool
        Look for names of persons (off for columns of area names: communes are named after people).
    free_text : bool
        Call a text column whose values nearly all differ free text (off for ids, which become pseudonyms).

    Returns
    -------
    str
        A key of :data:`PERSONAL_KINDS` or ``""``.  One number, telephone, e-mail or address is enough;
        for names :data:`NAME_SHARE` of the distinct values.

    Examples
    --------
    >>> kind_of_values(pd.Series(["089099001234", "x"]))
    'identity_number'
    >>> kind_of_values(pd.Series(["Nguyễn Văn A", "Trần Thị B"]))
    'name'
    >>> kind_of_values(pd.Series([1_500_000, 120_000_000]))
    ''
    """
    texts = _as_text(values)
    if texts.empty:
        return ""
    kinds = texts.map(_kind_of_text)
    found = kinds[kinds != ""]
    if len(found):
        return str(found.iloc[0])
    if pd.api.types.is_numeric_dtype(values):
        return ""
    if names and texts.map(_is_person).mean() >= NAME_SHARE:
        return "name"
    rows = int(values.notna().sum())
    if free_text and rows > FREE_TEXT_ROWS and len(texts) > FREE_TEXT_SHARE * rows:
        parsed = pd.to_numeric(texts, errors="coerce")
        if parsed.isna().mean() > FREE_TEXT_SHARE:
            return "free_text"
    return ""


def find_personal(table: pd.DataFrame, *, declared: Collection[str] = (), ids: Collection[str] = ()) -> pd.DataFrame:
    """Return one row for each column: what kind of personal data it holds, and how that was seen.

    Parameters
    ----------
    table : DataFrame
        Any table of a user.
    declared : collection of str
        Columns of the schema: their names are known, so only their values are looked at, and area names in
        them are not taken for persons.
    ids : collection of str
        Columns that will be replaced by pseudonyms; they are never reported.

    Returns
    -------
    DataFrame
        Columns ``column, kind, seen_in`` (``"name"``, ``"values"`` or ``""``); never a value of a cell.

    Examples
    --------
    >>> find_personal(pd.DataFrame({"ten_chu_ho": ["x"], "income": [1.0]})).to_numpy().tolist()
    [['ten_chu_ho', 'name', 'name'], ['income', '', '']]
    """
    rows = []
    for column in table.columns:
        if column in ids:
            rows.append((column, "", ""))
            continue
        kind = "" if column in declared else kind_of_name(str(column))
        seen = "name" if kind else ""
        if not kind:
            area = column in declared or bool(set(plain(str(column)).split()) & _AREA_WORDS)
            kind = kind_of_values(table[column], names=not area, free_text=column not in declared)
            seen = "values" if kind else ""
        rows.append((column, kind, seen))
    return pd.DataFrame(rows, columns=["column", "kind", "seen_in"])


def drop_personal(
    table: pd.DataFrame,
    *,
    keep: Sequence[str] = (),
    declared: Collection[str] = (),
    ids: Collection[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return ``table`` without its columns of personal data, and what was found.

    Parameters
    ----------
    table : DataFrame
        A user's table; it is not changed.
    keep : sequence of str
        Columns to keep although they hold personal data: each must be named.
    declared, ids : collection of str
        As in :func:`find_personal`.

    Returns
    -------
    kept : DataFrame
    found : DataFrame
        Columns ``column, kind, seen_in, kept``.

    Raises
    ------
    DataError
        ``keep`` names a column that the table does not have.

    Examples
    --------
    >>> kept, found = drop_personal(pd.DataFrame({"ten_chu_ho": ["x"], "income": [1.0]}))
    >>> list(kept), list(found.query("kind != ''").column)
    (['income'], ['ten_chu_ho'])
    """
    unknown = [name for name in keep if name not in table.columns]
    if unknown:
        raise DataError(
            f"keep_personal names {', '.join(map(safe_name, unknown))}, which the table does not have; write the "
            "column names as they stand in the file, or leave the argument out."
        )
    found = find_personal(table, declared=declared, ids=ids)
    found["kept"] = (found["kind"] == "") | found["column"].isin(list(keep))
    return table[[c for c, kept in zip(found["column"], found["kept"], strict=True) if kept]], found


def pseudonyms(ids: Iterable[object], *, key: str | None = None, prefix: str = "h") -> np.ndarray:
    r"""Return ids that say nothing about a person: equal ids get equal pseudonyms.

    Without a key the pseudonym is the order of first appearance in the file, :math:`h_1, h_2, \dots`; with a
    key it is the first 16 hexadecimal digits of HMAC-SHA256(key, id), so that two years can be linked.

    Parameters
    ----------
    ids : iterable, shape (n,)
        Ids as they stand in the file; a missing one is an error.
    key : str, optional
        A secret of the user.  A hash without one could be undone by trying all identity numbers.
    prefix : str
        First letters of every pseudonym.

    Returns
    -------
    ndarray of str, shape (n,)

    Raises
    ------
    DataError
        An id is missing, or the key is empty.

    Examples
    --------
    >>> list(pseudonyms(["089099001234", "x", "089099001234"]))
    ['h1', 'h2', 'h1']
    """
    series = ids if isinstance(ids, pd.Series) else pd.Series(list(ids), dtype=object)
    if series.isna().any():
        row = int(np.flatnonzero(series.isna())[0]) + 1
        raise DataError(f"row {row} has no household id; give every row one, or leave the column out.")
    if key == "":
        raise DataError("the key for pseudonyms is empty; give a secret text, or leave the argument out.")
    if not len(series):
        return np.array([], dtype=object)
    codes, distinct = pd.factorize(series if isinstance(series.dtype, pd.StringDtype) else series.map(str))
    if key is None:
        return numbered(prefix, len(distinct))[codes].astype(object)
    secret = key.encode()
    names = [prefix + hmac.new(secret, str(d).encode(), hashlib.sha256).hexdigest()[:16] for d in distinct]
    return np.array(names, dtype=object)[codes]


def numbered(prefix: str, n: int, *, first: int = 1) -> np.ndarray:
    """Return ``n`` names that count on from ``first``, padded with zeros to one width.

    Examples
    --------
    >>> numbered("h", 3, first=9).tolist()
    ['h09', 'h10', 'h11']
    """
    width = len(str(first + n - 1))
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    digits = (np.arange(first, first + n, dtype=np.int64)[:, None] // powers) % 10 + ord("0")
    letters = np.broadcast_to(np.array([ord(c) for c in prefix], dtype=np.uint32), (n, len(prefix)))
    block = np.ascontiguousarray(np.hstack([letters, digits.astype(np.uint32)]))
    return block.view(f"<U{width + len(prefix)}").ravel()


def safe_value(value: object) -> str:
    """Return what a message may say about a cell: short numbers as they are, of all else only the form.

    Examples
    --------
    >>> safe_value(-5.0), safe_value("Nguyễn Văn A"), safe_value("089099001234")
    ('-5', 'text of 12 characters', 'a number of 12 digits')
    """
    if value is None or (not isinstance(value, str) and bool(pd.isna(value))):
        return "empty"
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return f"text of {len(text)} character{'s' if len(text) != 1 else ''}" if text else "empty"
    digits = sum(c.isdigit() for c in text.split("e")[0].removesuffix(".0"))
    return f"a number of {digits} digits" if digits > MAX_CODE_DIGITS else f"{number:.10g}"


def safe_name(column: object) -> str:
    """Return a column's name for a message, or its form when it may be a cell of a lost header row.

    Examples
    --------
    >>> safe_name("income"), safe_name("Nguyễn Văn A"), safe_name("0912345678")
    ("'income'", '(a name of 12 characters)', '(a name of 10 characters)')
    """
    text = str(column)
    shown = len(text) <= 40 and not _kind_of_text(text) and not _is_person(text)
    shown = shown and sum(c.isdigit() for c in text) <= MAX_CODE_DIGITS and text.isprintable()
    return repr(text) if shown else f"(a name of {len(text)} characters)"
