from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from apps.accounts.models import User
from apps.common.admin import ServiceModelAdmin, transition
from apps.common.admin_filters import RowFilter, row_filter
from apps.common.admin_links import link_to
from apps.common.fields import parse_id
from apps.common.files import file_headers
from apps.events.models import Event
from apps.tickets.models import EventsTicket

from .models import Booking, BookingTransition
from .reports import bookings_csv
from .services import cancel_booking, confirm_booking, place_booking, refund_booking


class TransitionInline(admin.TabularInline):
    model = BookingTransition
    verbose_name_plural = "history"
    fields = readonly_fields = ("at", "from_status", "to_status", "reason", "actor")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Booking | None = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


class EventFilter(RowFilter):
    title = parameter_name = "event"
    related_model = Event

    def narrow(self, queryset: Any, pk: int) -> QuerySet:
        return queryset.of_event(pk)


class ToDoFilter(admin.SimpleListFilter):
    title = "to do"
    parameter_name = "todo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("confirm", "Awaiting confirmation"),
            ("run_out", "Run-out holds"),
            ("owed", "Money owed"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet:
        match self.value():
            case "confirm":
                return queryset.awaiting_confirmation(timezone.now())
            case "run_out":
                return queryset.run_out(timezone.now())
            case "owed":
                return queryset.owed()
        return queryset


@admin.register(Booking)
class BookingAdmin(ServiceModelAdmin):
    """Bookings are placed here and moved by actions; what was placed is never edited or deleted."""

    list_display = (
        "id",
        "status",
        "customer",
        "event",
        "tickets",
        "total_price",
        "placed",
        "expires_at",
    )
    list_filter = (
        ToDoFilter,
        "status",
        "cancellation_reason",
        EventFilter,
        row_filter(EventsTicket, "event_ticket"),
        row_filter(User, "user"),
    )
    date_hierarchy = "created_at"
    # As good as by `created_at`, and the marks of two sorted columns would not fit.
    ordering = ("-id",)
    list_select_related = ("user", "event_ticket__event")
    search_fields = ("=id", "user__email", "event_ticket__event__title")
    search_help_text = "By id, e-mail address or title of the event."
    autocomplete_fields = ("user", "event_ticket")
    columns = (
        *("user", "event", "event_ticket", "quantity", "unit_price", "total_price"),
        *("status", "expires_at", "confirmed_at", "cancelled_at", "cancellation_reason"),
        *("created_at", "updated_at"),
    )
    actions = ("confirm", "cancel", "refund", "export")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        # By what is found of them among accounts and events, which is quicker than a look at the
        # account and the event of every booking.
        for word in search_term.split():
            queryset = queryset.filter(_matches(word))
        return queryset, False

    def get_fields(self, request: HttpRequest, obj: Booking | None = None) -> tuple[str, ...]:
        return self.columns if obj else ("user", "event_ticket", "quantity")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Booking | None = None
    ) -> tuple[str, ...]:
        return self.columns if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Booking | None = None) -> Any:
        return [TransitionInline] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Booking | None = None) -> bool:
        return False

    def create(self, actor: User, **fields: Any) -> Booking:
        booking, _ = place_booking(ticket=fields.pop("event_ticket"), **fields)
        return booking

    @admin.display(ordering="user__email")
    def customer(self, booking: Booking) -> str:
        return link_to(booking.user)

    @admin.display(ordering="event_ticket__event__title")
    def event(self, booking: Booking) -> str:
        return link_to(booking.event_ticket.event)

    @admin.display(ordering="event_ticket__ticket_type")
    def tickets(self, booking: Booking) -> str:
        ticket = booking.event_ticket
        return link_to(ticket, f"{booking.quantity} × {ticket.ticket_type}")

    @admin.display(ordering="created_at")
    def placed(self, booking: Booking) -> date:
        return booking.created_at.date()

    @admin.action(description="Export selected bookings as CSV", permissions=["view"])
    def export(self, request: HttpRequest, queryset: Any) -> StreamingHttpResponse:
        bookings = queryset.with_details().select_related("user").order_by("id")
        return StreamingHttpResponse(
            bookings_csv(bookings),
            content_type="text/csv; charset=utf-8",
            headers=file_headers("bookings.csv"),
        )

    @transition("Confirm", "Confirmed")
    def confirm(self, booking: Booking, actor: User) -> None:
        confirm_booking(booking_id=booking.pk, actor=actor)

    @transition("Cancel", "Cancelled", confirm=True)
    def cancel(self, booking: Booking, actor: User) -> None:
        cancel_booking(booking_id=booking.pk, actor=actor)

    @transition("Refund", "Refunded", confirm=True)
    def refund(self, booking: Booking, actor: User) -> None:
        refund_booking(booking_id=booking.pk, actor=actor)


def _matches(word: str) -> Q:
    users = User.objects.filter(email__icontains=word)
    types = EventsTicket.objects.filter(event__title__icontains=word)
    matches = Q(user__in=users.values("pk")) | Q(event_ticket__in=types.values("pk"))
    try:
        return matches | Q(pk=parse_id(word))
    except ValueError:
        return matches
