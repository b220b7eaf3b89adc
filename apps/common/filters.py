from collections.abc import Sequence
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.views import APIView

from .fields import IdFormField, MomentFormField


class IdFilter(django_filters.Filter):
    """Rows whose relation has this id; 400 for anything that is not an id."""

    field_class = IdFormField


class MomentFilter(django_filters.Filter):
    """Rows at, after or before a date or date-time, by `lookup_expr`."""

    field_class = MomentFormField


@extend_schema_field(OpenApiTypes.BOOL)
class FlagFilter(django_filters.TypedChoiceFilter):
    """`true` or `false`; 400 for anything else."""

    field_class = forms.TypedChoiceField

    def __init__(self, **kwargs: Any) -> None:
        choices = (("true", "true"), ("false", "false"))
        super().__init__(choices=choices, coerce=lambda value: value == "true", **kwargs)


class StableOrderingFilter(OrderingFilter):
    """`?ordering=` by a view's `ordering_fields`, ties broken by id so that pages never overlap.

    Unknown fields are ignored.
    """

    def get_ordering(
        self, request: Request, queryset: QuerySet, view: APIView
    ) -> Sequence[str] | None:
        ordering = super().get_ordering(request, queryset, view)
        if not ordering or ordering[-1].lstrip("-") == "id":
            return ordering
        return (*ordering, "-id" if ordering[-1].startswith("-") else "id")
