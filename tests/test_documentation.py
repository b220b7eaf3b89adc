"""What developers see of the API: the schema, Swagger and Redoc."""

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from apps.common.errors import DomainError, FieldError
from apps.common.exceptions import status_of

METHODS = ("get", "post", "put", "patch", "delete")
CHAPTERS = {
    "/api/auth/": "Authentication and users",
    "/api/v1/events/": "Events",
    "/api/v1/categories/": "Categories",
    "/api/v1/venues/": "Venues",
    "/api/v1/organizations/": "Organizations",
    "/api/v1/tickets/": "Tickets",
    "/api/v1/bookings/": "Bookings",
}
FILES = {
    "events_bookings_export": "text/csv",
    "events_calendar_ics": "text/calendar",
    "venues_schedule_ics": "text/calendar",
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    response = APIClient().get(reverse("schema"), {"format": "json"})
    assert response.status_code == 200
    return json.loads(response.content)


@pytest.fixture(scope="module")
def operations(schema) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def errors() -> set[type[DomainError]]:
    """Every rule that can refuse a request, by its class."""
    found, left = set(), [DomainError]
    while left:
        subclasses = left.pop().__subclasses__()
        found.update(subclasses)
        left += subclasses
    return found - {FieldError}


def resolve(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    return schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]


class TestSchema:
    def test_it_is_valid_and_complete_without_a_warning(self, tmp_path):
        call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "api"))

    def test_it_is_yaml_unless_json_is_asked_for(self, anonymous, schema):
        response = anonymous.get(reverse("schema"))
        assert response.headers["Content-Type"].startswith("application/vnd.oai.openapi")
        assert response.content.startswith(b"openapi: 3.")
        assert schema["info"]["title"] == "BTick API"

    def test_every_operation_is_in_the_chapter_of_its_path(self, operations):
        for path, _, operation in operations:
            chapter = next(CHAPTERS[prefix] for prefix in CHAPTERS if path.startswith(prefix))
            assert operation["tags"] == [chapter]

    def test_chapters_come_in_the_order_of_the_specification(self, schema):
        assert [tag["name"] for tag in schema["tags"]] == list(CHAPTERS.values())

    def test_every_operation_has_a_summary_of_one_sentence(self, operations):
        for path, method, operation in operations:
            assert re.fullmatch(r"[A-Z][^.]*\.", operation["summary"]), (method, path)

    def test_ids_are_short_and_differ(self, operations):
        ids = [operation["operationId"] for *_, operation in operations]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[a-z_]{9,30}", each) for each in ids)

    def test_ids_are_what_clients_have_been_generated_from(self, operations):
        ids = {operation["operationId"]: (method, path) for path, method, operation in operations}
        assert ids["bookings_create"] == ("post", "/api/v1/bookings/")
        assert ids["bookings_cancel"] == ("patch", "/api/v1/bookings/{id}/cancel/")
        assert ids["events_my_events"] == ("get", "/api/v1/events/my-events/")
        assert ids["events_partial_update"] == ("patch", "/api/v1/events/{id}/")
        assert ids["auth_me_retrieve"] == ("get", "/api/auth/me/")
        assert ids["organizations_add_member"] == (
            "post",
            "/api/v1/organizations/{id}/add-member/",
        )

    def test_lists_are_documented_as_pages(self, schema, operations):
        documented = {
            operation["operationId"]: operation["responses"]["200"]["content"]["application/json"]
            for _, method, operation in operations
            if method == "get" and operation["operationId"] not in FILES
        }
        for name, content in documented.items():
            properties = resolve(schema, content["schema"]).get("properties", {})
            is_list = name.endswith("_list") or name in {
                *("events_my_events", "events_bookings", "venues_schedule"),
                *("organizations_events", "organizations_members"),
            }
            assert (set(properties) == {"count", "next", "previous", "results"}) == is_list, name
        assert documented["events_available_tickets"]["schema"]["type"] == "array"

    def test_every_body_has_an_example_with_the_fields_of_its_schema(self, schema, operations):
        for path, method, operation in operations:
            bodies = [("requestBody", operation.get("requestBody"))]
            bodies += operation["responses"].items()
            for where, body in bodies:
                for content in (body or {}).get("content", {}).values():
                    assert content.get("examples"), (method, path, where)
        for path, method, operation in operations:
            for code in ("200", "201"):
                content = operation["responses"].get(code, {}).get("content", {})
                if not content or operation["operationId"] in FILES:
                    continue
                shape = resolve(schema, content["application/json"]["schema"])
                (example,) = content["application/json"]["examples"].values()
                value = example["value"]
                if "results" in shape.get("properties", {}):
                    assert set(value) == {"count", "next", "previous", "results"}
                    shape, value = shape["properties"]["results"], value["results"]
                if shape["type"] == "array":
                    shape, value = resolve(schema, shape["items"]), value[0]
                assert set(value) <= set(shape.get("properties", {})), (method, path)
                assert set(value) >= set(shape.get("required", [])), (method, path)

    def test_files_are_documented_as_texts_of_their_type(self, operations):
        for name, media_type in FILES.items():
            operation = next(op for *_, op in operations if op["operationId"] == name)
            (content,) = operation["responses"]["200"]["content"].items()
            assert content[0] == media_type
            assert content[1]["schema"] == {"type": "string"}

    def test_an_export_takes_the_filters_of_its_list_and_no_page(self, operations):
        names = {
            name: [each["name"] for each in operation["parameters"]]
            for *_, operation in operations
            if (name := operation["operationId"]).startswith("events_bookings")
        }
        paging = {"page", "page_size", "cursor"}
        assert set(names["events_bookings"]) - set(names["events_bookings_export"]) == paging
        assert set(names["events_bookings_export"]) < set(names["events_bookings"])

    def test_example_requests_have_fields_that_exist_and_all_that_are_required(
        self, schema, operations
    ):
        for path, method, operation in operations:
            content = operation.get("requestBody", {}).get("content", {})
            if content:
                shape = resolve(schema, content["application/json"]["schema"])
                (example,) = content["application/json"]["examples"].values()
                assert set(shape.get("required", [])) <= set(example["value"]), (method, path)
                assert set(example["value"]) <= set(shape["properties"]), (method, path)

    def test_a_booking_can_answer_all_this(self, operations):
        booking = next(op for *_, op in operations if op["operationId"] == "bookings_create")
        assert sorted(booking["responses"]) == [
            "201",
            "400",
            "401",
            "403",
            "413",
            "415",
            "422",
            "503",
        ]
        refused = booking["responses"]["400"]["content"]["application/json"]["examples"]
        assert refused["sold_out"]["value"] == {
            "detail": "There are not enough tickets left.",
            "code": "sold_out",
            "remaining": 1,
        }
        rules = ["cannot_book", "event_not_published", "event_started", "sold_out"]
        assert list(refused) == ["invalid", *rules]

    @pytest.mark.parametrize(
        ("name", "codes"),
        [
            ("auth_register", ["201", "400", "413", "415", "429", "503"]),
            ("auth_jwt_create", ["200", "400", "401", "413", "415", "429", "503"]),
            ("auth_jwt_verify", ["200", "400", "401", "413", "415", "503"]),
            ("auth_me_retrieve", ["200", "401", "503"]),
            ("auth_me_destroy", ["204", "400", "401", "413", "415", "429", "503"]),
            ("auth_me_export", ["200", "401", "503"]),
            ("auth_password_reset", ["204", "400", "413", "415", "429", "503"]),
            ("auth_password_reset_confirm", ["204", "400", "413", "415", "429", "503"]),
            ("auth_password_change", ["204", "400", "401", "413", "415", "429", "503"]),
            ("events_list", ["200", "400", "401", "404", "503"]),
            ("events_create", ["201", "400", "401", "403", "413", "415", "503"]),
            ("events_retrieve", ["200", "401", "404", "503"]),
            (
                "events_partial_update",
                ["200", "400", "401", "403", "404", "412", "413", "415", "503"],
            ),
            ("events_destroy", ["204", "400", "401", "403", "404", "412", "503"]),
            ("events_publish", ["200", "400", "401", "403", "404", "503"]),
            ("events_available_tickets", ["200", "401", "404", "503"]),
            ("events_stats", ["200", "401", "403", "404", "503"]),
            ("events_bookings_export", ["200", "400", "401", "403", "404", "503"]),
            ("events_calendar_ics", ["200", "401", "404", "503"]),
            ("venues_schedule_ics", ["200", "401", "404", "503"]),
            ("bookings_cancel", ["200", "400", "401", "404", "503"]),
            ("venues_list", ["200", "400", "401", "404", "503"]),
        ],
    )
    def test_every_status_is_documented(self, operations, name, codes):
        operation = next(op for *_, op in operations if op["operationId"] == name)
        assert sorted(operation["responses"]) == codes
        assert all(body["description"] for body in operation["responses"].values())

    def test_a_change_of_what_was_read_names_it_in_a_header(self, operations):
        conditional = {
            f"{chapter}_{action}"
            for chapter in ("events", "categories", "venues", "organizations", "tickets")
            for action in ("update", "partial_update", "destroy")
        }
        for *_, operation in operations:
            headers = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "header"]
            is_conditional = operation["operationId"] in conditional
            assert ("If-Match" in headers) == is_conditional
            assert ("412" in operation["responses"]) == is_conditional

    def test_headers_of_answers(self, operations):
        for _, method, operation in operations:
            name, responses = operation["operationId"], operation["responses"]
            is_tagged = method == "get" or name.endswith("update")
            is_tagged = is_tagged and name != "auth_me_partial_update"
            assert ("ETag" in responses.get("200", {}).get("headers", {})) == is_tagged, name
            is_located = name.endswith("_create") and name != "auth_jwt_create"
            assert ("Location" in responses.get("201", {}).get("headers", {})) == is_located, name

    def test_every_rule_is_documented_where_it_can_refuse(self, operations):
        documented = {
            (int(code), name)
            for *_, operation in operations
            for code, body in operation["responses"].items()
            for content in body.get("content", {}).values()
            for name in content["examples"]
        }
        assert {(status_of(error), error.code) for error in errors()} <= documented

    def test_it_tells_the_bounds_of_what_can_be_sent(self, schema, operations):
        ids = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
        ticket = schema["components"]["schemas"]["EventsTicketRequest"]["properties"]
        assert ticket["event"] == ids
        assert re.search(ticket["price"]["pattern"], "25.00")
        assert not any(re.search(ticket["price"]["pattern"], bad) for bad in ("", ".", "-1", "1."))
        listing = next(op for *_, op in operations if op["operationId"] == "events_list")
        query = {each["name"]: each for each in listing["parameters"]}
        assert query["venue"]["schema"] == ids
        assert query["page_size"]["schema"]["maximum"] == 100
        assert query["search"]["schema"]["maxLength"] == 200
        assert all(each["description"] and each["allowEmptyValue"] for each in query.values())
        booking = next(op for *_, op in operations if op["operationId"] == "bookings_create")
        key = booking["parameters"][0]["schema"]
        assert (key["minLength"], key["maxLength"]) == (1, 255)
        assert re.search(key["pattern"], "order 17 é")
        assert not any(re.search(key["pattern"], bad) for bad in (" x", "x ", "x\ty", "€"))

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("events_create", "DRAFT"),
            ("events_publish", "PUBLISHED"),
            ("events_cancel", "CANCELLED"),
            ("bookings_create", "PENDING"),
            ("bookings_confirm", "CONFIRMED"),
            ("bookings_cancel", "CANCELLED"),
            ("bookings_refund", "CANCELLED"),
        ],
    )
    def test_the_example_of_a_transition_is_what_comes_of_it(self, operations, name, status):
        operation = next(each for *_, each in operations if each["operationId"] == name)
        answer = next(body for code, body in operation["responses"].items() if code[0] == "2")
        (example,) = answer["content"]["application/json"]["examples"].values()
        assert example["value"]["status"] == status

    @pytest.mark.parametrize(
        ("shape", "name"), [("Booking", "cancellation_reason"), ("BookingTransition", "reason")]
    )
    def test_a_booking_that_is_not_cancelled_has_an_empty_reason(self, schema, shape, name):
        reason = schema["components"]["schemas"][shape]["properties"][name]
        values = [resolve(schema, each)["enum"] for each in reason["oneOf"]]
        assert "CUSTOMER" in values[0]
        assert values[1:] == [[""]]


class TestPages:
    @pytest.mark.parametrize("page", ["swagger", "redoc"])
    def test_they_load_nothing_from_another_host(self, anonymous, page):
        html = anonymous.get(reverse(page)).content.decode()
        assert "/static/drf_spectacular_sidecar/" in html
        assert "://" not in html

    def test_swagger_sends_no_schema_to_a_validator(self, anonymous):
        script = anonymous.get(reverse("swagger"), {"script": ""}).content.decode()
        assert '"validatorUrl": null' in script
