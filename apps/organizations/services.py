from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.common.transactions import atomic

from .errors import AlreadyMember
from .models import Membership, Organization


@atomic
def create_organization(*, owner: User, **fields: Any) -> Organization:
    """A new organization with `owner` as its first OWNER."""
    organization = Organization.objects.create(**fields)
    organization.memberships.create(user=owner, role=Membership.Role.OWNER)
    return organization


def add_member(*, organization: Organization, user: User, role: str) -> Membership:
    """Give `user` a role in the organization (§5.3). Raises AlreadyMember, whatever the role."""
    try:
        with transaction.atomic():
            return organization.memberships.create(user=user, role=role)
    except IntegrityError:
        if organization.memberships.filter(user=user).exists():
            raise AlreadyMember from None
        raise
