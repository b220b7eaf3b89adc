"""Lists by page number or by cursor, which cost the same however much data there are."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from . import walks
from .querysets import slice_rows
from .walks import InvalidCursor, Walk


class ListPagination(PageNumberPagination):
    """`?page=` and `?page_size=` (20 unless told, at most 100), or a walk by `?cursor=`.

    A walk begins with an empty cursor and has no count. Where page numbers end because counting
    has stopped, `next` is a cursor: who follows it sees every row.
    """

    # What DRF's own stubs have as None, as it is before there is a page.
    page: Any
    request: Any
    view: Any
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
    cursor_query_param = "cursor"
    cursor_query_description = (
        "Empty to walk the list from its start; then what `next` holds. A walk has no `count` and "
        "no `page`."
    )

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        self.view = view
        self.walk = Walk(queryset, self.rows)
        self.cursor = request.query_params.get(self.cursor_query_param)
        if self.cursor is None:
            return self._page(request, view)
        if request.query_params.get(self.page_query_param):
            raise self._invalid("Send a page or a cursor, not both.")
        self.request = request
        size = self.get_page_size(request) or self.page_size
        try:
            rows = self.walk.after(self.cursor, size + 1)
        except InvalidCursor as error:
            raise self._invalid(str(error)) from None
        self.last = rows[size - 1] if len(rows) > size else None
        return rows[:size]

    def rows(self, queryset: QuerySet, start: int, stop: int) -> QuerySet:
        """These rows of `queryset`, in its order: for a subclass that knows a faster way."""
        return slice_rows(queryset, start, stop)

    def get_paginated_response(self, data: Any) -> Response:
        if self.cursor is None:
            return super().get_paginated_response(data)
        following = None if self.last is None else self._cursor_link(self.last)
        return Response({"count": None, "next": following, "previous": None, "results": data})

    def get_next_link(self) -> str | None:
        if self.page.has_next() or not self.walk.is_capped or not self.page.object_list:
            return super().get_next_link()
        return self._cursor_link(self.page.object_list[-1])

    def _page(self, request: Request, view: APIView | None) -> list[Any] | None:
        pages: Any = self.walk
        try:
            return super().paginate_queryset(pages, request, view)
        except NotFound:
            if not self.walk.is_capped:
                raise
            raise NotFound(
                f"Page numbers end after {walks.COUNT_LIMIT} rows: walk on by `next`, or from the "
                f"start by `?{self.cursor_query_param}=`."
            ) from None

    def _invalid(self, message: str) -> ValidationError:
        return ValidationError({self.cursor_query_param: [message]})

    def _cursor_link(self, row: Any) -> str:
        url = remove_query_param(self.request.build_absolute_uri(), self.page_query_param)
        return replace_query_param(url, self.cursor_query_param, self.walk.cursor_of(row))

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        page, page_size = super().get_schema_operation_parameters(view)
        page["schema"]["minimum"] = 1
        page_size["schema"] |= {
            "minimum": 1,
            "maximum": self.max_page_size,
            "default": self.page_size,
        }
        cursor = {
            "name": self.cursor_query_param,
            "required": False,
            "in": "query",
            "description": self.cursor_query_description,
            "schema": {"type": "string"},
        }
        return [page, page_size, cursor]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        response: dict[str, Any] = super().get_paginated_response_schema(schema)
        response["properties"]["count"] |= {
            "nullable": True,
            "maximum": walks.COUNT_LIMIT,
            "description": f"{walks.COUNT_LIMIT} means as many or more; null on a walk by cursor.",
        }
        return response
