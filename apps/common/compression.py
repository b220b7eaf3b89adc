from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

# Less fits into one packet as it is.
MIN_BYTES = 1024


class ApiGZipMiddleware(GZipMiddleware):
    """Compresses what the API answers from MIN_BYTES on, for clients that accept gzip.

    Django's own, with its guard against BREACH: a random number of bytes hides the true length.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not request.path.startswith("/api/"):
            return response
        if isinstance(response, HttpResponse) and len(response.content) < MIN_BYTES:
            return response
        return super().process_response(request, response)
