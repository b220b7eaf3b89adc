from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import generics, viewsets
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.serializers import BaseSerializer

from apps.common.errors import ChangedMeanwhile, InUse
from apps.common.schema import Operation
from apps.common.views import IfMatchMixin, MethodFirstMixin, UnfilteredDetailMixin
from apps.events.errors import EventCancelled, EventEnded
from apps.events.models import Event

from .errors import HasSales, LastTicketType, QuotaBelowSold
from .filters import EventsTicketFilter
from .models import EventsTicket
from .permissions import IsOrganizerOrAdmin
from .serializers import EventsTicketSerializer
from .services import create_ticket, delete_ticket, update_ticket


class EventsTicketViewSet(
    MethodFirstMixin, UnfilteredDetailMixin, IfMatchMixin, viewsets.ModelViewSet
):
    operations = {
        "list": Operation("List ticket types of events that you may see."),
        "create": Operation("Create a ticket type.", (EventCancelled, EventEnded)),
        "retrieve": Operation("Show a ticket type."),
        "update": Operation("Replace a ticket type.", (QuotaBelowSold, ChangedMeanwhile)),
        "partial_update": Operation("Change a ticket type.", (QuotaBelowSold, ChangedMeanwhile)),
        "destroy": Operation(
            "Delete a ticket type.", (HasSales, InUse, LastTicketType, ChangedMeanwhile)
        ),
    }
    queryset = EventsTicket.objects.none()
    serializer_class = EventsTicketSerializer
    filterset_class = EventsTicketFilter
    ordering_fields = ("price", "created_at")
    ordering = ("id",)
    volatile_fields = ("sold", "available", "updated_at")

    def get_permissions(self) -> Sequence[Any]:
        if self.action in ("list", "retrieve"):
            return [AllowAny()]
        return [IsAuthenticated(), IsOrganizerOrAdmin()]

    def get_queryset(self) -> QuerySet[EventsTicket]:
        if self.action in ("list", "retrieve"):
            tickets = EventsTicket.objects.with_available(timezone.now())
            return tickets.visible_to(self.request.user)
        if self.action in ("update", "partial_update", "destroy"):
            # A refused write says 403, also on an event that the caller may not see.
            return EventsTicket.objects.select_related("event")
        return super().get_queryset()

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.instance = _with_available(create_ticket(**serializer.validated_data))

    def perform_update(self, serializer: BaseSerializer) -> None:
        assert isinstance(serializer.instance, EventsTicket)
        ticket = update_ticket(
            ticket_id=serializer.instance.pk,
            precondition=self.check_unchanged,
            **serializer.validated_data,
        )
        serializer.instance = _with_available(ticket)

    def perform_destroy(self, instance: EventsTicket) -> None:
        delete_ticket(ticket_id=instance.pk, precondition=self.check_unchanged)


class AvailableTicketsView(MethodFirstMixin, generics.ListAPIView):
    """What can be booked for an event, cheapest first: a plain array."""

    operations = {"get": Operation("List what can be booked for an event, cheapest first.")}
    queryset = EventsTicket.objects.none()
    serializer_class = EventsTicketSerializer
    permission_classes = (AllowAny,)
    pagination_class = None
    filter_backends = ()

    def get_queryset(self) -> QuerySet[EventsTicket]:
        event = get_object_or_404(Event.objects.visible_to(self.request.user), pk=self.kwargs["pk"])
        return event.tickets.on_sale(timezone.now())


def _with_available(ticket: EventsTicket) -> EventsTicket:
    return EventsTicket.objects.with_available(timezone.now()).get(pk=ticket.pk)
