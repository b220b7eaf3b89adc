"""Whether this process lives, and whether it can serve: for containers and balancers."""

import logging
from collections.abc import Callable

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from .logging import identified

logger = logging.getLogger(__name__)


class HealthMiddleware:
    """Answers `/livez` and `/readyz`, whatever host name or scheme they are asked by.

    `/livez` is 200 as long as the process answers at all. `/readyz` is 200 when the database
    answers and has every migration of this code, else 503 with the reason.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._is_migrated = False
        self.probes = {"/livez": identified(self._live), "/readyz": identified(self._ready)}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.probes.get(request.path, self.get_response)(request)

    def _live(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("ok", content_type="text/plain")

    def _ready(self, request: HttpRequest) -> HttpResponse:
        try:
            problem = self._problem()
        except Error as error:
            logger.warning("Not ready: %s", error)
            problem = "The database does not answer."
        body = {"status": "unavailable", "detail": problem} if problem else {"status": "ok"}
        return JsonResponse(body, status=503 if problem else 200)

    def _problem(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not self._is_migrated:
            if not is_migrated():
                return "Migrations are missing: run manage.py migrate."
            # Nothing takes them back under a running server: asked once, known for good.
            self._is_migrated = True
        return ""


def is_migrated() -> bool:
    """Whether the database has every migration of this code. Raises django.db.Error."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
