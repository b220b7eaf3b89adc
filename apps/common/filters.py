from collections.abc import Sequence
from typing import Any

import django_filters
from django import forms
from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy
from drf_spectacular.utils import extend_schema_field
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.views import APIView

from .fields import ID_SCHEMA, IdFormField, MomentFormField


def _describe(field: django_filters.Filter, schema: dict[str, Any]) -> None:
    # The schema of a filter, once given, is taken for all there is: the label is left out.
    extend_schema_field({**schema, "description": field.label})(field)


class IdFilter(django_filters.Filter):
    """Rows whose relation has this id; 400 for anything that is not an id."""

    field_class = IdFormField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _describe(self, ID_SCHEMA)


class MomentFilter(django_filters.Filter):
    """Rows at, after or before a date or date-time, by `lookup_expr`."""

    field_class = MomentFormField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _describe(self, {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]})


class TextFilter(django_filters.CharFilter):
    """Rows that have this text; 400 for one of more than `max_length` characters."""

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        _describe(self, {"type": "string", "maxLength": max_length})


class FlagFilter(django_filters.TypedChoiceFilter):
    """`true` or `false`; 400 for anything else."""

    field_class = forms.TypedChoiceField

    def __init__(self, **kwargs: Any) -> None:
        choices = (("true", "true"), ("false", "false"))
        super().__init__(choices=choices, coerce=lambda value: value == "true", **kwargs)
        _describe(self, {"type": "boolean"})


class StableOrderingFilter(OrderingFilter):
    """`?ordering=` by a view's `ordering_fields`, ties broken by id so that pages never overlap.

    Unknown fields are ignored. Rows without a value come last in either direction.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet, view: APIView) -> QuerySet:
        ordering = self.get_ordering(request, queryset, view)
        return queryset.order_by(*(_nulls_last(queryset, name) for name in ordering or ()))

    def get_ordering(
        self, request: Request, queryset: QuerySet, view: APIView
    ) -> Sequence[str] | None:
        ordering = super().get_ordering(request, queryset, view)
        if not ordering or ordering[-1].lstrip("-") == "id":
            return ordering
        return (*ordering, "-id" if ordering[-1].startswith("-") else "id")


def _nulls_last(queryset: QuerySet, name: str) -> str | OrderBy:
    column = name.lstrip("-")
    # Left to themselves, databases disagree; where there are no nulls, an index serves as it is.
    if not queryset.model._meta.get_field(column).null:
        return name
    return OrderBy(F(column), descending=name.startswith("-"), nulls_last=True)
