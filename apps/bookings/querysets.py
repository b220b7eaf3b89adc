from datetime import datetime
from typing import TYPE_CHECKING, Self, Union

from django.db.models import Q

from apps.common.querysets import LockingQuerySet

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

    def with_details(self) -> Self:
        """With the related rows that a serialized booking names."""
        return self.select_related("event_ticket__event")
