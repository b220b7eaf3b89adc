from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.permissions import IsAdminOrReadOnly, account_of
from apps.common.errors import ChangedMeanwhile, InUse
from apps.common.public_cache import CachedForAnonymousMixin
from apps.common.schema import Operation
from apps.common.views import DeleteUnreferencedMixin, MethodFirstMixin

from .errors import AlreadyMember, LastOwner
from .models import Organization
from .permissions import (
    CanChangeOwner,
    CanGrantRole,
    IsOrganizationMember,
    IsOrganizationOwnerOrManager,
)
from .serializers import (
    AddMemberSerializer,
    ChangeMemberSerializer,
    MembershipSerializer,
    OrganizationCreateSerializer,
    OrganizationSerializer,
)
from .services import add_member, leave_organization, remove_member, update_member


class OrganizationViewSet(
    CachedForAnonymousMixin, MethodFirstMixin, DeleteUnreferencedMixin, viewsets.ModelViewSet
):
    operations = {
        "list": Operation("List organizations."),
        "create": Operation("Create an organization."),
        "retrieve": Operation("Show an organization."),
        "update": Operation("Replace an organization.", (ChangedMeanwhile,)),
        "partial_update": Operation("Change an organization.", (ChangedMeanwhile,)),
        "destroy": Operation("Delete an organization.", (InUse, ChangedMeanwhile)),
        "members": Operation("List the members of an organization with their roles."),
        "add_member": Operation("Give an account a role in an organization.", (AlreadyMember,)),
        "change_member": Operation("Change the role of a member.", (LastOwner,)),
        "remove_member": Operation("Remove a member from an organization.", (LastOwner,)),
        "leave": Operation("Leave an organization.", (LastOwner,)),
    }
    queryset = Organization.objects.all()
    ordering_fields = ("name", "created_at")
    ordering = ("name", "id")

    def get_permissions(self) -> Sequence[Any]:
        if self.action in ("list", "retrieve"):
            return [AllowAny()]
        if self.action in ("update", "partial_update"):
            return [IsAuthenticated(), IsOrganizationOwnerOrManager()]
        if self.action in ("create", "destroy"):
            return [IsAuthenticated(), IsAdminOrReadOnly()]
        if self.action == "remove_member":
            # It shares its path, but reads no role.
            return [IsAuthenticated(), IsOrganizationOwnerOrManager(), CanChangeOwner()]
        return super().get_permissions()

    def get_serializer_class(self) -> Any:
        return OrganizationCreateSerializer if self.action == "create" else OrganizationSerializer

    @extend_schema(responses=MembershipSerializer(many=True))
    @action(
        detail=True,
        permission_classes=(IsAuthenticated, IsOrganizationMember),
        ordering_fields=("created_at",),
        ordering=("id",),
    )
    def members(self, request: Request, pk: str) -> Response:
        memberships = self.get_object().memberships.select_related("user")
        page = self.paginate_queryset(self.filter_queryset(memberships))
        return self.get_paginated_response(MembershipSerializer(page, many=True).data)

    @extend_schema(request=AddMemberSerializer, responses={201: MembershipSerializer})
    @action(
        detail=True,
        methods=("post",),
        url_path="add-member",
        permission_classes=(IsAuthenticated, IsOrganizationOwnerOrManager, CanGrantRole),
    )
    def add_member(self, request: Request, pk: str) -> Response:
        organization = self.get_object()
        serializer = AddMemberSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        membership = add_member(
            organization=organization,
            user=serializer.validated_data["user_email"],
            role=serializer.validated_data["role"],
            actor=account_of(request),
        )
        return Response(MembershipSerializer(membership).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="organizations_change_member",
        request=ChangeMemberSerializer,
        responses=MembershipSerializer,
    )
    @action(
        detail=True,
        methods=("patch",),
        url_path="members/<id:user_id>",
        url_name="member",
        permission_classes=(
            IsAuthenticated,
            IsOrganizationOwnerOrManager,
            CanChangeOwner,
            CanGrantRole,
        ),
    )
    def change_member(self, request: Request, pk: int, user_id: int) -> Response:
        organization = self.get_object()
        serializer = ChangeMemberSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        membership = update_member(
            organization_id=organization.pk,
            user_id=user_id,
            actor=account_of(request),
            **serializer.validated_data,
        )
        return Response(MembershipSerializer(membership).data)

    @extend_schema(operation_id="organizations_remove_member", responses={204: None})
    @change_member.mapping.delete
    def remove_member(self, request: Request, pk: int, user_id: int) -> Response:
        organization = self.get_object()
        remove_member(organization_id=organization.pk, user_id=user_id, actor=account_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={204: None})
    @action(
        detail=True, methods=("post",), permission_classes=(IsAuthenticated, IsOrganizationMember)
    )
    def leave(self, request: Request, pk: int) -> Response:
        organization = self.get_object()
        leave_organization(organization_id=organization.pk, user=account_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
