import django_filters
from django.db.models import QuerySet

from apps.common.filters import FlagFilter, IdFilter, MomentFilter

from .models import Booking


class BookingFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=Booking.Status.choices)
    event = IdFilter("event_ticket__event", label="Id of an event.")
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

    def filter_confirmed(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        confirmed = Booking.objects.once_confirmed()
        if value:
            return queryset & confirmed
        return queryset.exclude(pk__in=confirmed.values("pk"))
