"""What every request leaves behind, a log line and its place in the metrics, and what HEAD gets."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from .logging import identified
from .metrics import count_request, route_of

logger = logging.getLogger(__name__)


class RequestLogMiddleware:
    """Gives every request an id, logs it in one line when it is answered, and counts it.

    The line has no query string, header or body, in which secrets and addresses travel.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.answer = identified(self._answer)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - started
        route, status = route_of(request), response.status_code
        count_request(request, route=route, status=status, seconds=seconds)
        milliseconds = round(seconds * 1000, 1)
        logger.info(
            "%s %s %s in %s ms",
            request.method,
            request.path,
            status,
            milliseconds,
            extra={
                "method": request.method,
                "route": route,
                "path": request.path,
                "status": status,
                "milliseconds": milliseconds,
                "user": _user_id(request),
            },
        )
        return response


class HeadMiddleware:
    """Leaves the body out of what HEAD is answered, with all headers as they are.

    Servers do so too, but complain.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            response.content = b""
        return response


def _user_id(request: HttpRequest) -> Any:
    """The account that the view has identified, if any; finding out costs no query."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    return getattr(user, "pk", None)
