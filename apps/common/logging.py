"""Log lines: which request each belongs to, and what none of them may hold."""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponseBase
from pythonjsonlogger import json

HEADER = "X-Request-ID"

# What a line may say beside its message. An `extra` by another name stays out, because Django and
# libraries attach whole requests.
FIELDS = ("method", "route", "path", "status", "milliseconds", "user")

NO_REQUEST = "-"

_current_id: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# A database's errors quote the row that they are about.
_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")


def identified(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """`get_response` with an id for every request: its client's own, or a new one.

    It is `request.request_id`, stands in the request's log lines, and is answered as `HEADER`.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        request_id = request.META.get("HTTP_X_REQUEST_ID", "")
        if not _GIVEN_ID.fullmatch(request_id):
            request_id = uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        token = _current_id.set(request_id)
        try:
            response = get_response(request)
        finally:
            _current_id.reset(token)
        response.headers[HEADER] = request_id
        return response

    return answer


class RequestIdFilter(logging.Filter):
    """Gives every line a `request_id`, NO_REQUEST outside of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs some answers when the request is over, but names it.
        request = getattr(record, "request", None)
        record.request_id = getattr(request, "request_id", None) or _current_id.get()
        return True


def without_addresses(text: str) -> str:
    return _ADDRESS.sub("<address>", text) if "@" in text else text


class LineFormatter(logging.Formatter):
    """For people: a line of text."""

    def format(self, record: logging.LogRecord) -> str:
        return without_addresses(super().format(record))


class JsonFormatter(json.JsonFormatter):
    """For programs: an object per line, its time in UTC; tracebacks are texts without locals."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat()
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["message"] = without_addresses(record.message)
        values = record.__dict__
        for name in ("request_id", *FIELDS):
            value = values.get(name)
            if value is not None:
                log_data[name] = without_addresses(value) if isinstance(value, str) else value
        if "exc_info" in message_dict:
            log_data["traceback"] = without_addresses(message_dict["exc_info"])
