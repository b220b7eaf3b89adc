"""What happens to events. Every function locks first and decides on what it reads then.

The order of locks is the same everywhere: the event, its ticket types by id, bookings by id.
"""

from datetime import datetime
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from apps.accounts.models import User
from apps.common.errors import FieldError, InUse
from apps.common.services import Precondition, unconditional
from apps.common.transactions import atomic

from .errors import (
    CapacityBelowSold,
    EventCancelled,
    EventEnded,
    EventHasBookings,
    EventNotDraft,
    EventStarted,
    NoTicketTypes,
)
from .models import Event
from .signals import event_cancelled, event_rescheduled

# An edit of these must not overtake a sale that has looked at them.
FIELDS_THAT_SALES_RELY_ON = frozenset({"capacity", "starts_at", "organization"})


@atomic
def create_event(**fields: Any) -> Event:
    """A new DRAFT event. Raises FieldError when times or capacity do not fit."""
    event = Event(**fields, status=Event.Status.DRAFT)
    _check_times(event)
    _check_capacity_fits_venue(event)
    event.save(force_insert=True)
    return event


@atomic
def update_event(
    *, event_id: int, precondition: Precondition = unconditional, **changes: Any
) -> Event:
    """Write `changes`, by field name. Sends `event_rescheduled` when `starts_at` moves.

    Raises what `precondition` does, EventCancelled, FieldError, CapacityBelowSold, EventHasBookings
    or Event.DoesNotExist.
    """
    event = _lock_event(event_id, with_tickets=not FIELDS_THAT_SALES_RELY_ON.isdisjoint(changes))
    precondition(event)
    now = timezone.now()
    if event.status == Event.Status.CANCELLED:
        raise EventCancelled
    before = {name: getattr(event, name) for name in changes}
    for name, value in changes.items():
        setattr(event, name, value)
    changed = {name for name, value in before.items() if getattr(event, name) != value}
    _check_changes(event, written=set(changes), changed=changed, now=now)
    event.save(update_fields=[*changes, "updated_at"])
    if "starts_at" in changed:
        event_rescheduled.send(Event, event=event, now=now)
    return event


@atomic
def delete_event(*, event_id: int, precondition: Precondition = unconditional) -> None:
    """Delete an event and its ticket types (§2.6).

    Raises what `precondition` does, and InUse when it has any booking.
    """
    event = _lock_event(event_id, with_tickets=True, deleting=True)
    precondition(event)
    if event.tickets.filter(bookings__isnull=False).exists():
        raise InUse
    event.delete()


@atomic
def publish_event(*, event_id: int) -> Event:
    """DRAFT to PUBLISHED (§2.9).

    Raises EventCancelled, EventNotDraft, EventStarted, NoTicketTypes or Event.DoesNotExist.
    """
    event = _lock_event(event_id)
    now = timezone.now()
    if event.status == Event.Status.CANCELLED:
        raise EventCancelled
    if event.status != Event.Status.DRAFT:
        raise EventNotDraft
    if event.starts_at <= now:
        raise EventStarted
    if not event.tickets.exists():
        raise NoTicketTypes
    event.status = Event.Status.PUBLISHED
    event.published_at = now
    event.save(update_fields=["status", "published_at", "updated_at"])
    return event


@atomic
def cancel_event(*, event_id: int, actor: User | None = None) -> Event:
    """Any status to CANCELLED by `actor` (§2.10); repeating it changes nothing.

    Sends `event_cancelled`.
    Raises EventEnded or Event.DoesNotExist.
    """
    event = _lock_event(event_id, with_tickets=True)
    now = timezone.now()
    if event.status == Event.Status.CANCELLED:
        return event
    if event.ends_at <= now:
        raise EventEnded
    columns = ["status", "updated_at"]
    if event.status == Event.Status.PUBLISHED and event.published_at is None:
        # Made by hand: those who hold tickets must go on seeing it.
        event.published_at = now
        columns.append("published_at")
    event.status = Event.Status.CANCELLED
    event.save(update_fields=columns)
    event_cancelled.send(Event, event=event, actor=actor, now=now)
    return event


def _lock_event(event_id: int, *, with_tickets: bool = False, deleting: bool = False) -> Event:
    """Lock the event, and its ticket types if asked to, and read it after the last lock."""
    event = Event.objects.for_update(deleting=deleting).get(pk=event_id)
    if with_tickets:
        list(event.tickets.for_update(deleting=deleting).values_list("pk"))
    return Event.objects.with_names().get(pk=event_id)


def _check_changes(event: Event, *, written: set[str], changed: set[str], now: datetime) -> None:
    if written & {"starts_at", "ends_at"}:
        _check_times(event)
    if "starts_at" in changed and event.status == Event.Status.PUBLISHED and event.starts_at <= now:
        raise FieldError("starts_at", "A published event cannot be moved into the past.")
    if written & {"capacity", "venue"}:
        _check_capacity_fits_venue(event, field="capacity" if "capacity" in written else "venue")
    if "capacity" in changed:
        _check_capacity_covers_sold(event)
    if "organization" in changed and event.tickets.filter(bookings__isnull=False).exists():
        raise EventHasBookings


def _check_times(event: Event) -> None:
    if event.ends_at <= event.starts_at:
        raise FieldError("ends_at", "The event must end after it starts.")


def _check_capacity_fits_venue(event: Event, *, field: str = "capacity") -> None:
    if event.capacity is not None and event.capacity > event.venue.capacity:
        raise FieldError(field, f"The venue holds {event.venue.capacity} people at most.")


def _check_capacity_covers_sold(event: Event) -> None:
    sold = event.tickets.aggregate(total=Sum("sold"))["total"] or 0
    if event.capacity is not None and event.capacity < sold:
        raise CapacityBelowSold(sold=sold)
