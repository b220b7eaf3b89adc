from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, Union

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import connections, models
from django.db.models import Func, OuterRef, Q, Value
from django.db.models.functions import Cast

from apps.common.querysets import LockingQuerySet
from apps.tickets.models import EventsTicket

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User

PENDING, CONFIRMED, CANCELLED = "PENDING", "CONFIRMED", "CANCELLED"
HOLDING = (PENDING, CONFIRMED)


class BookingQuerySet(LockingQuerySet):
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

    def once_confirmed(self) -> Self:
        """Bookings that are CONFIRMED or were so before they were cancelled."""
        return self.filter(Q(confirmed_at__isnull=False) | Q(status=CONFIRMED))

    def never_confirmed(self) -> Self:
        """All others."""
        return self.filter(confirmed_at__isnull=True, status__in=(PENDING, CANCELLED))

    def of_event(self, event_id: int) -> Self:
        return self.filter(
            event_ticket__in=EventsTicket.objects.filter(event=event_id).values("pk")
        )

    def first_of_event(self, event_id: int, count: int) -> Self:
        """Of each ticket type the first `count`, among which are the first `count` of the event.

        In the order of these bookings, that is. An index has those of a type in order, and none
        those of an event, of which there may be a million. Only PostgreSQL can take a few per type
        in one statement; elsewhere they stay as they are.
        """
        if connections[self.db].vendor != "postgresql":
            return self
        first = ArraySubquery(self.filter(event_ticket=OuterRef("pk")).values("pk")[:count])
        tickets = EventsTicket.objects.filter(event=event_id).order_by()
        # Looked up on their own: together with the rows, the planner misjudges how few they are.
        # The type is for a filter that nothing can pass, of which the ORM makes a bare NULL.
        typed = Cast(first, ArrayField(models.BigIntegerField()))
        ids = tickets.values_list(Func(typed, function="unnest"), flat=True)
        return self.filter(pk__in=list(ids))

    def with_details(self) -> Self:
        """With the related rows that a serialized booking names."""
        return self.select_related("event_ticket__event")

    def with_history(self) -> Self:
        """With every transition and who made it."""
        return self.prefetch_related("history")


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
