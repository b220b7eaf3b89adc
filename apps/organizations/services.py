"""What happens to organizations and who belongs to them.

An organization never loses its last OWNER, and only an OWNER or an admin makes, changes or removes
one. Every function that changes who belongs to it locks first (a new member's account, then the
organization) and decides, also on what `actor` may do, on the memberships that it reads then.
Where `actor` is None nobody's rights are asked: for Django admin, which only admins may use.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied

from apps.accounts.models import User
from apps.common.errors import FieldError
from apps.common.transactions import atomic

from .errors import AlreadyMember, LastOwner
from .models import Membership, Organization

OWNER = Membership.Role.OWNER


@atomic
def create_organization(*, owner: User, **fields: Any) -> Organization:
    """A new organization with `owner` as its first OWNER. Raises FieldError when that is gone."""
    organization = Organization.objects.create(**fields)
    _lock_account(owner, "owner_email")
    organization.memberships.create(user=owner, role=OWNER)
    return organization


@atomic
def add_member(
    *, organization: Organization, user: User, role: str, actor: User | None
) -> Membership:
    """Give `user` a role in the organization (§5.3).

    Raises PermissionDenied, Organization.DoesNotExist, AlreadyMember, whatever the role, or
    FieldError when the account is gone.
    """
    _lock_account(user, "user_email")
    _lock(organization.pk)
    _check_may_change(role, organization.pk, actor)
    if organization.memberships.filter(user=user).exists():
        raise AlreadyMember
    return organization.memberships.create(user=user, role=role)


@atomic
def update_member(
    *, organization_id: int, user_id: int, actor: User | None, role: str | None = None
) -> Membership:
    """Give a member another role; no role, or the present one, changes nothing.

    Raises PermissionDenied, LastOwner, Organization.DoesNotExist or Membership.DoesNotExist.
    """
    _lock(organization_id)
    _check_may_change(role, organization_id, actor)
    membership = _find_member(organization_id, user_id, actor)
    if role is None or role == membership.role:
        return membership
    _check_owner_remains(membership)
    membership.role = role
    membership.save(update_fields=["role", "updated_at"])
    return membership


@atomic
def remove_member(*, organization_id: int, user_id: int, actor: User | None) -> None:
    """End a membership.

    Raises PermissionDenied, LastOwner, Organization.DoesNotExist or Membership.DoesNotExist.
    """
    _lock(organization_id)
    membership = _find_member(organization_id, user_id, actor)
    _check_owner_remains(membership)
    membership.delete()


def leave_organization(*, organization_id: int, user: User) -> None:
    """End one's own membership, which needs no right.

    Raises LastOwner, Organization.DoesNotExist or Membership.DoesNotExist.
    """
    remove_member(organization_id=organization_id, user_id=user.pk, actor=None)


def lock_for_changes(*, organization_id: int, joining: Iterable[User]) -> None:
    """Take the locks of several changes in one transaction, so that each finds its own taken.

    `joining` are the accounts of new members. Raises Organization.DoesNotExist.
    """
    list(User.objects.for_update().filter(pk__in=[user.pk for user in joining]))
    _lock(organization_id)


def _lock_account(user: User, field: str) -> None:
    """Keep an account from being closed, which locks it first, before its memberships end."""
    if not User.objects.for_update().filter(pk=user.pk, email=user.email).first():
        raise FieldError(field, "No account has this e-mail address.")


def _lock(organization_id: int) -> None:
    Organization.objects.for_update().get(pk=organization_id)


def _find_member(organization_id: int, user_id: int, actor: User | None) -> Membership:
    """The membership in a locked organization, if `actor` may change it."""
    members = Membership.objects.filter(organization=organization_id).select_related("user")
    membership = members.get(user=user_id)
    _check_may_change(membership.role, organization_id, actor)
    return membership


def _check_may_change(role: str | None, organization_id: int, actor: User | None) -> None:
    """The permission classes have said so, but before the lock: roles may have changed since."""
    if actor is None:
        return
    organizations = Organization.objects
    if role == OWNER:
        may, who = organizations.owned_by(actor), "an OWNER"
    else:
        may, who = organizations.managed_by(actor), "an OWNER or MANAGER"
    if not may.filter(pk=organization_id).exists():
        raise PermissionDenied(f"Only {who} of the organization or an admin may do this.")


def _check_owner_remains(membership: Membership) -> None:
    """For a membership that ends or gets another role, in a locked organization."""
    if membership.role != OWNER:
        return
    owners = Membership.objects.filter(organization=membership.organization_id, role=OWNER)
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwner
