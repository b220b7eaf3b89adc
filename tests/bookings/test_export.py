"""The bookings of an event as CSV: `/events/{id}/bookings/export/`."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.urls import resolve, reverse
from django.utils import timezone
from rest_framework.test import APIRequestFactory, force_authenticate

from apps.bookings import reports
from apps.bookings.models import Booking
from apps.events.models import Event
from tests.clients import client_of
from tests.common.helpers import iso
from tests.events.helpers import member_of
from tests.factories import BookingFactory, EventFactory, EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db

HEADER = [
    *("id", "user", "user_email", "event", "event_title", "event_ticket", "ticket_type"),
    *("quantity", "unit_price", "total_price", "currency", "status", "expires_at", "confirmed_at"),
    *("cancelled_at", "cancellation_reason", "created_at", "updated_at"),
]


def get(client: Any, event: Event, **query: Any) -> Any:
    return client.get(reverse("event-bookings-export", args=[event.pk]), query)


def lines(response: Any) -> list[list[str]]:
    assert response.status_code == 200
    return list(csv.reader(StringIO(response.getvalue().decode(), newline="")))


def rows(response: Any) -> list[dict[str, str]]:
    header, *others = lines(response)
    assert header == HEADER
    return [dict(zip(header, each, strict=True)) for each in others]


def exported(response: Any) -> list[int]:
    return [int(row["id"]) for row in rows(response)]


@pytest.fixture
def few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(reports, "CHUNK", 2)


def test_a_row_has_what_the_list_shows(admin):
    event = EventFactory(title='Summer "Night", part 1;\nthe river')
    ticket = EventsTicketFactory(event=event, price="12.50")
    user = UserFactory(email="ann@example.org")
    booking = BookingFactory(user=user, event_ticket=ticket, quantity=3)
    (row,) = rows(get(admin, event))
    assert row == {
        "id": str(booking.pk),
        "user": str(user.pk),
        "user_email": "ann@example.org",
        "event": str(event.pk),
        "event_title": event.title,
        "event_ticket": str(ticket.pk),
        "ticket_type": "STANDARD",
        "quantity": "3",
        "unit_price": "12.50",
        "total_price": "37.50",
        "currency": "USD",
        "status": "PENDING",
        "expires_at": iso(booking.expires_at),
        "confirmed_at": "",
        "cancelled_at": "",
        "cancellation_reason": "",
        "created_at": iso(booking.created_at),
        "updated_at": iso(booking.updated_at),
    }


def test_it_is_a_file_to_save_and_not_to_keep(admin):
    event = BookingFactory().event_ticket.event
    response = get(admin, event)
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    name = f"event-{event.pk}-bookings.csv"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response["Cache-Control"] == "private, no-store"
    assert response.getvalue().count(b"\r\n") == 2


def test_an_event_without_bookings_or_types_has_a_header(admin):
    BookingFactory()
    for event in (EventFactory(draft=True), EventsTicketFactory().event):
        assert lines(get(admin, event)) == [HEADER]


@pytest.mark.usefixtures("few_rows_at_a_time")
class TestWalk:
    @pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
    def test_every_booking_is_there_once_newest_first(self, admin, count):
        event = EventFactory()
        types = EventsTicketFactory.create_batch(2, event=event)
        BookingFactory()
        made = [BookingFactory(event_ticket=types[n % 2]).pk for n in range(count)]
        assert exported(get(admin, event)) == made[::-1]

    def test_bookings_of_one_moment_too(self, admin):
        ticket = EventsTicketFactory()
        made = [each.pk for each in BookingFactory.create_batch(7, event_ticket=ticket)]
        Booking.objects.update(created_at=timezone.now())
        assert exported(get(admin, ticket.event)) == made[::-1]

    def test_what_is_placed_meanwhile_is_left_out_and_nothing_comes_twice(self, admin):
        ticket = EventsTicketFactory()
        made = [each.pk for each in BookingFactory.create_batch(6, event_ticket=ticket)]
        pieces = iter(get(admin, ticket.event))
        text = next(pieces) + next(pieces)
        BookingFactory(event_ticket=ticket)
        text += b"".join(pieces)
        shown = [int(line.split(b",")[0]) for line in text.splitlines()[1:]]
        assert shown == made[::-1]

    def test_the_ordering_of_the_list_is_its_own(self, admin):
        ticket = EventsTicketFactory()
        never = BookingFactory(event_ticket=ticket, confirmed=True)
        late, soon = BookingFactory(event_ticket=ticket), BookingFactory(event_ticket=ticket)
        Booking.objects.filter(pk=soon.pk).update(expires_at=timezone.now() + timedelta(minutes=1))
        found = exported(get(admin, ticket.event, ordering="expires_at"))
        assert found == [soon.pk, late.pk, never.pk]

    def test_no_more_than_a_few_rows_are_read_before_they_are_sent(
        self, django_assert_num_queries, admin
    ):
        ticket = EventsTicketFactory()
        BookingFactory.create_batch(6, event_ticket=ticket)
        # On PostgreSQL, one to find the next rows of all types, and one to read them.
        chunk = 2 if connection.vendor == "postgresql" else 1
        with django_assert_num_queries(3 + chunk):  # The account, the event, its types.
            response = get(admin, ticket.event)
        with django_assert_num_queries(2 * chunk + 1):
            assert len(exported(response)) == 6


class TestFilters:
    def test_they_are_those_of_the_list(self, admin):
        event = EventFactory()
        first, second = EventsTicketFactory.create_batch(2, event=event)
        pending = BookingFactory(event_ticket=first)
        confirmed = BookingFactory(event_ticket=second, confirmed=True)
        cancelled = BookingFactory(event_ticket=second, cancelled=True)
        for query, expected in [
            ({"status": "PENDING"}, [pending]),
            ({"event_ticket": second.pk}, [cancelled, confirmed]),
            ({"confirmed": "true"}, [confirmed]),
            ({"cancellation_reason": "CUSTOMER"}, [cancelled]),
            ({"created_after": confirmed.created_at.isoformat()}, [cancelled, confirmed]),
            ({"created_before": confirmed.created_at.isoformat()}, [pending]),
            ({"page": 7, "page_size": 1, "cursor": "x"}, [cancelled, confirmed, pending]),
        ]:
            assert exported(get(admin, event, **query)) == [each.pk for each in expected], query

    @pytest.mark.parametrize(
        "query", [{"status": "pending"}, {"event_ticket": "07"}, {"created_after": "x"}], ids=str
    )
    def test_a_bad_value_is_refused_in_json(self, admin, query):
        response = admin.get(
            reverse("event-bookings-export", args=[EventFactory().pk]),
            query,
            HTTP_ACCEPT="text/csv",
        )
        assert response.status_code == 400
        assert response["Content-Type"] == "application/json"
        assert list(response.json()) == list(query)


class TestFormulas:
    @pytest.mark.parametrize(
        "text",
        [
            *("=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(1)", "\t=1", "\rx", "\nx", "\tx"),
            *("  =1", " \t+1", "\u00a0=1", "\u3000=1"),
            *("\uff1d1", "\uff0b1", "\uff0d1", "\uff201", " \uff1d1", "\ufe661", "\ufe6b1"),
        ],
        ids=ascii,
    )
    def test_what_begins_like_one_is_a_text(self, admin, text):
        ticket = EventsTicketFactory(event__title=text)
        BookingFactory(event_ticket=ticket)
        (row,) = rows(get(admin, ticket.event))
        assert row["event_title"] == f"'{text}"

    @pytest.mark.parametrize(
        "text", ["1+1", "a=b", "'=1", "Rock & Roll - live", "#1", "\u20141", " x", "é=1", "(=1)"]
    )
    def test_all_else_stays_as_it_is(self, admin, text):
        ticket = EventsTicketFactory(event__title=text)
        BookingFactory(event_ticket=ticket)
        (row,) = rows(get(admin, ticket.event))
        assert row["event_title"] == text

    def test_an_address_can_be_one(self, admin):
        booking = BookingFactory(user=UserFactory(email="=cmd+x@example.com"))
        (row,) = rows(get(admin, booking.event_ticket.event))
        assert row["user_email"] == "'=cmd+x@example.com"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class TestNegotiation:
    @pytest.mark.parametrize(
        "accept",
        [
            *("text/csv", "text/csv; charset=utf-8", "text/*", "*/*", "application/json", BROWSER),
            "text/html, application/json;q=0.5",
        ],
    )
    def test_whoever_takes_csv_or_json_gets_the_file(self, admin, accept):
        event = BookingFactory().event_ticket.event
        path = reverse("event-bookings-export", args=[event.pk])
        response = admin.get(path, HTTP_ACCEPT=accept)
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert len(rows(response)) == 1

    def test_who_takes_neither_is_told_so_in_json(self, admin):
        path = reverse("event-bookings-export", args=[EventFactory().pk])
        response = admin.get(path, HTTP_ACCEPT="text/html")
        assert response.status_code == 406
        assert response["Content-Type"] == "application/json"

    @pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("customer", 403)])
    @pytest.mark.parametrize("accept", ["text/csv", "*/*"])
    def test_refusals_are_json(self, request, who, status, accept):
        path = reverse("event-bookings-export", args=[EventFactory().pk])
        response = request.getfixturevalue(who).get(path, HTTP_ACCEPT=accept)
        assert response.status_code == status
        assert response["Content-Type"] == "application/json"
        assert list(response.json()) == ["detail"]

    def test_head_says_what_get_would_and_has_no_rows(self):
        path = reverse("event-bookings-export", args=[BookingFactory().event_ticket.event_id])
        view, admin, factory = resolve(path), UserFactory(admin=True), APIRequestFactory()
        requests = factory.head(path), factory.get(path)
        for request in requests:
            force_authenticate(request, admin)
        # Of the view itself: a test client drops what a HEAD answers.
        head, whole = (view.func(request, **view.kwargs) for request in requests)
        assert head.status_code == 200
        assert head.headers == whole.headers
        assert (head.getvalue(), whole.getvalue().count(b"\r\n")) == (b"", 2)

    def test_options_names_both_types(self, admin):
        path = reverse("event-bookings-export", args=[EventFactory().pk])
        response = admin.options(path)
        assert response.status_code == 200
        assert response.json()["renders"] == ["application/json", "text/csv"]


def test_a_database_that_does_not_answer_is_an_error_and_no_half_file(admin, monkeypatch):
    def fail(*args: Any) -> None:
        raise OperationalError

    event = BookingFactory().event_ticket.event
    monkeypatch.setattr("apps.bookings.querysets.BookingQuerySet.slice_by_type", fail)
    response = get(admin, event)
    assert response.status_code == 503
    assert response.json()["code"] == "busy"


@pytest.mark.parametrize("role", ["OWNER", "MANAGER", "MEMBER"])
def test_members_of_another_organization_do_not_get_it(role):
    booking = BookingFactory()
    event = booking.event_ticket.event
    assert exported(get(member_of(event.organization, role=role), event)) == [booking.pk]
    stranger = member_of(EventFactory().organization, role=role)
    assert get(stranger, event).status_code == 403
    assert get(client_of(booking.user), event).status_code == 403
