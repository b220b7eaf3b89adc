"""What organizers read of all bookings of an event at once."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from apps.common.csv import csv_text
from apps.common.walks import Walk
from apps.events.models import Event

from .models import Booking
from .querysets import BookingQuerySet
from .serializers import EventBookingSerializer

CHUNK = 1000
# Fields of a booking that no column has; they stand side by side.
COMPUTED = ("total_price", "currency")
SUMMED = ("quota", "sold", "pending", "confirmed", "cancelled", "confirmed_revenue")


def event_stats(event: Event) -> dict[str, Any]:
    """The event's `ticket_types` with their totals, the `totals` of these, and its `days`."""
    types = list(event.tickets.with_totals().order_by("pk"))
    return {
        "event": event.pk,
        "ticket_types": types,
        "totals": {name: sum(getattr(each, name) for each in types) for name in SUMMED},
        "days": Booking.objects.of_event(event.pk).by_day(),
    }


def bookings_csv(bookings: BookingQuerySet) -> Iterator[str]:
    """CSV of `bookings` in their order, with the fields of EventBookingSerializer but `history`.

    In pieces: the header, then the rows as they are read, so that memory does not grow with them.
    """
    fields = EventBookingSerializer(context={"with_history": False}).fields
    yield csv_text([fields])
    # Columns instead of objects and their serializer: seven times as many rows in the same time.
    stored = {name: field for name, field in fields.items() if name not in COMPUTED}
    columns = [str(field.source).replace(".", "__") for field in stored.values()]
    place = list(fields).index(COMPUTED[0])
    rows = bookings.values_list(*columns, named=True)
    for chunk in Walk(rows, BookingQuerySet.slice_by_type).chunks(CHUNK):
        yield csv_text(
            (*row[:place], row.unit_price * row.quantity, settings.CURRENCY, *row[place:])
            for row in chunk
        )
