"""`If-Match`: nobody overwrites what somebody else has changed since it was read."""

from functools import partial
from typing import Any

import pytest
from django.core.cache import caches
from django.db.models import Model
from django.urls import reverse
from rest_framework.response import Response

from apps.events.models import Event
from apps.tickets.models import EventsTicket
from tests.bookings.helpers import place
from tests.clients import client_of
from tests.common.helpers import unchanged
from tests.events.helpers import member_of
from tests.factories import (
    EventCategoryFactory,
    EventFactory,
    EventsTicketFactory,
    OrganizationFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

# A field that can be edited, and two values for it.
RESOURCES = {
    "event": (EventFactory, "title", "Mine", "Yours"),
    # Of a draft: the last type of a published event stays.
    "ticket": (partial(EventsTicketFactory, event__draft=True), "price", "11.00", "22.00"),
    "venue": (VenueFactory, "capacity", 700, 800),
    "organization": (OrganizationFactory, "name", "Mine", "Yours"),
    "category": (EventCategoryFactory, "name", "Mine", "Yours"),
}


class Edited:
    """A resource, as an admin reads and writes it."""

    def __init__(self, name: str, client: Any) -> None:
        factory, self.field, self.mine, self.yours = RESOURCES[name]
        self.row: Model = factory()
        self.url = reverse(f"{name}-detail", args=[self.row.pk])
        self.client = client

    def read(self) -> Response:
        return self.client.get(self.url)

    def write(self, method: str, value: Any, **headers: str) -> Response:
        """PUT of all that was read but the field, PATCH of that alone, or DELETE."""
        whole = self.read().json() if method == "put" else {}
        body = None if method == "delete" else {**whole, self.field: value}
        return getattr(self.client, method)(self.url, body, **headers)

    def value(self) -> Any:
        return self.read().json()[self.field]


@pytest.fixture(params=RESOURCES)
def edited(request, admin) -> Edited:
    return Edited(request.param, admin)


def assert_changed_meanwhile(response: Response) -> None:
    assert response.status_code == 412, response.content
    assert response.json() == {
        "detail": "This was changed meanwhile. Read it again and repeat your change.",
        "code": "changed_meanwhile",
    }


WRITES = pytest.mark.parametrize("method", ["put", "patch", "delete"])
EDITS = pytest.mark.parametrize("method", ["put", "patch"])


@WRITES
def test_what_somebody_else_has_changed_is_refused(edited, method):
    tag = edited.read()["ETag"]
    assert edited.write("patch", edited.yours).status_code == 200
    with unchanged():
        assert_changed_meanwhile(edited.write(method, edited.mine, HTTP_IF_MATCH=tag))


@WRITES
def test_what_is_as_it_was_read_is_written(edited, method):
    tag = edited.read()["ETag"]
    response = edited.write(method, edited.mine, HTTP_IF_MATCH=tag)
    if method == "delete":
        assert (response.status_code, edited.read().status_code) == (204, 404)
    else:
        assert (response.status_code, edited.value()) == (200, edited.mine)


@WRITES
def test_without_the_header_the_last_one_wins(edited, method):
    edited.read()
    assert edited.write("patch", edited.yours).status_code == 200
    assert edited.write(method, edited.mine).status_code in (200, 204)


@EDITS
def test_one_can_go_on_with_the_tag_of_the_answer(edited, method):
    tag = edited.read()["ETag"]
    for value in (edited.mine, edited.yours, edited.mine):
        response = edited.write(method, value, HTTP_IF_MATCH=tag)
        assert response.status_code == 200
        assert response["ETag"] != tag
        tag = response["ETag"]
        shown = edited.read()
        assert (shown["ETag"], shown.content) == (tag, response.content)


@WRITES
@pytest.mark.parametrize("form", ["W/{}", '"other", {}', '{} , "other"', "*", " * "])
def test_forms_that_name_it(edited, method, form):
    tag = form.format(edited.read()["ETag"])
    assert edited.write(method, edited.mine, HTTP_IF_MATCH=tag).status_code in (200, 204)


@WRITES
@pytest.mark.parametrize("form", ['"other"', "other", "", '""', '"other", "another"', "unquoted"])
def test_forms_that_do_not(edited, method, form):
    tag = edited.read()["ETag"].strip('"') if form == "unquoted" else form
    with unchanged():
        assert_changed_meanwhile(edited.write(method, edited.mine, HTTP_IF_MATCH=tag))


@WRITES
@pytest.mark.parametrize("tag", ["*", '"other"'])
def test_others_are_refused_as_ever(edited, method, tag):
    edited.client, admin = client_of(UserFactory()), edited.client
    with unchanged():
        assert edited.write(method, edited.mine, HTTP_IF_MATCH=tag).status_code == 403
        edited.client = admin
        assert admin.delete(f"{edited.url[:-1]}9/", HTTP_IF_MATCH=tag).status_code == 404


@EDITS
def test_unreadable_bodies_are_refused_as_ever(edited, method):
    with unchanged():
        response = edited.write(method, {}, HTTP_IF_MATCH='"other"')
    assert list(response.json()) == [edited.field]


def test_a_tag_from_a_compressed_answer_is_good(admin):
    event = EventFactory(description="x" * 2000)
    path = reverse("event-detail", args=[event.pk])
    for title in ("One", "Two"):
        tag = admin.get(path, HTTP_ACCEPT_ENCODING="gzip")["ETag"]
        assert tag.startswith("W/")
        assert admin.patch(path, {"title": title}, HTTP_IF_MATCH=tag).status_code == 200
    assert_changed_meanwhile(admin.patch(path, {"title": "Three"}, HTTP_IF_MATCH=tag))


def test_a_tag_from_the_public_cache_is_good_until_it_is_old(admin, anonymous, settings):
    settings.PUBLIC_CACHE_SECONDS = 5
    caches["public"].clear()
    event = EventFactory()
    path = reverse("event-detail", args=[event.pk])
    tags = [anonymous.get(path)["ETag"] for _ in range(2)]
    assert tags[0] == tags[1] == admin.get(path)["ETag"]
    Event.objects.filter(pk=event.pk).update(title="Elsewhere")
    old = anonymous.get(path)["ETag"]
    assert_changed_meanwhile(admin.patch(path, {"title": "Mine"}, HTTP_IF_MATCH=old))
    caches["public"].clear()


class TestEvents:
    @pytest.mark.parametrize("change", ["publish", "cancel"])
    def test_a_transition_is_a_change(self, admin, change):
        ticket = EventsTicketFactory(event=EventFactory(draft=True))
        path = reverse("event-detail", args=[ticket.event_id])
        tag = admin.get(path)["ETag"]
        assert admin.post(reverse(f"event-{change}", args=[ticket.event_id])).status_code == 200
        with unchanged():
            assert_changed_meanwhile(admin.patch(path, {"title": "Mine"}, HTTP_IF_MATCH=tag))

    def test_a_sale_is_not(self, admin):
        ticket = EventsTicketFactory()
        path = reverse("event-detail", args=[ticket.event_id])
        tag = admin.get(path)["ETag"]
        assert place(client_of(UserFactory()), ticket).status_code == 201
        assert admin.patch(path, {"title": "Mine"}, HTTP_IF_MATCH=tag).status_code == 200

    def test_the_tag_of_a_member_is_that_of_everybody(self, admin):
        event = EventFactory()
        path = reverse("event-detail", args=[event.pk])
        tag = admin.get(path)["ETag"]
        manager = member_of(event.organization)
        assert manager.patch(path, {"title": "Mine"}, HTTP_IF_MATCH=tag).status_code == 200


class TestTickets:
    @pytest.fixture
    def ticket(self) -> EventsTicket:
        return EventsTicketFactory(quota=10)

    @pytest.fixture
    def path(self, ticket) -> str:
        return reverse("ticket-detail", args=[ticket.pk])

    def sell(self, ticket: EventsTicket) -> None:
        assert place(client_of(UserFactory()), ticket).status_code == 201

    def test_a_sale_stands_in_no_editors_way(self, admin, ticket, path):
        tag = admin.get(path)["ETag"]
        self.sell(ticket)
        response = admin.patch(path, {"quota": 20}, HTTP_IF_MATCH=tag)
        assert (response.status_code, response.json()["sold"]) == (200, 2)

    def test_but_there_is_something_new_to_read(self, admin, ticket, path):
        tag = admin.get(path)["ETag"]
        assert admin.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 304
        self.sell(ticket)
        shown = admin.get(path, HTTP_IF_NONE_MATCH=tag)
        assert (shown.status_code, shown.json()["sold"]) == (200, 2)

    def test_an_edit_between_sales_is_a_change(self, admin, ticket, path):
        tag = admin.get(path)["ETag"]
        self.sell(ticket)
        assert admin.patch(path, {"price": "1.00"}).status_code == 200
        self.sell(ticket)
        with unchanged():
            assert_changed_meanwhile(admin.patch(path, {"quota": 20}, HTTP_IF_MATCH=tag))

    def test_the_rules_are_asked_all_the_same(self, admin, ticket, path):
        tag = admin.get(path)["ETag"]
        self.sell(ticket)
        with unchanged():
            for headers in ({"HTTP_IF_MATCH": tag}, {"HTTP_IF_MATCH": "*"}):
                response = admin.patch(path, {"quota": 1}, **headers)
                assert (response.status_code, response.json()["code"]) == (400, "quota_below_sold")
                assert admin.delete(path, **headers).json()["code"] == "has_sales"
