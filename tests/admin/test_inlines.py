"""Rows edited on another's page: by the same rules as on their own, all of them or none."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.test import Client

from apps.common import admin as common_admin
from apps.events.models import Event
from apps.organizations.models import Membership, Organization
from apps.tickets.models import EventsTicket
from tests.admin.helpers import edit, errors_of, form_of, messages_of, page, staff
from tests.common.helpers import unchanged
from tests.factories import (
    BookingFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def new_ticket(number: int, **values: Any) -> dict[str, Any]:
    """What a browser sends of a ticket type that is added as the row of this `number`."""
    values = {"ticket_type": "VIP", "price": "50.00", "quota": "5"} | values
    fields = {f"tickets-{number}-{name}": value for name, value in values.items()}
    return {"tickets-TOTAL_FORMS": number + 1} | fields


def new_member(user: Any, role: str) -> dict[str, Any]:
    names = {"memberships-0-user": user.pk, "memberships-0-role": role}
    return {"memberships-TOTAL_FORMS": 1} | names


def stored(event: Event) -> list[tuple[str, str, int, int]]:
    rows = EventsTicket.objects.filter(event=event).order_by("pk")
    return [(row.ticket_type, str(row.price), row.quota, row.sold) for row in rows]


class TestTicketTypesOfAnEvent:
    def test_are_added_changed_and_deleted(self, client):
        first = EventsTicketFactory(quota=10)
        event = first.event
        second = EventsTicketFactory(event=event)
        typed = {"tickets-0-quota": "20", "tickets-1-DELETE": "on"} | new_ticket(2)
        assert edit(client, event, **typed).status_code == 302
        assert stored(event) == [("STANDARD", "25.00", 20, 0), ("VIP", "50.00", 5, 0)]
        assert not EventsTicket.objects.filter(pk=second.pk).exists()
        message = LogEntry.objects.get().get_change_message()
        assert message.count("ticket type") == 3

    def test_are_added_with_a_new_event(self, client):
        like = EventFactory()
        values = form_of(client.get(page(Event, "add")))
        values |= form_of(client.get(page(Event, "change", like.pk))) | {"title": "New"}
        assert client.post(page(Event, "add"), values | new_ticket(0)).status_code == 302
        assert stored(Event.objects.get(title="New")) == [("VIP", "50.00", 5, 0)]
        assert stored(like) == []

    def test_are_refused_with_the_new_event(self, client):
        like = EventFactory(over=True)
        values = form_of(client.get(page(Event, "add")))
        values |= form_of(client.get(page(Event, "change", like.pk))) | {"title": "New"}
        with unchanged():
            errors = errors_of(client.post(page(Event, "add"), values | new_ticket(0)))
        assert errors == {"__all__": ["VIP for New: The event is over."]}

    def test_sold_cannot_be_edited(self, client):
        ticket = BookingFactory().event_ticket
        typed = {"tickets-0-sold": "0", "tickets-0-quota": "30"}
        assert edit(client, ticket.event, **typed).status_code == 302
        assert stored(ticket.event) == [("STANDARD", "25.00", 30, 2)]

    def test_a_refused_quota_keeps_all_that_was_typed_and_changes_nothing(self, client):
        ticket = BookingFactory().event_ticket
        typed = {"title": "Typed", "tickets-0-quota": "1"} | new_ticket(1)
        with unchanged():
            response = edit(client, ticket.event, **typed)
            assert errors_of(response) == {
                "__all__": [
                    "STANDARD for Typed: The quota cannot be less than the tickets that are taken."
                ]
            }
        html = response.content.decode()
        assert 'value="Typed"' in html
        assert 'name="tickets-1-price" value="50.00"' in html
        typed["tickets-0-quota"] = "2"
        assert edit(client, ticket.event, **typed).status_code == 302

    def test_a_type_with_bookings_stays(self, client):
        ticket = BookingFactory(cancelled=True).event_ticket
        EventsTicketFactory(event=ticket.event)
        with unchanged():
            errors = errors_of(edit(client, ticket.event, **{"tickets-0-DELETE": "on"}))
        assert errors == {
            "__all__": [f"{ticket}: This cannot be deleted: other records refer to it."]
        }

    def test_a_sold_type_stays(self, client):
        ticket = BookingFactory().event_ticket
        EventsTicketFactory(event=ticket.event)
        with unchanged():
            errors = errors_of(edit(client, ticket.event, **{"tickets-0-DELETE": "on"}))
        assert list(errors) == ["__all__"]

    def test_the_last_type_of_a_published_event_stays(self, client):
        ticket = EventsTicketFactory()
        EventsTicketFactory(event=ticket.event)
        both = {"tickets-0-DELETE": "on", "tickets-1-DELETE": "on"}
        with unchanged():
            errors = errors_of(edit(client, ticket.event, **both))
        assert len(errors["__all__"]) == 1
        assert "A published event keeps at least one ticket type." in errors["__all__"][0]
        assert edit(client, ticket.event, **{"tickets-0-DELETE": "on"}).status_code == 302

    def test_none_is_added_to_a_cancelled_event(self, client):
        ticket = EventsTicketFactory(event__cancelled=True)
        with unchanged():
            errors = errors_of(edit(client, ticket.event, **new_ticket(1)))
        assert errors == {"__all__": [f"VIP for {ticket.event}: The event is cancelled."]}

    @pytest.mark.parametrize("wrong", [{"price": "-1"}, {"quota": "-1"}, {"ticket_type": "GOLD"}])
    def test_are_shaped_as_on_their_own_page(self, client, wrong):
        event = EventFactory()
        with unchanged():
            response = edit(client, event, **new_ticket(0, **wrong))
        (inline,) = response.context["inline_admin_formsets"]
        assert list(inline.formset.errors[0]) == list(wrong)

    def test_of_another_event_are_not_reached(self, client):
        mine, other = EventsTicketFactory(), EventsTicketFactory()
        typed = {"tickets-0-id": other.pk, "tickets-0-quota": "1"}
        with unchanged():
            edit(client, mine.event, **typed)

    def test_a_sale_while_the_form_was_open_is_kept(self, client):
        ticket = EventsTicketFactory(quota=10)
        event = ticket.event
        values = form_of(client.get(page(Event, "change", event.pk)))
        BookingFactory(event_ticket=ticket, quantity=4)
        url = page(Event, "change", event.pk)
        assert client.post(url, values | {"tickets-0-price": "9.00"}).status_code == 302
        assert stored(event) == [("STANDARD", "9.00", 10, 4)]

    def test_a_lock_that_is_not_to_be_had_is_a_message(self, client, monkeypatch):
        def busy(**kwargs: Any) -> None:
            raise OperationalError("lock timeout")

        monkeypatch.setattr("apps.tickets.admin.lock_for_changes", busy)
        ticket = EventsTicketFactory()
        with unchanged():
            errors = errors_of(edit(client, ticket.event, **{"tickets-0-quota": "7"}))
        assert errors == {"__all__": ["The service is busy. Try again in a moment."]}

    def test_a_page_that_changes_none_locks_none(self, client, monkeypatch):
        monkeypatch.setattr("apps.tickets.admin.lock_for_changes", None)
        assert edit(client, EventsTicketFactory().event, title="New").status_code == 302

    def test_more_than_a_form_holds_are_left_to_their_own_list(self, client, monkeypatch):
        monkeypatch.setattr(common_admin, "MAX_INLINE_ROWS", 2)
        event = EventFactory()
        EventsTicketFactory.create_batch(2, event=event)
        url = page(Event, "change", event.pk)
        assert len(client.get(url).context["inline_admin_formsets"]) == 1
        EventsTicketFactory(event=event)
        assert client.get(url).context["inline_admin_formsets"] == []
        assert edit(client, event, title="New").status_code == 302

    def test_need_rights_of_their_own(self):
        client, ticket = Client(), EventsTicketFactory(quota=10)
        typed = {"tickets-0-quota": "20", "tickets-0-DELETE": ""} | new_ticket(1)
        client.force_login(staff("change_event", "view_eventsticket"))
        edit(client, ticket.event, title="New", **typed)
        client.force_login(staff("change_event"))
        edit(client, ticket.event, **typed)
        assert stored(ticket.event) == [("STANDARD", "25.00", 10, 0)]
        client.force_login(staff("change_event", "change_eventsticket"))
        edit(client, ticket.event, **typed)
        assert stored(ticket.event) == [("STANDARD", "25.00", 20, 0)]


class TestMembersOfAnOrganization:
    @pytest.fixture
    def owner(self) -> Membership:
        return MembershipFactory(role="OWNER")

    def roles(self, organization: Organization) -> list[tuple[str, str]]:
        members = Membership.objects.filter(organization=organization).order_by("pk")
        return [(member.user.email, member.role) for member in members]

    def test_join_get_another_role_and_leave(self, client, owner):
        organization = owner.organization
        second = MembershipFactory(organization=organization)
        MembershipFactory(organization=organization)
        joining = UserFactory()
        typed = new_member(joining, "MANAGER") | {"memberships-2-1-role": "OWNER"}
        typed |= {"memberships-2-2-DELETE": "on", "name": "Renamed"}
        assert edit(client, organization, **typed).status_code == 302
        assert self.roles(organization) == [
            (owner.user.email, "OWNER"),
            (second.user.email, "OWNER"),
            (joining.email, "MANAGER"),
        ]
        organization.refresh_from_db()
        assert organization.name == "Renamed"

    @pytest.mark.parametrize("change", [{"role": "MEMBER"}, {"DELETE": "on"}])
    def test_the_last_owner_stays(self, client, owner, change):
        MembershipFactory(organization=owner.organization, role="MANAGER")
        typed = {f"memberships-2-0-{name}": value for name, value in change.items()}
        with unchanged():
            response = edit(client, owner.organization, name="Typed", **typed)
            (error,) = errors_of(response)["__all__"]
        assert error.startswith(f"{owner.user}: ")
        assert 'value="Typed"' in response.content.decode()
        MembershipFactory(organization=owner.organization, role="OWNER")
        assert edit(client, owner.organization, **typed).status_code == 302

    def test_a_member_does_not_join_again(self, client, owner):
        with unchanged():
            response = edit(client, owner.organization, **new_member(owner.user, "MEMBER"))
        assert response.status_code == 200

    def test_a_member_is_not_exchanged_for_another(self, client, owner):
        other = UserFactory()
        typed = {"memberships-2-0-user": other.pk, "memberships-2-0-role": "OWNER"}
        with unchanged():
            assert edit(client, owner.organization, **typed) is not None
            assert not Membership.objects.filter(user=other).exists()

    def test_a_member_who_has_left_meanwhile_is_a_message(self, client, owner):
        other = MembershipFactory(organization=owner.organization)
        url = page(Organization, "change", owner.organization.pk)
        values = form_of(client.get(url)) | {"memberships-2-1-role": "MANAGER"}
        other.delete()
        with unchanged():
            response = client.post(url, values)
        assert response.status_code == 200 or messages_of(response)

    def test_are_read_in_as_many_statements_as_one(
        self, client, owner, django_assert_max_num_queries
    ):
        MembershipFactory.create_batch(20, organization=owner.organization)
        url = page(Organization, "change", owner.organization.pk)
        with django_assert_max_num_queries(8):
            assert client.get(url).status_code == 200

    def test_of_a_new_organization_come_after_it(self, client):
        assert client.get(page(Organization, "add")).context["inline_admin_formsets"] == []
        assert OrganizationFactory().memberships.count() == 0
