"""Domain errors: what a rule answers when it refuses. They know no HTTP."""

from typing import Any, ClassVar


class DomainError(Exception):
    """A rule was broken and nothing was changed.

    `code` is stable and meant for programs, `message` for people; `details` are further facts
    that a client needs, by name, of which `example` has some to show.
    """

    code: ClassVar[str]
    message: ClassVar[str]
    example: ClassVar[dict[str, Any]] = {}

    def __init__(self, **details: Any) -> None:
        super().__init__(self.message)
        self.details = details


class FieldError(DomainError):
    """A rule about one field of the input, which only the stored data can decide."""

    code = "invalid"
    message = "Invalid value."

    def __init__(self, field: str, message: str) -> None:
        super().__init__()
        self.field = field
        self.field_message = message


class InUse(DomainError):
    code = "in_use"
    message = "This cannot be deleted: other records refer to it."


class ChangedMeanwhile(DomainError):
    """The row is no longer what the request says it is about."""

    code = "changed_meanwhile"
    message = "This was changed meanwhile. Read it again and repeat your change."


class Busy(DomainError):
    """A lock or the database was not to be had in time."""

    code = "busy"
    message = "The service is busy. Try again in a moment."
