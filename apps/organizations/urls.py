from apps.common.routers import ApiRouter

from .views import OrganizationViewSet

router = ApiRouter()
router.register("organizations", OrganizationViewSet, basename="organization")

urlpatterns = router.urls
