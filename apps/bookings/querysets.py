from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, Union

from django.db import connections, models
from django.db.models import Count, Q, Sum, Value
from django.db.models.functions import Cast, TruncDate

from apps.common.querysets import LockingQuerySet, slice_rows
from apps.tickets.models import EventsTicket

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User

PENDING, CONFIRMED, CANCELLED = "PENDING", "CONFIRMED", "CANCELLED"
HOLDING = (PENDING, CONFIRMED)
EVENT_CANCELLED = "EVENT_CANCELLED"


class BookingQuerySet(LockingQuerySet):
    # All that these bookings can be of, where that is known.
    _types: Sequence[int] = ()

    def visible_to(self, user: Union["User", "AnonymousUser"]) -> Self:
        """One's own bookings; all of them for support and admins."""
        if not user.is_authenticated:
            return self.none()
        return self.all() if user.sees_everything else self.filter(user=user)

    def holding(self) -> Self:
        """The bookings that take tickets: PENDING and CONFIRMED."""
        return self.filter(status__in=HOLDING)

    def run_out(self, now: datetime) -> Self:
        """Holds past their `expires_at`: their tickets are free for whoever wants them."""
        return self.filter(status=PENDING, expires_at__lte=now)

    def awaiting_confirmation(self, now: datetime) -> Self:
        """Holds that can still be confirmed, as far as their `expires_at` goes."""
        return self.filter(status=PENDING, expires_at__gt=now)

    def owed(self) -> Self:
        """Bookings that were CONFIRMED when their event was cancelled: their money is owed."""
        return self.filter(cancellation_reason=EVENT_CANCELLED, confirmed_at__isnull=False)

    def once_confirmed(self) -> Self:
        """Bookings that are CONFIRMED or were so before they were cancelled."""
        return self.filter(Q(confirmed_at__isnull=False) | Q(status=CONFIRMED))

    def never_confirmed(self) -> Self:
        """All others."""
        return self.filter(confirmed_at__isnull=True, status__in=(PENDING, CANCELLED))

    def of_event(self, event_id: int) -> Self:
        """The bookings of all ticket types of an event, which are looked up at once.

        By their ids and no join: with them, the planner knows how many bookings it is about.
        """
        tickets = EventsTicket.objects.filter(event=event_id)
        types = list(tickets.values_list("pk", flat=True))
        bookings = self.filter(event_ticket__in=types)
        bookings._types = types
        return bookings

    def slice_by_type(self, start: int, stop: int) -> Self:
        """The rows of `self[start:stop]`, for bookings `of_event`; others are sliced as they are.

        An index has those of a type in order, and none those of an event, of which there may be a
        million. So PostgreSQL merges the first ones of each type, and then reads the page by its
        ids; a database that cannot do that in one statement slices them as they are.
        """
        features = connections[self.db].features
        if not self._types or not features.supports_slicing_ordering_in_compound:
            return slice_rows(self, start, stop)
        ordering = self.query.order_by
        keys = self.prefetch_related(None).values_list("pk", *map(_column_of, ordering))
        # In numbers, not by a look-up: planned for the types as they are, not for an average one.
        first, *others = [keys.filter(event_ticket=each)[:stop] for each in self._types]
        merged = first.union(*others, all=True).order_by(*ordering) if others else first
        return self.filter(pk__in=[pk for pk, *_ in merged[start:stop]])

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._types = self._types
        return clone

    def by_day(self) -> models.QuerySet:
        """A dict for each day (UTC) on which one of these was placed, in order.

        `date`, the number of `bookings`, and the `tickets` in them, whatever became of them.
        """
        days = self.order_by().values(date=TruncDate("created_at", tzinfo=UTC))
        return days.annotate(bookings=Count("pk"), tickets=Sum("quantity")).order_by("date")

    def with_details(self) -> Self:
        """With the related rows that a serialized booking names."""
        return self.select_related("event_ticket__event")

    def with_history(self) -> Self:
        """With every transition and who made it."""
        return self.prefetch_related("history")


def _column_of(ordering: Any) -> str:
    return ordering.lstrip("-") if isinstance(ordering, str) else ordering.expression.name


class AppendOnly(Exception):
    """Somebody tried to change or delete history."""


class BookingTransitionQuerySet(models.QuerySet):
    """Grows and is read; nothing in it is ever changed or deleted."""

    def record(
        self,
        bookings: BookingQuerySet,
        *,
        to_status: str,
        at: datetime,
        reason: str = "",
        actor: "User | None" = None,
    ) -> None:
        """One row for each of `bookings`, which are about to become `to_status`.

        One statement, however many they are, and what it says they were is what they are now.
        """
        rows = bookings.order_by().annotate(
            to_status=Value(to_status),
            reason=Value(reason),
            # PostgreSQL would take an untyped NULL for text.
            actor=Cast(Value(actor and actor.pk), models.BigIntegerField()),
            at=Value(at),
        )
        source = ("pk", "status", "to_status", "reason", "actor", "at")
        sql, params = rows.values_list(*source).query.sql_with_params()
        target = ("booking", "from_status", "to_status", "reason", "actor", "at")
        fields = {field.name: field for field in self.model._meta.concrete_fields}
        columns = ", ".join(str(fields[name].column) for name in target)
        into = f"{self.model._meta.db_table} ({columns})"
        with connections[self.db].cursor() as cursor:
            cursor.execute(f"INSERT INTO {into} {sql}", params)

    def update(self, **kwargs: Any) -> int:
        raise AppendOnly

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise AppendOnly

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly


class BookingTransitionManager(models.Manager.from_queryset(BookingTransitionQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> models.QuerySet:
        # Nobody looks at what was done without asking who did it.
        return super().get_queryset().select_related("actor")
