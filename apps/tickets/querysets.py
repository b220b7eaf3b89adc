from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self, Union

from django.db.models import (
    Case,
    Count,
    DecimalField,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Least

from apps.common.querysets import LockingQuerySet
from apps.events.models import Event

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User

# What a billion bookings can bring in.
MAX_REVENUE_DIGITS = 28
REVENUE = DecimalField(max_digits=MAX_REVENUE_DIGITS, decimal_places=2)


class EventsTicketQuerySet(LockingQuerySet):
    def visible_to(self, user: Union["User", "AnonymousUser"]) -> Self:
        """The ticket types of the events that `user` may see."""
        return self.filter(event__in=Event.objects.visible_to(user).values("pk"))

    def with_available(self, now: datetime) -> Self:
        """Annotate `unsold` and `available`, both as numbers of tickets.

        `unsold` is what the type's quota leaves, `available` what can be booked at `now`: not
        above what the event's capacity leaves, and nothing unless the event is open for booking.
        Run-out holds count as free in both, as far as `sold` has counted them.
        """
        run_out = self._bookings().run_out(now).filter(event_ticket=OuterRef("pk"))
        # Where the stored data are inconsistent, giving back stops at 0.
        taken = Greatest(F("sold") - _total(run_out, "event_ticket"), 0)
        siblings = self.model._default_manager.filter(event=OuterRef("event"))
        event_taken = _total(siblings.annotate(taken=taken), "event", "taken")
        return self.annotate(unsold=F("quota") - taken).annotate(
            available=Case(
                When(~_open_for_booking(now), then=0),
                When(event__capacity__isnull=True, then=Greatest(F("unsold"), 0)),
                default=Greatest(Least(F("unsold"), F("event__capacity") - event_taken), 0),
            )
        )

    def on_sale(self, now: datetime) -> Self:
        """The types with tickets left (§2.8), with `available`, cheapest first.

        A type that only the event's capacity blocks is among them, with nothing available.
        """
        left = self.with_available(now).filter(_open_for_booking(now), unsold__gt=0)
        return left.order_by("price", "id")

    def with_holding(self) -> Self:
        """Annotate `holding`: the tickets in PENDING and CONFIRMED bookings of each type."""
        bookings = self._bookings().holding().filter(event_ticket=OuterRef("pk"))
        return self.annotate(holding=_total(bookings, "event_ticket"))

    def with_totals(self) -> Self:
        """Annotate how many tickets of each type are in its bookings, by their status.

        `pending`, `confirmed` and `cancelled` are sums of quantities, `confirmed_revenue` is what
        the CONFIRMED ones cost at their own `unit_price`. One statement, which sees `sold` and the
        bookings at the same moment.
        """
        revenue = Sum(
            F("bookings__unit_price") * F("bookings__quantity"),
            filter=Q(bookings__status="CONFIRMED"),
            output_field=REVENUE,
        )
        return self.annotate(
            pending=_tickets_in("PENDING"),
            confirmed=_tickets_in("CONFIRMED"),
            cancelled=_tickets_in("CANCELLED"),
            confirmed_revenue=Coalesce(revenue, Decimal(0), output_field=REVENUE),
        )

    def with_audit(self, now: datetime) -> Self:
        """Annotate what the bookings say of each type, in one pass over all of them.

        `placed` is the number of its bookings; `held` are the tickets in PENDING and CONFIRMED
        ones, of which there are `live`; `run_out` of these are holds past their expiry.
        """
        holding = Q(bookings__status__in=self._booking_model().HOLDING)
        run_out = Q(bookings__status="PENDING", bookings__expires_at__lte=now)
        return self.annotate(
            placed=Count("bookings"),
            held=Coalesce(Sum("bookings__quantity", filter=holding), 0),
            live=Count("bookings", filter=holding),
            run_out=Count("bookings", filter=run_out),
        )

    def _bookings(self) -> Any:
        return self._booking_model()._default_manager

    def _booking_model(self) -> Any:
        # Bookings are a room above: the reverse relation reaches them without an import.
        return self.model._meta.get_field("bookings").related_model


def _open_for_booking(now: datetime) -> Q:
    return Q(event__status=Event.Status.PUBLISHED, event__starts_at__gt=now)


def _tickets_in(status: str) -> Coalesce:
    return Coalesce(Sum("bookings__quantity", filter=Q(bookings__status=status)), 0)


def _total(rows: QuerySet, group: str, field: str = "quantity") -> Coalesce:
    totals = rows.order_by().values(group).annotate(total=Sum(field)).values("total")
    return Coalesce(Subquery(totals), 0)
