import django_filters
from django.db.models import QuerySet

from apps.common.filters import FlagFilter, IdFilter, MomentFilter

from .models import Booking
from .querysets import BookingQuerySet


class BookingFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=Booking.Status.choices)
    event = IdFilter(method="filter_event", label="Id of an event.")
    event_ticket = IdFilter(label="Id of a ticket type.")
    created_after = MomentFilter(
        "created_at", "gte", label="Placed at this date (00:00 UTC) or date-time, or later."
    )
    created_before = MomentFilter(
        "created_at", "lt", label="Placed before this date (00:00 UTC) or date-time."
    )
    cancellation_reason = django_filters.ChoiceFilter(choices=Booking.CancellationReason.choices)
    confirmed = FlagFilter(
        method="filter_confirmed",
        label="Whether it is or was CONFIRMED: `true` among the cancelled ones means money owed.",
    )

    class Meta:
        model = Booking
        fields = ()

    def filter_event(self, queryset: BookingQuerySet, name: str, value: int) -> QuerySet:
        return queryset.of_event(value)

    def filter_confirmed(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        once_confirmed = Booking.objects.once_confirmed()
        return queryset & (once_confirmed if value else Booking.objects.never_confirmed())
