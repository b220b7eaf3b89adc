from apps.common.errors import DomainError


class ResetTokenInvalid(DomainError):
    code = "reset_token_invalid"
    message = "This link is not valid, was used, or is too old: ask for a new one."


class SoleOwner(DomainError):
    """With `organizations`: the ids of those that would be left without an OWNER."""

    code = "last_owner"
    message = "You are the last OWNER of an organization: make somebody else an OWNER first."
    example = {"organizations": [3]}


class LastAdmin(DomainError):
    code = "last_admin"
    message = "You are the last active superuser: make somebody else one first."
