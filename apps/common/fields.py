"""Serializer and filter fields that accept one spelling of a value and refuse all others."""

import datetime as dt
import re
from typing import Any

from django import forms
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

MAX_ID = 2**63 - 1
ID_PATTERN = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
# For URLs, where an id that cannot exist is a path that does not exist.
ID_URL_PATTERN = "[1-9][0-9]{0,18}"
ID_SCHEMA = {"type": "integer", "minimum": 0, "maximum": MAX_ID}


def parse_id(value: Any) -> int:
    """The id that `value` spells: 7 or "7". Raises ValueError for every other spelling."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("not an id")
    if not ID_PATTERN.fullmatch(str(value)) or int(value) > MAX_ID:
        raise ValueError("not an id")
    return int(value)


@extend_schema_field(ID_SCHEMA)
class IdField(serializers.PrimaryKeyRelatedField):
    """A foreign key, read and written as an id."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            pk = parse_id(data)
        except ValueError:
            self.fail("incorrect_type", data_type=type(data).__name__)
        instance = self.find(pk)
        if instance is None:
            self.fail("does_not_exist", pk_value=pk)
        return instance

    def find(self, pk: int) -> Any:
        """The row that may be named here by this id, or None."""
        queryset = self.get_queryset()
        return queryset.filter(pk=pk).first() if queryset is not None else None


class IdFormField(forms.Field):
    default_error_messages = {"invalid": "Enter an id: a whole number such as 7."}

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        try:
            return parse_id(value)
        except ValueError:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid") from None


class MomentFormField(forms.Field):
    """A date (00:00 UTC) or a date-time (UTC unless it carries an offset), as an aware datetime."""

    default_error_messages = {
        "invalid": "Enter a date or date-time, such as 2030-05-17 or 2030-05-17T20:00:00Z."
    }

    def to_python(self, value: Any) -> dt.datetime | None:
        if value in self.empty_values:
            return None
        try:
            return _parse_moment(str(value))
        except (ValueError, OverflowError):
            raise forms.ValidationError(self.error_messages["invalid"], "invalid") from None


def _parse_moment(text: str) -> dt.datetime:
    # An unescaped "+" of an offset arrives as a space.
    text = re.sub(r"([T ]\d[\d:.,]*) (\d\d(:?\d\d){0,2})$", r"\1+\2", text)
    if day := parse_date(text):
        return dt.datetime.combine(day, dt.time.min, dt.UTC)
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError("not a date-time")
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    return moment.astimezone(dt.UTC)
