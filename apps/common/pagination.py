from rest_framework.pagination import PageNumberPagination as DRFPageNumberPagination


class PageNumberPagination(DRFPageNumberPagination):
    """`?page=` and `?page_size=` (20 unless told, at most 100)."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
