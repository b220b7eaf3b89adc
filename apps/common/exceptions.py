"""How errors become HTTP responses: one handler for all views."""

import logging
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.db import IntegrityError, InterfaceError, OperationalError
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from .errors import Busy, ChangedMeanwhile, DomainError, FieldError

logger = logging.getLogger(__name__)

# A broken rule is 400, like broken input, but for these codes.
STATUS_BY_CODE = {"idempotency_key_reused": 422, ChangedMeanwhile.code: 412, Busy.code: 503}

RETRY_AFTER_SECONDS = 1


def status_of(error: DomainError | type[DomainError]) -> int:
    """The HTTP status with which a broken rule is answered."""
    return STATUS_BY_CODE.get(error.code, 400)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler, and the answers to domain errors, to a body beyond the limit, and to a
    database that refused or is away.
    """
    if isinstance(exc, FieldError):
        return Response({exc.field: [exc.field_message]}, status=400)
    if isinstance(exc, DomainError):
        body = {"detail": exc.message, "code": exc.code, **exc.details}
        return Response(body, status=status_of(exc))
    if isinstance(exc, RequestDataTooBig):
        return Response({"detail": "The body is too large."}, status=413)
    if isinstance(exc, ObjectDoesNotExist):
        # Deleted between the view's look-up and the service's lock.
        exc = NotFound()
    if isinstance(exc, IntegrityError):
        logger.warning("A constraint refused what the rules had let pass: %s", _headline(exc))
        body = {"detail": "This conflicts with a change made meanwhile.", "code": "conflict"}
        return Response(body, status=400)
    if isinstance(exc, OperationalError | InterfaceError):
        logger.warning("The database did not answer in time: %s", exc)
        body = {"detail": Busy.message, "code": Busy.code}
        return Response(body, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return drf_exception_handler(exc, context)


def _headline(error: IntegrityError) -> str:
    """Which constraint it was. PostgreSQL's next lines quote the row, addresses and all."""
    return str(error).partition("\n")[0]
