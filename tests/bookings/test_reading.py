"""Lists and details of bookings: §7.2, §2.11, and their filters."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from tests.bookings.helpers import confirm
from tests.clients import client_of
from tests.factories import (
    BookingFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def ids(response) -> list[int]:
    assert response.status_code == 200
    return [row["id"] for row in response.json()["results"]]


def test_people_see_their_own_bookings_and_staff_all():
    mine, other = BookingFactory(), BookingFactory()
    assert ids(client_of(mine.user).get(reverse("booking-list"))) == [mine.pk]
    for caller in ({"support": True}, {"admin": True}, {"is_superuser": True}):
        rows = ids(client_of(UserFactory(**caller)).get(reverse("booking-list")))
        assert rows == [other.pk, mine.pk]


def test_organization_members_see_only_their_own_in_the_general_list():
    booking = BookingFactory()
    member = MembershipFactory(
        organization=booking.event_ticket.event.organization, role="OWNER"
    ).user
    assert ids(client_of(member).get(reverse("booking-list"))) == []
    detail = reverse("booking-detail", args=[booking.pk])
    assert client_of(member).get(detail).status_code == 404


@pytest.mark.parametrize(("who", "status"), [("support", 200), ("admin", 200), ("customer", 404)])
def test_a_booking_of_somebody_else(request, who, status):
    booking = BookingFactory()
    response = request.getfixturevalue(who).get(reverse("booking-detail", args=[booking.pk]))
    assert response.status_code == status


def test_ones_own_booking():
    booking = BookingFactory()
    response = client_of(booking.user).get(reverse("booking-detail", args=[booking.pk]))
    assert response.json()["id"] == booking.pk


def test_newest_first_and_by_expiry_on_request(support):
    first, second, third = BookingFactory.create_batch(3)
    soon = timezone.now() + timedelta(minutes=5)
    Booking.objects.filter(pk=second.pk).update(expires_at=soon)
    assert ids(support.get(reverse("booking-list"))) == [third.pk, second.pk, first.pk]
    assert ids(support.get(reverse("booking-list"), {"ordering": "expires_at"}))[0] == second.pk
    oldest = ids(support.get(reverse("booking-list"), {"ordering": "created_at"}))
    assert oldest == [first.pk, second.pk, third.pk]


class TestFilters:
    def hits(self, client, **query) -> list[int]:
        return sorted(ids(client.get(reverse("booking-list"), query)))

    def test_status(self, support):
        pending, confirmed = BookingFactory(), BookingFactory(confirmed=True)
        cancelled = BookingFactory(cancelled=True)
        assert self.hits(support, status="PENDING") == [pending.pk]
        assert self.hits(support, status="CONFIRMED") == [confirmed.pk]
        assert self.hits(support, status="CANCELLED") == [cancelled.pk]

    def test_event_and_ticket_type(self, support):
        event = EventFactory()
        first, second = EventsTicketFactory.create_batch(2, event=event)
        a, b = BookingFactory(event_ticket=first), BookingFactory(event_ticket=second)
        BookingFactory()
        assert self.hits(support, event=event.pk) == [a.pk, b.pk]
        assert self.hits(support, event_ticket=second.pk) == [b.pk]
        assert self.hits(support, event=999_999) == []

    def test_created_from_and_before(self, support):
        early, late = BookingFactory(), BookingFactory()
        at = late.created_at.isoformat()
        assert self.hits(support, created_after=at) == [late.pk]
        assert self.hits(support, created_before=at) == [early.pk]

    def test_reason_and_whether_it_was_confirmed(self, support):
        mine = BookingFactory(cancelled=True)
        owed = BookingFactory(
            cancelled=True, cancellation_reason="EVENT_CANCELLED", confirmed_at=timezone.now()
        )
        live = BookingFactory(confirmed=True)
        imported = BookingFactory(status="CONFIRMED")
        assert self.hits(support, cancellation_reason="EVENT_CANCELLED") == [owed.pk]
        assert self.hits(support, confirmed="true") == [owed.pk, live.pk, imported.pk]
        assert self.hits(support, confirmed="false") == [mine.pk]

    @pytest.mark.parametrize(
        "query",
        [
            {"status": "pending"},
            {"event": "07"},
            {"event_ticket": "x"},
            {"created_after": "yesterday"},
            {"created_before": "2030-13-01"},
            {"cancellation_reason": "BORED"},
            {"confirmed": "yes"},
        ],
    )
    def test_a_malformed_value_is_an_error_that_names_it(self, support, query):
        response = support.get(reverse("booking-list"), query)
        assert response.status_code == 400
        assert list(response.json()) == list(query)

    def test_a_filter_shows_nobody_elses_bookings(self, customer):
        booking = BookingFactory()
        assert self.hits(customer, event=booking.event_ticket.event_id) == []


class TestBookingsOfAnEvent:
    @pytest.mark.parametrize("role", ["OWNER", "MANAGER", "MEMBER"])
    def test_members_see_them_with_addresses(self, role):
        booking = BookingFactory()
        BookingFactory()
        event = booking.event_ticket.event
        member = MembershipFactory(organization=event.organization, role=role).user
        response = client_of(member).get(reverse("event-bookings", args=[event.pk]))
        assert ids(response) == [booking.pk]
        assert response.json()["results"][0]["user_email"] == booking.user.email

    def test_filters_apply(self, admin):
        booking = BookingFactory()
        BookingFactory(event_ticket=booking.event_ticket, confirmed=True)
        url = reverse("event-bookings", args=[booking.event_ticket.event_id])
        assert ids(admin.get(url, {"status": "PENDING"})) == [booking.pk]

    def test_the_general_list_shows_no_addresses(self, support):
        BookingFactory()
        row = support.get(reverse("booking-list")).json()["results"][0]
        assert "user_email" not in row


@pytest.mark.parametrize("count", [1, 20])
def test_lists_take_a_fixed_number_of_statements(django_assert_num_queries, count):
    client = client_of(UserFactory(admin=True))
    event, customer = EventFactory(), UserFactory()
    for _ in range(count):
        booking = BookingFactory(event_ticket=EventsTicketFactory(event=event), user=customer)
        confirm(client_of(UserFactory(support=True)), booking)
    with django_assert_num_queries(3):  # user, count, page
        assert len(ids(client_of(customer).get(reverse("booking-list")))) == count
    with django_assert_num_queries(4):  # and their history
        assert len(ids(client.get(reverse("booking-list")))) == count
    # And the event, its ticket types, and on PostgreSQL the first bookings of each.
    with django_assert_num_queries(7 if connection.vendor == "postgresql" else 6):
        assert len(ids(client.get(reverse("event-bookings", args=[event.pk])))) == count


@pytest.mark.parametrize("ordering", ["expires_at", "-expires_at"])
def test_bookings_that_never_expire_come_last_in_either_direction(support, ordering):
    confirmed = BookingFactory(confirmed=True)
    late, soon = BookingFactory(), BookingFactory(run_out=True)
    held = [soon.pk, late.pk] if ordering == "expires_at" else [late.pk, soon.pk]
    found = ids(support.get(reverse("booking-list"), {"ordering": ordering}))
    assert found == [*held, confirmed.pk]
