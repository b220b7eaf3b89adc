"""Who belongs to an organization: the list of members, and adding one."""

import pytest
from django.urls import reverse

from apps.organizations.models import Membership
from tests.clients import client_of
from tests.common.helpers import assert_invalid, assert_refused, iso, unchanged
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db

ROLES = ["OWNER", "MANAGER", "MEMBER"]


@pytest.fixture
def organization():
    return OrganizationFactory()


def client_with(organization, role):
    return client_of(MembershipFactory(organization=organization, role=role).user)


def add(client, organization, user_email, role):
    url = reverse("organization-add-member", args=[organization.pk])
    return client.post(url, {"user_email": user_email, "role": role})


def shown(membership):
    user = membership.user
    return {
        "id": membership.pk,
        "user": user.pk,
        "user_email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": membership.role,
        "created_at": iso(membership.created_at),
        "updated_at": iso(membership.updated_at),
    }


class TestList:
    @pytest.mark.parametrize("caller", [*ROLES, "admin"])
    def test_every_member_and_nobody_else(self, organization, admin, caller):
        members = [MembershipFactory(organization=organization, role=role) for role in ROLES]
        user = UserFactory(email="ada@example.com", first_name="Ada", last_name="Lovelace")
        members.append(MembershipFactory(organization=organization, user=user))
        MembershipFactory(user=user, role="OWNER")
        client = admin
        if caller != "admin":
            client = client_of(members[ROLES.index(caller)].user)
        response = client.get(reverse("organization-members", args=[organization.pk]))
        assert response.status_code == 200
        assert response.json() == {
            "count": 4,
            "next": None,
            "previous": None,
            "results": [shown(member) for member in members],
        }

    def test_an_organization_may_have_none(self, organization, admin):
        url = reverse("organization-members", args=[organization.pk])
        assert admin.get(url).json()["results"] == []


class TestAdd:
    def test_the_answer_is_the_membership(self, organization):
        owner = client_with(organization, "OWNER")
        user = UserFactory(email="ada@example.com", first_name="Ada", last_name="Lovelace")
        response = add(owner, organization, "ada@example.com", "MANAGER")
        membership = Membership.objects.get(user=user)
        assert response.status_code == 201
        assert response.json() == shown(membership)
        assert (membership.organization, membership.role) == (organization, "MANAGER")

    @pytest.mark.parametrize("address", ["ADA@example.com", "Ada@Example.Com"])
    def test_the_address_is_found_in_any_letter_case(self, organization, admin, address):
        user = UserFactory(email="ada@example.com")
        response = add(admin, organization, address, "MEMBER")
        assert (response.status_code, response.json()["user"]) == (201, user.pk)
        assert response.json()["user_email"] == "ada@example.com"

    @pytest.mark.parametrize("address", ["eda@example.com", "ada@example.co", "ada", "%"])
    def test_an_address_of_nobody_is_refused(self, organization, admin, address):
        UserFactory(email="ada@example.com")
        with unchanged():
            assert_invalid(add(admin, organization, address, "MEMBER"), "user_email")

    @pytest.mark.parametrize("given", ROLES)
    @pytest.mark.parametrize("present", ROLES)
    def test_a_member_is_not_added_again_nor_given_another_role(
        self, organization, admin, present, given
    ):
        member = MembershipFactory(organization=organization, role=present)
        with unchanged():
            response = add(admin, organization, member.user.email.upper(), given)
            assert_refused(response, "already_member")

    def test_nobody_promotes_oneself(self, organization):
        manager = MembershipFactory(organization=organization, role="MANAGER").user
        with unchanged():
            assert add(client_of(manager), organization, manager.email, "OWNER").status_code == 403
            response = add(client_of(manager), organization, manager.email, "MEMBER")
            assert_refused(response, "already_member")

    def test_what_else_the_body_holds_is_ignored(self, organization):
        user, other = UserFactory(), OrganizationFactory()
        url = reverse("organization-add-member", args=[organization.pk])
        body = {
            "user_email": user.email,
            "role": "MEMBER",
            "organization": other.pk,
            "user": UserFactory().pk,
        }
        response = client_with(organization, "OWNER").post(url, body)
        assert (response.status_code, response.json()["user"]) == (201, user.pk)
        assert user.memberships.get().organization == organization


class TestGranting:
    @pytest.mark.parametrize("role", ["MANAGER", "MEMBER"])
    def test_a_manager_grants_every_role_but_owner(self, organization, role):
        user = UserFactory()
        response = add(client_with(organization, "MANAGER"), organization, user.email, role)
        assert (response.status_code, response.json()["role"]) == (201, role)

    def test_a_manager_does_not_grant_owner(self, organization):
        manager, user = client_with(organization, "MANAGER"), UserFactory()
        with unchanged():
            response = add(manager, organization, user.email, "OWNER")
            assert response.status_code == 403
            assert list(response.json()) == ["detail"]

    def test_being_owner_elsewhere_does_not_help(self, organization):
        user = MembershipFactory(organization=organization, role="MANAGER").user
        MembershipFactory(user=user, role="OWNER")
        other = UserFactory()
        with unchanged():
            response = add(client_of(user), organization, other.email, "OWNER")
            assert response.status_code == 403

    @pytest.mark.parametrize("owns_another", [False, True])
    def test_it_is_refused_before_the_rest_of_the_body_is_looked_at(
        self, organization, owns_another
    ):
        user = MembershipFactory(organization=organization, role="MANAGER").user
        if owns_another:
            MembershipFactory(user=user, role="OWNER")
        assert add(client_of(user), organization, "nobody@x.org", "OWNER").status_code == 403
        assert_invalid(add(client_of(user), organization, "nobody@x.org", "MEMBER"), "user_email")

    @pytest.mark.parametrize("caller", ["OWNER", "staff", "superuser"])
    def test_an_owner_or_admin_does(self, organization, caller):
        if caller == "OWNER":
            client = client_with(organization, caller)
        else:
            client = client_of(UserFactory(**{f"is_{caller}": True}))
        user = UserFactory()
        assert add(client, organization, user.email, "OWNER").status_code == 201
        assert user.memberships.get().role == "OWNER"

    @pytest.mark.parametrize("role", ["owner", "Owner", " OWNER", "OWNER ", ["OWNER"], "BOSS"])
    def test_no_other_spelling_slips_through(self, organization, role):
        manager, user = client_with(organization, "MANAGER"), UserFactory()
        with unchanged():
            assert_invalid(add(manager, organization, user.email, role), "role")


def test_a_new_manager_may_write_at_once(organization, admin):
    user = UserFactory()
    url = reverse("organization-detail", args=[organization.pk])
    assert client_of(user).patch(url, {"name": "Owls"}).status_code == 403
    add(admin, organization, user.email, "MANAGER")
    assert client_of(user).patch(url, {"name": "Owls"}).status_code == 200
