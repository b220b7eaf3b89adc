from django.urls import path

from apps.common.routers import ApiRouter

from .views import BookingViewSet, EventBookingsExportView, EventBookingsView, EventStatsView

router = ApiRouter()
router.register("bookings", BookingViewSet, basename="booking")

urlpatterns = [
    *router.urls,
    path("events/<id:pk>/bookings/", EventBookingsView.as_view(), name="event-bookings"),
    path(
        "events/<id:pk>/bookings/export/",
        EventBookingsExportView.as_view(),
        name="event-bookings-export",
    ),
    path("events/<id:pk>/stats/", EventStatsView.as_view(), name="event-stats"),
]
