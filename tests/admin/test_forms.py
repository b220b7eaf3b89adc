"""Django admin: every model can be found and read, and no form or action goes past the services."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.bookings.models import Booking, BookingTransition
from apps.bookings.services import confirm_booking
from apps.common.services import delete_unreferenced
from apps.events.models import Event, EventCategory
from apps.events.services import cancel_event, delete_event
from apps.organizations.models import Membership, Organization
from apps.tickets.models import EventsTicket
from apps.venues.models import Venue
from tests.admin.helpers import act, edit, errors_of, form_of, messages_of, page, staff
from tests.bookings.helpers import sold
from tests.common.helpers import unchanged
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

pytestmark = pytest.mark.django_db

# What makes a row, and a text by which it is found.
MODELS = {
    User: (lambda: UserFactory(email="needle@example.com"), "needle"),
    Organization: (lambda: OrganizationFactory(name="The needle"), "needle"),
    Membership: (lambda: MembershipFactory(user__email="needle@example.com"), "needle"),
    Venue: (lambda: VenueFactory(address="Needle street"), "needle"),
    EventCategory: (lambda: EventCategoryFactory(name="Needlework"), "needle"),
    Event: (lambda: EventFactory(title="The needle"), "needle"),
    EventsTicket: (lambda: EventsTicketFactory(event__title="The needle"), "needle"),
    Booking: (lambda: BookingFactory(user__email="needle@example.com"), "needle"),
}
MORE = {
    User: UserFactory,
    Organization: MembershipFactory,
    Membership: MembershipFactory,
    Venue: VenueFactory,
    EventCategory: EventCategoryFactory,
    Event: EventsTicketFactory,
    EventsTicket: BookingFactory,
    Booking: BookingFactory,
}
by_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


class TestEveryModel:
    def test_is_registered_unless_it_holds_tokens(self):
        ours = {model for model in admin.site._registry if model.__module__.startswith("apps.")}
        assert ours == set(MODELS)
        assert not [model for model in admin.site._registry if "token" in model.__name__.lower()]

    @by_model
    def test_has_a_list_with_search_and_filters(self, client, model):
        make, text = MODELS[model]
        row, other = make(), MORE[model]()
        found = client.get(page(model), {"q": text}).context["cl"]
        assert [each.pk for each in found.result_list] == [row.pk]
        assert other is not None
        assert found.has_filters
        assert len(found.list_display) > 2

    @by_model
    def test_has_pages_to_change_and_add_a_row(self, client, model):
        row = MODELS[model][0]()
        assert client.get(page(model, "change", row.pk)).status_code == 200
        assert client.get(page(model, "add")).status_code == 200
        assert client.get(page(model, "history", row.pk)).status_code == 200

    @by_model
    def test_lists_twenty_rows_in_as_many_statements_as_two(self, client, model):
        counts = []
        for more in (2, 18):
            for _ in range(more):
                MORE[model]()
            with CaptureQueriesContext(connection) as statements:
                rows = client.get(page(model)).context["cl"].result_list
            counts.append(len(statements))
        assert len(rows) >= 20
        assert counts[0] == counts[1]

    @by_model
    def test_is_closed_to_people_without_rights(self, model):
        stranger = Client()
        stranger.force_login(UserFactory(support=True))
        assert stranger.get(page(model)).status_code == 302

    @by_model
    def test_writes_no_column_that_was_not_edited(self, client, model, monkeypatch):
        """An edit between the form's look at the row and its save is not undone."""
        row = MODELS[model][0]()
        columns = [field.attname for field in model._meta.concrete_fields]
        written: list[set[str]] = []
        save = model.save

        def record(self: Any, *args: Any, **kwargs: Any) -> None:
            written.append(set(kwargs.get("update_fields") or columns))
            save(self, *args, **kwargs)

        monkeypatch.setattr(model, "save", record)
        assert edit(client, row).status_code == 302
        assert all(fields == {"updated_at"} for fields in written)


class TestAccounts:
    def test_an_account_is_added_with_its_password(self, client):
        body = {"email": "New@Example.com", "password1": "a-long-word", "password2": "a-long-word"}
        body["usable_password"] = "true"
        assert client.post(page(User, "add"), body).status_code == 302
        user = User.objects.get(email="new@example.com")
        assert user.check_password("a-long-word")
        assert not user.is_staff

    def test_an_address_is_taken_in_any_letter_case(self, client):
        UserFactory(email="ann@example.com")
        body = {"email": "ANN@example.com", "password1": "a-long-word", "password2": "a-long-word"}
        body["usable_password"] = "true"
        assert list(errors_of(client.post(page(User, "add"), body))) == ["email"]

    def test_an_account_is_made_a_support_agent(self, client):
        user = UserFactory()
        assert edit(client, user, is_support="on").status_code == 302
        user.refresh_from_db()
        assert user.is_support
        assert user.check_password("password123")

    def test_an_account_with_bookings_stays(self, client):
        user = BookingFactory().user
        with unchanged():
            client.post(page(User, "delete", user.pk), {"post": "yes"})


class TestOrganizations:
    def test_a_new_one_has_its_maker_as_owner(self, client):
        assert client.post(page(Organization, "add"), {"name": "New"}).status_code == 302
        membership = Membership.objects.get(organization__name="New")
        assert (membership.user.email, membership.role) == ("boss@example.org", "OWNER")

    def test_one_with_events_stays(self, client):
        organization = EventFactory().organization
        with unchanged():
            client.post(page(Organization, "delete", organization.pk), {"post": "yes"})

    def test_an_event_added_while_the_page_asked_refuses_the_delete(self, client, monkeypatch):
        organization = OrganizationFactory()

        def delete(rows: Any, *, pk: int) -> None:
            EventFactory(organization=organization)
            delete_unreferenced(rows, pk=pk)

        monkeypatch.setattr("apps.common.admin.delete_unreferenced", delete)
        url = page(Organization, "delete", organization.pk)
        response = client.post(url, {"post": "yes"})
        assert messages_of(response) == ["This cannot be deleted: other records refer to it."]
        assert Organization.objects.filter(pk=organization.pk).exists()


class TestTheDatabaseSaysNo:
    """A lock that is not to be had, or a row that is gone, is a message and no error page."""

    @pytest.mark.parametrize(
        ("error", "status"), [(OperationalError("lock timeout"), 200), (Event.DoesNotExist(), 302)]
    )
    def test_in_a_form(self, client, monkeypatch, error, status):
        event = EventFactory()
        monkeypatch.setattr("apps.events.admin.update_event", raiser(error))
        with unchanged():
            response = edit(client, event, title="Typed")
        assert response.status_code == status
        if status == 200:
            assert errors_of(response) == {
                "__all__": ["The service is busy. Try again in a moment."]
            }
            assert 'value="Typed"' in response.content.decode()
        else:
            assert messages_of(response) == ["This does not exist any more."]

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (OperationalError("lock timeout"), "The service is busy. Try again in a moment."),
            (Event.DoesNotExist(), "This does not exist any more."),
        ],
    )
    def test_in_a_deletion_and_in_an_action(self, client, monkeypatch, error, message):
        event = EventFactory(draft=True)
        monkeypatch.setattr("apps.events.admin.delete_event", raiser(error))
        monkeypatch.setattr("apps.events.admin.publish_event", raiser(error))
        with unchanged():
            response = client.post(page(Event, "delete", event.pk), {"post": "yes"})
            assert messages_of(response) == [message]
            assert messages_of(act(client, "publish", event)) == [f"{event}: {message}"]


class TestVenues:
    def test_managers_are_set(self, client):
        venue, user = VenueFactory(), UserFactory()
        assert edit(client, venue, managers=[user.pk]).status_code == 302
        assert list(venue.managers.all()) == [user]


class TestEvents:
    def test_status_cannot_be_edited(self, client):
        event = EventFactory(draft=True)
        assert edit(client, event, status="PUBLISHED", title="New").status_code == 302
        event.refresh_from_db()
        assert (event.status, event.published_at, event.title) == ("DRAFT", None, "New")

    def test_an_edit_follows_the_rules_and_keeps_what_was_typed(self, client):
        ticket = EventsTicketFactory(event=EventFactory(capacity=50))
        BookingFactory(event_ticket=ticket, quantity=20)
        with unchanged():
            response = edit(client, ticket.event, capacity="19", title="Typed")
            assert errors_of(response) == {
                "__all__": ["The capacity cannot be less than the tickets that are taken."]
            }
        assert 'value="Typed"' in response.content.decode()
        assert edit(client, ticket.event, capacity="20").status_code == 302

    def test_a_rule_about_a_field_is_shown_at_the_field(self, client):
        event = EventFactory(venue__capacity=100)
        with unchanged():
            response = edit(client, event, capacity="101")
            assert errors_of(response) == {"capacity": ["The venue holds 100 people at most."]}
        assert edit(client, event, capacity="100").status_code == 302

    def test_a_cancelled_event_is_not_edited(self, client):
        event = EventFactory(cancelled=True)
        with unchanged():
            response = edit(client, event, title="New")
            assert errors_of(response) == {"__all__": ["The event is cancelled."]}

    def test_moving_the_start_moves_the_holds(self, client):
        booking = BookingFactory()
        event = booking.event_ticket.event
        start = timezone.now().replace(microsecond=0) + timedelta(days=60)
        changes = {"starts_at_0": f"{start:%Y-%m-%d}", "starts_at_1": f"{start:%H:%M:%S}"}
        end = start + timedelta(hours=1)
        changes |= {"ends_at_0": f"{end:%Y-%m-%d}", "ends_at_1": f"{end:%H:%M:%S}"}
        assert edit(client, event, **changes).status_code == 302
        booking.refresh_from_db()
        assert booking.expires_at == start - timedelta(days=1)

    def test_a_new_event_is_a_draft(self, client):
        new, body = EventFactory.build(), form_of(client.get(page(Event, "add")))
        for name, row in (
            ("organization", OrganizationFactory()),
            ("venue", VenueFactory()),
            ("category", EventCategoryFactory()),
        ):
            body[name] = row.pk
        for name, moment in (("starts_at", new.starts_at), ("ends_at", new.ends_at)):
            body |= {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}
        assert client.post(page(Event, "add"), body | {"title": "Fair"}).status_code == 302
        event = Event.objects.get()
        assert (event.title, event.status) == ("Fair", "DRAFT")

    def test_an_event_without_bookings_is_deleted_with_its_ticket_types(self, client):
        event = EventsTicketFactory().event
        assert client.post(page(Event, "delete", event.pk), {"post": "yes"}).status_code == 302
        assert not Event.objects.exists()
        assert not EventsTicket.objects.exists()

    def test_an_event_with_bookings_stays(self, client):
        event = BookingFactory(cancelled=True).event_ticket.event
        with unchanged():
            client.post(page(Event, "delete", event.pk), {"post": "yes"})

    def test_a_booking_made_while_the_page_asked_refuses_the_delete(self, client, monkeypatch):
        ticket = EventsTicketFactory()
        monkeypatch.setattr(
            "apps.events.admin.delete_event",
            lambda event_id: (
                BookingFactory(event_ticket=ticket) and delete_event(event_id=event_id)
            ),
        )
        response = client.post(page(Event, "delete", ticket.event_id), {"post": "yes"})
        assert messages_of(response) == ["This cannot be deleted: other records refer to it."]
        assert Event.objects.exists()

    def test_many_are_not_deleted_at_once(self, client):
        event = EventFactory()
        with unchanged():
            act(client, "delete_selected", event, post="yes")

    def test_publish_goes_on_after_a_refusal(self, client):
        bare, started = EventFactory(draft=True), EventFactory(draft=True, running=True)
        EventsTicketFactory(event=started)
        ready = EventsTicketFactory(event=EventFactory(draft=True)).event
        response = act(client, "publish", bare, started, ready)
        assert messages_of(response) == [
            f"{bare}: The event needs at least one ticket type to be published.",
            f"{started}: The event has started already.",
            "Published: 1.",
        ]
        assert list(Event.objects.filter(status="PUBLISHED")) == [ready]
        assert LogEntry.objects.get().object_id == str(ready.pk)

    def test_cancel_asks_first(self, client):
        booking = BookingFactory(confirmed=True)
        event = booking.event_ticket.event
        with unchanged():
            asked = act(client, "cancel", event)
            assert asked.status_code == 200
            assert str(event) in asked.content.decode()
        assert messages_of(act(client, "cancel", event, confirmed="yes")) == ["Cancelled: 1."]
        booking.refresh_from_db()
        assert (booking.status, booking.cancellation_reason) == ("CANCELLED", "EVENT_CANCELLED")
        assert sold(booking.event_ticket) == 0

    def test_an_ended_event_is_not_cancelled(self, client):
        event = EventFactory(over=True)
        with unchanged():
            response = act(client, "cancel", event, confirmed="yes")
        assert messages_of(response) == [f"{event}: The event is over."]

    def test_a_form_opened_before_a_cancel_does_not_bring_the_event_back(self, client):
        event = EventFactory()
        url = page(Event, "change", event.pk)
        typed = form_of(client.get(url)) | {"title": "New"}
        cancel_event(event_id=event.pk)
        response = client.post(url, typed)
        assert errors_of(response) == {"__all__": ["The event is cancelled."]}
        event.refresh_from_db()
        assert event.status == "CANCELLED"


class TestTicketTypes:
    def test_sold_and_event_cannot_be_edited(self, client):
        ticket = BookingFactory().event_ticket
        other = EventFactory()
        assert edit(client, ticket, sold="0", event=other.pk, quota="50").status_code == 302
        ticket.refresh_from_db()
        assert (ticket.sold, ticket.quota, ticket.event == other) == (2, 50, False)

    def test_quota_is_not_below_sold(self, client):
        ticket = BookingFactory().event_ticket
        with unchanged():
            errors = errors_of(edit(client, ticket, quota="1"))
        assert errors == {"__all__": ["The quota cannot be less than the tickets that are taken."]}
        assert edit(client, ticket, quota="2").status_code == 302

    def test_a_form_opened_before_a_sale_does_not_undo_it(self, client):
        ticket = EventsTicketFactory(quota=10)
        url = page(EventsTicket, "change", ticket.pk)
        typed = form_of(client.get(url)) | {"price": "9.00"}
        BookingFactory(event_ticket=ticket, quantity=4)
        assert client.post(url, typed).status_code == 302
        assert sold(ticket) == 4

    def test_a_type_is_not_added_to_a_cancelled_event(self, client):
        body = {"event": EventFactory(cancelled=True).pk, "ticket_type": "VIP"}
        body |= {"price": "5.00", "quota": "5"}
        with unchanged():
            errors = errors_of(client.post(page(EventsTicket, "add"), body))
        assert errors == {"__all__": ["The event is cancelled."]}
        body["event"] = EventFactory().pk
        assert client.post(page(EventsTicket, "add"), body).status_code == 302

    def test_the_last_type_of_a_published_event_stays(self, client):
        ticket = EventsTicketFactory()
        url = page(EventsTicket, "delete", ticket.pk)
        response = client.post(url, {"post": "yes"})
        assert messages_of(response) == ["A published event keeps at least one ticket type."]
        EventsTicketFactory(event=ticket.event)
        client.post(url, {"post": "yes"})
        assert not EventsTicket.objects.filter(pk=ticket.pk).exists()


class TestBookings:
    def test_what_was_placed_cannot_be_edited(self, client):
        booking = BookingFactory()
        with unchanged():
            edit(client, booking, status="CONFIRMED", quantity="9", unit_price="1")

    def test_history_is_shown_and_cannot_be_edited(self, client):
        booking = BookingFactory()
        agent = UserFactory(support=True, email="sam@example.org")
        confirm_booking(booking_id=booking.pk, actor=agent)
        url = page(Booking, "change", booking.pk)
        html = client.get(url).content.decode()
        assert "sam@example.org" in html
        row = BookingTransition.objects.get()
        forged = {"history-TOTAL_FORMS": 2, "history-INITIAL_FORMS": 1, "history-0-id": row.pk}
        forged |= {"history-0-booking": booking.pk, "history-0-DELETE": "on"}
        forged |= {"history-0-reason": "CUSTOMER", "history-1-to_status": "CANCELLED"}
        with unchanged():
            client.post(url, form_of(client.get(url)) | forged)

    @pytest.mark.parametrize("trait", [{"support": True}, {"is_active": False}])
    def test_nobody_books_for_an_account_that_may_not(self, client, trait):
        ticket, user = EventsTicketFactory(), UserFactory(**trait)
        body = {"user": user.pk, "event_ticket": ticket.pk, "quantity": "2"}
        with unchanged():
            errors = errors_of(client.post(page(Booking, "add"), body))
        assert errors == {"__all__": ["Support and inactive accounts cannot book."]}

    def test_no_booking_is_deleted(self, client):
        booking = BookingFactory(cancelled=True)
        with unchanged():
            assert client.get(page(Booking, "delete", booking.pk)).status_code == 403
            assert (
                client.post(page(Booking, "delete", booking.pk), {"post": "yes"}).status_code == 403
            )
            act(client, "delete_selected", booking, post="yes")

    def test_a_booking_is_placed_for_a_customer(self, client):
        ticket, user = EventsTicketFactory(price="7.50", quota=5), UserFactory()
        body = {"user": user.pk, "event_ticket": ticket.pk, "quantity": "3"}
        assert client.post(page(Booking, "add"), body).status_code == 302
        booking = Booking.objects.get()
        assert (booking.user, booking.status, booking.quantity) == (user, "PENDING", 3)
        assert str(booking.unit_price) == "7.50"
        assert sold(ticket) == 3
        with unchanged():
            errors = errors_of(client.post(page(Booking, "add"), body))
        assert errors == {"__all__": ["There are not enough tickets left."]}

    def test_actions_go_through_the_services(self, client):
        pending, confirmed = BookingFactory(), BookingFactory(confirmed=True)
        assert messages_of(act(client, "confirm", pending, confirmed)) == [
            f"{confirmed}: Only a PENDING booking can be confirmed.",
            "Confirmed: 1.",
        ]
        assert messages_of(act(client, "refund", confirmed, confirmed="yes")) == ["Refunded: 1."]
        assert messages_of(act(client, "cancel", pending, confirmed="yes")) == ["Cancelled: 1."]
        for booking, reason in ((pending, "SUPPORT"), (confirmed, "REFUNDED")):
            booking.refresh_from_db()
            assert (booking.status, booking.cancellation_reason) == ("CANCELLED", reason)
            assert sold(booking.event_ticket) == 0

    @pytest.mark.parametrize("action", ["cancel", "refund"])
    def test_what_cannot_be_undone_asks_first(self, client, action):
        booking = BookingFactory(confirmed=True)
        with unchanged():
            asked = act(client, action, booking)
        assert 'name="confirmed" value="yes"' in asked.content.decode()

    def test_actions_need_the_right_to_change(self):
        client, booking = Client(), BookingFactory()
        client.force_login(staff("view_booking"))
        assert client.get(page(Booking)).status_code == 200
        with unchanged():
            for action in ("confirm", "cancel", "refund"):
                act(client, action, booking, confirmed="yes")


def raiser(error: Exception) -> Any:
    def fail(**kwargs: Any) -> None:
        raise error

    return fail
