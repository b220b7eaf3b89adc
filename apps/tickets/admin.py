from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import User
from apps.common.admin import ServiceModelAdmin

from .models import EventsTicket
from .services import create_ticket, delete_ticket, update_ticket


@admin.register(EventsTicket)
class EventsTicketAdmin(ServiceModelAdmin):
    list_display = ("event", "ticket_type", "price", "quota", "sold", "available")
    list_display_links = ("event", "ticket_type")
    list_filter = ("ticket_type", "event__status")
    list_select_related = ("event",)
    search_fields = ("event__title",)
    autocomplete_fields = ("event",)
    readonly_fields = ("sold", "available", "created_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        tickets: Any = super().get_queryset(request)
        return tickets.with_available(timezone.now())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, *(("event",) if obj else ()))

    @admin.display
    def available(self, ticket: EventsTicket) -> int | None:
        return ticket.available if ticket.pk else None

    def create(self, actor: User, **fields: Any) -> EventsTicket:
        return create_ticket(**fields)

    def update(self, obj: EventsTicket, **changes: Any) -> None:
        update_ticket(ticket_id=obj.pk, **changes)

    def delete(self, obj: EventsTicket) -> None:
        delete_ticket(ticket_id=obj.pk)
