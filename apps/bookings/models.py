from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.common.models import MAX_INTEGER, TimeStampedModel
from apps.tickets.models import EventsTicket

from .querysets import (
    CANCELLED,
    CONFIRMED,
    HOLDING,
    PENDING,
    AppendOnly,
    BookingQuerySet,
    BookingTransitionManager,
)

MIN_QUANTITY = 2
MAX_KEY_LENGTH = 255


def unlimited_hold_expiry(*, starts_at: datetime, now: datetime) -> datetime:
    """When a hold on an event that begins at `starts_at` runs out, but for `hold_limit`.

    One day before the event, but not sooner than an hour from `now` unless the event begins
    sooner.
    """
    return min(starts_at, max(starts_at - timedelta(days=1), now + timedelta(hours=1)))


def hold_limit() -> timedelta | None:
    """The longest that a hold may last, counted from its placing; None for no limit."""
    minutes = settings.BOOKING_HOLD_MINUTES
    return None if minutes is None else timedelta(minutes=minutes)


def hold_expiry(*, starts_at: datetime, now: datetime) -> datetime:
    """When a hold that is placed at `now` runs out."""
    expires_at, limit = unlimited_hold_expiry(starts_at=starts_at, now=now), hold_limit()
    return expires_at if limit is None else min(expires_at, now + limit)


class Booking(TimeStampedModel):
    """Tickets of one type, held (PENDING) or bought (CONFIRMED) by an account, or given back.

    `expires_at` is when a PENDING booking runs out; no other has one. `confirmed_at` stays when a
    confirmed booking is cancelled.
    """

    class Status(models.TextChoices):
        PENDING = PENDING
        CONFIRMED = CONFIRMED
        CANCELLED = CANCELLED

    class CancellationReason(models.TextChoices):
        CUSTOMER = "CUSTOMER"
        SUPPORT = "SUPPORT"
        EXPIRED = "EXPIRED"
        REFUNDED = "REFUNDED"
        EVENT_CANCELLED = "EVENT_CANCELLED"

    # The statuses in which a booking takes tickets.
    HOLDING = HOLDING

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="bookings",
        db_index=False,
    )
    event_ticket = models.ForeignKey(
        EventsTicket, on_delete=models.PROTECT, related_name="bookings", db_index=False
    )
    quantity = models.PositiveIntegerField(
        validators=[MinValueValidator(MIN_QUANTITY), MaxValueValidator(MAX_INTEGER)]
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    unit_price = models.DecimalField(
        max_digits=10, decimal_places=2, help_text="The price when the booking was placed."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancellation_reason = models.CharField(
        max_length=15, choices=CancellationReason, blank=True, default=""
    )
    idempotency_key = models.CharField(
        max_length=MAX_KEY_LENGTH, blank=True, default="", editable=False
    )

    objects = BookingQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("user", "-created_at", "-id"), name="booking_user_newest"),
            models.Index(fields=("-created_at", "-id"), name="booking_newest"),
            models.Index(
                fields=("event_ticket", "-created_at", "-id"), name="booking_ticket_newest"
            ),
            models.Index(fields=("status", "-created_at", "-id"), name="booking_status_newest"),
            models.Index(
                fields=("cancellation_reason", "-created_at", "-id"),
                condition=~Q(cancellation_reason=""),
                name="booking_reason_newest",
            ),
            # Rows without an expiry too: they are the end of every list in this order.
            models.Index(fields=("expires_at", "id"), name="booking_expiry"),
            models.Index(fields=("event_ticket", "expires_at", "id"), name="booking_ticket_expiry"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(quantity__gte=MIN_QUANTITY), name="booking_quantity_at_least_two"
            ),
            models.CheckConstraint(
                condition=Q(status__in=(PENDING, CONFIRMED, CANCELLED)), name="booking_status_valid"
            ),
            models.CheckConstraint(
                condition=~Q(status=CONFIRMED) | Q(expires_at__isnull=True),
                name="booking_confirmed_never_expires",
            ),
            models.UniqueConstraint(
                fields=("user", "idempotency_key"),
                condition=~Q(idempotency_key=""),
                name="booking_idempotency_key_unique",
            ),
        )

    def __str__(self) -> str:
        return f"Booking {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Fill `unit_price` and a hold's `expires_at` when they are missing, then save."""
        if kwargs.get("update_fields") is None:
            self._fill_missing()
        super().save(*args, **kwargs)

    @property
    def total_price(self) -> Any:
        return self.unit_price * self.quantity

    @property
    def organization_id(self) -> int:
        return self.event_ticket.event.organization_id

    def _fill_missing(self) -> None:
        if self.unit_price is None:
            self.unit_price = self.event_ticket.price
        if self.status == PENDING and self.expires_at is None:
            event = self.event_ticket.event
            self.expires_at = hold_expiry(starts_at=event.starts_at, now=timezone.now())


class BookingTransition(models.Model):
    """One change of a booking's status after it was placed: who made it, when and why.

    `actor` is None where nobody did: a hold that ran out. Rows are added and never changed;
    AppendOnly is raised for trying. Only `seed --flush` deletes them, with their bookings.
    """

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="history")
    from_status = models.CharField(max_length=9, choices=Booking.Status)
    to_status = models.CharField(max_length=9, choices=Booking.Status)
    reason = models.CharField(max_length=15, choices=Booking.CancellationReason, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField()

    objects = BookingTransitionManager()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.from_status} to {self.to_status}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly
