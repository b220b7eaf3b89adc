"""`Idempotency-Key`: the same request again takes no more tickets."""

import pytest
from django.urls import reverse

from apps.bookings.models import Booking
from tests.bookings.helpers import cancel, confirm, place, refused, sold
from tests.clients import client_of
from tests.factories import BookingFactory, EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db
REPLAYED = "Idempotent-Replayed"


def test_the_same_key_and_body_answer_the_same_booking():
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    first = place(client, ticket, 2, key="click")
    again = place(client, ticket, 2, key="click")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert (Booking.objects.count(), sold(ticket)) == (1, 2)


def test_without_a_key_every_request_books():
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    assert place(client, ticket).json()["id"] != place(client, ticket).json()["id"]
    assert sold(ticket) == 4


def test_another_key_books_again():
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    assert (
        place(client, ticket, key="a").json()["id"] != place(client, ticket, key="b").json()["id"]
    )


@pytest.mark.parametrize("change", ["quantity", "ticket"])
def test_the_same_key_with_another_body_is_refused(change):
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    other = EventsTicketFactory(event=ticket.event)
    place(client, ticket, 2, key="click")
    again = place(client, ticket, 3, key="click") if change == "quantity" else None
    again = again or place(client, other, 2, key="click")
    assert refused(again, "idempotency_key_reused", 422)
    assert (Booking.objects.count(), sold(ticket), sold(other)) == (1, 2, 0)


def test_values_are_compared_as_validated():
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    place(client, ticket, 2, key="click")
    assert place(client, ticket, "2", key="click").headers[REPLAYED] == "true"


def test_two_people_may_use_the_same_key():
    ticket = EventsTicketFactory()
    first = place(client_of(UserFactory()), ticket, key="click")
    second = place(client_of(UserFactory()), ticket, key="click")
    assert (first.status_code, second.status_code) == (201, 201)
    assert sold(ticket) == 4


def test_a_replay_shows_the_present_state_and_asks_no_rule(support, admin):
    user = UserFactory()
    client, ticket = client_of(user), EventsTicketFactory(quota=2)
    placed = Booking.objects.get(pk=place(client, ticket, key="click").json()["id"])
    confirm(support, placed)
    assert place(client, ticket, key="click").json()["status"] == "CONFIRMED"
    cancel(client, placed)
    BookingFactory(event_ticket=ticket)
    again = place(client, ticket, key="click")
    assert (again.status_code, again.json()["status"]) == (201, "CANCELLED")
    admin.post(reverse("event-cancel", args=[ticket.event_id]))
    assert place(client, ticket, key="click").json()["id"] == placed.pk


def test_a_refusal_is_not_remembered():
    client, ticket = client_of(UserFactory()), EventsTicketFactory(quota=2)
    hold = BookingFactory(event_ticket=ticket)
    assert refused(place(client, ticket, key="click"), "sold_out")
    cancel(client_of(hold.user), hold)
    again = place(client, ticket, key="click")
    assert again.status_code == 201
    assert REPLAYED not in again.headers


@pytest.mark.parametrize("key", ["k", "k" * 255, "a key with spaces"])
def test_keys_of_one_to_255_characters_are_taken(key):
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    assert place(client, ticket, key=key).status_code == 201
    assert place(client, ticket, key=key).headers[REPLAYED] == "true"


@pytest.mark.parametrize("key", ["", "k" * 256, "k" * 300, "tab\there", "nul\0"])
def test_other_keys_are_refused(key):
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    response = place(client, ticket, key=key)
    assert response.status_code == 400
    assert list(response.json()) == ["Idempotency-Key"]
    assert (Booking.objects.count(), sold(ticket)) == (0, 0)
