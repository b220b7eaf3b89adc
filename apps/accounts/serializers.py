from typing import Any, TypeVar

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework_simplejwt.exceptions import (
    AuthenticationFailed,
    InvalidToken,
    TokenBackendError,
    TokenError,
)
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.state import token_backend
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import RefreshToken, Token, UntypedToken

from apps.common.schema import with_examples
from apps.common.serializers import ModelSerializer

from . import examples
from .authentication import JWTAuthentication
from .models import LowerCaseEmailField as StoredLowerCaseEmailField
from .models import User
from .services import find_reset_account


class PasswordField(serializers.CharField):
    """A password as it was typed, never shown again."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            write_only=True,
            trim_whitespace=False,
            max_length=128,
            style={"input_type": "password"},
            **kwargs,
        )


def check_new_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise serializers.ValidationError(error.messages) from None


def check_current_password(password: str, user: User) -> str:
    if not user.check_password(password):
        raise serializers.ValidationError("This is not the current password.")
    return password


@with_examples(request={"first_name": "Ann", "last_name": "Lee-Stone"}, response=examples.ACCOUNT)
class UserSerializer(ModelSerializer):
    """An account as its owner sees it; the names are theirs to change."""

    created_at = serializers.DateTimeField(source="date_joined", read_only=True)

    class Meta:
        model = User
        fields: tuple[str, ...] = (
            "id",
            "email",
            "first_name",
            "last_name",
            "is_staff",
            "is_support",
            "created_at",
            "updated_at",
        )
        read_only_fields: tuple[str, ...] = ("email", "is_staff", "is_support", "updated_at")


class LowerCaseEmailField(serializers.EmailField):
    """An address in lower case, as it is stored: what is checked of it is checked of that."""

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).lower()


@with_examples(request=examples.REGISTRATION)
class RegisterSerializer(serializers.ModelSerializer):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        StoredLowerCaseEmailField: LowerCaseEmailField,
    }
    password = PasswordField()

    class Meta:
        model = User
        fields = ("email", "password", "first_name", "last_name")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        person = User(**{name: value for name, value in attrs.items() if name != "password"})
        try:
            check_new_password(attrs["password"], person)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"password": error.detail}) from None
        return attrs


@with_examples(request={"old_password": examples.PASSWORD, "new_password": "battery-staple-9"})
class PasswordChangeSerializer(serializers.Serializer):
    old_password = PasswordField()
    new_password = PasswordField()

    def validate_old_password(self, value: str) -> str:
        return check_current_password(value, self.context["request"].user)

    def validate_new_password(self, value: str) -> str:
        check_new_password(value, self.context["request"].user)
        return value


@with_examples(request={"email": examples.ADDRESS})
class PasswordResetSerializer(serializers.Serializer):
    email = LowerCaseEmailField(write_only=True, max_length=254)


@with_examples(
    request={"uid": "NDI", "token": examples.RESET_TOKEN, "new_password": "battery-staple-9"}
)
class PasswordResetConfirmSerializer(serializers.Serializer):
    uid = serializers.CharField(write_only=True)
    token = serializers.CharField(write_only=True)
    new_password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Adds the account as `user`. Raises ResetTokenInvalid."""
        user = find_reset_account(uid=attrs["uid"], token=attrs["token"])
        try:
            check_new_password(attrs["new_password"], user)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"new_password": error.detail}) from None
        return {**attrs, "user": user}


@with_examples(request={"password": examples.PASSWORD})
class AccountCloseSerializer(serializers.Serializer):
    password = PasswordField()

    def validate_password(self, value: str) -> str:
        return check_current_password(value, self.context["request"].user)


class AccountExportSerializer(UserSerializer):
    """All that is stored of an account itself, but for the password's hash."""

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "is_superuser", "last_login")
        read_only_fields = fields


@with_examples(response=examples.EXPORT)
class ExportSerializer(serializers.Serializer):
    """What is stored of a person, of which the rooms above contribute all but the account."""

    account = AccountExportSerializer()
    memberships = serializers.ListField(child=serializers.DictField())
    venues = serializers.ListField(child=serializers.DictField())
    bookings = serializers.ListField(child=serializers.DictField())


@with_examples(
    request=examples.CREDENTIALS, response={"access": examples.TOKEN, "refresh": examples.TOKEN}
)
class LoginSerializer(serializers.Serializer):
    """Trades credentials for an access and a refresh token (§1.2)."""

    email = serializers.CharField(write_only=True)
    password = PasswordField()
    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = authenticate(self.context["request"], **attrs)
        if user is None:
            raise AuthenticationFailed(
                "No active account has this e-mail address and password.",
                code="no_active_account",
            )
        refresh = RefreshToken.for_user(user)
        return {"access": str(refresh.access_token), "refresh": str(refresh)}


AnyToken = TypeVar("AnyToken", bound=Token)


def read_token(token_class: type[AnyToken], raw: Any) -> AnyToken:
    """The token that `raw` spells, of an account that may still use it.

    Raises InvalidToken or AuthenticationFailed (401) when it is forged, expired or from before a
    password change, or its account is inactive or gone. A RefreshToken may not be blacklisted.
    """
    try:
        token = token_class(raw)
    except TokenError as error:
        raise InvalidToken(str(error)) from None
    JWTAuthentication().get_user(token)
    return token


def account_in_token(raw: Any) -> str | None:
    """The id of the account that a token of ours is about, or None; the account may be gone."""
    try:
        claims = token_backend.decode(raw)
    except TokenBackendError:
        return None
    return str(claims[api_settings.USER_ID_CLAIM])


@with_examples(request={"refresh": examples.TOKEN}, response={"access": examples.TOKEN})
class TokenRefreshSerializer(serializers.Serializer):
    """Trades a refresh token for a new access token (§1.3)."""

    refresh = serializers.CharField(write_only=True)
    access = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        token = read_token(RefreshToken, attrs["refresh"])
        return {"access": str(token.access_token)}


@with_examples(request={"token": examples.TOKEN})
class TokenVerifySerializer(serializers.Serializer):
    token = serializers.CharField(write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        token = read_token(UntypedToken, attrs["token"])
        if BlacklistedToken.objects.filter(token__jti=token["jti"]).exists():
            raise InvalidToken("Token is blacklisted")
        return {}


@with_examples(request={"refresh": examples.TOKEN})
class TokenBlacklistSerializer(serializers.Serializer):
    refresh = serializers.CharField(write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            RefreshToken(attrs["refresh"]).blacklist()
        except TokenError as error:
            raise InvalidToken(str(error)) from None
        return {}
