"""How many bookings were placed, refused and closed, and how many holds there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from prometheus_client import Counter

from apps.common.errors import DomainError
from apps.common.metrics import DatabaseGauges

from .errors import SoldOut
from .models import Booking

Reason = Booking.CancellationReason

PLACED, REPLAYED, CONFIRMED = "placed", "replayed", "confirmed"
SOLD_OUT, REFUSED = "sold_out", "refused"
CLOSED = {
    Reason.CUSTOMER: "cancelled",
    Reason.SUPPORT: "cancelled",
    Reason.REFUNDED: "refunded",
    Reason.EXPIRED: "expired",
    Reason.EVENT_CANCELLED: "event_cancelled",
}

_bookings = Counter("btick_bookings", "What happened to bookings.", ("outcome",))

# A rate over what has never happened is 0, not nothing.
for _outcome in (PLACED, REPLAYED, CONFIRMED, SOLD_OUT, REFUSED, *CLOSED.values()):
    _bookings.labels(_outcome)


def count_bookings(outcome: str, number: int = 1) -> None:
    """Count them once the transaction commits: what is rolled back has not happened."""
    transaction.on_commit(partial(_bookings.labels(outcome).inc, number), robust=True)


@contextmanager
def counted_refusals() -> Iterator[None]:
    """Counts the broken rules that leave the block, at once: they change nothing to commit."""
    try:
        yield
    except DomainError as error:
        _bookings.labels(SOLD_OUT if isinstance(error, SoldOut) else REFUSED).inc()
        raise


def _count_holds() -> dict[str, int]:
    """In one pass over the holds, which an index finds."""
    is_run_out = Q(expires_at__lte=timezone.now())
    holds = Booking.objects.filter(status=Booking.Status.PENDING).order_by()
    counts = holds.aggregate(all=Count("pk"), run_out=Count("pk", filter=is_run_out))
    return {"live": counts["all"] - counts["run_out"], "run_out": counts["run_out"]}


holds = DatabaseGauges(
    "btick_holds",
    "PENDING bookings: live, and run out but not yet expired.",
    label="state",
    read=_count_holds,
)
