from typing import Any

from rest_framework import serializers

from apps.accounts.models import User
from apps.common.schema import with_examples
from apps.common.serializers import ModelSerializer, UniqueNameField

from . import examples
from .models import Membership, Organization
from .services import create_organization


class AccountByEmailField(serializers.SlugRelatedField):
    """An existing account, named by its address in any letter case."""

    default_error_messages = {"does_not_exist": "No account has this e-mail address."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="email", queryset=User.objects.all(), **kwargs)


@with_examples(request=examples.INPUT, response=examples.ORGANIZATION)
class OrganizationSerializer(ModelSerializer):
    name = UniqueNameField(Organization.objects.all())

    class Meta:
        model = Organization
        fields: tuple[str, ...] = (
            "id",
            "name",
            "website",
            "contact_email",
            "created_at",
            "updated_at",
        )


@with_examples(
    request={**examples.INPUT, "owner_email": "max@example.org"}, response=examples.ORGANIZATION
)
class OrganizationCreateSerializer(OrganizationSerializer):
    owner_email = AccountByEmailField(
        write_only=True,
        required=False,
        help_text="The account that becomes the OWNER; without it, you do.",
    )

    class Meta(OrganizationSerializer.Meta):
        fields = (*OrganizationSerializer.Meta.fields, "owner_email")

    def create(self, validated_data: dict[str, Any]) -> Organization:
        owner = validated_data.pop("owner_email", self.context["request"].user)
        return create_organization(owner=owner, **validated_data)


@with_examples(response=examples.MEMBERSHIP)
class MembershipSerializer(ModelSerializer):
    user_email = serializers.EmailField(source="user.email", read_only=True)
    first_name = serializers.CharField(source="user.first_name", read_only=True)
    last_name = serializers.CharField(source="user.last_name", read_only=True)

    class Meta:
        model = Membership
        fields = (
            "id",
            "user",
            "user_email",
            "first_name",
            "last_name",
            "role",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


@with_examples(request=examples.NEW_MEMBER)
class AddMemberSerializer(serializers.Serializer):
    user_email = AccountByEmailField()
    role = serializers.ChoiceField(Membership.Role.choices)


@with_examples(request=examples.NEW_ROLE)
class ChangeMemberSerializer(serializers.Serializer):
    role = serializers.ChoiceField(Membership.Role.choices)
