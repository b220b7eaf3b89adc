import django_filters

from apps.common.filters import IdFilter, MomentFilter, TextFilter

from .models import Event
from .querysets import EventQuerySet

MAX_SEARCH_LENGTH = 200


class EventFilter(django_filters.FilterSet):
    category = IdFilter(label="Id of a category.")
    organization = IdFilter(label="Id of an organization.")
    venue = IdFilter(label="Id of a venue.")
    status = django_filters.ChoiceFilter(choices=Event.Status.choices)
    starts_after = MomentFilter(
        "starts_at", "gte", label="Starts at this date (00:00 UTC) or date-time, or later."
    )
    starts_before = MomentFilter(
        "starts_at", "lt", label="Starts before this date (00:00 UTC) or date-time."
    )
    search = TextFilter(
        method="filter_search",
        label="Words of the title or the description, or their beginnings, in any letter case; "
        "all of them must occur.",
        max_length=MAX_SEARCH_LENGTH,
    )

    class Meta:
        model = Event
        fields = ()

    def filter_search(self, queryset: EventQuerySet, name: str, value: str) -> EventQuerySet:
        return queryset.matching(value)
