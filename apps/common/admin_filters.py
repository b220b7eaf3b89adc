"""Filters of Django admin's lists that stay usable where there are very many rows."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .fields import parse_id


class RowFilter(admin.SimpleListFilter):
    """Narrows a list to what belongs to one row, which a link names by its id.

    There are too many to choose from, so only the one is shown, and nothing without it.
    """

    related_model: type[Model]
    lookup: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[Any, str]]:
        if self.value() is None:
            return []
        row = self.related_model._default_manager.filter(pk=self._pk()).first()
        return [(self.value(), str(row or self.value()))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset if self.value() is None else self.narrow(queryset, self._pk())

    def narrow(self, queryset: Any, pk: int) -> QuerySet:
        return queryset.filter(**{self.lookup: pk})

    def _pk(self) -> int:
        try:
            return parse_id(self.value())
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error


def row_filter(model: type[Model], lookup: str) -> type[RowFilter]:
    """A RowFilter by the relation `lookup` to `model`, named after the model in query strings."""
    name = str(model._meta.model_name)
    attributes = {
        "title": model._meta.verbose_name,
        "parameter_name": name,
        "related_model": model,
        "lookup": lookup,
    }
    return type(f"{model.__name__}Filter", (RowFilter,), attributes)
