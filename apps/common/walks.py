"""A queryset walked in its order: by position, or on from a row, as an index can serve it."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, DecimalField, Field, Func, Q, QuerySet, Value
from django.db.models.expressions import OrderBy
from django.db.models.lookups import GreaterThan, LessThan

from .fields import parse_id

# An exact count of a million rows would take longer than all else about a list.
COUNT_LIMIT = 10_000

# Slices a queryset from start to stop.
Fetch = Callable[[Any, int, int], QuerySet]


class InvalidCursor(Exception):
    """Nobody was given this cursor for this order; the message is for the client."""


def encode_cursor(ordering: Sequence[str], values: Sequence[Any]) -> str:
    """The `?cursor=` that leads on after the row with these `values` of `ordering`'s columns."""
    content = [list(ordering), [_to_json(value) for value in values]]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@dataclass(frozen=True)
class Term:
    """A column of an order, and how the queryset puts it."""

    field: Field
    descending: bool
    original: str | OrderBy

    @property
    def column(self) -> str:
        return self.field.name

    @property
    def name(self) -> str:
        return f"-{self.column}" if self.descending else self.column


class Row(Func):
    """Columns as one value: a comparison of two is what an index can seek, an OR is not."""

    template = "(%(expressions)s)"
    output_field = BooleanField()


class Walk:
    """The rows of `queryset` in its order, by position or on from a row.

    It is cut into segments, each of which goes on where the one before ends, so that each is one
    range of an index: a column without a value sorts last in both directions, and an index read
    backwards would have it first. `fetch` slices a segment.
    """

    def __init__(self, queryset: QuerySet, fetch: Fetch) -> None:
        self.queryset = queryset
        self.fetch = fetch
        self.terms = [_term(queryset, each) for each in queryset.query.order_by]
        self.ordering = tuple(term.name for term in self.terms)
        self.is_capped = False

    def count(self) -> int:
        """How many rows there are, as far as COUNT_LIMIT; `is_capped` then says there are more."""
        counted = self.queryset.order_by().values("pk")[: COUNT_LIMIT + 1].count()
        self.is_capped = counted > COUNT_LIMIT
        return min(counted, COUNT_LIMIT)

    def __getitem__(self, positions: slice) -> list[Any]:
        return self._take(self._from_start(), positions.start, positions.stop - positions.start)

    def after(self, cursor: str, size: int) -> list[Any]:
        """The next `size` rows, the first ones for an empty cursor. Raises InvalidCursor."""
        segments = self._after(self._decoded(cursor)) if cursor else self._from_start()
        return self._take(segments, 0, size)

    def chunks(self, size: int) -> Iterator[list[Any]]:
        """All rows in lists of `size`, of which one at a time is in memory; no row comes twice."""
        cursor = ""
        while rows := self.after(cursor, size):
            yield rows
            if len(rows) < size:
                return
            cursor = self.cursor_of(rows[-1])

    def cursor_of(self, row: Any) -> str:
        return encode_cursor(self.ordering, [getattr(row, term.column) for term in self.terms])

    def _take(self, segments: Iterator[QuerySet], start: int, size: int) -> list[Any]:
        rows: list[Any] = []
        for segment in segments:
            if len(rows) == size:
                break
            found = self.fetch(segment, start, start + size - len(rows))
            rows += found
            if start and not found:
                start -= segment.order_by().values("pk")[:start].count()
            else:
                start = 0
        return rows

    def _from_start(self) -> Iterator[QuerySet]:
        first = self.terms[0]
        if not first.field.null:
            yield self.queryset
            return
        yield self._segment(~_equal(first, None), fixed=1)
        yield self._segment(_equal(first, None), fixed=1)

    def _after(self, values: Sequence[Any]) -> Iterator[QuerySet]:
        """First the rows that differ from `values` in the last columns alone, and so on."""
        for begin, end in reversed(_runs(self.terms, values)):
            run = self.terms[begin:end]
            if values[begin] is None:
                continue
            same = [_equal(*pair) for pair in zip(self.terms[:begin], values, strict=False)]
            yield self._segment(*same, _beyond(run, values[begin:end]), fixed=end)
            if run[0].field.null:
                yield self._segment(*same, _equal(run[0], None), fixed=end)

    def _segment(self, *conditions: Any, fixed: int) -> QuerySet:
        """Rows of which the first `fixed` columns all have a value, or none of them has."""
        order = [*self.ordering[:fixed], *(term.original for term in self.terms[fixed:])]
        return self.queryset.filter(*conditions).order_by(*order)

    def _decoded(self, cursor: str) -> list[Any]:
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            ordering, raw = json.loads(base64.urlsafe_b64decode(padded))
            if list(ordering) != list(self.ordering):
                raise InvalidCursor("This cursor belongs to a list in another order.")
            values = [
                _from_json(term.field, value) for term, value in zip(self.terms, raw, strict=True)
            ]
            is_ours = encode_cursor(ordering, values) == cursor
        except (ValueError, TypeError, OverflowError, RecursionError, ValidationError):
            is_ours = False
        if not is_ours:
            raise InvalidCursor("This is no cursor of this list.")
        return values


def _term(queryset: QuerySet, original: Any) -> Term:
    if isinstance(original, OrderBy):
        column: Any = original.expression
        return Term(queryset.model._meta.get_field(column.name), original.descending, original)
    column, descending = original.lstrip("-"), original.startswith("-")
    return Term(queryset.model._meta.get_field(column), descending, original)


def _runs(terms: Sequence[Term], values: Sequence[Any]) -> list[tuple[int, int]]:
    """Where the columns that one comparison of rows can compare begin and end."""
    begins = [
        index
        for index, term in enumerate(terms)
        if index == 0
        or term.field.null
        or values[index - 1] is None
        or term.descending != terms[index - 1].descending
    ]
    return list(zip(begins, [*begins[1:], len(terms)], strict=True))


def _equal(term: Term, value: Any) -> Q:
    return Q((f"{term.column}__isnull", True) if value is None else (term.column, value))


def _beyond(run: Sequence[Term], values: Sequence[Any]) -> Any:
    """Whether a row comes after `values`, in columns that sort in one direction."""
    bounds = [Value(value, term.field) for term, value in zip(run, values, strict=True)]
    comparison = LessThan if run[0].descending else GreaterThan
    return comparison(Row(*(term.column for term in run)), Row(*bounds))


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value if value is None or isinstance(value, int) else str(value)


def _from_json(field: Field, value: Any) -> Any:
    """What the database can compare the column with. Raises ValueError or ValidationError."""
    if value is None and field.null:
        return None
    if field.primary_key:
        return parse_id(value)
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a value of the column")
    # As JSON can spell it: half of a surrogate pair.
    value.encode()
    parsed = field.to_python(value)
    if isinstance(field, DecimalField):
        field.run_validators(parsed)
    return parsed
