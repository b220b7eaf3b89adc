"""What caches on the way, and a browser's, may do with what the API answers."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.cache import patch_vary_headers

from .etags import make_etag, names
from .public_cache import is_public_read

NOT_AT_ALL = "private, no-store"
FOR_THE_CALLER = "private, no-cache"
# CORS adds Origin.
VARY = ("Accept", "Accept-Encoding", "Authorization", "Cookie")
KEPT_BY_NOT_MODIFIED = ("Age", "Cache-Control", "ETag", "Vary")


class HttpCacheMiddleware:
    """Gives every answer of the API its Cache-Control and every read its ETag, and answers 304 to
    a client that has it already.

    Anonymous reads of what is public may be shared for PUBLIC_CACHE_SECONDS, other reads be kept
    by whoever asked, and asked for again; writes, refusals, what is streamed and all of /api/auth/
    nobody may keep.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path.startswith("/api/"):
            return response
        if request.method not in ("GET", "HEAD") or response.status_code != 200:
            response.headers["Cache-Control"] = NOT_AT_ALL
            return response
        patch_vary_headers(response, VARY)
        if not isinstance(response, HttpResponse):
            # What is streamed has no tag by which to ask for it again.
            response.headers["Cache-Control"] = NOT_AT_ALL
            return response
        response.headers["Cache-Control"] = _cache_control(request)
        return _conditional(request, response)


def _cache_control(request: HttpRequest) -> str:
    if request.path.startswith("/api/auth/"):
        return NOT_AT_ALL
    if not is_public_read(request, request.resolver_match and request.resolver_match.func):
        return FOR_THE_CALLER
    seconds = settings.PUBLIC_CACHE_SECONDS
    return f"public, max-age={seconds}" if seconds else "no-cache"


def _conditional(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    headers = response.headers
    if "ETag" not in headers:
        headers["ETag"] = make_etag(response.content)
    if not names(request.headers.get("If-None-Match", ""), headers["ETag"]):
        return response
    return HttpResponseNotModified(
        headers={name: headers[name] for name in KEPT_BY_NOT_MODIFIED if name in headers}
    )
