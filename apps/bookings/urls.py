from django.urls import path

from apps.common.routers import ApiRouter

from .views import BookingViewSet, EventBookingsView

router = ApiRouter()
router.register("bookings", BookingViewSet, basename="booking")

urlpatterns = [
    *router.urls,
    path("events/<id:pk>/bookings/", EventBookingsView.as_view(), name="event-bookings"),
]
