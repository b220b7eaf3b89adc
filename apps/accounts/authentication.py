from typing import Any

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework_simplejwt.authentication import JWTAuthentication as SimpleJWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from apps.common.queries import CompiledLookup

from .models import User

accounts = CompiledLookup(User.objects.all)


class JWTAuthentication(SimpleJWTAuthentication):
    """The library's, for which every request with a token looks its account up at less cost."""

    def get_user(self, validated_token: Token) -> Any:
        """The token's account.

        Raises InvalidToken (401) when it names none, and AuthenticationFailed (401) when that is
        gone or inactive, or has another password than when the token was issued.
        """
        try:
            user = accounts.find(int(validated_token[api_settings.USER_ID_CLAIM]))
        except (KeyError, ValueError):
            raise InvalidToken("Token contained no recognizable user identification") from None
        if user is None:
            raise AuthenticationFailed("User not found", code="user_not_found")
        if not user.is_active:
            raise AuthenticationFailed("User is inactive", code="user_inactive")
        fingerprint = get_md5_hash_password(user.password)
        if validated_token.get(api_settings.REVOKE_TOKEN_CLAIM) != fingerprint:
            raise AuthenticationFailed(
                "The user's password has been changed.", code="password_changed"
            )
        return user


class JWTScheme(SimpleJWTScheme):
    """How the API's documentation describes it: as the library's own, and where a token is from."""

    target_class = f"{__name__}.JWTAuthentication"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        description = "The `access` token of a login, without the word Bearer."
        return {**super().get_security_definition(auto_schema), "description": description}
