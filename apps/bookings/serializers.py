from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers

from apps.common.fields import IdField
from apps.common.models import MAX_INTEGER
from apps.common.queries import CompiledLookup
from apps.common.schema import with_examples
from apps.common.serializers import ModelSerializer
from apps.events.models import Event
from apps.tickets.models import EventsTicket
from apps.tickets.querysets import MAX_REVENUE_DIGITS

from . import examples
from .models import MIN_QUANTITY, Booking, BookingTransition

# Of what everybody may see; nearly all that is booked is there. Of the event only what a sale
# looks at before its lock.
public_tickets = CompiledLookup(
    lambda: (
        EventsTicket.objects.filter(event__status=Event.Status.PUBLISHED)
        .select_related("event")
        .only("event", "event__capacity")
    )
)


class VisibleTicketField(IdField):
    """A ticket type, with its event, of an event that the caller may see."""

    def get_queryset(self) -> QuerySet[Any]:
        visible = EventsTicket.objects.visible_to(self.context["request"].user)
        return visible.select_related("event")

    def find(self, pk: int) -> Any:
        return public_tickets.find(pk) or super().find(pk)


@with_examples(request=examples.INPUT)
class BookingCreateSerializer(serializers.Serializer):
    event_ticket = VisibleTicketField()
    quantity = serializers.IntegerField(min_value=MIN_QUANTITY, max_value=MAX_INTEGER)


class BookingTransitionSerializer(serializers.ModelSerializer):
    actor_email = serializers.EmailField(
        source="actor.email", allow_null=True, default=None, read_only=True
    )

    class Meta:
        model = BookingTransition
        fields = ("from_status", "to_status", "reason", "actor", "actor_email", "at")
        read_only_fields = fields
        extra_kwargs = {"reason": {"allow_blank": True}}


@with_examples(response=examples.BOOKING)
class BookingSerializer(ModelSerializer):
    """A booking from `Booking.objects.with_details()`.

    `history` is there unless the context says `with_history=False`: it is not for customers.
    """

    event = serializers.IntegerField(source="event_ticket.event_id", read_only=True)
    event_title = serializers.CharField(source="event_ticket.event.title", read_only=True)
    ticket_type = serializers.ChoiceField(
        EventsTicket.Type.choices, source="event_ticket.ticket_type", read_only=True
    )
    total_price = serializers.DecimalField(max_digits=20, decimal_places=2, read_only=True)
    currency = serializers.SerializerMethodField()
    history = BookingTransitionSerializer(
        many=True, read_only=True, help_text="For support, admins and organization members alone."
    )

    class Meta:
        model = Booking
        fields: tuple[str, ...] = (
            "id",
            "user",
            "event",
            "event_title",
            "event_ticket",
            "ticket_type",
            "quantity",
            "unit_price",
            "total_price",
            "currency",
            "status",
            "expires_at",
            "confirmed_at",
            "cancelled_at",
            "cancellation_reason",
            "created_at",
            "updated_at",
            "history",
        )
        read_only_fields = fields
        extra_kwargs = {"cancellation_reason": {"allow_blank": True}}
        optional_fields = ("history",)

    output_context = ("with_history",)

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        if not self.context.get("with_history", True):
            del fields["history"]
        return fields

    def get_currency(self, booking: Booking) -> str:
        return settings.CURRENCY


@with_examples(response=examples.EVENT_BOOKING)
class EventBookingSerializer(BookingSerializer):
    """A booking as the members of the event's organization see it."""

    user_email = serializers.EmailField(source="user.email", read_only=True)

    class Meta(BookingSerializer.Meta):
        fields = ("id", "user", "user_email", *BookingSerializer.Meta.fields[2:])
        read_only_fields = fields


class TicketTotalsSerializer(serializers.Serializer):
    quota = serializers.IntegerField()
    sold = serializers.IntegerField(help_text="Tickets that are taken: pending and confirmed ones.")
    pending = serializers.IntegerField(
        help_text="Tickets, as sums of quantities, in PENDING bookings; run-out holds too, until "
        "somebody needs their tickets."
    )
    confirmed = serializers.IntegerField(help_text="Tickets in CONFIRMED bookings.")
    cancelled = serializers.IntegerField(help_text="Tickets in CANCELLED bookings: given back.")
    confirmed_revenue = serializers.DecimalField(
        max_digits=MAX_REVENUE_DIGITS,
        decimal_places=2,
        help_text="What CONFIRMED bookings cost, at the price when they were placed.",
    )


class TicketTypeStatsSerializer(TicketTotalsSerializer):
    """A ticket type from `EventsTicket.objects.with_totals()`."""

    id = serializers.IntegerField()
    ticket_type = serializers.ChoiceField(EventsTicket.Type.choices)
    price = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=0, help_text="The price now."
    )


class DayStatsSerializer(serializers.Serializer):
    date = serializers.DateField(help_text="A day in UTC on which bookings were placed.")
    bookings = serializers.IntegerField(help_text="How many, whatever became of them.")
    tickets = serializers.IntegerField(help_text="The sum of their quantities.")


@with_examples(response=examples.EVENT_STATS)
class EventStatsSerializer(serializers.Serializer):
    """What `event_stats()` finds."""

    event = serializers.IntegerField()
    currency = serializers.SerializerMethodField()
    ticket_types = TicketTypeStatsSerializer(many=True)
    totals = TicketTotalsSerializer()
    days = DayStatsSerializer(many=True)

    def get_currency(self, stats: dict[str, Any]) -> str:
        return settings.CURRENCY
