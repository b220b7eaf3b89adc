"""What accounts ask of the rooms above them."""

from django.dispatch import Signal

# Sent with `user` when an account is about to be closed, inside the transaction, with the account
# locked and still itself. A receiver that raises keeps it open and everything as it was.
account_closing = Signal()

# Sent with `user` when somebody wants a copy of their personal data. Each receiver returns what its
# room has, ready for JSON, by the name of the section.
account_exported = Signal()
