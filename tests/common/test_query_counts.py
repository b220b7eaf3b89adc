"""How many SQL statements a list takes: always the same, however many rows it has."""

import pytest
from django.db import connection
from django.urls import reverse

from tests.common.lists import LISTINGS, make_owner
from tests.factories import EventFactory, EventsTicketFactory

pytestmark = pytest.mark.django_db

# For an admin's token: the account, the count, and the page.
STATEMENTS = {
    "event-list": 3,
    "event-my-events": 3,
    # And the organization, the venue, or the event, that the list is of.
    "organization-events": 4,
    "venue-schedule": 4,
    "organization-members": 4,
    "category-list": 3,
    "venue-list": 3,
    "organization-list": 3,
    "ticket-list": 3,
    # And the history of the bookings on the page.
    "booking-list": 4,
    # And the event's ticket types, and on PostgreSQL the look for the first ones of each.
    "event-bookings": 7 if connection.vendor == "postgresql" else 6,
}


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize("listing", LISTINGS, ids=str)
def test_statements_of_a_list(django_assert_num_queries, listing, rows):
    owner = make_owner()
    for _ in range(rows - listing.others):
        listing.make(owner)
    with django_assert_num_queries(STATEMENTS[listing.route]):
        response = listing.get(owner, page_size=100)
    assert len(response.json()["results"]) == rows


@pytest.mark.parametrize("rows", [1, 20])
def test_statements_of_the_available_tickets(django_assert_num_queries, anonymous, rows):
    event = EventFactory(capacity=500)
    EventsTicketFactory.create_batch(rows, event=event)
    with django_assert_num_queries(2):
        response = anonymous.get(reverse("event-available-tickets", args=[event.pk]))
    assert len(response.json()) == rows


@pytest.mark.parametrize(
    "route", ["event-list", "category-list", "venue-list", "organization-list", "ticket-list"]
)
def test_statements_of_a_public_list_without_a_token(django_assert_num_queries, anonymous, route):
    EventsTicketFactory.create_batch(3)
    with django_assert_num_queries(2):
        assert len(anonymous.get(reverse(route)).json()["results"]) == 3
