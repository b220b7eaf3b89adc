import django_filters

from apps.common.filters import IdFilter

from .models import EventsTicket


class EventsTicketFilter(django_filters.FilterSet):
    event = IdFilter(label="Id of an event.")
    ticket_type = django_filters.ChoiceFilter(choices=EventsTicket.Type.choices)

    class Meta:
        model = EventsTicket
        fields = ()
