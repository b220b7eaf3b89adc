from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apps.accounts.permissions import IsAdminOrReadOnly, account_of
from apps.common.errors import ChangedMeanwhile, InUse
from apps.common.files import FileMixin, file_headers, file_responses
from apps.common.public_cache import CachedForAnonymousMixin
from apps.common.schema import Operation
from apps.common.views import (
    DeleteUnreferencedMixin,
    IfMatchMixin,
    MethodFirstMixin,
    UnfilteredDetailMixin,
)
from apps.organizations.models import Organization
from apps.venues.models import Venue

from . import examples
from .calendars import CalendarRenderer, calendar_of
from .errors import (
    CapacityBelowSold,
    EventCancelled,
    EventEnded,
    EventHasBookings,
    EventNotDraft,
    EventStarted,
    NoTicketTypes,
)
from .filters import EventFilter
from .models import Event, EventCategory
from .permissions import CanManageEvent, CanPublishEvent, IsOrganizerOrAdmin
from .serializers import EventCategorySerializer, EventSerializer
from .services import cancel_event, create_event, delete_event, publish_event, update_event

EVENT_ORDERING_FIELDS = ("starts_at", "title", "created_at")
MAX_CALENDAR_EVENTS = 500


class EventCategoryViewSet(
    CachedForAnonymousMixin, MethodFirstMixin, DeleteUnreferencedMixin, viewsets.ModelViewSet
):
    operations = {
        "list": Operation("List categories."),
        "create": Operation("Create a category."),
        "retrieve": Operation("Show a category."),
        "update": Operation("Replace a category.", (ChangedMeanwhile,)),
        "partial_update": Operation("Change a category.", (ChangedMeanwhile,)),
        "destroy": Operation("Delete a category.", (InUse, ChangedMeanwhile)),
    }
    queryset = EventCategory.objects.all()
    serializer_class = EventCategorySerializer
    ordering_fields = ("name", "created_at")
    ordering = ("name", "id")

    def get_permissions(self) -> Sequence[Any]:
        if self.action in ("list", "retrieve"):
            return [AllowAny()]
        return [IsAuthenticated(), IsAdminOrReadOnly()]


class EventViewSet(
    CachedForAnonymousMixin,
    MethodFirstMixin,
    UnfilteredDetailMixin,
    IfMatchMixin,
    viewsets.ModelViewSet,
):
    operations = {
        "list": Operation("List published events, or by status those that you may see."),
        "create": Operation("Create an event, as a draft.", answer=examples.DRAFT),
        "retrieve": Operation("Show an event."),
        "update": Operation(
            "Replace an event.",
            (EventCancelled, CapacityBelowSold, EventHasBookings, ChangedMeanwhile),
        ),
        "partial_update": Operation(
            "Change an event.",
            (EventCancelled, CapacityBelowSold, EventHasBookings, ChangedMeanwhile),
        ),
        "destroy": Operation("Delete an event that nobody has booked.", (InUse, ChangedMeanwhile)),
        "my_events": Operation("List the events of all organizations that you are a member of."),
        "publish": Operation(
            "Publish a draft: from now on it can be booked.",
            (EventCancelled, EventNotDraft, EventStarted, NoTicketTypes),
        ),
        "cancel": Operation(
            "Cancel an event, and with it all its bookings.", (EventEnded,), examples.CANCELLED
        ),
    }
    queryset = Event.objects.none()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    ordering_fields = EVENT_ORDERING_FIELDS
    ordering = ("starts_at", "id")

    def get_permissions(self) -> Sequence[Any]:
        if self.action in ("list", "retrieve"):
            return [AllowAny()]
        if self.action == "create":
            return [IsAuthenticated(), IsOrganizerOrAdmin()]
        if self.action in ("update", "partial_update", "destroy"):
            return [IsAuthenticated(), CanManageEvent()]
        return super().get_permissions()

    def get_queryset(self) -> QuerySet[Event]:
        events = Event.objects.with_names()
        if self.action == "list":
            status = self.request.query_params.get("status")
            if status == Event.Status.DRAFT:
                return events.drafts_visible_to(self.request.user)
            return events.visible_to(self.request.user) if status else events.published()
        if self.action == "retrieve":
            return events.visible_to(self.request.user)
        if self.action == "my_events":
            return events.with_member(self.request.user)
        if self.action in ("update", "partial_update", "destroy", "publish", "cancel"):
            # A refused write says 403, also on an event that the caller may not see.
            return events
        return super().get_queryset()

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.instance = create_event(**serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer) -> None:
        assert isinstance(serializer.instance, Event)
        serializer.instance = update_event(
            event_id=serializer.instance.pk,
            precondition=self.check_unchanged,
            **serializer.validated_data,
        )

    def perform_destroy(self, instance: Event) -> None:
        delete_event(event_id=instance.pk, precondition=self.check_unchanged)

    @extend_schema(responses=EventSerializer(many=True))
    @action(
        detail=False, url_path="my-events", permission_classes=(IsAuthenticated, IsOrganizerOrAdmin)
    )
    def my_events(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(request=None)
    @action(detail=True, methods=("post",), permission_classes=(IsAuthenticated, CanPublishEvent))
    def publish(self, request: Request, pk: int) -> Response:
        event = publish_event(event_id=self.get_object().pk)
        return Response(self.get_serializer(event).data)

    @extend_schema(request=None)
    @action(detail=True, methods=("post",), permission_classes=(IsAuthenticated, CanManageEvent))
    def cancel(self, request: Request, pk: int) -> Response:
        event = cancel_event(event_id=self.get_object().pk, actor=account_of(request))
        return Response(self.get_serializer(event).data)


class OrganizationEventsView(MethodFirstMixin, generics.ListAPIView):
    """Events of one organization: all of them for its members, the published ones for others."""

    operations = {"get": Operation("List an organization's events: drafts too for its members.")}
    queryset = Event.objects.none()
    serializer_class = EventSerializer
    permission_classes = (IsAuthenticated,)
    filterset_class = EventFilter
    ordering_fields = EVENT_ORDERING_FIELDS
    ordering = ("starts_at", "id")

    def get_queryset(self) -> QuerySet[Event]:
        organization = get_object_or_404(Organization, pk=self.kwargs["pk"])
        events = organization.events.with_names()
        account = account_of(self.request)
        own = account.memberships.filter(organization=organization)
        return events if account.sees_everything or own.exists() else events.published()


class VenueScheduleView(CachedForAnonymousMixin, MethodFirstMixin, generics.ListAPIView):
    """Published events at one venue that have not started, soonest first."""

    operations = {"get": Operation("List the published events to come at a venue.")}
    queryset = Event.objects.none()
    serializer_class = EventSerializer
    permission_classes = (AllowAny,)
    ordering_fields = EVENT_ORDERING_FIELDS
    ordering = ("starts_at", "id")

    def get_queryset(self) -> QuerySet[Event]:
        venue = get_object_or_404(Venue, pk=self.kwargs["pk"])
        return venue.events.published().upcoming(timezone.now()).with_names()


class CalendarView(CachedForAnonymousMixin, FileMixin, MethodFirstMixin, generics.GenericAPIView):
    """Answers with a file for calendars, to everybody."""

    renderer_classes = (JSONRenderer, CalendarRenderer)
    permission_classes = (AllowAny,)

    def file(self, events: Iterable[Event], name: str) -> HttpResponse:
        return HttpResponse(
            calendar_of(events, host=self.request.get_host()),
            content_type=f"{CalendarRenderer.media_type}; charset=utf-8",
            headers=file_headers(name),
        )


class EventCalendarView(CalendarView):
    operations = {"get": Operation("Download an event for a calendar.")}

    @extend_schema(responses=file_responses(CalendarRenderer, examples.CALENDAR))
    def get(self, request: Request, pk: int) -> HttpResponse:
        events = Event.objects.visible_to(request.user).with_names()
        return self.file([get_object_or_404(events, pk=pk)], f"event-{pk}.ics")


class VenueCalendarView(CalendarView):
    operations = {"get": Operation("Download the events to come at a venue for a calendar.")}

    @extend_schema(responses=file_responses(CalendarRenderer, examples.CALENDAR))
    def get(self, request: Request, pk: int) -> HttpResponse:
        venue = get_object_or_404(Venue, pk=pk)
        events = venue.events.published().upcoming(timezone.now()).with_names()
        soonest = events.order_by("starts_at", "pk")[:MAX_CALENDAR_EVENTS]
        return self.file(soonest, f"venue-{pk}.ics")
