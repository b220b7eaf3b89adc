from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, Union

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connections
from django.db.models import BooleanField, Func, OuterRef, Q, Subquery, Sum

from apps.common.querysets import LockingQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User

DRAFT, PUBLISHED, CANCELLED = "DRAFT", "PUBLISHED", "CANCELLED"

# Words as they are written, of whatever language.
SEARCH_CONFIG = "simple"


class IsAnyOf(Func):
    """Whether a column has one of the values of an array."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY ("
    output_field = BooleanField()


class EventQuerySet(LockingQuerySet):
    def published(self) -> Self:
        return self.filter(status=PUBLISHED)

    def upcoming(self, now: datetime) -> Self:
        return self.filter(starts_at__gt=now)

    def visible_to(self, user: Union["User", "AnonymousUser"]) -> Self:
        """What `user` may see: everybody what was published once, members their own drafts too."""
        public = Q(status=PUBLISHED) | Q(status=CANCELLED, published_at__isnull=False)
        if not user.is_authenticated:
            return self.filter(public)
        if user.sees_everything:
            return self.all()
        return self.filter(public | Q(organization__in=user.memberships.values("organization")))

    def drafts_visible_to(self, user: Union["User", "AnonymousUser"]) -> Self:
        """What of `visible_to(user)` is DRAFT, without a look at everybody else's drafts."""
        drafts = self.filter(status=DRAFT)
        return (
            drafts if user.is_authenticated and user.sees_everything else drafts.with_member(user)
        )

    def with_member(self, user: Union["User", "AnonymousUser"]) -> Self:
        """The events of all organizations that `user` belongs to, in any role."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(organization__in=user.memberships.values("organization"))

    def matching(self, text: str) -> Self:
        """Events whose title or description has every word of `text`, or one that begins so.

        In any letter case; signs without a letter or digit do not count. SQLite, which has no index
        for it, finds a word inside others too.
        """
        words = [word for word in text.split() if any(map(str.isalnum, word))]
        if not words:
            return self.none()
        if connections[self.db].vendor == "postgresql":
            document = SearchVector("title", "description", config=SEARCH_CONFIG)
            beginnings = " & ".join(f"'{_quoted(word)}':*" for word in words)
            query = SearchQuery(beginnings, config=SEARCH_CONFIG, search_type="raw")
            matches = self.model._default_manager.alias(document=document).filter(document=query)
            # An array is made first: the planner takes beginnings of words for frequent, and would
            # rather look through all events in their order until it has found a page.
            ids = ArraySubquery(matches.order_by().values("pk"))
            return self.filter(IsAnyOf("pk", ids))
        conditions = (Q(title__icontains=word) | Q(description__icontains=word) for word in words)
        return self.filter(*conditions)

    def with_stock(self) -> Self:
        """Annotate `sold` and `quota`, the tickets of all types; None where there is no type."""
        # Ticket types are a room above: the reverse relation reaches them without an import.
        types: Any = self.model._meta.get_field("tickets").related_model
        of_event = types._default_manager.filter(event=OuterRef("pk")).order_by().values("event")
        totals = {name: of_event.annotate(total=Sum(name)) for name in ("sold", "quota")}
        return self.annotate(
            **{name: Subquery(total.values("total")) for name, total in totals.items()}
        )

    def with_names(self) -> Self:
        """With the related rows that a serialized event names."""
        return self.select_related("organization", "venue", "category")


def _quoted(word: str) -> str:
    """As it stands between the quotes of a `tsquery`."""
    return word.replace("\\", "\\\\").replace("'", "''")
