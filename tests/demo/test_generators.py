"""The generators by themselves; these tests have no database, which they must not touch."""

from datetime import UTC, datetime

import pytest

from apps.accounts.models import User
from apps.demo.generators import Generator, Names, People, Show
from apps.venues.models import Venue

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def generator(random_seed: int = 1) -> Generator:
    return Generator(random_seed=random_seed, now=NOW)


def shows(source: Generator, number: int, venues: list[Venue] | None = None) -> list[Show]:
    return source.shows(
        number,
        source.organizations(2, taken=()),
        venues or source.venues(2, taken=()),
        source.categories(2, taken=()),
    )


class TestNames:
    def test_a_free_name_stays_as_it_is(self):
        assert Names([]).claim("Arena") == "Arena"

    def test_a_taken_name_gets_the_first_free_number(self):
        names = Names(["Arena", "Arena 3"])
        assert [names.claim("Arena") for _ in range(3)] == ["Arena 2", "Arena 4", "Arena 5"]

    @pytest.mark.parametrize("taken", ["arena", "ARENA"])
    def test_letter_case_makes_no_difference(self, taken):
        assert Names([taken]).claim("Arena") == "Arena 2"

    def test_the_number_goes_before_the_ending(self):
        names = Names(["ann@example.com"])
        assert names.claim("ann", separator="", ending="@example.com") == "ann2@example.com"


class TestUsers:
    def test_well_known_addresses_that_are_taken_are_left_out(self):
        users = generator().users(3, taken=["support@example.com"])
        assert [user.email for user in users[:2]] == ["owner@example.com", "customer@example.com"]
        assert not any(user.is_support for user in users)

    def test_no_address_is_given_twice(self):
        users = generator().users(2000, taken=())
        again = generator().users(2000, taken=[user.email for user in users])
        assert len({user.email for user in users + again}) == 4000


class TestMemberships:
    def test_nobody_is_twice_in_a_team_that_has_one_owner(self):
        source = generator()
        people = People(source.users(8, taken=()))
        organizations = source.organizations(40, taken=())
        memberships = source.memberships(organizations, people)
        for organization in organizations:
            team = [each for each in memberships if each.organization is organization]
            assert len({each.user.email for each in team}) == len(team)
            assert [each.role for each in team].count("OWNER") == 1

    def test_support_agents_alone_can_own_where_nobody_else_is(self):
        source = generator()
        people = People([User(email="agent@example.net", is_support=True)])
        [membership] = source.memberships(source.organizations(1, taken=()), people)
        assert membership.role == "OWNER"


class TestRoom:
    @pytest.mark.parametrize("number", [0, 1, 5000])
    def test_quotas_and_capacities_hold_what_is_held(self, number):
        source = generator()
        made = shows(source, 4)
        source.orders(number, made, People(source.users(3, taken=())))
        source.make_room(made)
        for show in made:
            assert all(offer.held <= offer.ticket.quota for offer in show.offers)
            if show.event.capacity is not None:
                assert max(1, show.held) <= show.event.capacity <= show.event.venue.capacity
        assert {show.event.capacity is None for show in made} == {True, False}

    @pytest.mark.parametrize(("number", "with_capacity"), [(0, True), (5000, False)])
    def test_a_venue_that_is_stored_already_stays_as_it_is(self, number, with_capacity):
        source = generator()
        venue = Venue(pk=1, name="Cellar", capacity=30)
        [show] = made = shows(source, 1, [venue])
        source.orders(number, made, People(source.users(3, taken=())))
        source.make_room(made)
        assert venue.capacity == 30
        assert show.event.capacity == (30 if with_capacity else None)

    def test_what_is_cancelled_takes_no_room(self):
        source = generator()
        made = shows(source, 1)
        orders = source.orders(300, made, People(source.users(3, taken=())))
        holding = [order.quantity for order in orders if order.status != "CANCELLED"]
        assert 0 < made[0].held == sum(holding) < sum(order.quantity for order in orders)


class TestRandomSeed:
    def portrait(self, random_seed: int) -> list[object]:
        source = generator(random_seed)
        users = source.users(10, taken=())
        made = shows(source, 6)
        orders = source.orders(30, made, People(users))
        source.make_room(made)
        bookings = list(source.bookings(orders))
        return [
            [(user.email, user.first_name, user.last_name) for user in users],
            [(show.event.title, show.event.starts_at, show.event.capacity) for show in made],
            [(offer.ticket.price, offer.ticket.quota) for show in made for offer in show.offers],
            [(each.user.email, each.quantity, each.status, each.expires_at) for each in bookings],
        ]

    def test_same_and_other(self):
        assert self.portrait(7) == self.portrait(7)
        assert all(
            mine != other for mine, other in zip(self.portrait(7), self.portrait(8), strict=True)
        )
