from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower

from apps.common.models import MAX_INTEGER, MAX_NAME_LENGTH, TimeStampedModel


class Venue(TimeStampedModel):
    """Where events take place. `capacity` is the most people that any event there may hold."""

    name = models.CharField(max_length=MAX_NAME_LENGTH)
    address = models.CharField(max_length=500, blank=True)
    capacity = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MAX_INTEGER)]
    )
    managers = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        related_name="managed_venues",
        blank=True,
        help_text="Accounts that may edit this venue, beside admins.",
    )

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(
                Lower("name"),
                name="venue_name_unique",
                violation_error_message="This name is taken.",
            ),
            models.CheckConstraint(
                condition=models.Q(capacity__gte=1), name="venue_capacity_positive"
            ),
        )

    def __str__(self) -> str:
        return self.name
