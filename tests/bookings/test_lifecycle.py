"""The inventory rule after any sequence of requests, against a model that knows nothing of SQL."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from apps.bookings.services import expire_bookings
from apps.tickets.models import EventsTicket
from tests.bookings.helpers import cancel, confirm, place, refund
from tests.clients import client_of
from tests.factories import EventFactory, EventsTicketFactory, UserFactory

hypothesis = pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")
stateful = pytest.importorskip("hypothesis.stateful")
st = hypothesis.strategies

QUOTAS = (6, 9)
CAPACITY = 12


@dataclass
class Held:
    """What the model knows of a booking."""

    booking: Booking
    ticket: int
    quantity: int
    status: str = "PENDING"
    run_out: bool = False

    @property
    def takes(self) -> int:
        return 0 if self.status == "CANCELLED" else self.quantity

    @property
    def is_free(self) -> bool:
        return self.status == "PENDING" and self.run_out


class Lifecycle(stateful.RuleBasedStateMachine):
    """Two ticket types of one event; every answer is predicted, every state compared."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.event = EventFactory()
        self.tickets = [EventsTicketFactory(event=self.event, quota=quota) for quota in QUOTAS]
        self.quotas = list(QUOTAS)
        self.capacity: int | None = None
        self.published = True
        self.held: list[Held] = []
        self.customer = client_of(UserFactory())
        self.admin = client_of(UserFactory(admin=True))

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def taken(self, ticket: int) -> int:
        return sum(held.takes for held in self.held if held.ticket == ticket)

    def left(self, ticket: int) -> int:
        """What can be booked, with run-out holds counted as free."""
        free = [held for held in self.held if held.is_free]
        own = sum(held.quantity for held in free if held.ticket == ticket)
        left = self.quotas[ticket] - self.taken(ticket) + own
        if self.capacity is not None:
            taken = sum(held.takes for held in self.held)
            left = min(left, self.capacity - taken + sum(held.quantity for held in free))
        return left

    @stateful.rule(ticket=st.integers(0, 1), quantity=st.integers(2, 7))
    def place(self, ticket: int, quantity: int) -> None:
        left = self.left(ticket)
        response = place(self.customer, self.tickets[ticket], quantity)
        if not self.published:
            assert response.json()["code"] == "event_not_published"
        elif quantity > left:
            assert response.json() == {
                "detail": "There are not enough tickets left.",
                "code": "sold_out",
                "remaining": left,
            }
        else:
            assert response.status_code == 201
            booking = Booking.objects.get(pk=response.json()["id"])
            self.held.append(Held(booking, ticket, quantity))
            self.note_released()

    def note_released(self) -> None:
        """Which run-out holds a purchase has released is checked elsewhere; here, that it may."""
        for held in self.held:
            held.booking.refresh_from_db()
            if held.is_free and held.booking.status == "CANCELLED":
                assert held.booking.cancellation_reason == "EXPIRED"
                held.status = "CANCELLED"

    @stateful.precondition(lambda self: self.held)
    @stateful.rule(data=st.data())
    def confirm(self, data) -> None:
        held = data.draw(st.sampled_from(self.held))
        allowed = held.status == "PENDING" and not held.run_out and self.published
        assert confirm(self.admin, held.booking).status_code == (200 if allowed else 400)
        if allowed:
            held.status = "CONFIRMED"

    @stateful.precondition(lambda self: self.held)
    @stateful.rule(data=st.data())
    def cancel(self, data) -> None:
        held = data.draw(st.sampled_from(self.held))
        allowed = held.status != "CANCELLED"
        assert cancel(self.customer, held.booking).status_code == (200 if allowed else 400)
        held.status = "CANCELLED"

    @stateful.precondition(lambda self: self.held)
    @stateful.rule(data=st.data())
    def refund(self, data) -> None:
        held = data.draw(st.sampled_from(self.held))
        allowed = held.status == "CONFIRMED"
        assert refund(self.admin, held.booking).status_code == (200 if allowed else 400)
        if allowed:
            held.status = "CANCELLED"

    @stateful.precondition(lambda self: self.held)
    @stateful.rule(data=st.data())
    def run_out(self, data) -> None:
        held = data.draw(st.sampled_from(self.held))
        past = timezone.now() - timedelta(seconds=1)
        if Booking.objects.filter(pk=held.booking.pk, status="PENDING").update(expires_at=past):
            held.run_out = True

    @stateful.rule()
    def sweep(self) -> None:
        free = [held for held in self.held if held.is_free]
        assert expire_bookings(batch_size=1) == len(free)
        for held in free:
            held.status = "CANCELLED"

    @stateful.rule(ticket=st.integers(0, 1), quota=st.integers(0, 12))
    def change_quota(self, ticket: int, quota: int) -> None:
        url = reverse("ticket-detail", args=[self.tickets[ticket].pk])
        response = self.admin.patch(url, {"quota": quota})
        allowed = quota >= self.taken(ticket)
        assert response.status_code == (200 if allowed else 400)
        if allowed:
            self.quotas[ticket] = quota

    @stateful.rule(capacity=st.none() | st.integers(1, CAPACITY))
    def change_capacity(self, capacity: int | None) -> None:
        url = reverse("event-detail", args=[self.event.pk])
        response = self.admin.patch(url, {"capacity": capacity})
        taken = sum(held.takes for held in self.held)
        unchanged = capacity == self.capacity
        allowed = self.published and (unchanged or capacity is None or capacity >= taken)
        assert response.status_code == (200 if allowed else 400)
        if allowed:
            self.capacity = capacity

    @stateful.rule(sure=st.integers(0, 9))
    def cancel_event(self, sure: int) -> None:
        if sure:  # seldom, for little happens after it
            return
        assert self.admin.post(reverse("event-cancel", args=[self.event.pk])).status_code == 200
        self.published = False
        for held in self.held:
            held.status = "CANCELLED"

    @stateful.invariant()
    def inventory_adds_up(self) -> None:
        rows = EventsTicket.objects.with_holding().filter(event=self.event).order_by("pk")
        for number, row in enumerate(rows):
            assert row.sold == row.holding == self.taken(number)
            assert 0 <= row.sold <= row.quota == self.quotas[number]
        if self.capacity is not None:
            assert sum(row.sold for row in rows) <= self.capacity

    @stateful.invariant()
    def available_is_what_can_be_booked(self) -> None:
        rows = EventsTicket.objects.with_available(timezone.now()).filter(event=self.event)
        shown = [row.available for row in rows.order_by("pk")]
        assert shown == [max(0, self.left(n)) if self.published else 0 for n in range(2)]


@pytest.mark.django_db
def test_the_inventory_rule_holds_after_every_step():
    settings = hypothesis.settings(
        max_examples=30, stateful_step_count=25, deadline=None, derandomize=True
    )
    stateful.run_state_machine_as_test(Lifecycle, settings=settings)
