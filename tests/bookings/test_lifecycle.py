"""The inventory rule after any sequence of requests, against a model that knows nothing of SQL."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from apps.bookings.services import expire_bookings
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from apps.tickets.services import audit_inventory
from tests.bookings.helpers import cancel, confirm, place, refund
from tests.clients import client_of
from tests.common.helpers import iso
from tests.factories import EventFactory, EventsTicketFactory, UserFactory

hypothesis = pytest.importorskip("hypothesis", reason="needs requirements-dev.txt")
stateful = pytest.importorskip("hypothesis.stateful")
st = hypothesis.strategies

QUOTAS = (9, 12)
MOST_TYPES = 3
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Type:
    """What the model knows of a ticket type."""

    row: EventsTicket
    quota: int
    price: str


@dataclass
class Held:
    """What the model knows of a booking; it runs out between the two moments of `expiry`."""

    booking: Booking
    ticket: Type
    quantity: int
    price: str
    expiry: tuple[datetime, datetime] | None
    status: str = "PENDING"
    run_out: bool = False

    @property
    def takes(self) -> int:
        return 0 if self.status == "CANCELLED" else self.quantity

    @property
    def is_free(self) -> bool:
        return self.status == "PENDING" and self.run_out

    def close(self, status: str) -> None:
        self.status, self.expiry = status, None


class Lifecycle(stateful.RuleBasedStateMachine):
    """The ticket types of one event; every answer is predicted, every state compared."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.event = EventFactory()
        self.tickets = [
            Type(EventsTicketFactory(event=self.event, quota=quota), quota, "25.00")
            for quota in QUOTAS
        ]
        self.starts_at, self.ends_at = self.event.starts_at, self.event.ends_at
        self.capacity: int | None = None
        self.title = self.event.title
        self.published = True
        self.held: list[Held] = []
        self.customer = client_of(UserFactory())
        self.admin = client_of(UserFactory(admin=True))

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @property
    def started(self) -> bool:
        return self.starts_at <= timezone.now()

    @property
    def ended(self) -> bool:
        return self.ends_at <= timezone.now()

    def taken(self, ticket: Type | None = None) -> int:
        return sum(held.takes for held in self.held if ticket in (None, held.ticket))

    def left(self, ticket: Type) -> int:
        """What can be booked, with run-out holds counted as free."""
        free = [held for held in self.held if held.is_free]
        own = sum(held.quantity for held in free if held.ticket is ticket)
        left = ticket.quota - self.taken(ticket) + own
        if self.capacity is not None:
            left = min(left, self.capacity - self.taken() + sum(held.quantity for held in free))
        return left

    def expiry(self, since: datetime) -> tuple[datetime, datetime]:
        """The bounds of what a hold got whose `now` was between `since` and this moment."""
        first, last = (
            min(self.starts_at, max(self.starts_at - DAY, now + HOUR))
            for now in (since, timezone.now())
        )
        return first, last

    def closed_for_booking(self) -> str | None:
        if not self.published:
            return "event_not_published"
        return "event_started" if self.started else None

    def answered(self, response: Any, code: str | None, status: int = 200) -> bool:
        """Whether it went well, which is to be when there is no `code` to refuse it with."""
        got = response.status_code, response.json().get("code") if response.content else None
        assert got == ((400, code) if code else (status, None))
        return code is None

    def patch_event(self, **changes: Any) -> Any:
        return self.admin.patch(reverse("event-detail", args=[self.event.pk]), changes)

    @stateful.initialize(
        states=st.lists(st.sampled_from(["held", "paid", "run out"]), min_size=1, max_size=4)
    )
    def sell_some(self, states: list[str]) -> None:
        for number, state in enumerate(states):
            self.buy(self.tickets[number % 2], 2, pays=state == "paid")
            if state == "run out":
                self.let_run_out(self.held[-1])

    @stateful.precondition(lambda self: self.tickets)
    @stateful.rule(data=st.data(), quantity=st.integers(2, 5), pays=st.booleans())
    def place(self, data, quantity: int, pays: bool) -> None:
        self.buy(data.draw(st.sampled_from(self.tickets)), quantity, pays)

    def buy(self, ticket: Type, quantity: int, pays: bool) -> None:
        left, since = self.left(ticket), timezone.now()
        response = place(self.customer, ticket.row, quantity)
        code = self.closed_for_booking() or ("sold_out" if quantity > left else None)
        if self.answered(response, code, status=201):
            booking = Booking.objects.get(pk=response.json()["id"])
            self.held.append(Held(booking, ticket, quantity, ticket.price, self.expiry(since)))
            self.note_released()
            if pays:
                self.pay(self.held[-1])
        elif code == "sold_out":
            assert response.json()["remaining"] == left

    def note_released(self) -> None:
        """Which run-out holds a purchase has released is checked elsewhere; here, that it may."""
        for held in self.held:
            if held.is_free:
                held.booking.refresh_from_db()
                if held.booking.status == "CANCELLED":
                    assert held.booking.cancellation_reason == "EXPIRED"
                    held.close("CANCELLED")

    def some_booking(self, data, *, likely: str) -> Held:
        """Any of them, though most often one in this status."""
        fitting = [held for held in self.held if held.status == likely]
        return data.draw(st.sampled_from(fitting * 4 + self.held))

    @stateful.precondition(lambda self: self.held)
    @stateful.rule(data=st.data())
    def confirm(self, data) -> None:
        self.pay(self.some_booking(data, likely="PENDING"))

    def pay(self, held: Held) -> None:
        code = "booking_not_pending" if held.status != "PENDING" else self.closed_for_booking()
        code = code or ("booking_expired" if held.run_out else None)
        if self.answered(confirm(self.admin, held.booking), code):
            held.close("CONFIRMED")

    @stateful.precondition(lambda self: self.held)
    @stateful.rule(data=st.data())
    def cancel(self, data) -> None:
        held = data.draw(st.sampled_from(self.held))
        code = "booking_cancelled" if held.status == "CANCELLED" else None
        code = code or ("event_started" if self.started else None)
        if self.answered(cancel(self.customer, held.booking), code):
            held.close("CANCELLED")

    @stateful.precondition(lambda self: self.held)
    @stateful.rule(data=st.data())
    def refund(self, data) -> None:
        held = self.some_booking(data, likely="CONFIRMED")
        code = None if held.status == "CONFIRMED" else "booking_not_confirmed"
        if self.answered(refund(self.admin, held.booking), code):
            held.close("CANCELLED")

    @stateful.precondition(lambda self: self.held)
    @stateful.rule(data=st.data())
    def run_out(self, data) -> None:
        self.let_run_out(self.some_booking(data, likely="PENDING"))

    def let_run_out(self, held: Held) -> None:
        if held.status == "PENDING" and not held.run_out:
            past = timezone.now() - timedelta(seconds=1)
            Booking.objects.filter(pk=held.booking.pk).update(expires_at=past)
            held.run_out, held.expiry = True, (past, past)

    @stateful.precondition(lambda self: any(held.is_free for held in self.held))
    @stateful.rule()
    def sweep(self) -> None:
        free = [held for held in self.held if held.is_free]
        assert expire_bookings(batch_size=1) == len(free)
        for held in free:
            held.close("CANCELLED")

    @stateful.precondition(lambda self: self.tickets)
    @stateful.rule(
        data=st.data(), quota=st.integers(4, 12), price=st.sampled_from(["0.00", "9.99"])
    )
    def change_ticket(self, data, quota: int, price: str) -> None:
        ticket = data.draw(st.sampled_from(self.tickets))
        url = reverse("ticket-detail", args=[ticket.row.pk])
        response = self.admin.patch(url, {"quota": quota, "price": price})
        code = "quota_below_sold" if quota < self.taken(ticket) else None
        if self.answered(response, code):
            ticket.quota, ticket.price = quota, price

    @stateful.precondition(lambda self: len(self.tickets) < MOST_TYPES)
    @stateful.rule(quota=st.integers(0, 6))
    def add_ticket(self, quota: int) -> None:
        body = {"event": self.event.pk, "ticket_type": "VIP", "price": "80.00", "quota": quota}
        response = self.admin.post(reverse("ticket-list"), body)
        code = None if self.published else "event_cancelled"
        code = code or ("event_ended" if self.ended else None)
        if self.answered(response, code, status=201):
            row = EventsTicket.objects.get(pk=response.json()["id"])
            self.tickets.append(Type(row, quota, "80.00"))

    @stateful.precondition(lambda self: self.tickets)
    @stateful.rule(data=st.data())
    def delete_ticket(self, data) -> None:
        ticket = data.draw(st.sampled_from(self.tickets))
        response = self.admin.delete(reverse("ticket-detail", args=[ticket.row.pk]))
        code = None
        if self.taken(ticket):
            code = "has_sales"
        elif any(held.ticket is ticket for held in self.held):
            code = "in_use"
        elif self.published and len(self.tickets) == 1:
            code = "last_ticket_type"
        if self.answered(response, code, status=204):
            self.tickets.remove(ticket)

    @stateful.rule(capacity=st.none() | st.integers(3, 20), title=st.sampled_from(["Old", "New"]))
    def edit(self, capacity: int | None, title: str) -> None:
        code = None if self.published else "event_cancelled"
        if capacity not in (None, self.capacity) and capacity < self.taken():
            code = code or "capacity_below_sold"
        if self.answered(self.patch_event(capacity=capacity, title=title), code):
            self.capacity, self.title = capacity, title

    @stateful.rule(title=st.sampled_from(["Old", "New"]))
    def rename(self, title: str) -> None:
        if self.answered(
            self.patch_event(title=title), None if self.published else "event_cancelled"
        ):
            self.title = title

    @stateful.rule(ahead=st.sampled_from([-HOUR, 30 * MINUTE, 12 * HOUR, 3 * DAY, 60 * DAY]))
    def move(self, ahead: timedelta) -> None:
        since = timezone.now()
        start, end = since + ahead, since + ahead + 2 * HOUR
        response = self.patch_event(starts_at=iso(start), ends_at=iso(end))
        if self.published and ahead < timedelta(0):
            assert (response.status_code, list(response.json())) == (400, ["starts_at"])
        elif self.answered(response, None if self.published else "event_cancelled"):
            self.starts_at, self.ends_at = start, end
            for held in self.held:
                if held.status == "PENDING" and not held.run_out:
                    held.expiry = self.expiry(since)

    @stateful.rule(seldom=st.integers(0, 7), ended=st.booleans())
    def begin(self, seldom: int, ended: bool) -> None:
        if seldom:
            return
        now = timezone.now()
        self.starts_at, self.ends_at = now - 3 * HOUR, now + (-HOUR if ended else HOUR)
        Event.objects.update(starts_at=self.starts_at, ends_at=self.ends_at)
        for held in self.held:  # no hold outlasts the start
            self.let_run_out(held)

    @stateful.rule(seldom=st.integers(0, 9))
    def cancel_event(self, seldom: int) -> None:
        if seldom:
            return
        response = self.admin.post(reverse("event-cancel", args=[self.event.pk]))
        code = "event_ended" if self.published and self.ended else None
        if self.answered(response, code) and self.published:
            self.published = False
            for held in self.held:
                held.close("CANCELLED")

    @stateful.invariant()
    def nothing_differs(self) -> None:
        assert audit_inventory().differences == []

    @stateful.invariant()
    def the_event_is_as_predicted(self) -> None:
        event = Event.objects.get()
        expected = (self.title, self.capacity, self.starts_at, self.ends_at)
        assert (event.title, event.capacity, event.starts_at, event.ends_at) == expected
        assert event.status == ("PUBLISHED" if self.published else "CANCELLED")

    @stateful.invariant()
    def types_are_as_predicted(self) -> None:
        rows = EventsTicket.objects.with_available(timezone.now()).order_by("pk")
        found = [(row.pk, row.sold, row.quota, f"{row.price:.2f}", row.available) for row in rows]
        is_open = self.closed_for_booking() is None
        assert found == [
            (
                *(ticket.row.pk, self.taken(ticket), ticket.quota, ticket.price),
                max(0, self.left(ticket)) if is_open else 0,
            )
            for ticket in self.tickets
        ]
        assert self.capacity is None or self.taken() <= self.capacity

    @stateful.invariant()
    def bookings_are_as_predicted(self) -> None:
        rows = {row.pk: row for row in Booking.objects.all()}
        assert len(rows) == len(self.held)
        for held in self.held:
            row = rows[held.booking.pk]
            assert (row.status, row.quantity) == (held.status, held.quantity)
            assert f"{row.unit_price:.2f}" == held.price
            if held.expiry is None:
                assert row.expires_at is None
            else:
                assert held.expiry[0] <= row.expires_at <= held.expiry[1]


@pytest.mark.django_db
def test_the_inventory_rule_holds_after_every_step():
    settings = hypothesis.settings(
        max_examples=20,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],  # on a busy machine
    )
    stateful.run_state_machine_as_test(Lifecycle, settings=settings)
