from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.models import User
from apps.common.admin import ServiceModelAdmin, transition

from .models import Booking, BookingTransition
from .services import cancel_booking, confirm_booking, place_booking, refund_booking


class TransitionInline(admin.TabularInline):
    model = BookingTransition
    verbose_name_plural = "history"
    fields = readonly_fields = ("at", "from_status", "to_status", "reason", "actor")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Booking | None = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(Booking)
class BookingAdmin(ServiceModelAdmin):
    """Bookings are placed here and moved by actions; what was placed is never edited or deleted."""

    list_display = (
        "id",
        "status",
        "user",
        "event",
        "ticket_type",
        "quantity",
        "total_price",
        "expires_at",
    )
    list_filter = ("status", "cancellation_reason", "created_at")
    list_select_related = ("user", "event_ticket__event")
    search_fields = ("=id", "user__email", "event_ticket__event__title")
    autocomplete_fields = ("user", "event_ticket")
    columns = (
        *("user", "event", "event_ticket", "quantity", "unit_price", "total_price"),
        *("status", "expires_at", "confirmed_at", "cancelled_at", "cancellation_reason"),
        *("created_at", "updated_at"),
    )
    actions = ("confirm", "cancel", "refund")

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

    @admin.display(ordering="event_ticket__event__title")
    def event(self, booking: Booking) -> str:
        return str(booking.event_ticket.event)

    @admin.display(ordering="event_ticket__ticket_type")
    def ticket_type(self, booking: Booking) -> str:
        return booking.event_ticket.ticket_type

    @transition("Confirm", "Confirmed")
    def confirm(self, booking: Booking, actor: User) -> None:
        confirm_booking(booking_id=booking.pk, actor=actor)

    @transition("Cancel", "Cancelled", confirm=True)
    def cancel(self, booking: Booking, actor: User) -> None:
        cancel_booking(booking_id=booking.pk, actor=actor)

    @transition("Refund", "Refunded", confirm=True)
    def refund(self, booking: Booking, actor: User) -> None:
        refund_booking(booking_id=booking.pk, actor=actor)
