"""What all lists have in common: pages, and orders that never leave two rows in a tie."""

import pytest
from django.db.models import F

from apps.bookings.models import Booking
from tests.common.helpers import ids
from tests.common.lists import LISTINGS, make_owner, make_rows

pytestmark = pytest.mark.django_db

by_listing = pytest.mark.parametrize("listing", LISTINGS, ids=str)
ORDERINGS = [
    pytest.param(listing, field, id=f"{listing} {field}")
    for listing in LISTINGS
    for field in listing.ordering_fields
]


@pytest.fixture
def owner():
    return make_owner()


def fill(listing, owner, count):
    """Rows until the list has `count`."""
    return [listing.make(owner) for _ in range(count - listing.others)]


@by_listing
def test_a_list_is_a_page(owner, listing):
    fill(listing, owner, 3)
    body = listing.get(owner).json()
    assert list(body) == ["count", "next", "previous", "results"]
    assert (body["count"], body["next"], body["previous"]) == (3, None, None)
    assert len(body["results"]) == 3


@by_listing
def test_pages_lead_to_each_other(owner, listing):
    fill(listing, owner, 5)
    url = f"http://testserver{listing.url(owner)}"
    everything = ids(listing.get(owner))
    first, second, third = (listing.get(owner, page_size=2, page=n).json() for n in (1, 2, 3))
    assert (first["next"], first["previous"]) == (f"{url}?page=2&page_size=2", None)
    assert second["next"] == f"{url}?page=3&page_size=2"
    assert second["previous"] == f"{url}?page_size=2"
    assert (third["next"], third["previous"]) == (None, f"{url}?page=2&page_size=2")
    found = [row["id"] for page in (first, second, third) for row in page["results"]]
    assert {page["count"] for page in (first, second, third)} == {5}
    assert found == everything
    assert len(set(found)) == 5


@by_listing
def test_a_page_holds_twenty_rows(owner, listing):
    fill(listing, owner, 21)
    assert len(ids(listing.get(owner))) == 20
    assert len(ids(listing.get(owner, page=2))) == 1
    assert len(ids(listing.get(owner, page_size=21))) == 21


@by_listing
def test_every_row_shows_its_timestamps(owner, listing):
    fill(listing, owner, 2)
    for row in listing.get(owner).json()["results"]:
        assert {"created_at", "updated_at"} <= set(row)
        assert row["created_at"].endswith("Z")
        assert row["updated_at"].endswith("Z")


@by_listing
def test_a_page_that_is_not_there_is_not_found(owner, listing):
    fill(listing, owner, 2)
    for page in ("2", "3", "0", "-1", "9" * 30, "9" * 5000, "x", "1.5", "\0"):
        response = listing.get(owner, page=page)
        assert response.status_code == 404, page
        assert list(response.json()) == ["detail"]


@pytest.mark.parametrize("listing", [each for each in LISTINGS if not each.others], ids=str)
def test_the_first_page_is_there_without_rows(owner, listing):
    response = listing.get(owner, page=1)
    assert response.status_code == 200
    assert response.json() == {"count": 0, "next": None, "previous": None, "results": []}


@pytest.mark.parametrize(
    ("page_size", "length"),
    [
        *(("1", 1), ("99", 99), ("100", 100), ("101", 100), ("1000", 100), ("9" * 30, 100)),
        *(("0", 20), ("-1", 20), ("x", 20), ("", 20), ("1.5", 20), ("9" * 5000, 20), ("\0", 20)),
    ],
)
def test_a_page_holds_a_hundred_rows_at_most(owner, page_size, length):
    listing = next(each for each in LISTINGS if each.route == "category-list")
    fill(listing, owner, 102)
    assert len(ids(listing.get(owner, page_size=page_size))) == length


@pytest.mark.parametrize(("listing", "field"), ORDERINGS)
@pytest.mark.parametrize("direction", ["", "-"])
def test_a_list_can_be_ordered(owner, listing, field, direction):
    rows = make_rows(listing, owner, field, [2, 0, 1])
    made = {row.pk for row in rows}
    found = [pk for pk in ids(listing.get(owner, ordering=direction + field)) if pk in made]
    rows.sort(key=lambda row: getattr(row, field), reverse=direction == "-")
    assert found == [row.pk for row in rows]


# Names are unique: there are no ties.
TIES = [param for param in ORDERINGS if param.values[1] != "name"]


@pytest.mark.parametrize(("listing", "field"), TIES)
@pytest.mark.parametrize("direction", ["", "-"])
def test_ties_are_broken_by_id(owner, listing, field, direction):
    rows = make_rows(listing, owner, field, [1, 0, 0, 0])
    tied = {row.pk for row in rows[1:]}
    # An update moves a row to the end of the table, where PostgreSQL reads it last.
    type(rows[1])._default_manager.filter(pk=rows[1].pk).update(created_at=F("created_at"))
    found = [pk for pk in ids(listing.get(owner, ordering=direction + field)) if pk in tied]
    assert found in (sorted(tied), sorted(tied, reverse=True))


@by_listing
def test_the_default_order(owner, listing):
    field = listing.default_ordering.lstrip("-")
    if field == "id":
        rows = [listing.make(owner) for _ in range(3)]
    else:
        rows = make_rows(listing, owner, field, [2, 0, 1])
        rows.sort(
            key=lambda row: getattr(row, field), reverse=listing.default_ordering.startswith("-")
        )
    made = [row.pk for row in rows]
    assert [pk for pk in ids(listing.get(owner)) if pk in made] == made


@by_listing
def test_the_default_order_breaks_ties_by_id(owner, listing):
    field = listing.default_ordering.lstrip("-")
    if field in ("id", "name"):
        field = "created_at"
    rows = make_rows(listing, owner, field, [0, 0, 0])
    made = sorted(row.pk for row in rows)
    found = [pk for pk in ids(listing.get(owner)) if pk in made]
    newest_first = issubclass(type(rows[0]), Booking)
    assert found == (made[::-1] if newest_first else made)
