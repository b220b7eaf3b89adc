"""Every paginated list of the API: how to ask for it and how to put rows in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.events.models import Event
from tests.clients import client_of
from tests.factories import (
    BookingFactory,
    EventCategoryFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    VenueFactory,
)


@dataclass
class Owner:
    """An admin who is a member of one organization, and the rows that the lists hang on."""

    client: APIClient
    event: Event

    def id(self, row: str) -> int:
        parents = {"event": self.event, "organization": self.event.organization}
        return {**parents, "venue": self.event.venue}[row].pk


def make_owner() -> Owner:
    user = UserFactory(admin=True)
    membership = MembershipFactory(user=user)
    # Cancelled, so that it is in none of the public lists.
    event = EventFactory(organization=membership.organization, cancelled=True)
    return Owner(client=client_of(user), event=event)


def make_event(owner: Owner) -> Event:
    return EventFactory(organization=owner.event.organization, venue=owner.event.venue)


@dataclass(frozen=True)
class Listing:
    """A list, the fields it can be ordered by, its filters, and what makes a row of it."""

    route: str
    make: Callable[[Owner], Model]
    ordering_fields: tuple[str, ...]
    # How many rows the owner brings along.
    others: int = 0
    row: str = ""
    filters: tuple[str, ...] = ()
    default_ordering: str = "id"

    def __str__(self) -> str:
        return self.route

    def url(self, owner: Owner) -> str:
        return reverse(self.route, args=[owner.id(self.row)] if self.row else [])

    def get(self, owner: Owner, **params: Any) -> Any:
        return owner.client.get(self.url(owner), params)


EVENT_ORDERING = ("created_at", "starts_at", "title")
EVENT_FILTERS = ("category", "organization", "venue", "status", "starts_after", "starts_before")
BOOKING_FILTERS = (
    *("status", "event", "event_ticket", "created_after", "created_before"),
    *("cancellation_reason", "confirmed"),
)

LISTINGS = [
    Listing(
        "event-list",
        make_event,
        EVENT_ORDERING,
        filters=EVENT_FILTERS,
        default_ordering="starts_at",
    ),
    Listing(
        "event-my-events",
        make_event,
        EVENT_ORDERING,
        others=1,
        filters=EVENT_FILTERS,
        default_ordering="starts_at",
    ),
    Listing(
        "organization-events",
        make_event,
        EVENT_ORDERING,
        others=1,
        row="organization",
        filters=EVENT_FILTERS,
        default_ordering="starts_at",
    ),
    Listing(
        "venue-schedule", make_event, EVENT_ORDERING, row="venue", default_ordering="starts_at"
    ),
    Listing(
        "category-list",
        lambda owner: EventCategoryFactory(),
        ("created_at", "name"),
        others=1,
        default_ordering="name",
    ),
    Listing(
        "venue-list",
        lambda owner: VenueFactory(),
        ("created_at", "name"),
        others=1,
        default_ordering="name",
    ),
    Listing(
        "organization-list",
        lambda owner: OrganizationFactory(),
        ("created_at", "name"),
        others=1,
        default_ordering="name",
    ),
    Listing(
        "organization-members",
        lambda owner: MembershipFactory(organization=owner.event.organization),
        ("created_at",),
        others=1,
        row="organization",
    ),
    Listing(
        "ticket-list",
        lambda owner: EventsTicketFactory(event=owner.event),
        ("created_at", "price"),
        filters=("event", "ticket_type"),
    ),
    Listing(
        "booking-list",
        lambda owner: BookingFactory(event_ticket__event=owner.event),
        ("created_at", "expires_at"),
        filters=BOOKING_FILTERS,
        default_ordering="-created_at",
    ),
    Listing(
        "event-bookings",
        lambda owner: BookingFactory(event_ticket__event=owner.event),
        ("created_at", "expires_at"),
        row="event",
        filters=BOOKING_FILTERS,
        default_ordering="-created_at",
    ),
]

VALUES = {
    "created_at": lambda n: timezone.now() - timedelta(days=n),
    "starts_at": lambda n: timezone.now() + timedelta(days=n),
    "expires_at": lambda n: timezone.now() + timedelta(days=n),
    "title": lambda n: f"title {9 - n}",
    "name": lambda n: f"name {9 - n}",
    "price": lambda n: f"{n}.50",
}


def make_rows(listing: Listing, owner: Owner, field: str, numbers: list[int]) -> list[Model]:
    """Rows that differ in `field` by their number; those with one number have the same value."""
    values = {number: VALUES[field](number + 1) for number in set(numbers)}
    rows = []
    for number in numbers:
        row = listing.make(owner)
        changes = {field: values[number]}
        if field == "starts_at":
            changes["ends_at"] = values[number] + timedelta(days=1)
        type(row)._default_manager.filter(pk=row.pk).update(**changes)
        row.refresh_from_db()
        rows.append(row)
    return rows
