"""CSV that spreadsheets can open without running what strangers have typed."""

import csv
from collections.abc import Iterable
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
    """`rows` as lines of CSV (RFC 4180); None is an empty cell, and texts are `harmless`."""
    lines = StringIO()
    csv.writer(lines).writerows(
        [harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return lines.getvalue()


def harmless(text: str) -> str:
    """`text`, after an apostrophe if a spreadsheet would take it for a formula."""
    # Full-width and small signs count as plain ones.
    beginning = normalize("NFKC", text.lstrip()[:1])
    is_formula = beginning.startswith(FORMULA_SIGNS) or text.startswith(LINE_SIGNS)
    return f"'{text}" if is_formula else text
