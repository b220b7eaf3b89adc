"""Answers to anonymous reads of what everybody may see, kept for seconds."""

import hashlib
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.permissions import SAFE_METHODS

GENERATION = "public:generation"
# An entry of a page of 100 events fits; with the number of entries it bounds a worker's memory.
MAX_CONTENT_BYTES = 64 * 1024
# What makes an answer one account's or one browser's.
CREDENTIALS = ("HTTP_AUTHORIZATION", "HTTP_COOKIE")


class CachedForAnonymousMixin:
    """A view that answers everybody without a token the same, and whose writes change that."""


class _Answer(NamedTuple):
    generation: str | None
    content: bytes
    headers: dict[str, str]
    made_at: float


class PublicCacheMiddleware:
    """Keeps what views with CachedForAnonymousMixin answer for PUBLIC_CACHE_SECONDS; 0 is off.

    Their writes, and those of Django admin, show at once to whoever shares the cache: each begins
    a new generation, and answers of an older one are not given out. Nothing is kept of a request
    with credentials.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not settings.PUBLIC_CACHE_SECONDS:
            return response
        if request.method not in SAFE_METHODS:
            self._after_write(request)
        elif missed := getattr(request, "public_cache_miss", None):
            self._keep(response, *missed)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not _is_cacheable(request, view):
            return None
        key = _key(request)
        found = caches["public"].get_many((GENERATION, key))
        generation, answer = found.get(GENERATION), found.get(key)
        if answer is not None and answer.generation == generation:
            # Other caches on the way go on counting from there.
            age = max(0, math.ceil(time.time() - answer.made_at))
            return HttpResponse(answer.content, headers={**answer.headers, "Age": str(age)})
        # The generation is from before the view reads: what a write overtakes is never given out.
        request.public_cache_miss = key, generation  # type: ignore[attr-defined]
        return None

    def _keep(self, response: HttpResponseBase, key: str, generation: str | None) -> None:
        if not isinstance(response, HttpResponse) or response.status_code != 200:
            return
        if response.cookies or len(response.content) > MAX_CONTENT_BYTES:
            return
        answer = _Answer(generation, response.content, dict(response.items()), time.time())
        caches["public"].set(key, answer, settings.PUBLIC_CACHE_SECONDS)

    def _after_write(self, request: HttpRequest) -> None:
        view = request.resolver_match and request.resolver_match.func
        # Views without a class are Django admin's.
        if not hasattr(view, "cls") or _is_public(view):
            caches["public"].set(GENERATION, uuid4().hex, None)


def is_public_read(request: HttpRequest, view: Any) -> bool:
    """Whether a read of `view` is answered to everybody who asks like this the same."""
    return _is_public(view) and not any(request.META.get(name) for name in CREDENTIALS)


def _is_cacheable(request: HttpRequest, view: Any) -> bool:
    return (
        settings.PUBLIC_CACHE_SECONDS > 0
        and request.method == "GET"
        and is_public_read(request, view)
    )


def _is_public(view: Any) -> bool:
    return issubclass(getattr(view, "cls", object), CachedForAnonymousMixin)


def _key(request: HttpRequest) -> str:
    """What an answer depends on: links in it name the scheme and the host."""
    text = f"{request.build_absolute_uri()}\n{request.META.get('HTTP_ACCEPT', '')}"
    return f"public:{hashlib.sha256(text.encode()).hexdigest()}"
