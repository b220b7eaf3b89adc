"""What `seed` makes, at its usual numbers and at the smallest and most crowded ones."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.events.models import Event, EventCategory
from apps.organizations.models import Organization
from apps.tickets.models import EventsTicket
from apps.venues.models import Venue
from tests.demo.helpers import EXAMPLE, NOTHING, freeze, seed

SIZES = {
    "the example": EXAMPLE,
    "one user": EXAMPLE | {"users": 1},
    "two users": EXAMPLE | {"users": 2},
    "three users": EXAMPLE | {"users": 3},
    "one event": EXAMPLE | {"events": 1},
    "two events": EXAMPLE | {"events": 2},
    "three bookings": EXAMPLE | {"bookings": 3},
    "one of each": dict.fromkeys(EXAMPLE, 1),
    "nothing": NOTHING,
    "a crowd at one event": EXAMPLE | {"events": 1, "bookings": 3000},
    "many events": EXAMPLE | {"users": 150, "orgs": 60, "venues": 80, "cats": 30, "events": 150},
}


@dataclass
class Made:
    asked: dict[str, int]
    users: list[User]
    organizations: list[Organization]
    venues: list[Venue]
    categories: list[EventCategory]
    events: list[Event]

    @property
    def tickets(self) -> list[EventsTicket]:
        return [ticket for event in self.events for ticket in event.tickets.all()]

    @property
    def bookings(self) -> list[Booking]:
        return [booking for ticket in self.tickets for booking in ticket.bookings.all()]

    def with_status(self, status: str) -> list[Booking]:
        return [booking for booking in self.bookings if booking.status == status]


# Seeding once for all tests of a size, which have what was made but no database.
@pytest.fixture(scope="module", params=SIZES.values(), ids=SIZES)
def made(request, django_db_setup, django_db_blocker) -> Iterator[Made]:
    with django_db_blocker.unblock(), transaction.atomic():
        seed(**request.param)
        events = Event.objects.select_related("venue")
        yield Made(
            request.param,
            list(User.objects.order_by("pk")),
            list(Organization.objects.prefetch_related("memberships__user")),
            list(Venue.objects.all()),
            list(EventCategory.objects.all()),
            list(
                events.prefetch_related(
                    "tickets__bookings__user", "tickets__bookings__history", "tickets__event"
                )
            ),
        )
        transaction.set_rollback(True)


def test_exactly_the_numbers_asked_for(made):
    rows = (made.users, made.organizations, made.venues, made.categories, made.events)
    numbers = [len(each) for each in (*rows, made.bookings)]
    assert dict(zip(EXAMPLE, numbers, strict=True)) == made.asked


class TestUsers:
    def test_the_well_known_ones_come_first(self, made):
        known = ["owner@example.com", "support@example.com", "customer@example.com"]
        assert [user.email for user in made.users[:3]] == known[: made.asked["users"]]

    def test_all_have_the_password_of_the_demo_in_one_hash(self, made):
        passwords = {user.password for user in made.users}
        assert len(passwords) == min(made.asked["users"], 1)
        assert all(check_password("password123", password) for password in passwords)

    def test_only_the_support_agent_is_more_than_a_customer(self, made):
        supporting = [user.email for user in made.users if user.is_support]
        assert supporting == ["support@example.com"][: max(0, made.asked["users"] - 1)]
        assert not any(user.is_staff or user.is_superuser for user in made.users)
        assert all(user.is_active for user in made.users)


class TestOrganizations:
    def test_each_has_an_owner_and_the_other_roles_as_far_as_users_go(self, made):
        roles = {"OWNER", "MANAGER", "MEMBER"}
        expected = {1: {"OWNER"}, 2: {"OWNER", "MANAGER"}}.get(made.asked["users"], roles)
        for organization in made.organizations:
            assert {each.role for each in organization.memberships.all()} == expected

    def test_the_well_known_owner_owns_one(self, made):
        owners = {
            member.user.email
            for organization in made.organizations
            for member in organization.memberships.all()
            if member.role == "OWNER"
        }
        assert ("owner@example.com" in owners) == bool(made.organizations)

    def test_the_well_known_customer_and_agent_stay_outside_where_others_are_enough(self, made):
        members = {
            member.user.email
            for organization in made.organizations
            for member in organization.memberships.all()
        }
        if made.asked["users"] >= 5:
            assert members.isdisjoint({"support@example.com", "customer@example.com"})


class TestEvents:
    def test_they_start_at_least_two_days_ahead_and_end_later(self, made):
        for event in made.events:
            assert event.starts_at >= timezone.now() + timedelta(days=2)
            assert event.ends_at > event.starts_at

    def test_from_two_up_there_are_drafts_and_published_ones(self, made):
        statuses = {event.status for event in made.events}
        if len(made.events) >= 2:
            assert statuses == {"DRAFT", "PUBLISHED"}
        else:
            assert statuses <= {"DRAFT", "PUBLISHED"}

    def test_published_at_tells_the_published_ones(self, made):
        for event in made.events:
            assert (event.published_at is not None) == (event.status == "PUBLISHED")

    def test_from_two_up_some_have_a_capacity_and_some_have_none(self, made):
        with_capacity = {event.capacity is not None for event in made.events}
        if len(made.events) >= 2:
            assert with_capacity == {True, False}

    def test_a_capacity_is_within_the_venues(self, made):
        for event in made.events:
            assert event.capacity is None or 1 <= event.capacity <= event.venue.capacity


class TestTickets:
    def test_each_event_has_two_to_five_types(self, made):
        for event in made.events:
            kinds = [ticket.ticket_type for ticket in event.tickets.all()]
            assert 2 <= len(kinds) <= 5
            assert len(set(kinds)) == len(kinds)

    def test_each_type_of_an_event_has_a_price_of_its_own(self, made):
        for event in made.events:
            prices = [ticket.price for ticket in event.tickets.all()]
            assert min(prices) > 0
            assert len(set(prices)) == len(prices)

    def test_sold_is_what_pending_and_confirmed_bookings_hold(self, made):
        for ticket in made.tickets:
            assert ticket.sold == held(ticket)

    def test_no_quota_and_no_capacity_is_exceeded(self, made):
        for event in made.events:
            taken = [held(ticket) for ticket in event.tickets.all()]
            quotas = [ticket.quota for ticket in event.tickets.all()]
            assert all(sold <= quota for sold, quota in zip(taken, quotas, strict=True))
            assert event.capacity is None or sum(taken) <= event.capacity


def held(ticket: EventsTicket) -> int:
    return sum(
        booking.quantity
        for booking in ticket.bookings.all()
        if booking.status in {"PENDING", "CONFIRMED"}
    )


class TestBookings:
    def test_from_three_up_all_statuses_occur(self, made):
        statuses = {booking.status for booking in made.bookings}
        if len(made.bookings) >= 3:
            assert statuses == {"PENDING", "CONFIRMED", "CANCELLED"}

    def test_they_are_of_two_tickets_or_more_at_the_price_of_the_type(self, made):
        for booking in made.bookings:
            assert booking.quantity >= 2
            assert booking.unit_price == booking.event_ticket.price > Decimal(0)

    def test_they_are_those_of_people_who_may_book(self, made):
        assert not any(booking.user.is_support for booking in made.bookings)

    def test_none_is_on_a_draft_beside_published_events(self, made):
        booked = {booking.event_ticket.event.status for booking in made.bookings}
        assert booked <= {"PUBLISHED"} or {event.status for event in made.events} == {"DRAFT"}

    def test_pending_ones_expire_one_day_before_their_event(self, made):
        for booking in made.with_status("PENDING"):
            starts_at = booking.event_ticket.event.starts_at
            assert booking.expires_at == starts_at - timedelta(days=1)
            assert traces(booking) == (False, False, "")

    def test_confirmed_ones_say_when_and_do_not_expire(self, made):
        for booking in made.with_status("CONFIRMED"):
            assert booking.expires_at is None
            assert traces(booking) == (True, False, "")

    def test_cancelled_ones_say_why_and_when_and_do_not_expire(self, made):
        for booking in made.with_status("CANCELLED"):
            reason = booking.cancellation_reason
            # Nothing has run out here, and no event is cancelled.
            assert reason in {"CUSTOMER", "SUPPORT", "REFUNDED"}
            assert booking.expires_at is None
            assert booking.cancelled_at is not None
            # What was never confirmed cannot have been refunded.
            assert reason != "REFUNDED" or booking.confirmed_at is not None

    def test_the_well_known_customer_has_one_of_each_status(self, made):
        customers = [user.email for user in made.users if not user.is_support]
        if len(made.bookings) >= 3:
            first = "customer@example.com" if made.asked["users"] >= 3 else customers[0]
            mine = Counter(each.status for each in made.bookings if each.user.email == first)
            assert set(mine) == {"PENDING", "CONFIRMED", "CANCELLED"}


def traces(booking: Booking) -> tuple[bool, bool, str]:
    return (
        booking.confirmed_at is not None,
        booking.cancelled_at is not None,
        booking.cancellation_reason,
    )


@pytest.mark.django_db
class TestAnywhereAndAnytime:
    @pytest.mark.parametrize("hour", [(0, 0, 0), (23, 59, 59)])
    def test_events_are_two_days_ahead_at_every_hour(self, monkeypatch, hour):
        now = datetime(2030, 12, 30, *hour, tzinfo=UTC)
        freeze(monkeypatch, now)
        # So many that the earliest possible start is among them.
        seed(users=1, orgs=1, venues=1, cats=1, events=1500, bookings=0)
        assert Event.objects.earliest("starts_at").starts_at >= now + timedelta(days=2)

    def test_a_shorter_limit_of_holds_does_not_touch_the_demo(self, settings):
        settings.BOOKING_HOLD_MINUTES = 30
        seed()
        pending = Booking.objects.filter(status="PENDING").select_related("event_ticket__event")
        assert pending
        for booking in pending:
            starts_at = booking.event_ticket.event.starts_at
            assert booking.expires_at == starts_at - timedelta(days=1)

    def test_every_row_passes_the_validation_of_its_model(self):
        seed()
        for model in apps.get_models():
            if model.__module__.startswith("apps."):
                for row in model._default_manager.all():
                    row.full_clean()


def test_every_booking_has_a_history_that_leads_to_its_status(made):
    for booking in made.bookings:
        steps = [(step.from_status, step.to_status, step.reason) for step in booking.history.all()]
        confirmed = [("PENDING", "CONFIRMED", "")] if booking.confirmed_at else []
        before = "CONFIRMED" if confirmed else "PENDING"
        reason = booking.cancellation_reason
        cancelled = [(before, "CANCELLED", reason)] if booking.status == "CANCELLED" else []
        assert steps == confirmed + cancelled


def test_customers_cancel_their_own_bookings_and_support_does_the_rest(made):
    agents = {user for user in made.users if user.is_support}
    for booking in made.bookings:
        for step in booking.history.all():
            expected = {booking.user} if step.reason == "CUSTOMER" else agents or {None}
            assert step.actor in expected
