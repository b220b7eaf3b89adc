from typing import Any

from rest_framework.pagination import PageNumberPagination as DRFPageNumberPagination
from rest_framework.views import APIView


class PageNumberPagination(DRFPageNumberPagination):
    """`?page=` and `?page_size=` (20 unless told, at most 100)."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        page, page_size = super().get_schema_operation_parameters(view)
        page["schema"]["minimum"] = 1
        page_size["schema"] |= {
            "minimum": 1,
            "maximum": self.max_page_size,
            "default": self.page_size,
        }
        return [page, page_size]
