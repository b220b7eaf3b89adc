from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import User
from apps.common.admin import ServiceModelAdmin
from apps.common.admin_filters import row_filter
from apps.common.admin_inlines import ServiceInline
from apps.common.admin_links import link_to, link_to_list, links_to_lists
from apps.events.admin import EventAdmin
from apps.events.models import Event

from .models import EventsTicket
from .services import create_ticket, delete_ticket, lock_for_changes, update_ticket


@admin.register(EventsTicket)
class EventsTicketAdmin(ServiceModelAdmin):
    list_display = ("ticket_type", "event_link", "price", "quota", "sold_link", "available")
    list_filter = ("ticket_type", "event__status", row_filter(Event, "event"))
    search_fields = ("event__title",)
    autocomplete_fields = ("event",)
    readonly_fields = ("sold", "available", "see_also", "created_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        tickets: Any = super().get_queryset(request)
        # The event is part of a ticket type's name, wherever one is shown.
        return tickets.select_related("event").with_available(timezone.now())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, *(("event",) if obj else ()))

    @admin.display(description="event", ordering="event__title")
    def event_link(self, ticket: EventsTicket) -> str:
        return link_to(ticket.event)

    @admin.display(description="sold", ordering="sold")
    def sold_link(self, ticket: EventsTicket) -> str:
        return link_to_list(str(ticket.sold), "bookings_booking", eventsticket=ticket.pk)

    @admin.display
    def available(self, ticket: EventsTicket) -> int | None:
        return ticket.available if ticket.pk else None

    @admin.display
    def see_also(self, ticket: EventsTicket) -> str:
        return links_to_lists(ticket, ("Bookings", "bookings_booking", "eventsticket"))

    def create(self, actor: User, **fields: Any) -> EventsTicket:
        return create_ticket(**fields)

    def update(self, obj: EventsTicket, **changes: Any) -> None:
        update_ticket(ticket_id=obj.pk, **changes)

    def delete(self, obj: EventsTicket) -> None:
        delete_ticket(ticket_id=obj.pk)


class EventsTicketInline(ServiceInline):
    model = EventsTicket
    fields = ("ticket_type", "price", "quota", "sold")
    readonly_fields = ("sold",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("event")

    def lock(self, parent: Any, new: list[Any]) -> None:
        lock_for_changes(event_id=parent.pk)


# Events know nothing of what is sold of them.
EventAdmin.inlines = (EventsTicketInline,)
