"""What the documentation shows: a booking of the ticket type by the account of theirs."""

from apps.accounts.examples import ACCOUNT
from apps.common.csv import csv_text
from apps.events.examples import EVENT
from apps.tickets.examples import TICKET

INPUT = {"event_ticket": TICKET["id"], "quantity": 2}
BOOKING = {
    "id": 31,
    "user": ACCOUNT["id"],
    "event": EVENT["id"],
    "event_title": EVENT["title"],
    **INPUT,
    "ticket_type": TICKET["ticket_type"],
    "unit_price": TICKET["price"],
    "total_price": "50.00",
    "currency": TICKET["currency"],
    "status": "PENDING",
    "expires_at": "2030-06-20T19:00:00Z",
    "confirmed_at": None,
    "cancelled_at": None,
    "cancellation_reason": "",
    "created_at": "2030-03-01T18:30:00Z",
    "updated_at": "2030-03-01T18:30:00Z",
    "history": [],
}
CONFIRMATION = {
    "from_status": "PENDING",
    "to_status": "CONFIRMED",
    "reason": "",
    "actor": 44,
    "actor_email": "sam@example.org",
    "at": "2030-03-02T08:00:00Z",
}
EVENT_BOOKING = {
    **BOOKING,
    "user_email": ACCOUNT["email"],
    "status": "CONFIRMED",
    "expires_at": None,
    "confirmed_at": CONFIRMATION["at"],
    "updated_at": CONFIRMATION["at"],
    "history": [CONFIRMATION],
}
TOTALS = {
    "quota": TICKET["quota"],
    "sold": TICKET["sold"],
    "pending": 20,
    "confirmed": 100,
    "cancelled": 4,
    "confirmed_revenue": "2500.00",
}
EVENT_STATS = {
    "event": EVENT["id"],
    "currency": TICKET["currency"],
    "ticket_types": [
        {
            "id": TICKET["id"],
            "ticket_type": TICKET["ticket_type"],
            "price": TICKET["price"],
            **TOTALS,
        }
    ],
    "totals": TOTALS,
    "days": [
        {"date": "2030-02-28", "bookings": 40, "tickets": 100},
        {"date": "2030-03-01", "bookings": 11, "tickets": 24},
    ],
}
EXPORTED = {name: value for name, value in EVENT_BOOKING.items() if name != "history"}
EVENT_BOOKINGS_CSV = csv_text([EXPORTED, EXPORTED.values()])
