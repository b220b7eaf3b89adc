"""Paths that the API does not have, and ids spelled in another way: 404 in JSON."""

import pytest
from django.urls import reverse

from tests.common.endpoints import make_world
from tests.common.helpers import path_with_id, unchanged
from tests.factories import BookingFactory

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")

# Each detail page, the methods it has, and which row it is about.
DETAILS = [
    *(("event-detail", method, "event") for method in ("get", "put", "patch", "delete")),
    *(("venue-detail", method, "venue") for method in ("get", "put", "patch", "delete")),
    *(("category-detail", method, "category") for method in ("get", "put", "patch", "delete")),
    *(("ticket-detail", method, "ticket") for method in ("get", "put", "patch", "delete")),
    *(
        ("organization-detail", method, "organization")
        for method in ("get", "put", "patch", "delete")
    ),
    ("booking-detail", "get", "booking"),
    ("event-publish", "post", "event"),
    ("event-cancel", "post", "event"),
    ("event-bookings", "get", "event"),
    ("event-bookings-export", "get", "event"),
    ("event-stats", "get", "event"),
    ("event-calendar", "get", "event"),
    ("event-available-tickets", "get", "event"),
    ("venue-schedule", "get", "venue"),
    ("venue-calendar", "get", "venue"),
    ("organization-events", "get", "organization"),
    ("organization-members", "get", "organization"),
    ("organization-add-member", "post", "organization"),
    ("organization-leave", "post", "organization"),
    ("booking-cancel", "patch", "booking"),
    ("booking-confirm", "post", "booking"),
    ("booking-refund", "post", "booking"),
]
by_detail = pytest.mark.parametrize(("route", "method", "row"), DETAILS)


@pytest.fixture
def world():
    world = make_world()
    world.rows["booking"] = BookingFactory(event_ticket=world.rows["open_ticket"])
    return world


def assert_not_found(response):
    assert response.status_code == 404, response.content
    assert response["Content-Type"] == "application/json"
    assert list(response.json()) == ["detail"]


@by_detail
def test_an_id_has_one_spelling(world, route, method, row):
    pk = world.id(row)
    spellings = [
        *(f"0{pk}", f"+{pk}", f"%2B{pk}", f"{pk}.0", f"%20{pk}", f"{pk}%20", f"{pk}%0A", f"0_{pk}"),
        *(f"-{pk}", f"{pk}%00", "1_0", "abc", "0", "-1", "%D9%A7", "None", "null", "7e0", "0x7"),
        *(str(2**63), str(2**64), str(10**30), "9" * 19, "9" * 5000, "%ff", "%ED%A0%80"),
    ]
    with unchanged():
        for spelling in spellings:
            assert_not_found(getattr(world.client, method)(path_with_id(route, spelling)))


@by_detail
def test_the_id_of_nothing_is_not_found(world, route, method, row):
    body = {"user_email": world.user.email, "role": "MEMBER"}
    with unchanged():
        for pk in (987_654_321, 2**63 - 1):
            assert_not_found(getattr(world.client, method)(reverse(route, args=[pk]), body))


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1/",
        "/api/v2/events/",
        "/api/auth/",
        "/api/auth/logout/",
        "/api/v1/event/",
        "/api/v1/Events/",
        "/api/v1/events",
        "/api/v1/events//",
        "/api/v1/events/my-events",
        "/api/v1/events/7/calendar.ics/",
        "/api/v1/events/calendar.ics",
        "/api/v1/venues/5/schedule.ics/",
        "/api/v1/venues/5/calendar.ics",
        "/api/v1/events/7",
        "/api/v1/events/7/publish",
        "/api/v1/events/7/unpublish/",
        "/api/auth/register",
        "/api/auth/jwt/create",
        "/api/v1/bookings/7/cancel",
        "/api/v1/events/%00/",
        "/api/v1/events/%0a",
        "/api/%ff",
        "/api/v1/events/../venues/",
        "/api/" + "x" * 5000,
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_path_is_not_found(anonymous, path, method):
    response = getattr(anonymous, method)(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/json"
    if method != "head":
        assert list(response.json()) == ["detail"]


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/nothing/"])
def test_a_dead_token_does_not_hide_that_a_path_is_unknown(anonymous, path):
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer long.since.dead")
    assert_not_found(anonymous.get(path))
