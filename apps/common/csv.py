"""CSV that spreadsheets can open without running what strangers have typed."""

import csv
from collections.abc import Iterable
from datetime import datetime
from io import StringIO
from typing import Any
from unicodedata import normalize

from rest_framework.renderers import BaseRenderer

FORMULA_SIGNS = ("=", "+", "-", "@")
LINE_SIGNS = ("\t", "\r", "\n")


class CsvRenderer(BaseRenderer):
    """Names the type of a file that its view writes."""

    media_type = "text/csv"
    format = "csv"


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """`rows` as lines of CSV (RFC 4180).

    None is an empty cell, a date-time is ISO 8601 in UTC, and texts are `harmless`.
    """
    lines = StringIO()
    csv.writer(lines).writerows(map(_cell, row) for row in rows)
    return lines.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def harmless(text: str) -> str:
    """`text`, after an apostrophe if a spreadsheet would take it for a formula."""
    # Full-width and small signs count as plain ones.
    beginning = normalize("NFKC", text.lstrip()[:1])
    is_formula = beginning.startswith(FORMULA_SIGNS) or text.startswith(LINE_SIGNS)
    return f"'{text}" if is_formula else text
