"""`Idempotency-Key`: the same request again takes no more tickets."""

import http.client
import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from apps.bookings.models import Booking
from apps.bookings.serializers import BookingSerializer
from apps.bookings.services import expire_bookings
from tests.bookings.helpers import cancel, confirm, place, refused, sold
from tests.clients import client_of
from tests.common.helpers import unchanged
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
    one, other = client_of(UserFactory()), client_of(UserFactory())
    first, second = place(one, ticket, key="click"), place(other, ticket, 3, key="click")
    assert (first.status_code, second.status_code) == (201, 201)
    assert REPLAYED not in second.headers
    assert sold(ticket) == 5
    assert place(one, ticket, key="click").json() == first.json()
    assert place(other, ticket, 3, key="click").json() == second.json()


def test_keys_that_differ_in_letter_case_are_two():
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    placed = [place(client, ticket, key=key) for key in ("click", "Click", "CLICK")]
    assert [response.status_code for response in placed] == [201] * 3
    assert len({response.json()["id"] for response in placed}) == 3
    assert place(client, ticket, key="Click").json() == placed[1].json()
    assert sold(ticket) == 6


@pytest.mark.django_db(transaction=True)
def test_a_crash_after_the_booking_was_stored_leaves_it_to_the_retry(monkeypatch):
    client, ticket = client_of(UserFactory()), EventsTicketFactory()

    def crash(*args) -> None:
        raise RuntimeError("the answer is lost")

    with monkeypatch.context() as patch:
        patch.setattr(BookingSerializer, "to_representation", crash)
        with pytest.raises(RuntimeError, match="the answer is lost"):
            place(client, ticket, 2, key="click")
    placed = Booking.objects.get()
    with unchanged():
        again = place(client, ticket, 2, key="click")
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
    assert again.json()["id"] == placed.pk
    assert sold(ticket) == 2


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


def test_a_replay_after_the_event_was_cancelled_says_so(admin):
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    placed = place(client, ticket, key="click").json()
    admin.post(reverse("event-cancel", args=[ticket.event_id]))
    with unchanged():
        again = place(client, ticket, key="click")
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
    body = again.json()
    assert (body["id"], body["status"]) == (placed["id"], "CANCELLED")
    assert body["cancellation_reason"] == "EVENT_CANCELLED"
    assert refused(place(client, ticket, key="other"), "event_not_published")


@pytest.mark.parametrize("swept", [False, True])
def test_a_replay_does_not_renew_a_hold_that_ran_out(swept):
    client, ticket = client_of(UserFactory()), EventsTicketFactory()
    placed = place(client, ticket, key="click").json()
    Booking.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    if swept:
        expire_bookings()
    with unchanged():
        again = place(client, ticket, key="click")
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
    body = again.json()
    assert (body["id"], body["status"]) == (placed["id"], "CANCELLED" if swept else "PENDING")
    assert body["cancellation_reason"] == ("EXPIRED" if swept else "")
    assert sold(ticket) == (0 if swept else 2)


def test_a_replay_shows_the_price_of_its_placing(admin):
    client, ticket = client_of(UserFactory()), EventsTicketFactory(price="25.00")
    placed = place(client, ticket, key="click").json()
    admin.patch(reverse("ticket-detail", args=[ticket.pk]), {"price": "40.00"})
    again = place(client, ticket, key="click").json()
    assert again == placed
    assert (again["unit_price"], again["total_price"]) == ("25.00", "50.00")
    assert place(client, ticket, key="other").json()["unit_price"] == "40.00"


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("key", "status"), [("   ", 400), ("\t", 400), ("  click ", 201), ("cl ick", 201)]
)
def test_spaces_around_a_key_are_lost_on_the_wire(live_server, key, status):
    ticket, server = EventsTicketFactory(), live_server.thread
    headers = {
        "Authorization": f"Bearer {AccessToken.for_user(UserFactory())}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    body = json.dumps({"event_ticket": ticket.pk, "quantity": 2})
    connection.request("POST", reverse("booking-list"), body, headers)
    response = connection.getresponse()
    answer = json.load(response)
    connection.close()
    assert response.status == status
    if status == 400:
        assert list(answer) == ["Idempotency-Key"]
        assert sold(ticket) == 0
    else:
        assert Booking.objects.get().idempotency_key == key.strip()
