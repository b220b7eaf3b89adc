"""A member's life: another role, being removed, leaving; and the last OWNER, who stays."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.organizations.models import Membership
from tests.clients import client_of
from tests.common.helpers import assert_invalid, assert_refused, iso, unchanged
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db

ROLES = ["OWNER", "MANAGER", "MEMBER"]


@pytest.fixture
def organization():
    return OrganizationFactory()


@pytest.fixture
def owner(organization):
    return MembershipFactory(organization=organization, role="OWNER")


@pytest.fixture
def manager(organization, owner):
    return MembershipFactory(organization=organization, role="MANAGER")


def member_of(organization, role="MEMBER", **fields):
    return MembershipFactory(organization=organization, role=role, **fields)


def url_of(membership):
    args = [membership.organization_id, membership.user_id]
    return reverse("organization-member", args=args)


def change(actor, membership, role, **more):
    return client_of(actor.user).patch(url_of(membership), {"role": role, **more})


def remove(actor, membership, body=None):
    return client_of(actor.user).delete(url_of(membership), body)


def leave(membership):
    url = reverse("organization-leave", args=[membership.organization_id])
    return client_of(membership.user).post(url)


def role_of(membership):
    """The role that is stored now, None when the membership has ended."""
    rows = Membership.objects.filter(organization=membership.organization, user=membership.user)
    return rows.values_list("role", flat=True).first()


def assert_forbidden(response):
    assert response.status_code == 403, response.content
    assert list(response.json()) == ["detail"]


class TestChange:
    def test_the_answer_is_the_membership_and_updated_at_moves(self, organization, owner):
        user = UserFactory(email="ada@example.com", first_name="Ada", last_name="Lovelace")
        member = member_of(organization, user=user)
        long_ago = timezone.now() - timedelta(days=9)
        Membership.objects.update(created_at=long_ago, updated_at=long_ago)
        response = change(owner, member, "MANAGER")
        member.refresh_from_db()
        assert response.status_code == 200
        assert response.json() == {
            "id": member.pk,
            "user": user.pk,
            "user_email": "ada@example.com",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "role": "MANAGER",
            "created_at": iso(long_ago),
            "updated_at": iso(member.updated_at),
        }
        assert (member.role, member.created_at) == ("MANAGER", long_ago)
        assert timezone.now() - member.updated_at < timedelta(minutes=1)
        owner.refresh_from_db()
        assert owner.updated_at == long_ago

    @pytest.mark.parametrize("to", ROLES)
    @pytest.mark.parametrize("role", ROLES)
    def test_an_owner_turns_every_role_into_every_other(self, organization, owner, role, to):
        member = member_of(organization, role)
        response = change(owner, member, to)
        assert (response.status_code, response.json()["role"]) == (200, to)
        assert role_of(member) == to

    @pytest.mark.parametrize("to", ["MANAGER", "MEMBER"])
    @pytest.mark.parametrize("role", ["MANAGER", "MEMBER"])
    def test_a_manager_deals_with_managers_and_members(self, organization, manager, role, to):
        member = member_of(organization, role)
        assert change(manager, member, to).status_code == 200
        assert role_of(member) == to

    @pytest.mark.parametrize("to", ROLES)
    def test_a_manager_does_not_touch_an_owner(self, manager, owner, to):
        with unchanged():
            assert_forbidden(change(manager, owner, to))

    @pytest.mark.parametrize("role", ["MANAGER", "MEMBER"])
    def test_a_manager_does_not_grant_owner(self, organization, manager, role):
        member = member_of(organization, role)
        with unchanged():
            assert_forbidden(change(manager, member, "OWNER"))

    @pytest.mark.parametrize("role", ROLES)
    def test_the_present_role_again_changes_nothing(self, organization, owner, role):
        member = member_of(organization, role)
        with unchanged():
            response = change(owner, member, role)
        assert (response.status_code, response.json()["role"]) == (200, role)
        assert response.json()["updated_at"] == iso(member.updated_at)

    @pytest.mark.parametrize("body", [{}, {"roles": "MEMBER"}])
    def test_no_role_changes_nothing(self, organization, owner, body):
        member = member_of(organization, "MANAGER")
        with unchanged():
            response = client_of(owner.user).patch(url_of(member), body)
        assert (response.status_code, response.json()["role"]) == (200, "MANAGER")

    @pytest.mark.parametrize("role", ["owner", "Owner", " OWNER", "OWNER ", ["OWNER"], "BOSS", ""])
    def test_no_other_spelling_slips_through(self, organization, manager, role):
        member = member_of(organization)
        with unchanged():
            assert_invalid(change(manager, member, role), "role")

    def test_what_else_the_body_holds_is_ignored(self, organization, owner):
        member, other = member_of(organization), member_of(OrganizationFactory())
        more = {"organization": other.organization_id, "user": other.user_id, "id": other.pk}
        response = change(owner, member, "MANAGER", **more, user_email="x@example.com")
        assert (response.status_code, response.json()["id"]) == (200, member.pk)
        assert (role_of(member), role_of(other)) == ("MANAGER", "MEMBER")
        member.refresh_from_db()
        assert member.organization == organization

    def test_a_new_role_counts_at_once(self, organization, owner):
        member, name = member_of(organization), {"name": "Owls"}
        client, url = client_of(member.user), reverse("organization-detail", args=[organization.pk])
        for role, status in (("MANAGER", 200), ("MEMBER", 403)):
            change(owner, member, role)
            assert client.patch(url, name).status_code == status


class TestOneself:
    @pytest.mark.parametrize("to", ROLES)
    def test_a_member_changes_no_role(self, organization, owner, to):
        member = member_of(organization)
        with unchanged():
            assert_forbidden(change(member, member, to))

    def test_a_manager_does_not_become_owner(self, manager):
        with unchanged():
            assert_forbidden(change(manager, manager, "OWNER"))

    def test_a_manager_may_step_down_and_not_up_again(self, manager):
        assert change(manager, manager, "MEMBER").status_code == 200
        with unchanged():
            assert_forbidden(change(manager, manager, "MANAGER"))

    def test_an_owner_may_step_down_while_there_is_another(self, organization, owner):
        other = member_of(organization, "OWNER")
        assert change(owner, owner, "MEMBER").status_code == 200
        with unchanged():
            assert_refused(change(other, other, "MANAGER"), "last_owner")
            assert_forbidden(change(owner, owner, "OWNER"))

    def test_a_member_leaves_by_leaving_and_not_by_removing(self, organization, owner):
        member = member_of(organization)
        with unchanged():
            assert_forbidden(remove(member, member))
        assert leave(member).status_code == 204


class TestRemove:
    @pytest.mark.parametrize("role", ROLES)
    def test_an_owner_removes_anybody_and_nothing_else_goes(self, organization, owner, role):
        member = member_of(organization, role)
        elsewhere = MembershipFactory(user=member.user, role="OWNER")
        response = remove(owner, member)
        assert (response.status_code, response.content) == (204, b"")
        assert list(Membership.objects.all()) == [owner, elsewhere]
        assert User.objects.filter(pk=member.user_id).exists()

    @pytest.mark.parametrize("role", ["MANAGER", "MEMBER"])
    def test_a_manager_removes_managers_and_members(self, organization, manager, role):
        member = member_of(organization, role)
        assert remove(manager, member).status_code == 204
        assert role_of(member) is None

    def test_a_manager_does_not_remove_an_owner(self, organization, manager, owner):
        member_of(organization, "OWNER")
        with unchanged():
            assert_forbidden(remove(manager, owner))

    def test_a_body_is_not_read(self, organization, manager):
        member = member_of(organization)
        assert remove(manager, member, {"role": "OWNER"}).status_code == 204

    def test_a_second_time_there_is_nobody(self, organization, owner):
        member = member_of(organization)
        remove(owner, member)
        with unchanged():
            assert remove(owner, member).status_code == 404

    def test_the_removed_lose_every_right_at_once(self, organization, owner):
        manager, member = member_of(organization, "MANAGER"), member_of(organization)
        client = client_of(manager.user)
        members = reverse("organization-members", args=[organization.pk])
        assert client.get(members).status_code == 200
        remove(owner, manager)
        body = {"user_email": manager.user.email, "role": "MANAGER"}
        with unchanged():
            assert_forbidden(client.get(members))
            assert_forbidden(client.patch(url_of(member), {"role": "MANAGER"}))
            assert_forbidden(client.delete(url_of(member)))
            assert_forbidden(
                client.post(reverse("organization-add-member", args=[organization.pk]), body)
            )
            assert_forbidden(leave(manager))

    def test_the_removed_can_be_added_again(self, organization, owner):
        member = member_of(organization, "MANAGER")
        remove(owner, member)
        url = reverse("organization-add-member", args=[organization.pk])
        body = {"user_email": member.user.email, "role": "MEMBER"}
        assert client_of(owner.user).post(url, body).status_code == 201


class TestLeave:
    @pytest.mark.parametrize("role", ROLES)
    def test_every_member_may(self, organization, owner, role):
        member = member_of(organization, role)
        elsewhere = MembershipFactory(user=member.user)
        response = leave(member)
        assert (response.status_code, response.content) == (204, b"")
        assert list(Membership.objects.all()) == [owner, elsewhere]

    def test_only_from_where_one_is(self, organization, owner):
        elsewhere = MembershipFactory(role="OWNER")
        url = reverse("organization-leave", args=[organization.pk])
        with unchanged():
            assert_forbidden(client_of(elsewhere.user).post(url))

    def test_an_admin_who_is_a_member_may(self, organization, owner):
        member = member_of(organization, user=UserFactory(admin=True))
        assert leave(member).status_code == 204
        with unchanged():
            assert leave(member).status_code == 404


class TestTheLastOwner:
    """Stays, however many other members there are, and OWNERs of other organizations."""

    @pytest.fixture
    def owner(self, organization, owner):
        member_of(organization, "MANAGER")
        member_of(organization, "MEMBER")
        member_of(OrganizationFactory(), "OWNER")
        member_of(OrganizationFactory(), "OWNER", user=owner.user)
        return owner

    @pytest.fixture(params=["oneself", "admin"])
    def actor(self, request, owner):
        if request.param == "oneself":
            return owner
        return Membership(user=UserFactory(admin=True))

    @pytest.mark.parametrize("to", ["MANAGER", "MEMBER"])
    def test_is_not_demoted(self, actor, owner, to):
        with unchanged():
            assert_refused(change(actor, owner, to), "last_owner")

    def test_is_not_removed(self, actor, owner):
        with unchanged():
            assert_refused(remove(actor, owner), "last_owner")

    def test_does_not_leave(self, owner):
        with unchanged():
            assert_refused(leave(owner), "last_owner")

    def test_may_go_when_there_is_another(self, organization, owner):
        heir = member_of(organization, "MANAGER")
        assert change(owner, heir, "OWNER").status_code == 200
        assert leave(owner).status_code == 204
        with unchanged():
            assert_refused(leave(heir), "last_owner")

    def test_goes_along_with_the_organization(self, organization, owner, admin):
        url = reverse("organization-detail", args=[organization.pk])
        assert admin.delete(url).status_code == 204
        assert not Membership.objects.filter(organization=organization).exists()

    def test_an_organization_that_has_none_is_no_trap(self, organization, admin):
        members = [member_of(organization), member_of(organization, "MANAGER")]
        assert leave(members[0]).status_code == 204
        assert admin.patch(url_of(members[1]), {"role": "OWNER"}).status_code == 200


class TestAnotherOrganization:
    @pytest.mark.parametrize("role", ["OWNER", "MANAGER"])
    def test_its_leaders_have_no_right_here(self, organization, owner, role):
        stranger, member = member_of(OrganizationFactory(), role), member_of(organization)
        with unchanged():
            for target in (member, owner):
                assert_forbidden(change(stranger, target, "MEMBER"))
                assert_forbidden(change(stranger, target, "OWNER"))
                assert_forbidden(remove(stranger, target))

    def test_a_manager_here_is_not_helped_by_being_owner_there(self, organization, manager, owner):
        MembershipFactory(user=manager.user, role="OWNER")
        member = member_of(organization)
        with unchanged():
            assert_forbidden(change(manager, member, "OWNER"))
            assert_forbidden(change(manager, owner, "MEMBER"))
            assert_forbidden(remove(manager, owner))

    def test_an_owner_of_two_with_the_wrong_pair_of_ids_finds_nobody(self, organization, owner):
        other = MembershipFactory(user=owner.user, role="OWNER").organization
        here, there = member_of(organization), member_of(other)
        with unchanged():
            for pair in ((organization, there.user), (other, here.user)):
                wrong = Membership(organization=pair[0], user=pair[1])
                assert change(owner, wrong, "MANAGER").status_code == 404
                assert change(owner, wrong, "OWNER").status_code == 404
                assert remove(owner, wrong).status_code == 404

    def test_the_role_of_the_same_account_there_stays(self, organization, owner):
        member = member_of(organization)
        there = MembershipFactory(user=member.user, role="MANAGER")
        assert change(owner, member, "OWNER").status_code == 200
        assert role_of(there) == "MANAGER"
        assert remove(owner, member).status_code == 204
        assert role_of(there) == "MANAGER"

    def test_whom_the_pair_names_owner_there_counts_as_no_owner_here(self, organization, manager):
        there = MembershipFactory(role="OWNER")
        member = member_of(organization, user=there.user)
        assert remove(manager, member).status_code == 204


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_an_account_has_one_spelling_in_the_path(organization, owner, admin, method):
    member = member_of(organization)
    path = reverse("organization-members", args=[organization.pk])
    pk = member.user_id
    spellings = [f"0{pk}", f"+{pk}", f"{pk}.0", f"%20{pk}", f"{pk}%0A", "0", "-1", "me", "1_0"]
    spellings += [member.user.email, 2**63 - 1, 2**63, "9" * 19, "9" * 5000]
    with unchanged():
        for spelling in spellings:
            response = getattr(admin, method)(f"{path}{spelling}/", {"role": "MANAGER"})
            assert response.status_code == 404, spelling
            assert list(response.json()) == ["detail"]


class TestDjangoAdmin:
    @pytest.fixture
    def boss(self):
        client = Client()
        client.force_login(UserFactory(admin=True))
        return client

    def page(self, name, *args):
        return reverse(f"admin:organizations_membership_{name}", args=args)

    def test_the_last_owner_keeps_the_role(self, boss, owner):
        with unchanged():
            response = boss.post(self.page("change", owner.pk), {"role": "MEMBER"})
        errors = response.context["adminform"].form.errors
        assert errors == {"__all__": ["An organization keeps at least one OWNER."]}

    def test_the_last_owner_is_not_deleted(self, boss, owner):
        with unchanged():
            response = boss.post(self.page("delete", owner.pk), {"post": "yes"})
            body = {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"}
            boss.post(self.page("changelist"), body)
        texts = [str(message) for message in get_messages(response.wsgi_request)]
        assert texts == ["An organization keeps at least one OWNER."]

    def test_others_are_changed_and_deleted(self, boss, organization, owner):
        member = member_of(organization)
        assert boss.post(self.page("change", owner.pk), {"role": "OWNER"}).status_code == 302
        assert boss.post(self.page("change", member.pk), {"role": "OWNER"}).status_code == 302
        assert role_of(member) == "OWNER"
        assert boss.post(self.page("delete", owner.pk), {"post": "yes"}).status_code == 302
        assert list(Membership.objects.all()) == [member]

    def test_a_membership_cannot_move_to_another_account_or_organization(self, boss, owner):
        other = MembershipFactory()
        body = {"role": "OWNER", "user": other.user_id, "organization": other.organization_id}
        with unchanged():
            assert boss.post(self.page("change", owner.pk), body).status_code == 302

    def test_a_member_is_added_once(self, boss, organization):
        body = {"user": UserFactory().pk, "organization": organization.pk, "role": "OWNER"}
        assert boss.post(self.page("add"), body).status_code == 302
        assert organization.memberships.get().role == "OWNER"
        with unchanged():
            response = boss.post(self.page("add"), body)
        assert response.context["adminform"].form.errors

    def test_deleting_an_organization_takes_its_members_along(self, boss, organization, owner):
        url = reverse("admin:organizations_organization_delete", args=[organization.pk])
        assert boss.post(url, {"post": "yes"}).status_code == 302
        assert not Membership.objects.exists()
