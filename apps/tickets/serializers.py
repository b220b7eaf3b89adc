from django.conf import settings
from rest_framework import serializers

from apps.common.schema import with_examples
from apps.common.serializers import ModelSerializer
from apps.events.models import Event

from . import examples
from .models import EventsTicket


@with_examples(request=examples.INPUT, response=examples.TICKET)
class EventsTicketSerializer(ModelSerializer):
    """A ticket type from `EventsTicket.objects.with_available()`."""

    currency = serializers.SerializerMethodField()
    available = serializers.IntegerField(
        read_only=True, help_text="How many can be booked now. Holds that ran out count as free."
    )

    class Meta:
        model = EventsTicket
        fields = (
            "id",
            "event",
            "ticket_type",
            "price",
            "currency",
            "quota",
            "sold",
            "available",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("sold",)

    def get_currency(self, ticket: EventsTicket) -> str:
        return settings.CURRENCY

    def validate_event(self, event: Event) -> Event:
        if self.instance is not None and event.pk != self.instance.event_id:
            raise serializers.ValidationError("A ticket type cannot move to another event.")
        return event
