"""Where a new resource is: `Location` on 201."""

import pytest
from django.urls import reverse

from tests.bookings.helpers import place
from tests.clients import client_of
from tests.common.endpoints import ENDPOINTS, make_world
from tests.factories import EventsTicketFactory, UserFactory

pytestmark = pytest.mark.django_db

CREATING = [each for each in ENDPOINTS if each.status == 201]
WITHOUT_A_PAGE = {"register", "organization-add-member"}


@pytest.mark.parametrize("endpoint", CREATING, ids=str)
def test_it_is_the_page_of_what_was_created(endpoint):
    world = make_world()
    created = endpoint.send(world, endpoint.good(world))
    assert created.status_code == 201
    if endpoint.route in WITHOUT_A_PAGE:
        assert not created.has_header("Location")
        return
    page = reverse(endpoint.route.replace("-list", "-detail"), args=[created.json()["id"]])
    assert created["Location"] == f"http://testserver{page}"
    shown = world.client.get(created["Location"])
    assert (shown.status_code, shown.json()) == (200, created.json())


def test_a_booking_that_is_answered_again_is_where_it_was():
    customer, ticket = client_of(UserFactory()), EventsTicketFactory()
    first, again = (place(customer, ticket, key="once") for _ in range(2))
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]


def test_a_refused_request_has_none(admin):
    assert not admin.post(reverse("category-list"), {}).has_header("Location")
