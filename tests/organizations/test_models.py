"""What the database itself refuses, whoever writes."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from apps.common.errors import FieldError
from apps.organizations.models import Membership, Organization
from apps.organizations.services import add_member, create_organization
from tests.common.helpers import unchanged
from tests.factories import EventFactory, MembershipFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db


def refused(constraint):
    return pytest.raises(IntegrityError, match=constraint)


def test_names_are_unique_without_regard_to_case():
    OrganizationFactory(name="Night Owls")
    other = OrganizationFactory(name="Night Owl")
    with unchanged(), refused("organization_name_unique"), transaction.atomic():
        Organization.objects.create(name="night OWLS")
    with unchanged(), refused("organization_name_unique"), transaction.atomic():
        Organization.objects.filter(pk=other.pk).update(name="NIGHT OWLS")


# SQLite names the columns.
ONE_ROLE = "membership_user_unique|organization_id, .*user_id"


def test_an_account_has_one_role_in_an_organization():
    member = MembershipFactory(role="MEMBER")
    with unchanged(), refused(ONE_ROLE), transaction.atomic():
        Membership.objects.create(organization=member.organization, user=member.user, role="OWNER")
    MembershipFactory(user=member.user)
    MembershipFactory(organization=member.organization)
    assert Membership.objects.count() == 3


@pytest.mark.parametrize("role", ["BOSS", "owner", ""])
def test_there_is_no_other_role(role):
    member = MembershipFactory()
    with unchanged(), refused("membership_role_valid"), transaction.atomic():
        Membership.objects.filter(pk=member.pk).update(role=role)


@pytest.mark.parametrize("role", ["OWNER", "MANAGER", "MEMBER"])
def test_every_role_is_accepted(role):
    MembershipFactory(role=role)
    assert Membership.objects.get().role == role


def test_an_organization_with_events_and_an_account_with_a_role_are_protected():
    event, member = EventFactory(), MembershipFactory()
    with unchanged():
        for row in (event.organization, member.user):
            with pytest.raises(ProtectedError):
                row.delete()


def test_an_organization_without_its_owner_is_not_created():
    with unchanged(), pytest.raises(FieldError):
        create_organization(owner=UserFactory.build(), name="Night Owls")


def test_only_a_second_membership_is_called_one():
    """Any other broken constraint is no `already_member`."""
    organization, user = OrganizationFactory(), UserFactory()
    with unchanged(), refused("membership_role_valid"):
        add_member(organization=organization, user=user, role="BOSS", actor=None)
