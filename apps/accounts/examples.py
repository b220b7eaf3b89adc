"""What the documentation shows: one person's account throughout."""

ADDRESS = "ann@example.org"
PASSWORD = "correct-horse-7"  # noqa: S105
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjoiNDIifQ.c2lnbmF0dXJl"  # noqa: S105

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
