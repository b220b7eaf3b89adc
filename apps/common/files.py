"""Views that answer with a file."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView


class FileMixin(APIView):
    """A view whose handler makes a file itself, and whose refusals are JSON.

    `renderer_classes` are DRF's for JSON and one that names the file's type. Whoever accepts one of
    the two gets the file: browsers and command lines ask for anything, and clients of the API for
    JSON.
    """

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        super().perform_content_negotiation(request, force)
        json = self.get_renderers()[0]
        return json, json.media_type


def file_headers(name: str) -> dict[str, str]:
    """What makes a browser save an answer under this name, of plain ASCII."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def file_responses(renderer: type[BaseRenderer], example: str) -> dict[Any, OpenApiResponse]:
    """How the schema documents a file, for `extend_schema(responses=...)`."""
    shown = OpenApiExample("Response", example, response_only=True, media_type=renderer.media_type)
    response = OpenApiResponse(OpenApiTypes.STR, description="The file.", examples=[shown])
    return {(200, renderer.media_type): response}
