"""The product's routes and, behind the same middleware, a plain view with constant JSON."""

from django.http import HttpRequest, JsonResponse
from django.urls import path

from settings.urls import handler500, urlpatterns

__all__ = ["handler500", "urlpatterns"]


def constant(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns = [path("bench/constant/", constant), *urlpatterns]
