"""Two changes of who belongs to an organization at once, on real PostgreSQL, made to collide."""

from functools import partial

import pytest
from django.urls import reverse

from apps.accounts.services import close_account
from apps.organizations.models import Membership, Organization
from tests.clients import client_of
from tests.common.helpers import assert_invalid, assert_refused
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory
from tests.races import race, unlocked

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def organization():
    return OrganizationFactory()


def client_for(actor):
    """Of a member, or of an account."""
    return client_of(getattr(actor, "user", actor))


def url_of(member):
    return reverse("organization-member", args=[member.organization_id, member.user_id])


def change(actor, member, role="MEMBER"):
    return partial(client_for(actor).patch, url_of(member), {"role": role})


def remove(actor, member):
    return partial(client_for(actor).delete, url_of(member))


def leave(member):
    url = reverse("organization-leave", args=[member.organization_id])
    return partial(client_for(member).post, url)


def add(actor, user, role):
    url = reverse("organization-add-member", args=[actor.organization_id])
    return partial(client_for(actor).post, url, {"user_email": user.email, "role": role})


def delete(organization):
    url = reverse("organization-detail", args=[organization.pk])
    return partial(client_of(UserFactory(admin=True)).delete, url)


def statuses(outcomes):
    return [outcome.status_code for outcome in outcomes]


def roles(organization):
    return sorted(organization.memberships.values_list("role", flat=True))


def each_other(move):
    return lambda one, two: (move(one, two), move(two, one))


def by_admins(move):
    """Each by an admin, whose right does not depend on the other change."""
    return lambda one, two: (
        move(UserFactory(admin=True), one),
        move(UserFactory(admin=True), two),
    )


# How two OWNERs are on their way out at once, what both are answered, and what without locks.
WAYS_OUT = {
    "removing each other": (each_other(remove), [204, 403], [204, 204]),
    "demoting each other": (each_other(change), [200, 403], [200, 200]),
    "removed by admins": (by_admins(remove), [204, 400], [204, 204]),
    "demoted by admins": (by_admins(change), [200, 400], [200, 200]),
    "both leaving": (lambda one, two: (leave(one), leave(two)), [204, 400], [204, 204]),
    "leaving, demoted by the leaving one": (
        lambda one, two: (leave(one), change(one, two)),
        [204, 403],
        [204, 200],
    ),
    "demoted by the leaving one, leaving": (
        lambda one, two: (change(one, two), leave(one)),
        [200, 400],
        [200, 204],
    ),
    "leaving, demoted by an admin": (
        lambda one, two: (leave(one), change(UserFactory(admin=True), two)),
        [204, 400],
        [204, 200],
    ),
    "stepping down, removed": (
        lambda one, two: (change(one, one), remove(UserFactory(admin=True), two)),
        [200, 400],
        [200, 204],
    ),
}
by_way = pytest.mark.parametrize(
    ("collide", "expected", "without_locks"), WAYS_OUT.values(), ids=WAYS_OUT
)


class TestTheLastTwoOwners:
    @pytest.fixture
    def owners(self, organization):
        return MembershipFactory.create_batch(2, organization=organization, role="OWNER")

    @by_way
    def test_one_of_them_stays(self, organization, owners, collide, expected, without_locks):
        first, second = race(*collide(*owners))
        assert statuses([first, second]) == expected
        if second.status_code == 400:
            assert_refused(second, "last_owner")
        assert roles(organization).count("OWNER") == 1

    @by_way
    def test_none_would_stay_without_locks(
        self, organization, owners, collide, expected, without_locks, monkeypatch
    ):
        with unlocked(monkeypatch):
            assert statuses(race(*collide(*owners))) == without_locks
        assert roles(organization).count("OWNER") == 0

    def test_of_three_who_all_leave_one_stays(self, organization, owners):
        third = MembershipFactory(organization=organization, role="OWNER")
        outcomes = race(*(leave(owner) for owner in (*owners, third)))
        assert sorted(statuses(outcomes)) == [204, 204, 400]
        assert roles(organization) == ["OWNER"]

    def test_those_of_two_organizations_do_not_wait_for_each_other(self, owners):
        others = MembershipFactory.create_batch(2, organization=OrganizationFactory(), role="OWNER")
        assert statuses(race(leave(owners[0]), leave(others[0]))) == [204, 204]


class TestARightLostAtThatMoment:
    """The request passes its permission class, and is refused under the lock."""

    @pytest.fixture
    def owner(self, organization):
        return MembershipFactory(organization=organization, role="OWNER")

    @pytest.fixture
    def demoted(self, organization):
        return MembershipFactory(organization=organization, role="OWNER")

    @pytest.fixture
    def member(self, organization):
        return MembershipFactory(organization=organization)

    def moves(self, actor, owner, member):
        """What an OWNER may do and a MANAGER may not."""
        return {
            "grants it to a member": change(actor, member, "OWNER"),
            "takes it back": change(actor, actor, "OWNER"),
            "adds an OWNER": add(actor, UserFactory(), "OWNER"),
            "demotes an OWNER": change(actor, owner),
            "removes an OWNER": remove(actor, owner),
        }

    # The demotion has locked the row of the first in any case; the others nothing else protects.
    ON_ONESELF = "takes it back"
    ON_OTHERS = (
        *("grants it to a member", "adds an OWNER"),
        *("demotes an OWNER", "removes an OWNER"),
    )

    @pytest.mark.parametrize("move", [ON_ONESELF, *ON_OTHERS])
    def test_a_demoted_owner_uses_it_no_more(self, organization, owner, demoted, member, move):
        last_move = self.moves(demoted, owner, member)[move]
        first, second = race(change(owner, demoted, "MANAGER"), last_move)
        assert statuses([first, second]) == [200, 403]
        assert list(second.json()) == ["detail"]
        assert roles(organization) == ["MANAGER", "MEMBER", "OWNER"]

    @pytest.mark.parametrize("move", ON_OTHERS)
    def test_it_would_be_used_without_locks(
        self, organization, owner, demoted, member, move, monkeypatch
    ):
        last_move = self.moves(demoted, owner, member)[move]
        with unlocked(monkeypatch):
            assert race(change(owner, demoted, "MANAGER"), last_move)[1].status_code < 300

    @pytest.mark.parametrize("end", ["removed", "demoted"])
    def test_a_manager_who_is_none_any_more_changes_nothing(self, organization, owner, member, end):
        manager = MembershipFactory(organization=organization, role="MANAGER")
        for move in (
            add(manager, UserFactory(), "MEMBER"),
            change(manager, member, "MANAGER"),
            remove(manager, member),
        ):
            Membership.objects.update_or_create(
                organization=organization, user=manager.user, defaults={"role": "MANAGER"}
            )
            out = remove(owner, manager) if end == "removed" else change(owner, manager)
            first, second = race(out, move)
            assert first.status_code < 300
            assert second.status_code == 403
        kept = ["MEMBER", "OWNER"] if end == "removed" else ["MEMBER", "MEMBER", "OWNER"]
        assert roles(organization) == kept

    @pytest.mark.parametrize("move", [change, remove])
    def test_who_becomes_owner_meanwhile_is_out_of_a_managers_reach(
        self, organization, owner, member, move
    ):
        manager = MembershipFactory(organization=organization, role="MANAGER")
        first, second = race(change(owner, member, "OWNER"), move(manager, member))
        assert statuses([first, second]) == [200, 403]
        assert roles(organization) == ["MANAGER", "OWNER", "OWNER"]

    @pytest.mark.parametrize(("move", "status"), [(change, 200), (remove, 204)])
    def test_a_manager_would_reach_them_without_locks(
        self, organization, owner, monkeypatch, move, status
    ):
        manager = MembershipFactory(organization=organization, role="MANAGER")
        heir = MembershipFactory(organization=organization, role="MANAGER")
        with unlocked(monkeypatch):
            assert race(change(owner, heir, "OWNER"), move(manager, heir))[1].status_code == status
        assert roles(organization).count("OWNER") == 1


class TestAnAccountClosedAtThatMoment:
    """Else an organization could be left to an OWNER who is nobody."""

    @pytest.fixture
    def owner(self, organization):
        return MembershipFactory(organization=organization, role="OWNER")

    @pytest.fixture
    def user(self):
        return UserFactory()

    def test_is_not_added(self, owner, user):
        _, second = race(partial(close_account, user=user), add(owner, user, "OWNER"))
        assert_invalid(second, "user_email")
        assert not user.memberships.exists()

    def test_would_be_added_without_locks(self, owner, user, monkeypatch):
        with unlocked(monkeypatch):
            _, second = race(partial(close_account, user=user), add(owner, user, "OWNER"))
        assert (second.status_code, user.memberships.get().role) == (201, "OWNER")

    def test_leaves_what_it_was_added_to(self, owner, user):
        first, second = race(add(owner, user, "OWNER"), partial(close_account, user=user))
        assert (first.status_code, second) == (201, None)
        assert not user.memberships.exists()

    def test_becomes_owner_of_no_new_organization(self, user):
        admin = client_of(UserFactory(admin=True))
        body = {"name": "Night Owls", "owner_email": user.email}
        create = partial(admin.post, reverse("organization-list"), body)
        assert_invalid(race(partial(close_account, user=user), create)[1], "owner_email")
        assert not Organization.objects.exists()

    def test_is_not_promoted(self, organization, owner, user):
        member = MembershipFactory(organization=organization, user=user)
        _, second = race(partial(close_account, user=user), change(owner, member, "OWNER"))
        assert second.status_code == 404
        assert roles(organization) == ["OWNER"]


class TestOneMemberTwoChanges:
    @pytest.fixture
    def owner(self, organization):
        return MembershipFactory(organization=organization, role="OWNER")

    @pytest.fixture
    def member(self, organization):
        return MembershipFactory(organization=organization)

    @pytest.mark.parametrize("second", [change, remove])
    def test_who_was_removed_is_not_found(self, organization, owner, member, second):
        assert statuses(race(remove(owner, member), second(owner, member))) == [204, 404]
        assert roles(organization) == ["OWNER"]

    def test_who_was_removed_has_nothing_to_leave(self, organization, owner, member):
        assert statuses(race(remove(owner, member), leave(member))) == [204, 404]

    def test_an_account_is_added_once(self, organization, owner):
        user = UserFactory()
        first, second = race(add(owner, user, "MANAGER"), add(owner, user, "MEMBER"))
        assert first.status_code == 201
        assert_refused(second, "already_member")
        assert roles(organization) == ["MANAGER", "OWNER"]

    @pytest.mark.parametrize("move", ["change", "remove", "leave", "add"])
    def test_an_organization_deleted_meanwhile_is_not_found(
        self, organization, owner, member, move
    ):
        moves = {
            "change": change(owner, member, "OWNER"),
            "remove": remove(owner, member),
            "leave": leave(member),
            "add": add(owner, UserFactory(), "MEMBER"),
        }
        assert statuses(race(delete(organization), moves[move])) == [204, 404]
        assert not Membership.objects.exists()
