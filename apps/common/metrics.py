"""What Prometheus reads at `/metrics`: plumbing for counters and gauges that knows no domain."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.crypto import constant_time_compare
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from .logging import identified

logger = logging.getLogger(__name__)

# The route of every path that has none, so that strangers cannot make up label values.
UNMATCHED = "unmatched"
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
OTHER_METHOD = "other"

CACHE_SECONDS = 5.0

REQUESTS = Counter("btick_http_requests", "Requests answered.", ("route", "method", "status"))
REQUEST_SECONDS = Histogram(
    "btick_http_request_seconds",
    "Time from the first middleware to the answer.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def route_of(request: HttpRequest) -> str:
    """The name of the route that `request` has taken, never its path."""
    match = request.resolver_match
    return match.view_name if match and match.url_name else UNMATCHED


def count_request(request: HttpRequest, *, route: str, status: int, seconds: float) -> None:
    method = request.method if request.method in METHODS else OTHER_METHOD
    requests, request_seconds = _of_route(route, method, status)
    requests.inc()
    request_seconds.observe(seconds)


# The library looks labels up anew each time, which takes longer than the counting.
@cache
def _of_route(route: str, method: str | None, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(route, method, status), REQUEST_SECONDS.labels(route)


class DatabaseGauges(Collector):
    """A gauge for each value of `label`, by `read` from the database when it is asked for.

    Read at most once in CACHE_SECONDS; left out while the database does not answer.
    """

    def __init__(
        self, name: str, help_text: str, *, label: str, read: Callable[[], Mapping[str, float]]
    ) -> None:
        self.name = name
        self.help_text = help_text
        self.label = label
        self.read = read
        self.forget()
        _gauges.append(self)

    def forget(self) -> None:
        """Read again the next time."""
        self._values: Mapping[str, float] = {}
        self._read_at = float("-inf")

    def collect(self) -> Iterable[Metric]:
        if time.monotonic() - self._read_at >= CACHE_SECONDS:
            try:
                self._values = self.read()
            except Error as error:
                logger.warning("No value for %s: %s", self.name, error)
                return
            self._read_at = time.monotonic()
        family = GaugeMetricFamily(self.name, self.help_text, labels=[self.label])
        for label, value in self._values.items():
            family.add_metric([label], value)
        yield family


_gauges: list[DatabaseGauges] = []


def exposition() -> bytes:
    """All metrics in Prometheus' text format: of all workers, where they share a folder."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)
    else:
        registry.register(REGISTRY)
    for gauges in _gauges:
        registry.register(gauges)
    return generate_latest(registry)


class MetricsMiddleware:
    """Answers `/metrics`, whatever host name or scheme it is asked by, to who has METRICS_TOKEN.

    Without that setting the path does not exist, unless METRICS_WITHOUT_TOKEN opens it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.scrape = identified(self._scrape)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_served = settings.METRICS_TOKEN or settings.METRICS_WITHOUT_TOKEN
        if request.path == "/metrics" and is_served:
            return self.scrape(request)
        return self.get_response(request)

    def _scrape(self, request: HttpRequest) -> HttpResponse:
        given, token = request.headers.get("Authorization", ""), settings.METRICS_TOKEN
        if token and not constant_time_compare(given, f"Bearer {token}"):
            return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
        return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)
