"""What organizations do when an account is closed or copied."""

from typing import Any

from django.dispatch import receiver
from rest_framework import serializers

from apps.accounts.errors import SoleOwner
from apps.accounts.models import User
from apps.accounts.signals import account_closing, account_exported

from .models import Membership, Organization


class OwnMembershipSerializer(serializers.ModelSerializer):
    organization_name = serializers.CharField(source="organization.name")

    class Meta:
        model = Membership
        fields = ("organization", "organization_name", "role", "created_at", "updated_at")


@receiver(account_closing)
def on_account_closing(*, user: User, **kwargs: Any) -> None:
    """End all memberships. Raises SoleOwner when an organization would be without an OWNER."""
    mine = Organization.objects.with_member(user)
    organizations = list(mine.for_update().values_list("pk", flat=True))
    owners = Membership.objects.filter(organization__in=organizations, role=Membership.Role.OWNER)
    owned = set(owners.filter(user=user).values_list("organization", flat=True))
    kept = set(owners.exclude(user=user).values_list("organization", flat=True))
    if left_alone := sorted(owned - kept):
        raise SoleOwner(organizations=left_alone)
    user.memberships.filter(organization__in=organizations).delete()


@receiver(account_exported)
def on_account_exported(*, user: User, **kwargs: Any) -> dict[str, Any]:
    memberships = user.memberships.select_related("organization")
    return {"memberships": OwnMembershipSerializer(memberships, many=True).data}
