from django.urls import register_converter
from rest_framework.routers import SimpleRouter

from .fields import ID_URL_PATTERN, parse_id


class IdConverter:
    """An id in its one spelling; every other path is unknown."""

    regex = ID_URL_PATTERN

    def to_python(self, value: str) -> int:
        # Its ValueError, for an id beyond 63 bits, makes this another unknown path.
        return parse_id(value)

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(IdConverter, "id")


class ApiRouter(SimpleRouter):
    """Routes a ViewSet's detail pages by ids in their one spelling."""

    def __init__(self) -> None:
        super().__init__(use_regex_path=False)

    def get_lookup_regex(self, viewset: type, lookup_prefix: str = "") -> str:
        return "<id:pk>"
