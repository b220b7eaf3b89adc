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
# As its customer sees it, from the first moment.
PLACED = {name: value for name, value in BOOKING.items() if name != "history"}
CANCELLED = {
    **PLACED,
    "status": "CANCELLED",
    "expires_at": None,
    "cancelled_at": "2030-03-01T19:15:00Z",
    "cancellation_reason": "CUSTOMER",
    "updated_at": "2030-03-01T19:15:00Z",
}
CONFIRMATION = {
    "from_status": "PENDING",
    "to_status": "CONFIRMED",
    "reason": "",
    "actor": 44,
    "actor_email": "sam@example.org",
    "at": "2030-03-02T08:00:00Z",
}
CONFIRMED = {
    **BOOKING,
    "status": "CONFIRMED",
    "expires_at": None,
    "confirmed_at": CONFIRMATION["at"],
    "updated_at": CONFIRMATION["at"],
    "history": [CONFIRMATION],
}
REFUND = {
    **CONFIRMATION,
    "from_status": "CONFIRMED",
    "to_status": "CANCELLED",
    "reason": "REFUNDED",
    "at": "2030-06-22T10:30:00Z",
}
REFUNDED = {
    **CONFIRMED,
    "status": "CANCELLED",
    "cancelled_at": REFUND["at"],
    "cancellation_reason": REFUND["reason"],
    "updated_at": REFUND["at"],
    "history": [CONFIRMATION, REFUND],
}
EVENT_BOOKING = {**CONFIRMED, "user_email": ACCOUNT["email"]}
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
