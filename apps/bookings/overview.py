"""What needs looking at first, for the start page of Django admin.

Each part costs the same few statements however many bookings there are: lists are short and follow
an index, and counts end at COUNT_LIMIT.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, QuerySet, Sum

from apps.common.querysets import slice_rows
from apps.common.walks import COUNT_LIMIT
from apps.events.models import Event

from .models import Booking

ROWS = 10


@dataclass(frozen=True)
class Number:
    """How many there are; `is_capped` says that there are more, which nobody has counted."""

    value: int
    is_capped: bool = False

    def __str__(self) -> str:
        return f"{self.value:,}{' or more' if self.is_capped else ''}"


@dataclass(frozen=True)
class Awaiting:
    """The holds that run out next, and how many there are of all."""

    bookings: list[Booking]
    total: Number


@dataclass(frozen=True)
class Owed:
    """What is owed for cancelled events: of each `event`, its `bookings` and the `amount`.

    Events are dictionaries, the latest first and no more than ROWS of them; the totals are of all.
    When they are capped, only the newest COUNT_LIMIT bookings have been looked at.
    """

    events: list[dict[str, Any]]
    number_of_events: int
    total: Number
    amount: Decimal


def upcoming_events(now: datetime) -> list[Event]:
    """The next published events, with `sold` and `quota`."""
    events = Event.objects.published().upcoming(now).with_stock()
    return list(events.order_by("starts_at", "id")[:ROWS])


def awaiting_confirmation(now: datetime) -> Awaiting:
    holds = Booking.objects.awaiting_confirmation(now)
    soonest = holds.select_related("user", "event_ticket__event").order_by("expires_at", "id")
    return Awaiting(list(slice_rows(soonest, 0, ROWS)), _count(holds))


def run_out_holds(now: datetime) -> Number:
    return _count(Booking.objects.run_out(now))


def money_owed() -> Owed:
    newest = Booking.objects.owed().order_by("-created_at", "-id").values("pk")
    bookings = Booking.objects.filter(
        pk__in=newest[: COUNT_LIMIT + 1], event_ticket__event__status=Event.Status.CANCELLED
    )
    events = (
        bookings.values(
            event=F("event_ticket__event"),
            title=F("event_ticket__event__title"),
            starts_at=F("event_ticket__event__starts_at"),
        )
        .annotate(bookings=Count("pk"), amount=Sum(F("unit_price") * F("quantity")))
        .order_by("-starts_at", "-event")
    )
    rows: list[Any] = list(events)
    return Owed(
        events=rows[:ROWS],
        number_of_events=len(rows),
        total=_capped(sum(row["bookings"] for row in rows)),
        amount=sum((row["amount"] for row in rows), Decimal(0)),
    )


def _count(rows: QuerySet) -> Number:
    return _capped(rows.order_by().values("pk")[: COUNT_LIMIT + 1].count())


def _capped(counted: int) -> Number:
    return Number(min(counted, COUNT_LIMIT), is_capped=counted > COUNT_LIMIT)
