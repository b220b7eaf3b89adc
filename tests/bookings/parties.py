"""Who takes part in the races of this folder, and what is looked at after them."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from apps.tickets.models import EventsTicket
from tests.bookings.helpers import place, sold
from tests.clients import client_of
from tests.factories import UserFactory


def buyer(ticket: EventsTicket, quantity: int = 2, key: str | None = None) -> Callable[[], Any]:
    """Somebody, each time another, who books."""
    return partial(place, client_of(UserFactory()), ticket, quantity, key)


def organizer(name: str, *args: Any, method: str = "post", **body: Any) -> Callable[[], Any]:
    """Somebody who may call this URL."""
    client = client_of(UserFactory(admin=True))
    return partial(getattr(client, method), reverse(name, args=args), body)


def set_clock(monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    """Let it be later for whatever happens to bookings from now on."""
    now = timezone.now() + ahead
    monkeypatch.setattr("apps.bookings.services.timezone", SimpleNamespace(now=lambda: now))


def statuses(outcomes: list[Any]) -> list[int]:
    return [outcome.status_code for outcome in outcomes]


def held(*tickets: EventsTicket) -> int:
    """How many tickets the bookings hold, whatever `sold` says."""
    bookings = Booking.objects.holding().filter(event_ticket__in=tickets)
    return bookings.aggregate(total=Sum("quantity"))["total"] or 0


def consistent(*tickets: EventsTicket) -> bool:
    for ticket in tickets:
        ticket.refresh_from_db()
    return all(sold(ticket) == held(ticket) <= ticket.quota for ticket in tickets)
