from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from apps.common.models import MAX_INTEGER, MAX_NAME_LENGTH, TimeStampedModel, validate_moment
from apps.organizations.models import Organization
from apps.venues.models import Venue

from .querysets import CANCELLED, DRAFT, PUBLISHED, EventQuerySet


class EventCategory(TimeStampedModel):
    """What kind of event it is: music, sport, a conference."""

    name = models.CharField(max_length=MAX_NAME_LENGTH)

    class Meta:
        ordering = ("name", "id")
        verbose_name_plural = "event categories"
        constraints = (
            models.UniqueConstraint(
                Lower("name"),
                name="eventcategory_name_unique",
                violation_error_message="This name is taken.",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Event(TimeStampedModel):
    """What people book tickets for.

    `capacity` limits the tickets taken across all types; without one, only their quotas do.
    `published_at` stays when a published event is cancelled: it remains visible to everybody.
    """

    class Status(models.TextChoices):
        DRAFT = DRAFT
        PUBLISHED = PUBLISHED
        CANCELLED = CANCELLED

    # The index of each of the three is one in which their events are in order too.
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    venue = models.ForeignKey(
        Venue, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    category = models.ForeignKey(
        EventCategory, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    title = models.CharField(max_length=MAX_NAME_LENGTH)
    description = models.TextField(max_length=10_000, blank=True)
    starts_at = models.DateTimeField(validators=[validate_moment])
    ends_at = models.DateTimeField(validators=[validate_moment])
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    capacity = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MAX_INTEGER)]
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("starts_at", "id")
        indexes = (
            # For the list that everybody looks at and counts, smaller than one that has the status.
            models.Index(
                fields=("starts_at", "id"),
                condition=Q(status=PUBLISHED),
                name="event_published_starts_at",
            ),
            models.Index(
                fields=("status", "starts_at", "id"),
                condition=~Q(status=PUBLISHED),
                name="event_unpublished_starts_at",
            ),
            models.Index(fields=("status", "title", "id"), name="event_status_title"),
            models.Index(fields=("status", "created_at", "id"), name="event_status_created_at"),
            models.Index(
                fields=("organization", "starts_at", "id"), name="event_organization_starts_at"
            ),
            models.Index(fields=("venue", "starts_at", "id"), name="event_venue_starts_at"),
            models.Index(fields=("category", "starts_at", "id"), name="event_category_starts_at"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="event_ends_later"
            ),
            models.CheckConstraint(
                condition=Q(capacity__isnull=True) | Q(capacity__gte=1),
                name="event_capacity_positive",
            ),
            models.CheckConstraint(
                condition=Q(status__in=(DRAFT, PUBLISHED, CANCELLED)), name="event_status_valid"
            ),
        )

    def __str__(self) -> str:
        return self.title
