import pytest
from django.urls import reverse

from tests.accounts.bodies import user_body
from tests.clients import client_of
from tests.common.helpers import iso, unchanged
from tests.factories import BookingFactory, MembershipFactory, UserFactory, VenueFactory

pytestmark = pytest.mark.django_db


def export(user):
    response = client_of(user).get(reverse("me-export"))
    assert response.status_code == 200
    return response.json()


def account(user):
    return {**user_body(user), "is_superuser": user.is_superuser, "last_login": None}


def test_an_empty_account_is_all_there_is():
    user = UserFactory()
    assert export(user) == {
        "account": account(user),
        "memberships": [],
        "venues": [],
        "bookings": [],
    }


def test_everything_of_ones_own_is_there():
    user, venue = UserFactory(first_name="Ada", support=True), VenueFactory()
    membership = MembershipFactory(user=user, role="MANAGER")
    venue.managers.add(user)
    older = BookingFactory(user=user, confirmed=True)
    newer = BookingFactory(user=user, cancelled=True)
    found = export(user)
    assert found["account"] == account(user)
    assert found["memberships"] == [
        {
            "organization": membership.organization_id,
            "organization_name": membership.organization.name,
            "role": "MANAGER",
            "created_at": iso(membership.created_at),
            "updated_at": iso(membership.updated_at),
        }
    ]
    assert found["venues"] == [{"id": venue.pk, "name": venue.name}]
    client = client_of(user)
    for booking in found["bookings"]:
        shown = client.get(reverse("booking-detail", args=[booking["id"]])).json()
        shown.pop("history", None)
        assert booking == shown
    assert [each["id"] for each in found["bookings"]] == [newer.pk, older.pk]
    assert found["bookings"][1]["unit_price"] == "25.00"


@pytest.mark.parametrize("flags", [{}, {"support": True}, {"admin": True}])
def test_nothing_of_others_is_there(flags):
    user, venue = UserFactory(**flags), VenueFactory()
    MembershipFactory()
    venue.managers.add(UserFactory())
    BookingFactory()
    found = export(user)
    assert (found["memberships"], found["venues"], found["bookings"]) == ([], [], [])


def test_who_confirmed_a_booking_is_not_there(admin):
    user = UserFactory()
    booking = BookingFactory(user=user)
    confirmed = admin.post(reverse("booking-confirm", args=[booking.pk]))
    assert confirmed.status_code == 200
    assert confirmed.json()["history"]
    assert confirmed.json()["history"][0]["actor_email"] not in str(export(user))


def test_no_hash_of_the_password_is_there():
    user = UserFactory()
    assert user.password not in str(export(user))


def test_a_copy_changes_nothing():
    user = UserFactory()
    with unchanged():
        export(user)


@pytest.mark.parametrize("bookings", [1, 20])
def test_no_number_of_rows_takes_more_statements(django_assert_num_queries, bookings):
    user = UserFactory()
    BookingFactory.create_batch(bookings, user=user)
    MembershipFactory.create_batch(bookings, user=user)
    client = client_of(user)
    with django_assert_num_queries(4):
        client.get(reverse("me-export"))


def test_it_needs_a_token(anonymous):
    assert anonymous.get(reverse("me-export")).status_code == 401
