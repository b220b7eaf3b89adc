from collections.abc import Sequence
from itertools import chain, islice
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.permissions import IsCustomer, IsSupportOrAdmin, account_of
from apps.common.csv import CsvRenderer
from apps.common.files import FileMixin, file_headers, file_responses
from apps.common.pagination import ListPagination
from apps.common.schema import Operation
from apps.common.views import LocationMixin, MethodFirstMixin, UnfilteredDetailMixin
from apps.events.errors import EventStarted
from apps.events.models import Event
from apps.organizations.permissions import IsOrganizationMember

from . import examples
from .errors import (
    BookingCancelled,
    BookingExpired,
    BookingNotConfirmed,
    BookingNotPending,
    CannotBook,
    EventNotPublished,
    IdempotencyKeyReused,
    SoldOut,
)
from .filters import BookingFilter
from .models import MAX_KEY_LENGTH, Booking
from .permissions import CanRefundBooking
from .querysets import BookingQuerySet
from .reports import bookings_csv, event_stats
from .serializers import (
    BookingCreateSerializer,
    BookingSerializer,
    EventBookingSerializer,
    EventStatsSerializer,
)
from .services import cancel_booking, confirm_booking, place_booking, refund_booking

IDEMPOTENCY_KEY = "Idempotency-Key"
# Printable Latin-1, as far as a header's value can hold it: servers strip spaces at its ends.
IDEMPOTENCY_KEY_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_KEY_LENGTH,
    "pattern": "^[!-~¡-¬®-ÿ]([ -~¡-¬®-ÿ]*[!-~¡-¬®-ÿ])?$",
}


class BookingPagination(ListPagination):
    """For lists that may be of one event, whose bookings no index has in order."""

    def rows(self, queryset: QuerySet, start: int, stop: int) -> QuerySet:
        assert isinstance(queryset, BookingQuerySet)
        return queryset.slice_by_type(start, stop)


class BookingViewSet(
    MethodFirstMixin,
    UnfilteredDetailMixin,
    LocationMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet,
):
    operations = {
        "list": Operation("List your bookings; support and admins see all."),
        "create": Operation(
            "Book tickets: they are held for you for a while.",
            (CannotBook, EventNotPublished, EventStarted, SoldOut, IdempotencyKeyReused),
            examples.PLACED,
        ),
        "retrieve": Operation("Show a booking."),
        "cancel": Operation(
            "Cancel a booking: its tickets return.",
            (BookingCancelled, EventStarted),
            examples.CANCELLED,
        ),
        "confirm": Operation(
            "Confirm a PENDING booking.",
            (BookingNotPending, EventNotPublished, EventStarted, BookingExpired),
            examples.CONFIRMED,
        ),
        "refund": Operation(
            "Refund a CONFIRMED booking: its tickets return.",
            (BookingNotConfirmed,),
            examples.REFUNDED,
        ),
    }
    queryset = Booking.objects.none()
    pagination_class = BookingPagination
    filterset_class = BookingFilter
    ordering_fields = ("created_at", "expires_at")
    ordering = ("-created_at", "-id")

    def get_serializer_class(self) -> Any:
        return BookingCreateSerializer if self.action == "create" else BookingSerializer

    def get_permissions(self) -> Sequence[Any]:
        if self.action == "create":
            return [IsAuthenticated(), IsCustomer()]
        return super().get_permissions()

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "with_history": self.shows_history}

    @property
    def shows_history(self) -> bool:
        # Whoever confirms or refunds may see it; without an account, this is about the schema.
        is_for_staff = self.action in ("confirm", "refund")
        return is_for_staff or getattr(self.request.user, "sees_everything", True)

    def get_queryset(self) -> QuerySet[Booking]:
        bookings = Booking.objects.with_details()
        if self.action in ("list", "retrieve", "cancel"):
            visible = bookings.visible_to(self.request.user)
            return visible.with_history() if self.shows_history else visible
        if self.action in ("confirm", "refund"):
            # Their permission classes answer 403 for a booking that is not the caller's to see.
            return bookings
        return super().get_queryset()

    @extend_schema(
        request=BookingCreateSerializer,
        responses={201: BookingSerializer},
        parameters=[
            OpenApiParameter(
                IDEMPOTENCY_KEY,
                IDEMPOTENCY_KEY_SCHEMA,
                OpenApiParameter.HEADER,
                description="A text of your own, up to 255 characters: sent again with the same "
                "body it answers the same booking and takes no more tickets.",
            )
        ],
    )
    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        booking, replayed = place_booking(
            user=account_of(request),
            ticket=serializer.validated_data["event_ticket"],
            quantity=serializer.validated_data["quantity"],
            idempotency_key=idempotency_key(request),
        )
        data = BookingSerializer(booking, context=self.get_serializer_context()).data
        headers = self.get_success_headers(data)
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=None)
    @action(detail=True, methods=("patch",))
    def cancel(self, request: Request, pk: int) -> Response:
        booking = cancel_booking(booking_id=self.get_object().pk, actor=account_of(request))
        return Response(self.get_serializer(booking).data)

    @extend_schema(request=None)
    @action(detail=True, methods=("post",), permission_classes=(IsAuthenticated, IsSupportOrAdmin))
    def confirm(self, request: Request, pk: int) -> Response:
        booking = confirm_booking(booking_id=self.get_object().pk, actor=account_of(request))
        return Response(self.get_serializer(booking).data)

    @extend_schema(request=None)
    @action(detail=True, methods=("post",), permission_classes=(IsAuthenticated, CanRefundBooking))
    def refund(self, request: Request, pk: int) -> Response:
        booking = refund_booking(booking_id=self.get_object().pk, actor=account_of(request))
        return Response(self.get_serializer(booking).data)


class OfEventView(MethodFirstMixin, generics.GenericAPIView):
    """About the bookings of one event, for the members of its organization."""

    permission_classes = (IsAuthenticated, IsOrganizationMember)

    def get_event(self) -> Event:
        """The event of the path. Raises Http404, and PermissionDenied to all others."""
        event = get_object_or_404(Event, pk=self.kwargs["pk"])
        self.check_object_permissions(self.request, event)
        return event


class BookingsOfEventView(OfEventView):
    queryset = Booking.objects.none()
    serializer_class = EventBookingSerializer
    filterset_class = BookingFilter
    ordering_fields = ("created_at", "expires_at")
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> BookingQuerySet:
        bookings = Booking.objects.of_event(self.get_event().pk)
        return bookings.with_details().select_related("user")


class EventBookingsView(BookingsOfEventView, generics.ListAPIView):
    operations = {"get": Operation("List all bookings of an event.")}
    pagination_class = BookingPagination

    def get_queryset(self) -> BookingQuerySet:
        return super().get_queryset().with_history()


class EventBookingsExportView(FileMixin, BookingsOfEventView):
    operations = {"get": Operation("Download all bookings of an event as CSV.")}
    renderer_classes = (JSONRenderer, CsvRenderer)

    @extend_schema(filters=True, responses=file_responses(CsvRenderer, examples.EVENT_BOOKINGS_CSV))
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        bookings = self.filter_queryset(self.get_queryset())
        assert isinstance(bookings, BookingQuerySet)
        pieces = bookings_csv(bookings)
        # Before the answer begins: a database that does not answer is still an error then.
        beginning = [*islice(pieces, 2)]
        return StreamingHttpResponse(
            () if request.method == "HEAD" else chain(beginning, pieces),
            content_type=f"{CsvRenderer.media_type}; charset=utf-8",
            headers=file_headers(f"event-{pk}-bookings.csv"),
        )


class EventStatsView(OfEventView):
    operations = {"get": Operation("Show what an event has sold, by ticket type and by day.")}
    serializer_class = EventStatsSerializer

    def get(self, request: Request, pk: int) -> Response:
        return Response(self.get_serializer(event_stats(self.get_event())).data)


def idempotency_key(request: Request) -> str:
    """The request's Idempotency-Key, "" without one. Raises ValidationError for a bad one."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return ""
    # As HTTP has it: a server that does not do it itself makes no other key of it.
    key = key.strip()
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise ValidationError(
            {IDEMPOTENCY_KEY: [f"Send 1 to {MAX_KEY_LENGTH} printable characters."]}
        )
    return key
