from apps.common.errors import DomainError


class AlreadyMember(DomainError):
    code = "already_member"
    message = "This account is a member of the organization already."


class LastOwner(DomainError):
    code = "last_owner"
    message = "An organization keeps at least one OWNER."
