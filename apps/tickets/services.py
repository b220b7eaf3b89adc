"""Ticket types, and the inventory: the one place where `sold` changes."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Least
from django.utils import timezone

from apps.common.errors import FieldError, InUse
from apps.common.services import Precondition, unconditional
from apps.common.transactions import atomic
from apps.events.errors import EventCancelled, EventEnded
from apps.events.models import Event

from .errors import HasSales, LastTicketType, QuotaBelowSold
from .models import EventsTicket

logger = logging.getLogger(__name__)


@atomic
def create_ticket(*, event: Event, **fields: Any) -> EventsTicket:
    """A new ticket type.

    Raises EventCancelled, EventEnded, or FieldError when the event is gone.
    """
    try:
        event = Event.objects.for_update().get(pk=event.pk)
    except Event.DoesNotExist:
        raise FieldError("event", "This event does not exist any more.") from None
    if event.status == Event.Status.CANCELLED:
        raise EventCancelled
    if event.ends_at <= timezone.now():
        raise EventEnded
    return EventsTicket.objects.create(event=event, **fields)


@atomic
def update_ticket(
    *, ticket_id: int, precondition: Precondition = unconditional, **changes: Any
) -> EventsTicket:
    """Write `changes`, by field name (§6.2).

    Raises what `precondition` does, QuotaBelowSold or EventsTicket.DoesNotExist.
    """
    ticket = EventsTicket.objects.for_update().get(pk=ticket_id)
    precondition(ticket)
    if changes.get("quota", ticket.quota) < ticket.sold:
        raise QuotaBelowSold(sold=ticket.sold)
    for name, value in changes.items():
        setattr(ticket, name, value)
    ticket.save(update_fields=[*changes, "updated_at"])
    return ticket


@atomic
def delete_ticket(*, ticket_id: int, precondition: Precondition = unconditional) -> None:
    """Delete a ticket type that nothing refers to (§6.2).

    Raises what `precondition` does, HasSales, InUse, LastTicketType or EventsTicket.DoesNotExist.
    """
    event_id = EventsTicket.objects.values_list("event_id", flat=True).get(pk=ticket_id)
    event = Event.objects.for_update().get(pk=event_id)
    ticket = EventsTicket.objects.for_update(deleting=True).get(pk=ticket_id)
    precondition(ticket)
    if ticket.sold > 0:
        raise HasSales(sold=ticket.sold)
    if ticket.bookings.exists():
        raise InUse
    is_published = event.status == Event.Status.PUBLISHED
    if is_published and not event.tickets.exclude(pk=ticket_id).exists():
        raise LastTicketType
    ticket.delete()


def lock_for_changes(*, event_id: int) -> None:
    """Lock an event and its ticket types for several changes of them in one transaction."""
    list(Event.objects.for_update().filter(pk=event_id).values_list("pk"))
    list(EventsTicket.objects.for_update(deleting=True).filter(event=event_id).values_list("pk"))


def take(ticket: EventsTicket, quantity: int) -> None:
    """Take tickets of a locked type, whose stock the caller has checked."""
    ticket.sold += quantity
    ticket.save(update_fields=["sold", "updated_at"])


def give_back(tickets: Iterable[EventsTicket], quantities: Mapping[int, int]) -> None:
    """Return `quantities` of tickets, by id of their type, to the locked types among `tickets`.

    `sold` stops at 0 where the stored data were inconsistent already, and a warning is logged.
    """
    now = timezone.now()
    returned = [ticket for ticket in tickets if quantities.get(ticket.pk)]
    for ticket in returned:
        quantity = quantities[ticket.pk]
        if quantity > ticket.sold:
            logger.warning(
                "Ticket type %s: %s given back of %s sold", ticket.pk, quantity, ticket.sold
            )
        ticket.sold = max(0, ticket.sold - quantity)
        ticket.updated_at = now
    EventsTicket.objects.bulk_update(returned, ["sold", "updated_at"])


def recount(tickets: QuerySet[EventsTicket]) -> int:
    """Set `sold` of each type to what its bookings hold, at most its quota (§8.2)."""
    held = EventsTicket.objects.filter(pk__in=tickets.values("pk")).with_holding()
    return held.update(sold=Least(F("quota"), F("holding")))


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be: `kind` says what, `facts` the numbers that show it.

    `ticket` is None for what concerns the event as a whole.
    """

    kind: str
    event: int
    ticket: int | None
    facts: dict[str, int]


@dataclass
class Audit:
    """What was looked at, in numbers of rows, and what was found wrong with it.

    Run-out holds are no difference: they are in nobody's way, and the sweep tidies them.
    """

    ticket_types: int = 0
    bookings: int = 0
    run_out_holds: int = 0
    differences: list[Difference] = field(default_factory=list)


def audit_inventory() -> Audit:
    """Compare every ticket type's `sold` with its bookings, quota and event.

    One statement, so that it sees all of every sale or nothing: no sale in flight is a difference.
    """
    audit, sold_by_event = Audit(), defaultdict[tuple[int, int | None], int](int)
    columns = ("pk", "event", "event__capacity", "event__status", "quota", "sold")
    rows = EventsTicket.objects.with_audit(timezone.now()).order_by("event", "pk")
    for row in rows.values(*columns, "placed", "held", "live", "run_out"):
        audit.ticket_types += 1
        audit.bookings += row["placed"]
        audit.run_out_holds += row["run_out"]
        audit.differences += _differences(row)
        sold_by_event[row["event"], row["event__capacity"]] += row["sold"]
    for (event, capacity), sold in sold_by_event.items():
        if capacity is not None and sold > capacity:
            facts = {"sold": sold, "capacity": capacity}
            audit.differences.append(Difference("capacity_exceeded", event, None, facts))
    return audit


@atomic
def repair_sold(*, ticket_id: int) -> tuple[int, int]:
    """Set `sold` to what the bookings hold, at most the quota; returns it as it was and is now.

    Raises EventsTicket.DoesNotExist.
    """
    EventsTicket.objects.for_update().get(pk=ticket_id)
    ticket = EventsTicket.objects.with_holding().get(pk=ticket_id)
    before, ticket.sold = ticket.sold, min(ticket.holding, ticket.quota)
    ticket.save(update_fields=["sold", "updated_at"])
    return before, ticket.sold


def _differences(row: Mapping[str, Any]) -> list[Difference]:
    """What is wrong with one ticket type, from a row of `with_audit()`."""
    found = {}
    if row["sold"] != row["held"]:
        found["sold_differs"] = {"sold": row["sold"], "held": row["held"]}
    if row["held"] > row["quota"]:
        found["quota_exceeded"] = {"held": row["held"], "quota": row["quota"]}
    if row["live"] and row["event__status"] == Event.Status.CANCELLED:
        found["live_on_cancelled_event"] = {"bookings": row["live"], "held": row["held"]}
    return [Difference(kind, row["event"], row["pk"], facts) for kind, facts in found.items()]
