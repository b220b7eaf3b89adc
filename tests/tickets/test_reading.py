"""Who sees which ticket types, and what the list can be narrowed to."""

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.tickets.models import EventsTicket
from tests.clients import client_of
from tests.common.helpers import ids
from tests.factories import EventFactory, EventsTicketFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

HIDDEN = {
    "draft": {"draft": True},
    "cancelled without having been published": {"cancelled": True, "published_at": None},
}
OUTSIDERS = ["anonymous", "customer", "other owner", "venue manager"]
INSIDERS = ["MEMBER", "MANAGER", "OWNER", "support", "admin"]

hidden_events = pytest.mark.parametrize("event", HIDDEN.values(), ids=HIDDEN, indirect=True)


@pytest.fixture
def event(request):
    return EventFactory(**getattr(request, "param", {}))


def client_for(caller, event):
    if caller == "anonymous":
        return APIClient()
    if caller in ("MEMBER", "MANAGER", "OWNER"):
        return client_of(MembershipFactory(organization=event.organization, role=caller).user)
    user = UserFactory(support=caller == "support", admin=caller == "admin")
    if caller == "other owner":
        MembershipFactory(user=user, role="OWNER")
    if caller == "venue manager":
        event.venue.managers.add(user)
    return client_of(user)


class TestHiddenEvents:
    @hidden_events
    @pytest.mark.parametrize("caller", OUTSIDERS)
    def test_outsiders_do_not_see_their_types(self, event, caller):
        hidden, shown = EventsTicketFactory(event=event), EventsTicketFactory()
        client = client_for(caller, event)
        assert ids(client.get(reverse("ticket-list"))) == [shown.pk]
        assert ids(client.get(reverse("ticket-list"), {"event": event.pk})) == []
        assert client.get(reverse("ticket-detail", args=[hidden.pk])).status_code == 404

    @hidden_events
    @pytest.mark.parametrize("caller", INSIDERS)
    def test_members_support_and_admins_do(self, event, caller):
        hidden, shown = EventsTicketFactory(event=event), EventsTicketFactory()
        client = client_for(caller, event)
        assert ids(client.get(reverse("ticket-list"))) == [hidden.pk, shown.pk]
        assert ids(client.get(reverse("ticket-list"), {"event": event.pk})) == [hidden.pk]
        found = client.get(reverse("ticket-detail", args=[hidden.pk])).json()
        assert (found["id"], found["available"]) == (hidden.pk, 0)


def test_everybody_sees_the_types_of_an_event_that_was_published_once(anonymous):
    kinds = ({"cancelled": True, "published_at": timezone.now()}, {"over": True}, {})
    tickets = [EventsTicketFactory(event=EventFactory(**kind)) for kind in kinds]
    assert ids(anonymous.get(reverse("ticket-list"))) == [ticket.pk for ticket in tickets]


class TestFilters:
    @pytest.fixture
    def tickets(self):
        events = EventFactory.create_batch(2)
        return {
            (number, ticket_type): EventsTicketFactory(event=event, ticket_type=ticket_type).pk
            for number, event in enumerate(events)
            for ticket_type in ("STANDARD", "VIP")
        }

    def test_event(self, anonymous, tickets):
        event = EventsTicket.objects.get(pk=tickets[1, "VIP"]).event_id
        found = ids(anonymous.get(reverse("ticket-list"), {"event": event}))
        assert found == [tickets[1, "STANDARD"], tickets[1, "VIP"]]

    def test_ticket_type(self, anonymous, tickets):
        found = ids(anonymous.get(reverse("ticket-list"), {"ticket_type": "VIP"}))
        assert found == [tickets[0, "VIP"], tickets[1, "VIP"]]
        assert ids(anonymous.get(reverse("ticket-list"), {"ticket_type": "GROUP"})) == []

    def test_both(self, anonymous, tickets):
        event = EventsTicket.objects.get(pk=tickets[0, "VIP"]).event_id
        params = {"event": event, "ticket_type": "VIP"}
        assert ids(anonymous.get(reverse("ticket-list"), params)) == [tickets[0, "VIP"]]


def test_the_price_orders_as_a_number(anonymous):
    pks = {price: EventsTicketFactory(price=price).pk for price in ("100.00", "9.00", "10.50")}
    found = ids(anonymous.get(reverse("ticket-list"), {"ordering": "price"}))
    assert found == [pks["9.00"], pks["10.50"], pks["100.00"]]


def test_the_currency_of_the_installation_is_shown(anonymous, admin, settings):
    settings.CURRENCY = "EUR"
    ticket = EventsTicketFactory()
    detail = reverse("ticket-detail", args=[ticket.pk])
    (listed,) = anonymous.get(reverse("ticket-list")).json()["results"]
    (on_sale,) = anonymous.get(reverse("event-available-tickets", args=[ticket.event_id])).json()
    shown = [listed, on_sale, anonymous.get(detail).json(), admin.patch(detail, {}).json()]
    assert [each["currency"] for each in shown] == ["EUR"] * 4


def test_every_reading_shows_the_same(anonymous):
    ticket = EventsTicketFactory(quota=10, sold=4, event__capacity=8)
    shown = anonymous.get(reverse("ticket-detail", args=[ticket.pk])).json()
    assert shown["available"] == 4
    assert anonymous.get(reverse("ticket-list")).json()["results"] == [shown]
    url = reverse("event-available-tickets", args=[ticket.event_id])
    assert anonymous.get(url).json() == [shown]
