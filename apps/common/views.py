"""What every view of the API shares."""

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from .services import delete_unreferenced


class MethodFirstMixin(APIView):
    """Answers 405 for a method that does not exist here, whoever asks: no token would help."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = str(request.method).lower()
        if method not in self.http_method_names or not hasattr(self, method):
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)


class UnfilteredDetailMixin(GenericViewSet):
    """Filters are for lists: a detail page and its actions are found whatever the query says."""

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        return queryset if self.detail else super().filter_queryset(queryset)


class DeleteUnreferencedMixin:
    """DELETE that answers 400 `in_use` while other records refer to the row."""

    def perform_destroy(self, instance: Model) -> None:
        delete_unreferenced(type(instance)._default_manager.all(), pk=instance.pk)


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
