"""CSV that programs can read and spreadsheets do not calculate."""

import csv
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.common.csv_export import csv_lines, safe_cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("1=1", "1=1"),
        (" =1", " =1"),
        ("a-b@c.de", "a-b@c.de"),
        ("'quoted'", "'quoted'"),
        ("", ""),
        (None, ""),
        (-1, "-1"),
        (Decimal("-0.50"), "-0.50"),
        (0, "0"),
        (datetime(2030, 5, 17, 20, tzinfo=UTC), "2030-05-17T20:00:00+00:00"),
    ],
)
def test_a_cell(value, cell):
    assert safe_cell(value) == cell


def test_lines_end_as_the_format_says_and_read_back():
    rows = [(1, 'Jazz, "live"'), (2, "two\nlines"), (3, "=1+1")]
    lines = list(csv_lines(("id", "title"), rows))
    assert lines == [
        "id,title\r\n",
        '1,"Jazz, ""live"""\r\n',
        '2,"two\nlines"\r\n',
        "3,'=1+1\r\n",
    ]
    assert list(csv.reader("".join(lines).splitlines(keepends=True)))[2] == ["2", "two\nlines"]


def test_lines_are_there_before_all_rows_are():
    def rows():
        yield (1,)
        raise AssertionError("asked for more than was needed")

    lines = csv_lines(("id",), rows())
    assert [next(lines), next(lines)] == ["id\r\n", "1\r\n"]
