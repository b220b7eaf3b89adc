"""The OpenAPI schema: what views, serializers and errors say of themselves, put together."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from drf_spectacular.drainage import get_override
from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.plumbing import ResolvedComponent, get_doc
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated

from .errors import Busy, ChangedMeanwhile, DomainError
from .exceptions import status_of

CHAPTERS = {
    "auth": "Authentication and users",
    "events": "Events",
    "categories": "Categories",
    "venues": "Venues",
    "organizations": "Organizations",
    "tickets": "Tickets",
    "bookings": "Bookings",
}

METHODS = ("get", "post", "put", "patch", "delete")
STANDARD_ACTIONS = ("list", "create", "retrieve", "update", "partial_update", "destroy")

REFUSAL = {
    "type": "object",
    "description": "Why a request was refused: `code`, where there is one, is for programs.",
    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
    "required": ["detail"],
    "additionalProperties": {},
}
FIELD_ERRORS = {
    "type": "object",
    "description": "What is wrong with the input, by field.",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` with which you read it, or several, or `*`: refused with 412 if "
    "somebody has changed it since.",
)
ETAG = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    description="For `If-None-Match` when you read it again, and for `If-Match` when you write it.",
    response=[200],
)
LOCATION = OpenApiParameter(
    "Location",
    {"type": "string", "format": "uri"},
    OpenApiParameter.HEADER,
    description="Where the new resource is.",
    response=[201],
)

EXAMPLES_BY_STATUS: dict[int, dict[str, Any]] = {
    401: {"detail": "Authentication credentials were not provided."},
    404: {"detail": "Not found."},
    413: {"detail": "The body is too large."},
    415: {"detail": 'Unsupported media type "text/plain" in request.'},
    429: {"detail": "Request was throttled. Expected available in 30 seconds."},
    503: {"detail": Busy.message, "code": Busy.code},
}


@dataclass(frozen=True)
class Operation:
    """What a view says of one of its operations: a sentence, and the rules that may refuse it.

    `answer` is the example of a body where the serializer's own would be another moment's of the
    same story: a booking that has just been confirmed. `unauthorized` is the body of a 401 where
    it is not for a missing token: a wrong password. `reads_body` is for a DELETE that does.
    """

    summary: str
    refusals: Sequence[type[DomainError]] = ()
    answer: dict[str, Any] | None = None
    unauthorized: dict[str, Any] | None = None
    reads_body: bool = False


def order_methods(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """The methods of each path in one order, which spectacular leaves to chance."""
    result["paths"] = {
        path: {method: operations[method] for method in METHODS if method in operations}
        for path, operations in result["paths"].items()
    }
    return result


def with_examples(
    request: dict[str, Any] | None = None, response: dict[str, Any] | None = None
) -> Callable[[type], type]:
    """Gives a serializer the examples that the documentation shows, by direction."""
    examples = []
    if request is not None:
        examples.append(OpenApiExample("Request", request, request_only=True))
    if response is not None:
        examples.append(OpenApiExample("Response", response, response_only=True))
    return extend_schema_serializer(examples=examples)


class AutoSchema(SpectacularAutoSchema):
    """Tags by chapter, short ids, and every status that an operation can answer."""

    view: Any
    method: str

    def get_operation_id(self) -> str:
        tokens = [re.sub(r"\W", "_", token) for token in self._tokenize_path()]
        if self._action in STANDARD_ACTIONS:
            tokens.append(self._action)
        return "_".join(tokens)

    def get_tags(self) -> list[str]:
        return [CHAPTERS[self._tokenize_path()[0]]]

    def get_summary(self) -> str | None:
        return self._operation.summary

    def get_description(self) -> str:  # type: ignore[override]
        rights = [f"`{type(each).__name__}`: {get_doc(type(each))}" for each in self._permissions]
        refusals = [f"`{each.code}`: {each.message}" for each in self._operation.refusals]
        return "\n\n".join(
            [
                *(["Permissions:\n" + _bullets(rights)] if rights else []),
                *(["Refused with:\n" + _bullets(refusals)] if refusals else []),
            ]
        )

    def get_examples(self) -> list[OpenApiExample]:
        # A DELETE whose body is looked at is called a POST meanwhile, and answers nothing.
        operation = self.view.operations.get(self._action)
        if operation is None or operation.answer is None:
            return []
        examples = get_override(self.get_request_serializer(), "examples", [])
        sent = [each for each in examples if each.request_only]
        return [*sent, OpenApiExample("Response", operation.answer, response_only=True)]

    def _get_format_parameters(self) -> Any:
        # There is nothing to choose: a file is one also for whoever accepts JSON.
        return []

    def get_override_parameters(self) -> list[Any]:
        """The headers that are read and answered."""
        takes_if_match = ChangedMeanwhile in self._operation.refusals
        has_etag = self.method == "GET" or (takes_if_match and self.method != "DELETE")
        return [
            *super().get_override_parameters(),
            *([IF_MATCH] if takes_if_match else []),
            *([ETAG] if has_etag else []),
            *([LOCATION] if self._action == "create" else []),
        ]

    def _get_parameters(self) -> Any:
        parameters = super()._get_parameters()
        for parameter in parameters:
            if parameter["in"] == "query":
                # As in a form: a filter, page or ordering left empty is one not asked for.
                parameter["allowEmptyValue"] = True
        return parameters

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, serializers.DecimalField):
            sign = "" if field.min_value is not None and field.min_value >= 0 else "-?"
            # With a digit at least, which the library's own pattern does not ask for.
            schema["pattern"] = (
                rf"^{sign}[0-9]{{1,{field.max_whole_digits}}}(\.[0-9]{{1,{field.decimal_places}}})?$"
            )
        return schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """As ever, but for the fields that a serializer leaves out for some callers."""
        schema = super()._map_basic_serializer(serializer, direction)
        optional = getattr(getattr(serializer, "Meta", None), "optional_fields", ())
        required = [name for name in schema.get("required", []) if name not in optional]
        return {**schema, "required": required} if optional else schema

    def _get_request_body(self, direction: Any = "request") -> Any:
        if self.method != "DELETE" or not self._operation.reads_body:
            return super()._get_request_body(direction)
        self.method = "POST"
        try:
            return super()._get_request_body(direction)
        finally:
            self.method = "DELETE"

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for code, body in bodies.items():
            body["description"] = body["description"] or HTTPStatus(int(code)).phrase
        for status in sorted(self._error_statuses()):
            bodies[str(status)] = self._error_response(status)
        return bodies

    @property
    def _action(self) -> str:
        """The key in the view's `operations`: its action, or what the method stands for."""
        method = self.method.lower()
        names = (getattr(self.view, "action", None), self.method_mapping[method], method)
        return next((name for name in names if name and name in self.view.operations), method)

    @property
    def _operation(self) -> Operation:
        return self.view.operations[self._action]

    @property
    def _permissions(self) -> list[Any]:
        """What is asked of the caller beyond a token."""
        asked = self.view.get_permissions()
        return [each for each in asked if type(each) not in (AllowAny, IsAuthenticated)]

    def _error_statuses(self) -> set[int]:
        statuses = {503} | {status_of(refusal) for refusal in self._operation.refusals}
        if self._operation.unauthorized or self.view.get_authenticators():
            statuses.add(401)
        if self._permissions:
            statuses.add(403)
        if "{id}" in self.path or self._is_page():
            statuses.add(404)
        if self._takes_input():
            statuses.add(400)
        if self._get_request_body():
            statuses |= {413, 415}
        if getattr(self.view, "throttle_scope", None):
            statuses.add(429)
        return statuses

    def _error_response(self, status: int) -> dict[str, Any]:
        refusals = [each for each in self._operation.refusals if status_of(each) == status]
        found: dict[str, Any] = {
            each.code: {"value": {"detail": each.message, "code": each.code, **each.example}}
            for each in refusals
        }
        schema: dict[str, Any] = self._component("Refusal", REFUSAL)
        if status == 400 and self._takes_input():
            # The first that fits is what generated clients take, and any object fits the other.
            schema = {"anyOf": [schema, self._component("FieldErrors", FIELD_ERRORS)]}
            found = {"invalid": {"value": {"field": ["This value is not valid."]}}, **found}
        if body := self._example_of(status):
            found = {body.get("code", "refused"): {"value": body}}
        return {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": schema, "examples": found}},
        }

    def _example_of(self, status: int) -> dict[str, Any] | None:
        """The body of an error that is the same whatever rule it is about."""
        if status == 401 and self._operation.unauthorized:
            return self._operation.unauthorized
        if status == 403:
            return {"detail": self._permissions[0].message}
        return EXAMPLES_BY_STATUS.get(status)

    def _is_page(self) -> bool:
        return self._is_list_view() and self._get_paginator() is not None

    def _takes_input(self) -> bool:
        # An unknown ordering is ignored; it is filters and cursors that have bad values.
        asks = self._is_page() or bool(self.get_filter_backends())
        return asks or bool(self._get_request_body())

    def _component(self, name: str, schema: dict[str, Any]) -> dict[str, str]:
        component = ResolvedComponent(
            name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=name
        )
        self.registry.register_on_missing(component)
        return dict(component.ref)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
