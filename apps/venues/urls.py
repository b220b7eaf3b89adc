from apps.common.routers import ApiRouter

from .views import VenueViewSet

router = ApiRouter()
router.register("venues", VenueViewSet, basename="venue")

urlpatterns = router.urls
