"""What the documentation shows: one person's account throughout."""

ADDRESS = "ann@example.org"
PASSWORD = "correct-horse-7"  # noqa: S105
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjoiNDIifQ.c2lnbmF0dXJl"  # noqa: S105
RESET_TOKEN = "cq2s1d-8f14e45fceea167a5a36dedd4bea2543"  # noqa: S105

REGISTRATION = {
    "email": ADDRESS,
    "password": PASSWORD,
    "first_name": "Ann",
    "last_name": "Lee",
}
ACCOUNT = {
    "id": 42,
    "email": ADDRESS,
    "first_name": "Ann",
    "last_name": "Lee",
    "is_staff": False,
    "is_support": False,
    "created_at": "2030-01-10T09:00:00Z",
    "updated_at": "2030-01-10T09:00:00Z",
}
CREDENTIALS = {"email": ADDRESS, "password": PASSWORD}
WRONG_CREDENTIALS = {
    "detail": "No active account has this e-mail address and password.",
    "code": "no_active_account",
}
DEAD_TOKEN = {"detail": "Token is invalid", "code": "token_not_valid"}
EXPORT = {
    "account": {**ACCOUNT, "is_superuser": False, "last_login": None},
    "memberships": [
        {
            "organization": 3,
            "organization_name": "Riverside Concerts",
            "role": "MANAGER",
            "created_at": "2030-01-11T09:00:00Z",
            "updated_at": "2030-01-11T09:00:00Z",
        }
    ],
    "venues": [{"id": 5, "name": "Riverside Hall"}],
    "bookings": [
        {
            "id": 31,
            "event_title": "Opening night",
            "quantity": 2,
            "unit_price": "25.00",
            "status": "CONFIRMED",
            "created_at": "2030-03-01T18:30:00Z",
        }
    ],
}
