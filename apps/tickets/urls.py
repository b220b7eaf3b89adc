from django.urls import path

from apps.common.routers import ApiRouter

from .views import AvailableTicketsView, EventsTicketViewSet

router = ApiRouter()
router.register("tickets", EventsTicketViewSet, basename="ticket")

urlpatterns = [
    *router.urls,
    path(
        "events/<id:pk>/available-tickets/",
        AvailableTicketsView.as_view(),
        name="event-available-tickets",
    ),
]
