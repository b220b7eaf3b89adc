"""Ticket types, and the inventory: the one place where `sold` changes."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Least
from django.utils import timezone

from apps.common.errors import InUse
from apps.common.transactions import atomic
from apps.events.errors import EventCancelled, EventEnded
from apps.events.models import Event

from .errors import HasSales, LastTicketType, QuotaBelowSold
from .models import EventsTicket

logger = logging.getLogger(__name__)


@atomic
def create_ticket(*, event: Event, **fields: Any) -> EventsTicket:
    """A new ticket type. Raises EventCancelled, EventEnded or Event.DoesNotExist."""
    event = Event.objects.for_update().get(pk=event.pk)
    if event.status == Event.Status.CANCELLED:
        raise EventCancelled
    if event.ends_at <= timezone.now():
        raise EventEnded
    return EventsTicket.objects.create(event=event, **fields)


@atomic
def update_ticket(*, ticket_id: int, **changes: Any) -> EventsTicket:
    """Write `changes`, by field name (§6.2). Raises QuotaBelowSold or EventsTicket.DoesNotExist."""
    ticket = EventsTicket.objects.for_update().get(pk=ticket_id)
    if changes.get("quota", ticket.quota) < ticket.sold:
        raise QuotaBelowSold(sold=ticket.sold)
    for name, value in changes.items():
        setattr(ticket, name, value)
    ticket.save(update_fields=[*changes, "updated_at"])
    return ticket


@atomic
def delete_ticket(*, ticket_id: int) -> None:
    """Delete a ticket type that nothing refers to (§6.2).

    Raises HasSales, InUse, LastTicketType or EventsTicket.DoesNotExist.
    """
    event_id = EventsTicket.objects.values_list("event_id", flat=True).get(pk=ticket_id)
    event = Event.objects.for_update().get(pk=event_id)
    ticket = EventsTicket.objects.for_update(deleting=True).get(pk=ticket_id)
    if ticket.sold > 0:
        raise HasSales(sold=ticket.sold)
    if ticket.bookings.exists():
        raise InUse
    is_published = event.status == Event.Status.PUBLISHED
    if is_published and not event.tickets.exclude(pk=ticket_id).exists():
        raise LastTicketType
    ticket.delete()


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
