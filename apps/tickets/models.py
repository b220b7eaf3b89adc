from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.common.models import MAX_INTEGER, TimeStampedModel
from apps.events.models import Event

from .querysets import EventsTicketQuerySet


class EventsTicket(TimeStampedModel):
    """A ticket type of an event: the inventory.

    `sold` counts every ticket that is taken: at every commit it is the sum of the quantities of
    the type's PENDING and CONFIRMED bookings, and between 0 and `quota`.
    """

    class Type(models.TextChoices):
        STANDARD = "STANDARD"
        VIP = "VIP"
        EARLY_BIRD = "EARLY_BIRD"
        STUDENT = "STUDENT"
        GROUP = "GROUP"

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="tickets")
    ticket_type = models.CharField(max_length=10, choices=Type)
    price = models.DecimalField(
        max_digits=10, decimal_places=2, validators=[MinValueValidator(Decimal(0))]
    )
    quota = models.PositiveIntegerField(validators=[MaxValueValidator(MAX_INTEGER)])
    sold = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(MAX_INTEGER)])

    # What `with_available()` and `with_holding()` add.
    available: int
    holding: int

    objects = EventsTicketQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = "ticket type"
        indexes = (
            models.Index(fields=("price", "id"), name="eventsticket_price"),
            models.Index(fields=("created_at", "id"), name="eventsticket_created_at"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(price__gte=0), name="eventsticket_price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(quota__gte=0), name="eventsticket_quota_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(sold__gte=0, sold__lte=F("quota")),
                name="eventsticket_sold_within_quota",
            ),
            models.CheckConstraint(
                condition=Q(ticket_type__in=("STANDARD", "VIP", "EARLY_BIRD", "STUDENT", "GROUP")),
                name="eventsticket_type_valid",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ticket_type} for {self.event}"

    @property
    def organization_id(self) -> int:
        return self.event.organization_id
