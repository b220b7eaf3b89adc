import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework_simplejwt.tokens import RefreshToken

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.organizations.models import Membership
from tests.bookings.helpers import sold
from tests.clients import client_of
from tests.common.helpers import assert_invalid, assert_refused, snapshot, unchanged
from tests.factories import (
    PASSWORD,
    BookingFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

OWNER = Membership.Role.OWNER


@pytest.fixture
def user():
    return UserFactory(email="ada@example.com", first_name="Ada", last_name="Lovelace")


def close(user, password=PASSWORD):
    return client_of(user).delete(reverse("me"), {"password": password})


def assert_closed(user):
    response = close(user)
    assert (response.status_code, response.content) == (204, b"")
    user.refresh_from_db()


class TestTheAccount:
    def test_becomes_nobodys(self, user):
        joined = user.date_joined
        assert_closed(user)
        assert user.email == f"deleted-{user.pk}@invalid"
        assert (user.first_name, user.last_name, user.last_login) == ("", "", None)
        assert not user.is_active
        assert not user.has_usable_password()
        assert user.date_joined == joined

    @pytest.mark.parametrize("flags", [{"support": True}, {"is_staff": True}, {"admin": True}])
    def test_loses_all_rights(self, flags):
        user, group = UserFactory(**flags), Group.objects.create(name="Box office")
        UserFactory(admin=True)
        user.groups.add(group)
        user.user_permissions.add(Permission.objects.first())
        assert_closed(user)
        assert (user.is_staff, user.is_superuser, user.is_support) == (False, False, False)
        assert (user.groups.count(), user.user_permissions.count()) == (0, 0)

    def test_has_no_way_in(self, anonymous, user):
        client, refresh = client_of(user), str(RefreshToken.for_user(user))
        assert_closed(user)
        assert client.get(reverse("me")).status_code == 401
        assert anonymous.post(reverse("jwt-refresh"), {"refresh": refresh}).status_code == 401
        for email in ("ada@example.com", user.email):
            body = {"email": email, "password": PASSWORD}
            assert anonymous.post(reverse("jwt-create"), body).status_code == 401

    def test_frees_its_address(self, anonymous, user):
        assert_closed(user)
        body = {"email": "ada@example.com", "password": PASSWORD}
        response = anonymous.post(reverse("register"), body)
        assert response.status_code == 201
        assert response.json()["id"] != user.pk

    def test_its_new_address_cannot_be_registered_beforehand(self, anonymous, user):
        body = {"email": f"deleted-{user.pk}@invalid", "password": PASSWORD}
        assert_invalid(anonymous.post(reverse("register"), body), "email")

    def test_nobody_else_is_changed(self, user):
        other = UserFactory(first_name="Eve")
        row = next(row for row in snapshot()[User] if row["id"] == other.pk)
        assert_closed(user)
        assert row in snapshot()[User]


class TestThePassword:
    @pytest.mark.parametrize("password", ["wrong", "Password123", f"{PASSWORD} ", "", None, 5, []])
    def test_a_wrong_one_is_refused(self, user, password):
        BookingFactory(user=user)
        with unchanged():
            assert_invalid(close(user, password), "password")

    def test_it_is_needed(self, user):
        with unchanged():
            assert_invalid(client_of(user).delete(reverse("me"), {}), "password")
            assert_invalid(client_of(user).delete(reverse("me")), "password")


class TestMemberships:
    def test_end(self, user):
        MembershipFactory(user=user)
        theirs = MembershipFactory(user=user, role=Membership.Role.MANAGER)
        colleague = MembershipFactory(organization=theirs.organization)
        assert_closed(user)
        assert list(Membership.objects.all()) == [colleague]

    def test_of_an_owner_end_beside_another_owner(self, user):
        mine = MembershipFactory(user=user, role=OWNER)
        other = MembershipFactory(organization=mine.organization, role=OWNER)
        assert_closed(user)
        assert list(Membership.objects.all()) == [other]

    def test_of_a_last_owner_keep_the_account(self, user):
        alone = [MembershipFactory(user=user, role=OWNER).organization_id for _ in range(2)]
        MembershipFactory(organization_id=alone[0], role=Membership.Role.MANAGER)
        shared = MembershipFactory(user=user, role=OWNER)
        MembershipFactory(organization=shared.organization, role=OWNER)
        MembershipFactory(user=user)
        OrganizationFactory()
        VenueFactory().managers.add(user)
        BookingFactory(user=user)
        with unchanged():
            assert_refused(close(user), "last_owner", organizations=alone)

    def test_of_venues_end(self, user):
        venue, other = VenueFactory(), UserFactory()
        venue.managers.add(user, other)
        assert_closed(user)
        assert list(venue.managers.all()) == [other]


class TestTheLastAdmin:
    def test_stays(self):
        user = UserFactory(admin=True)
        UserFactory(is_staff=True)
        UserFactory(admin=True, is_active=False)
        with unchanged():
            assert_refused(close(user), "last_admin")

    def test_may_go_beside_another_superuser(self):
        user = UserFactory(admin=True)
        UserFactory(is_superuser=True)
        assert_closed(user)

    def test_is_a_superuser(self):
        UserFactory(admin=True)
        assert_closed(UserFactory(is_staff=True))

    def test_is_asked_for_only_when_a_superuser_goes(self, user):
        assert_closed(user)


class TestBookings:
    def test_holds_return_their_tickets(self, user):
        event = EventFactory()
        first, second = EventsTicketFactory.create_batch(2, event=event)
        mine = [BookingFactory(user=user, event_ticket=each) for each in (first, first, second)]
        theirs = BookingFactory(event_ticket=first)
        assert_closed(user)
        for booking in mine:
            booking.refresh_from_db()
            assert booking.status == Booking.Status.CANCELLED
            assert booking.cancellation_reason == Booking.CancellationReason.CUSTOMER
            assert (booking.expires_at, booking.user_id) == (None, user.pk)
            (transition,) = booking.history.all()
            assert (transition.from_status, transition.to_status) == ("PENDING", "CANCELLED")
            assert (transition.actor, transition.at) == (user, booking.cancelled_at)
        theirs.refresh_from_db()
        assert theirs.status == Booking.Status.PENDING
        assert (sold(first), sold(second)) == (2, 0)

    def test_that_ran_out_return_theirs_too(self, user):
        booking = BookingFactory(user=user, run_out=True)
        assert_closed(user)
        booking.refresh_from_db()
        assert booking.cancellation_reason == Booking.CancellationReason.CUSTOMER
        assert sold(booking.event_ticket) == 0

    @pytest.mark.parametrize("kind", ["confirmed", "cancelled"])
    def test_that_are_no_holds_stay_as_they_are(self, user, kind):
        BookingFactory(user=user, **{kind: True})
        before = snapshot()[Booking]
        assert_closed(user)
        assert snapshot()[Booking] == before

    @pytest.mark.parametrize("when", ["running", "over"])
    def test_of_events_that_have_started_stay_as_they_are(self, user, when):
        ticket = EventsTicketFactory(event=EventFactory(**{when: True}))
        booking = BookingFactory(user=user, event_ticket=ticket)
        open_booking = BookingFactory(user=user)
        assert_closed(user)
        booking.refresh_from_db()
        open_booking.refresh_from_db()
        assert (booking.status, open_booking.status) == ("PENDING", "CANCELLED")
        assert (sold(ticket), sold(open_booking.event_ticket)) == (2, 0)

    def test_show_nobody_any_more(self, admin, user):
        booking = BookingFactory(user=user)
        assert_closed(user)
        url = reverse("event-bookings", args=[booking.event_ticket.event_id])
        text = admin.get(url).content.decode()
        assert f"deleted-{user.pk}@invalid" in text
        assert "ada@example.com" not in text

    def test_no_number_of_them_takes_more_statements(self):
        statements = []
        for number in (1, 12):
            user = UserFactory()
            BookingFactory.create_batch(number, user=user)
            with CaptureQueriesContext(connection) as captured:
                assert_closed(user)
            statements.append(len(captured))
        assert statements[0] == statements[1]
