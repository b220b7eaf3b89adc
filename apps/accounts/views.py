from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.schema import Operation
from apps.common.throttling import AttemptThrottle
from apps.common.views import MethodFirstMixin

from .authentication import JWTAuthentication
from .errors import LastAdmin, ResetTokenInvalid, SoleOwner
from .examples import DEAD_TOKEN, WRONG_CREDENTIALS
from .permissions import account_of
from .serializers import (
    AccountCloseSerializer,
    ExportSerializer,
    LoginSerializer,
    PasswordChangeSerializer,
    PasswordResetConfirmSerializer,
    PasswordResetSerializer,
    RegisterSerializer,
    TokenBlacklistSerializer,
    TokenRefreshSerializer,
    TokenVerifySerializer,
    UserSerializer,
    account_in_token,
)
from .services import (
    change_password,
    close_account,
    export_account,
    register_user,
    request_password_reset,
    reset_password,
)

NOTHING = OpenApiResponse(
    {"type": "object", "maxProperties": 0}, examples=[OpenApiExample("OK", {})]
)


def sent(request: Request, field: str) -> Any:
    """What the body, which the parser lets through only as an object, has under `field`."""
    return request.data.get(field) if isinstance(request.data, dict) else None


class PublicView(MethodFirstMixin, generics.GenericAPIView):
    """For people without a valid token: an old one in the header does not get in the way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AttemptThrottle,)
    throttle_scope: str | None = None

    def get_authenticate_header(self, request: Request) -> str:
        # Without it DRF would turn the 401 of a wrong password into a 403.
        return JWTAuthentication().authenticate_header(request)

    def throttle_account(self, request: Request) -> str | None:
        """The address in the body as it is looked up, whether or not an account has it."""
        address = sent(request, "email")
        return address.strip().lower() if isinstance(address, str) else None


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

    def throttle_account(self, request: Request) -> str | None:
        return account_in_token(sent(request, "refresh"))


@extend_schema_view(post=extend_schema(responses=NOTHING))
class TokenVerifyView(TokenView):
    operations = {"post": Operation("Tell whether a token is valid.", unauthorized=DEAD_TOKEN)}
    serializer_class = TokenVerifySerializer


@extend_schema_view(post=extend_schema(responses=NOTHING))
class TokenBlacklistView(TokenView):
    operations = {"post": Operation("Log out: end a refresh token.", unauthorized=DEAD_TOKEN)}
    serializer_class = TokenBlacklistSerializer


class PasswordResetView(PublicView):
    operations = {"post": Operation("Ask for an e-mail with which to set a new password.")}
    serializer_class = PasswordResetSerializer
    throttle_scope = "password_reset"

    @extend_schema(
        responses={204: OpenApiResponse(description="If the address has an account, it gets mail.")}
    )
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        request_password_reset(**serializer.validated_data)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordResetConfirmView(PublicView):
    operations = {
        "post": Operation("Set a new password, which ends all your tokens.", (ResetTokenInvalid,))
    }
    serializer_class = PasswordResetConfirmSerializer
    throttle_scope = "password_reset_confirm"

    @extend_schema(responses={204: OpenApiResponse(description="The password is changed.")})
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        reset_password(user=sent["user"], token=sent["token"], new_password=sent["new_password"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class OwnAccountView(MethodFirstMixin, generics.GenericAPIView):
    """About the caller, whose attempts at the current password are counted."""

    throttle_classes = (AttemptThrottle,)

    def throttle_account(self, request: Request) -> str | None:
        return str(account_of(request).pk)


class MeView(OwnAccountView, generics.RetrieveUpdateAPIView):
    operations = {
        "retrieve": Operation("Show your account."),
        "partial_update": Operation("Change your names."),
        "destroy": Operation(
            "Close your account: it becomes nobody's.", (SoleOwner, LastAdmin), reads_body=True
        ),
    }
    http_method_names = ("get", "patch", "delete", "head", "options")

    @property
    def throttle_scope(self) -> str | None:
        return "password_change" if self.request.method == "DELETE" else None

    def get_serializer_class(self) -> Any:
        return AccountCloseSerializer if self.request.method == "DELETE" else UserSerializer

    def get_object(self) -> Any:
        return self.request.user

    @extend_schema(responses={204: OpenApiResponse(description="The account is closed.")})
    def delete(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        close_account(user=account_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportView(MethodFirstMixin, generics.GenericAPIView):
    operations = {"get": Operation("Show everything that is stored about you.")}
    serializer_class = ExportSerializer

    def get(self, request: Request) -> Response:
        user = account_of(request)
        data = {"account": user, **export_account(user=user)}
        return Response(self.get_serializer(data).data)


class PasswordChangeView(OwnAccountView):
    operations = {"post": Operation("Change your password, which ends all your tokens.")}
    serializer_class = PasswordChangeSerializer
    throttle_scope = "password_change"

    @extend_schema(responses={204: OpenApiResponse(description="The password is changed.")})
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        new_password = serializer.validated_data["new_password"]
        change_password(user=account_of(request), new_password=new_password)
        return Response(status=status.HTTP_204_NO_CONTENT)
