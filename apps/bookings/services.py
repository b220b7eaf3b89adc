"""What happens to bookings, and with them to the inventory.

At every commit, for every ticket type: `sold` is the sum of the quantities of its PENDING and
CONFIRMED bookings, between 0 and `quota`. Every function locks first, in the same order
everywhere (the event, its ticket types by id, bookings by id), and decides on what it reads
after the last lock, the event in a statement of its own: on PostgreSQL a row joined to a locked
one is from before the wait.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import F, Sum, Value
from django.db.models.functions import Least
from django.utils import timezone

from apps.accounts.models import User
from apps.common.errors import DomainError, FieldError
from apps.common.queries import CompiledLookup
from apps.common.transactions import atomic
from apps.events.errors import EventStarted
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from apps.tickets.services import give_back

from .errors import (
    BookingCancelled,
    BookingExpired,
    BookingNotConfirmed,
    BookingNotPending,
    CannotBook,
    EventNotPublished,
    IdempotencyKeyReused,
    SoldOut,
)
from .metrics import CLOSED, CONFIRMED, PLACED, REPLAYED, count_bookings, counted_refusals
from .models import Booking, BookingTransition, hold_expiry, hold_limit, unlimited_hold_expiry
from .querysets import BookingQuerySet
from .sql import sell

# So many are locked at once by the sweep, for a tenth of a second.
TICKET_TYPES_PER_BATCH = 100

Status = Booking.Status
Reason = Booking.CancellationReason

# From which status a transition may start, and what it answers from any other.
ALLOWED_FROM: dict[str, tuple[frozenset[str], type[DomainError]]] = {
    "confirm": (frozenset({Status.PENDING}), BookingNotPending),
    "cancel": (frozenset({Status.PENDING, Status.CONFIRMED}), BookingCancelled),
    "refund": (frozenset({Status.CONFIRMED}), BookingNotConfirmed),
}


# What every sale reads: its ticket type, which is locked by that, and the event after it.
locked_tickets = CompiledLookup(EventsTicket.objects.for_update)
events = CompiledLookup(lambda: Event.objects.defer("description"))


@dataclass(frozen=True)
class Order:
    """What somebody asks for; the ticket type and its event are from before the lock."""

    user: User
    ticket: EventsTicket
    quantity: int
    idempotency_key: str


@dataclass(frozen=True)
class Stock:
    """A locked ticket type, the locked types that share a limit with it, and their event."""

    event: Event
    ticket: EventsTicket
    tickets: list[EventsTicket]

    @property
    def taken(self) -> int:
        return sum(ticket.sold for ticket in self.tickets)


class _CapacityWasSet(Exception):
    """The event got a capacity between the look at it and the lock."""


@counted_refusals()
def place_booking(
    *, user: User, ticket: EventsTicket, quantity: int, idempotency_key: str = ""
) -> tuple[Booking, bool]:
    """Take tickets as a PENDING booking (§7.3), and whether the key had placed it before.

    `ticket` is read again under the lock.

    Raises CannotBook, EventNotPublished, EventStarted, SoldOut, IdempotencyKeyReused, or
    FieldError when the ticket type is gone.
    """
    if not (user.is_active and user.is_customer):
        raise CannotBook
    order = Order(user, ticket, quantity, idempotency_key)
    if replayed := _find_replay(order):
        return replayed, True
    while True:
        try:
            return _place(order)
        except _CapacityWasSet:
            order = replace(order, ticket=_read_again(ticket))
        except IntegrityError:
            # The same key for another ticket type holds another lock: only the index sees it.
            if replayed := _find_replay(order):
                return replayed, True
            raise


@counted_refusals()
@atomic
def confirm_booking(*, booking_id: int, actor: User | None = None) -> Booking:
    """PENDING to CONFIRMED by `actor` (§7.5).

    Raises BookingNotPending, EventNotPublished, EventStarted, BookingExpired or
    Booking.DoesNotExist.
    """
    booking = _lock_booking(booking_id)
    now = timezone.now()
    _check_allowed("confirm", booking)
    _check_open(booking.event_ticket.event, now)
    if booking.expires_at is not None and booking.expires_at <= now:
        raise BookingExpired
    BookingTransition.objects.record(
        Booking.objects.filter(pk=booking.pk), to_status=Status.CONFIRMED, actor=actor, at=now
    )
    booking.status = Status.CONFIRMED
    booking.confirmed_at = now
    booking.expires_at = None
    booking.save(update_fields=["status", "confirmed_at", "expires_at", "updated_at"])
    count_bookings(CONFIRMED)
    return booking


@counted_refusals()
@atomic
def cancel_booking(*, booking_id: int, actor: User) -> Booking:
    """PENDING or CONFIRMED to CANCELLED by `actor`, and the tickets back (§7.4).

    The reason is CUSTOMER when the booking is the actor's own, SUPPORT otherwise.
    Raises BookingCancelled, EventStarted or Booking.DoesNotExist.
    """
    booking = _lock_booking(booking_id)
    now = timezone.now()
    _check_allowed("cancel", booking)
    if booking.event_ticket.event.starts_at <= now:
        raise EventStarted
    reason = Reason.CUSTOMER if booking.user_id == actor.pk else Reason.SUPPORT
    return _cancel(booking, reason, now, actor)


@counted_refusals()
@atomic
def refund_booking(*, booking_id: int, actor: User | None = None) -> Booking:
    """CONFIRMED to CANCELLED by `actor`, and the tickets back, also after the event (§7.6).

    Raises BookingNotConfirmed or Booking.DoesNotExist.
    """
    booking = _lock_booking(booking_id)
    _check_allowed("refund", booking)
    return _cancel(booking, Reason.REFUNDED, timezone.now(), actor)


def expire_bookings(*, batch_size: int = 1000) -> int:
    """Cancel the holds that ran out, and return how many.

    Ticket types that somebody else has locked are left for the next time. Every batch is a
    transaction of its own, so no lock lasts longer than one.
    """
    run_out = Booking.objects.run_out(timezone.now()).order_by()
    ticket_ids = sorted(run_out.values_list("event_ticket", flat=True).distinct())
    expired = 0
    for start in range(0, len(ticket_ids), TICKET_TYPES_PER_BATCH):
        some = ticket_ids[start : start + TICKET_TYPES_PER_BATCH]
        count = batch_size
        while count == batch_size:
            count = _expire_batch(some, batch_size)
            expired += count
    return expired


def cancel_bookings_of_event(*, event: Event, actor: User | None, now: datetime) -> None:
    """Cancel whatever holds tickets of a cancelled event, whose ticket types are locked.

    The number of SQL statements does not grow with the bookings.
    """
    holding = Booking.objects.holding().filter(event_ticket__event=event).order_by()
    totals = dict(holding.values_list("event_ticket").annotate(Sum("quantity")))
    _close(holding, Reason.EVENT_CANCELLED, now, actor)
    give_back(event.tickets.all(), totals)


@atomic
def cancel_holds_of_user(*, user: User) -> None:
    """Cancel what a customer has PENDING for events that have not started.

    The number of SQL statements does not grow with the bookings.
    """
    pending = Booking.objects.filter(user=user, status=Status.PENDING).order_by()
    wanted = list(pending.values_list("event_ticket", flat=True))
    tickets = list(EventsTicket.objects.for_update().filter(pk__in=wanted))
    now = timezone.now()
    open_events = Event.objects.upcoming(now).filter(tickets__in=tickets)
    holds = pending.filter(event_ticket__in=tickets, event_ticket__event__in=open_events)
    totals = dict(holds.values_list("event_ticket").annotate(Sum("quantity")))
    if totals:
        _close(holds, Reason.CUSTOMER, now, actor=user)
        give_back(tickets, totals)


def reschedule_holds(*, event: Event, now: datetime) -> None:
    """Move the expiry of an event's holds that have not run out, after `starts_at` has moved."""
    expires_at: Any = Value(unlimited_hold_expiry(starts_at=event.starts_at, now=now))
    if limit := hold_limit():
        expires_at = Least(expires_at, F("created_at") + limit)
    holds = Booking.objects.filter(event_ticket__event=event, status=Status.PENDING)
    holds.exclude(expires_at__lte=now).update(expires_at=expires_at, updated_at=now)


def _find_replay(order: Order) -> Booking | None:
    """The booking that this key has placed. Raises IdempotencyKeyReused when it was another."""
    if not order.idempotency_key:
        return None
    placed = Booking.objects.filter(user=order.user, idempotency_key=order.idempotency_key)
    booking = placed.with_details().first()
    if booking is None:
        return None
    if (booking.event_ticket_id, booking.quantity) != (order.ticket.pk, order.quantity):
        raise IdempotencyKeyReused
    count_bookings(REPLAYED)
    return booking


@atomic
def _place(order: Order) -> tuple[Booking, bool]:
    stock = _lock_stock(order.ticket)
    now = timezone.now()
    if replayed := _find_replay(order):
        return replayed, True
    _check_open(stock.event, now)
    _make_room(stock, order.quantity, now)
    booking = Booking(
        user=order.user,
        event_ticket=stock.ticket,
        quantity=order.quantity,
        unit_price=stock.ticket.price,
        expires_at=hold_expiry(starts_at=stock.event.starts_at, now=now),
        idempotency_key=order.idempotency_key,
    )
    sell(stock.ticket, booking)
    count_bookings(PLACED)
    return booking, False


def _lock_stock(ticket: EventsTicket) -> Stock:
    """Lock what a sale of this type changes or relies on.

    Without a capacity that is the type alone; with one, the event and all its types.
    """
    if ticket.event.capacity is None:
        row = locked_tickets.find(ticket.pk)
        locked = [row] if row else []
    else:
        list(Event.objects.for_update().filter(pk=ticket.event_id).values_list("pk"))
        locked = list(EventsTicket.objects.for_update().filter(event=ticket.event_id))
    event = events.find(ticket.event_id)
    mine = next((row for row in locked if row.pk == ticket.pk), None)
    if event is None or mine is None:
        raise _ticket_gone()
    if event.capacity is not None and ticket.event.capacity is None:
        raise _CapacityWasSet
    mine.event = event
    return Stock(event=event, ticket=mine, tickets=locked)


def _read_again(ticket: EventsTicket) -> EventsTicket:
    try:
        return EventsTicket.objects.select_related("event").get(pk=ticket.pk)
    except EventsTicket.DoesNotExist:
        raise _ticket_gone() from None


def _ticket_gone() -> FieldError:
    return FieldError("event_ticket", "This ticket type does not exist any more.")


def _lock_booking(booking_id: int) -> Booking:
    """Lock the booking and its ticket type, and read the event after that."""
    ticket_id = Booking.objects.values_list("event_ticket", flat=True).get(pk=booking_id)
    ticket = EventsTicket.objects.for_update().get(pk=ticket_id)
    booking = Booking.objects.for_update().get(pk=booking_id)
    ticket.event = Event.objects.get(pk=ticket.event_id)
    booking.event_ticket = ticket
    return booking


def _check_allowed(transition: str, booking: Booking) -> None:
    allowed, error = ALLOWED_FROM[transition]
    if booking.status not in allowed:
        raise error(status=booking.status)


def _check_open(event: Event, now: datetime) -> None:
    if event.status != Event.Status.PUBLISHED:
        raise EventNotPublished
    if event.starts_at <= now:
        raise EventStarted


def _make_room(stock: Stock, quantity: int, now: datetime) -> None:
    """See that `quantity` tickets are left, by releasing run-out holds where that is needed.

    Raises SoldOut when even that is not enough.
    """
    ticket, event = stock.ticket, stock.event
    missing = quantity - (ticket.quota - ticket.sold)
    _release(missing, stock, now, event_ticket=ticket)
    if event.capacity is not None:
        missing = quantity - (event.capacity - stock.taken)
        _release(missing, stock, now, event_ticket__event=event)
    # Holds that `sold` had not counted, in data that were inconsistent, have given nothing back.
    fits_event = event.capacity is None or stock.taken + quantity <= event.capacity
    if ticket.sold + quantity > ticket.quota or not fits_event:
        raise _sold_out(stock, now)


def _release(missing: int, stock: Stock, now: datetime, **whose: Any) -> None:
    """Expire the oldest run-out holds, of those that `whose` filters, until `missing` tickets are
    back.
    """
    if missing <= 0:
        return
    run_out = Booking.objects.filter(**whose).run_out(now)
    if (run_out.aggregate(total=Sum("quantity"))["total"] or 0) < missing:
        raise _sold_out(stock, now)
    released = []
    # No hold has less than two tickets, so half as many holds as tickets are always enough.
    for hold in run_out.order_by("expires_at", "id")[: missing // 2 + 1]:
        if missing <= 0:
            break
        released.append(hold)
        missing -= hold.quantity
    _expire(released, stock.tickets, now)


def _sold_out(stock: Stock, now: datetime) -> SoldOut:
    ticket = EventsTicket.objects.with_available(now).get(pk=stock.ticket.pk)
    return SoldOut(remaining=ticket.available)


@atomic
def _expire_batch(ticket_ids: list[int], batch_size: int) -> int:
    locked = list(EventsTicket.objects.for_update(skip_locked=True).filter(pk__in=ticket_ids))
    now = timezone.now()
    run_out = Booking.objects.for_update().filter(event_ticket__in=locked).run_out(now)
    holds = list(run_out[:batch_size])
    _expire(holds, locked, now)
    return len(holds)


def _expire(holds: list[Booking], tickets: Iterable[EventsTicket], now: datetime) -> None:
    """Cancel these holds of the locked `tickets`."""
    if not holds:
        return
    totals: Counter[int] = Counter()
    for hold in holds:
        totals[hold.event_ticket_id] += hold.quantity
    _close(Booking.objects.filter(pk__in=[hold.pk for hold in holds]), Reason.EXPIRED, now)
    give_back(tickets, totals)


def _cancel(
    booking: Booking, reason: Booking.CancellationReason, now: datetime, actor: User | None
) -> Booking:
    """Cancel a locked booking and return its tickets."""
    _close(Booking.objects.filter(pk=booking.pk), reason, now, actor)
    for name, value in _closed(reason, now).items():
        setattr(booking, name, value)
    give_back([booking.event_ticket], {booking.event_ticket_id: booking.quantity})
    return booking


def _close(
    bookings: BookingQuerySet,
    reason: Booking.CancellationReason,
    now: datetime,
    actor: User | None = None,
) -> None:
    """Cancel these bookings, whose ticket types are locked, and write it into their history."""
    BookingTransition.objects.record(
        bookings, to_status=Status.CANCELLED, reason=reason, actor=actor, at=now
    )
    count_bookings(CLOSED[reason], bookings.update(**_closed(reason, now)))


def _closed(reason: Booking.CancellationReason, now: datetime) -> dict[str, Any]:
    """What a cancelled booking has in its columns."""
    return {
        "status": Status.CANCELLED,
        "cancellation_reason": reason,
        "cancelled_at": now,
        "expires_at": None,
        "updated_at": now,
    }
