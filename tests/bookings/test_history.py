"""Who changed a booking, when and why: written by every transition, shown to staff, kept."""

import pytest
from django.db.models import ProtectedError
from django.urls import reverse

from apps.bookings.models import Booking, BookingTransition
from apps.bookings.querysets import AppendOnly
from apps.bookings.services import expire_bookings
from apps.organizations.models import Membership
from tests.bookings.helpers import cancel, confirm, place, refund
from tests.clients import client_of
from tests.common.helpers import iso, unchanged
from tests.factories import BookingFactory, EventsTicketFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return UserFactory(support=True, email="sam@example.org")


def history_of(booking: Booking) -> list[tuple]:
    rows = BookingTransition.objects.filter(booking=booking)
    return list(rows.values_list("from_status", "to_status", "reason", "actor"))


class TestEveryTransitionIsWritten:
    def test_confirm_and_refund(self, agent):
        booking = BookingFactory()
        confirm(client_of(agent), booking)
        refund(client_of(agent), booking)
        assert history_of(booking) == [
            ("PENDING", "CONFIRMED", "", agent.pk),
            ("CONFIRMED", "CANCELLED", "REFUNDED", agent.pk),
        ]
        booking.refresh_from_db()
        moments = BookingTransition.objects.order_by("id").values_list("at", flat=True)
        assert list(moments) == [booking.confirmed_at, booking.cancelled_at]

    @pytest.mark.parametrize("state", [{}, {"confirmed": True}])
    def test_cancel_by_the_customer_and_by_support(self, agent, state):
        own, other = BookingFactory(**state), BookingFactory(**state)
        cancel(client_of(own.user), own)
        cancel(client_of(agent), other)
        before = "CONFIRMED" if state else "PENDING"
        assert history_of(own) == [(before, "CANCELLED", "CUSTOMER", own.user_id)]
        assert history_of(other) == [(before, "CANCELLED", "SUPPORT", agent.pk)]

    def test_expiry_is_nobodys_doing(self):
        booking, live = BookingFactory(run_out=True), BookingFactory()
        expire_bookings()
        assert history_of(booking) == [("PENDING", "CANCELLED", "EXPIRED", None)]
        assert history_of(live) == []

    def test_a_hold_released_for_a_buyer(self, customer):
        ticket = EventsTicketFactory(quota=2)
        hold = BookingFactory(event_ticket=ticket, run_out=True)
        placed = place(customer, ticket)
        assert history_of(hold) == [("PENDING", "CANCELLED", "EXPIRED", None)]
        assert history_of(Booking.objects.get(pk=placed.json()["id"])) == []

    def test_a_cancelled_event(self):
        ticket = EventsTicketFactory()
        states = [{}, {"confirmed": True}, {"cancelled": True}]
        pending, confirmed, cancelled = (
            BookingFactory(event_ticket=ticket, **state) for state in states
        )
        other = BookingFactory()
        owner = MembershipFactory(organization=ticket.event.organization, role="OWNER").user
        client_of(owner).post(reverse("event-cancel", args=[ticket.event_id]))
        reason = "EVENT_CANCELLED"
        assert history_of(pending) == [("PENDING", "CANCELLED", reason, owner.pk)]
        assert history_of(confirmed) == [("CONFIRMED", "CANCELLED", reason, owner.pk)]
        assert history_of(cancelled) == []
        assert history_of(other) == []

    def test_a_refused_transition_leaves_no_trace(self, agent):
        booking = BookingFactory(cancelled=True)
        with unchanged():
            for transition in (confirm, cancel, refund):
                assert transition(client_of(agent), booking).status_code == 400


class TestWhoSeesIt:
    @pytest.fixture
    def booking(self, agent):
        booking = BookingFactory()
        confirm(client_of(agent), booking)
        return booking

    def shown(self, agent) -> list[dict]:
        at = iso(BookingTransition.objects.get().at)
        row = {"from_status": "PENDING", "to_status": "CONFIRMED", "reason": "", "at": at}
        return [{**row, "actor": agent.pk, "actor_email": "sam@example.org"}]

    @pytest.mark.parametrize("who", ["support", "admin"])
    def test_staff_see_it_everywhere(self, request, booking, agent, who):
        client = request.getfixturevalue(who)
        detail = client.get(reverse("booking-detail", args=[booking.pk])).json()
        assert detail["history"] == self.shown(agent)
        (row,) = client.get(reverse("booking-list")).json()["results"]
        assert row["history"] == self.shown(agent)

    @pytest.mark.parametrize("role", Membership.Role.values)
    def test_members_see_it_in_the_list_of_their_event(self, booking, agent, role):
        event = booking.event_ticket.event
        member = MembershipFactory(organization=event.organization, role=role).user
        response = client_of(member).get(reverse("event-bookings", args=[event.pk]))
        assert response.json()["results"][0]["history"] == self.shown(agent)

    def test_the_customer_does_not(self, booking):
        client = client_of(booking.user)
        assert "history" not in client.get(reverse("booking-detail", args=[booking.pk])).json()
        assert "history" not in client.get(reverse("booking-list")).json()["results"][0]
        assert "history" not in cancel(client, booking).json()

    def test_the_answer_to_a_transition_has_its_row(self, agent):
        booking = BookingFactory()
        assert len(confirm(client_of(agent), booking).json()["history"]) == 1
        manager = MembershipFactory(
            organization=booking.event_ticket.event.organization, role="MANAGER"
        ).user
        assert len(refund(client_of(manager), booking).json()["history"]) == 2


class TestNothingChangesIt:
    @pytest.fixture
    def transition(self, agent):
        confirm(client_of(agent), BookingFactory())
        return BookingTransition.objects.get()

    def test_no_row_is_changed_or_deleted(self, transition):
        rows = BookingTransition.objects.all()
        with unchanged():
            for attempt in (
                transition.save,
                transition.delete,
                rows.delete,
                lambda: rows.update(reason="CUSTOMER"),
                lambda: rows.bulk_update([transition], ["reason"]),
            ):
                with pytest.raises(AppendOnly):
                    attempt()

    def test_a_booking_or_an_account_with_history_stays(self, transition, agent):
        with unchanged():
            for row in (transition.booking, agent):
                with pytest.raises(ProtectedError):
                    row.delete()
