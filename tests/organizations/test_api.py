"""Creating, changing and deleting organizations."""

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.organizations.models import Membership, Organization
from tests.clients import client_of
from tests.common.helpers import assert_invalid, assert_refused, iso, unchanged
from tests.factories import EventFactory, MembershipFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db


def create(client, **body):
    return client.post(reverse("organization-list"), {"name": "Night Owls", **body})


def detail(organization):
    return reverse("organization-detail", args=[organization.pk])


def roles():
    return list(Membership.objects.values_list("organization__name", "user", "role"))


class TestCreate:
    @pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
    def test_the_admin_becomes_the_owner(self, flag):
        user = UserFactory(**{flag: True})
        assert create(client_of(user)).status_code == 201
        assert roles() == [("Night Owls", user.pk, "OWNER")]

    @pytest.mark.parametrize("spelling", [str, str.upper, str.title])
    def test_the_account_of_owner_email_becomes_the_owner_instead(self, admin, spelling):
        user = UserFactory(email="ada@example.com")
        UserFactory(email="ada@example.org")
        assert create(admin, owner_email=spelling(user.email)).status_code == 201
        assert roles() == [("Night Owls", user.pk, "OWNER")]

    def test_an_address_of_nobody_creates_nothing(self, admin):
        UserFactory(email="ada@example.com")
        with unchanged():
            assert_invalid(create(admin, owner_email="eda@example.com"), "owner_email")

    def test_a_taken_name_makes_nobody_an_owner(self, admin):
        OrganizationFactory(name="Night Owls")
        user = UserFactory()
        with unchanged():
            assert_invalid(create(admin, owner_email=user.email), "name")

    @pytest.mark.parametrize("named", [True, False])
    def test_a_new_organization_is_shown_whole_and_without_its_owner(self, admin, named):
        links = {"website": "https://owls.example.com/", "contact_email": "office@example.com"}
        owner = {"owner_email": UserFactory().email} if named else {}
        response = create(admin, **links, **owner)
        organization = Organization.objects.get()
        assert response.status_code == 201
        assert response.json() == {
            "id": organization.pk,
            "name": "Night Owls",
            **links,
            "created_at": iso(organization.created_at),
            "updated_at": iso(organization.updated_at),
        }
        assert admin.get(detail(organization)).json() == response.json()

    def test_all_but_the_name_is_optional(self, admin):
        shown = create(admin).json()
        assert (shown["website"], shown["contact_email"]) == ("", "")


class TestUpdate:
    @pytest.fixture
    def organization(self):
        return OrganizationFactory(
            name="Night Owls",
            website="https://owls.example.com/",
            contact_email="office@example.com",
        )

    @pytest.fixture
    def manager(self, organization):
        return client_of(MembershipFactory(organization=organization, role="MANAGER").user)

    def test_owner_email_changes_no_owner_and_is_not_shown(self, organization, manager):
        body = {"name": "Night Owls", "owner_email": UserFactory().email}
        before = roles()
        for response in (
            manager.put(detail(organization), body),
            manager.patch(detail(organization), body),
        ):
            assert response.status_code == 200
            assert "owner_email" not in response.json()
        assert roles() == before

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("website", ""),
            ("website", "http://example.com"),
            ("website", "https://example.com:8443/owls?page=1#top"),
            ("contact_email", ""),
            ("contact_email", "first.last+tag@sub.example.com"),
        ],
    )
    def test_a_good_link_or_address_is_stored_as_it_is(self, organization, manager, field, value):
        response = manager.patch(detail(organization), {field: value})
        assert (response.status_code, response.json()[field]) == (200, value)
        organization.refresh_from_db()
        assert getattr(organization, field) == value

    def test_a_partial_update_moves_updated_at_and_nothing_that_was_not_sent(
        self, organization, manager
    ):
        (before,) = Organization.objects.values()
        manager.patch(detail(organization), {"website": ""})
        (after,) = Organization.objects.values()
        assert after["updated_at"] > before["updated_at"]
        assert after == {**before, "website": "", "updated_at": after["updated_at"]}


class TestNames:
    @pytest.mark.parametrize("name", ["Night Owls", "NIGHT OWLS", "night owls", "  Night Owls "])
    @pytest.mark.parametrize("method", ["post", "put", "patch"])
    def test_a_name_is_taken_in_any_letter_case(self, admin, method, name):
        OrganizationFactory(name="Night Owls")
        url = reverse("organization-list")
        if method != "post":
            url = detail(OrganizationFactory())
        with unchanged():
            assert_invalid(getattr(admin, method)(url, {"name": name}), "name")

    # The last ones are patterns that match it in SQL.
    @pytest.mark.parametrize("name", ["Night Owl", "NightOwls", "Night_Owls", "Night%", "%"])
    def test_another_name_is_not(self, admin, name):
        OrganizationFactory(name="Night Owls")
        assert create(admin, name=name).json()["name"] == name

    @pytest.mark.parametrize("name", ["Night Owls", "NIGHT owls"])
    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_ones_own_may_be_kept_or_change_its_case(self, admin, method, name):
        organization = OrganizationFactory(name="Night Owls")
        response = getattr(admin, method)(detail(organization), {"name": name})
        assert (response.status_code, response.json()["name"]) == (200, name)
        organization.refresh_from_db()
        assert organization.name == name

    @pytest.mark.postgresql
    def test_letters_beyond_ascii_have_a_case_on_postgresql(self, admin):
        OrganizationFactory(name="Öl & Ähre")
        with unchanged():
            assert_invalid(create(admin, name="öl & ähre"), "name")


class TestDelete:
    @pytest.mark.parametrize("status", ["DRAFT", "PUBLISHED", "CANCELLED"])
    def test_with_an_event_it_stays_and_so_do_its_members(self, admin, status):
        organization = EventFactory(status=status).organization
        MembershipFactory(organization=organization)
        with unchanged():
            assert_refused(admin.delete(detail(organization)), "in_use")

    def test_without_events_its_memberships_go_along_and_nothing_else(self, admin):
        organization, other = OrganizationFactory(name="Night Owls"), EventFactory().organization
        user = UserFactory()
        MembershipFactory(organization=organization)
        MembershipFactory(organization=organization, user=user, role="OWNER")
        kept = MembershipFactory(organization=other, user=user)
        accounts = User.objects.count()
        assert admin.delete(detail(organization)).status_code == 204
        assert list(Organization.objects.all()) == [other]
        assert list(Membership.objects.all()) == [kept]
        assert User.objects.count() == accounts
