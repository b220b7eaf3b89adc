from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from apps.common.models import MAX_NAME_LENGTH, TimeStampedModel

from .querysets import OrganizationQuerySet


class Organization(TimeStampedModel):
    """Who organizes events."""

    name = models.CharField(max_length=MAX_NAME_LENGTH)
    website = models.URLField(blank=True)
    contact_email = models.EmailField("contact e-mail", blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(
                Lower("name"),
                name="organization_name_unique",
                violation_error_message="This name is taken.",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Membership(TimeStampedModel):
    """The role that an account has in an organization."""

    class Role(models.TextChoices):
        OWNER = "OWNER"
        MANAGER = "MANAGER"
        MEMBER = "MEMBER"

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=7, choices=Role)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("organization", "user"), name="membership_user_unique"),
            models.CheckConstraint(
                condition=models.Q(role__in=("OWNER", "MANAGER", "MEMBER")),
                name="membership_role_valid",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.role} of {self.organization}"
