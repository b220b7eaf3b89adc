"""What every view of the API shares."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from .errors import ChangedMeanwhile
from .etags import make_etag, names_version
from .services import delete_unreferenced, write_unchanged


class MethodFirstMixin(APIView):
    """Answers 405 for a method that does not exist here, whoever asks: no token would help.

    OPTIONS is for those who may GET.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = str(request.method).lower()
        if method not in self.http_method_names or not hasattr(self, method):
            raise MethodNotAllowed(str(request.method))
        if method == "options" and (reads := getattr(self, "action_map", {}).get("get")):
            self.action = reads
        super().initial(request, *args, **kwargs)


class UnfilteredDetailMixin(GenericViewSet):
    """Filters are for lists: a detail page and its actions are found whatever the query says."""

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        return queryset if self.detail else super().filter_queryset(queryset)


class LocationMixin(GenericViewSet):
    """Says in `Location` where a new resource is."""

    def get_success_headers(self, data: Mapping[str, Any]) -> dict[str, str]:
        return {"Location": self.reverse_action("detail", args=[data["id"]])}


class IfMatchMixin(LocationMixin, ModelViewSet):
    """`If-Match` on PUT, PATCH and DELETE, and on what PUT and PATCH answer the new `ETag`.

    `volatile_fields` change without anybody's editing: another `ETag`, but no reason for a 412.
    """

    volatile_fields: tuple[str, ...] = ()

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == 200 and self.action in ("retrieve", "update", "partial_update"):
            response.add_post_render_callback(self._tag)
        return response

    def perform_update(self, serializer: BaseSerializer) -> None:
        row: Any = serializer.instance
        if "If-Match" not in self.request.headers:
            super().perform_update(serializer)
        else:
            write_unchanged(
                type(row)._default_manager.all(),
                pk=row.pk,
                precondition=self.check_unchanged,
                write=serializer.save,
            )

    def check_unchanged(self, row: Any) -> None:
        """Compare a locked row with `If-Match`, if that is sent. Raises ChangedMeanwhile."""
        header = self.request.headers.get("If-Match")
        if header is None:
            return
        data = self.get_serializer(row).data
        content: Any = self.request.accepted_renderer.render(
            data, self.request.accepted_media_type, self.get_renderer_context()
        )
        if not names_version(header, self._etag(content, data)):
            raise ChangedMeanwhile

    def _tag(self, response: Any) -> None:
        response.headers["ETag"] = self._etag(response.content, response.data)

    def _etag(self, content: bytes, data: Mapping[str, Any]) -> str:
        if not self.volatile_fields:
            return make_etag(content)
        lasting = {name: data[name] for name in data if name not in self.volatile_fields}
        return make_etag(content, JSONRenderer().render(lasting))


class DeleteUnreferencedMixin(IfMatchMixin):
    """DELETE that answers 400 `in_use` while other records refer to the row."""

    def perform_destroy(self, instance: Model) -> None:
        rows = type(instance)._default_manager.all()
        delete_unreferenced(rows, pk=instance.pk, precondition=self.check_unchanged)


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """The icon that browsers ask for of their own accord, beside every page."""
    return HttpResponseRedirect(static("btick/favicon.svg"))


@csrf_exempt
def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """404 in JSON for a path that the API does not have, a missing trailing slash included."""
    detail = "Not found. Every path of the API ends in a slash, but for those that end in .ics."
    return JsonResponse({"detail": detail}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 in JSON for the API, with the id by which its log lines are found."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    body = {
        "detail": "This failed on our side. Support can find out why by the request id.",
        "request_id": getattr(request, "request_id", ""),
    }
    return JsonResponse(body, status=500)
