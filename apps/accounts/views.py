from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework_simplejwt.authentication import JWTAuthentication

from apps.common.schema import Operation
from apps.common.views import MethodFirstMixin

from .examples import DEAD_TOKEN, WRONG_CREDENTIALS
from .permissions import account_of
from .serializers import (
    LoginSerializer,
    PasswordChangeSerializer,
    RegisterSerializer,
    TokenBlacklistSerializer,
    TokenRefreshSerializer,
    TokenVerifySerializer,
    UserSerializer,
)
from .services import change_password, register_user

NOTHING = OpenApiResponse(
    {"type": "object", "maxProperties": 0}, examples=[OpenApiExample("OK", {})]
)


class PublicView(MethodFirstMixin, generics.GenericAPIView):
    """For people without a valid token: an old one in the header does not get in the way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (ScopedRateThrottle,)

    def get_authenticate_header(self, request: Request) -> str:
        # Without it DRF would turn the 401 of a wrong password into a 403.
        return JWTAuthentication().authenticate_header(request)


class RegisterView(PublicView):
    operations = {"post": Operation("Create an account.")}
    serializer_class = RegisterSerializer
    throttle_scope = "register"

    @extend_schema(responses={201: UserSerializer})
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = register_user(**serializer.validated_data)
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)


class TokenView(PublicView):
    """Answers with what its serializer makes of the input."""

    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)


class LoginView(TokenView):
    operations = {
        "post": Operation(
            "Log in: get an access and a refresh token.", unauthorized=WRONG_CREDENTIALS
        )
    }
    serializer_class = LoginSerializer
    throttle_scope = "login"


class TokenRefreshView(TokenView):
    operations = {
        "post": Operation("Trade a refresh token for a new access token.", unauthorized=DEAD_TOKEN)
    }
    serializer_class = TokenRefreshSerializer
    throttle_scope = "refresh"


@extend_schema_view(post=extend_schema(responses=NOTHING))
class TokenVerifyView(TokenView):
    operations = {"post": Operation("Tell whether a token is valid.", unauthorized=DEAD_TOKEN)}
    serializer_class = TokenVerifySerializer


@extend_schema_view(post=extend_schema(responses=NOTHING))
class TokenBlacklistView(TokenView):
    operations = {"post": Operation("Log out: end a refresh token.", unauthorized=DEAD_TOKEN)}
    serializer_class = TokenBlacklistSerializer


class MeView(MethodFirstMixin, generics.RetrieveUpdateAPIView):
    operations = {
        "retrieve": Operation("Show your account."),
        "partial_update": Operation("Change your names."),
    }
    serializer_class = UserSerializer
    http_method_names = ("get", "patch", "head", "options")

    def get_object(self) -> Any:
        return self.request.user


class PasswordChangeView(MethodFirstMixin, generics.GenericAPIView):
    operations = {"post": Operation("Change your password, which ends all your tokens.")}
    serializer_class = PasswordChangeSerializer
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "password_change"

    @extend_schema(responses={204: OpenApiResponse(description="The password is changed.")})
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        new_password = serializer.validated_data["new_password"]
        change_password(user=account_of(request), new_password=new_password)
        return Response(status=status.HTTP_204_NO_CONTENT)
