"""Who may do what: every route and method, every kind of caller, one table.

The table is the permission columns of the specification, written by hand. That nothing is left out
is checked against the URL configuration, and that a refused request changes nothing against the
rows of every table of BTick.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from apps.accounts.models import User
from apps.bookings.models import Booking
from apps.common.views import favicon, not_found
from apps.events.models import Event, EventCategory
from apps.organizations.models import Membership, Organization
from apps.tickets.models import EventsTicket
from apps.venues.models import Venue
from tests.clients import client_of
from tests.common.helpers import snapshot
from tests.factories import (
    PASSWORD,
    BookingFactory,
    EventCategoryFactory,
    EventFactory,
    EventsTicketFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    VenueFactory,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# The columns of the table. The roles are in "the" organization, the managed venue is "the" venue;
# a stranger is the OWNER of another organization.
CALLERS = (
    "anonymous",
    "customer",
    "stranger",
    "member",
    "manager",
    "owner",
    "venue manager",
    "support",
    "admin",
)
BAD_TOKEN = "bad token"

# A token, good or bad, means nothing to these.
NEEDS_NO_TOKEN = {
    "register",
    "jwt-create",
    "jwt-refresh",
    "jwt-verify",
    "jwt-blacklist",
    "password-reset",
    "password-reset-confirm",
    "schema",
    "swagger",
    "redoc",
}

# `target` is the World's row whose id is in the URL, `body` one of BODIES.
TABLE = """
# Accounts
# method route              target           body             ano cus str mem man own ven sup adm
POST   register                -                account          201 201 201 201 201 201 201 201 201
POST   register                -                taken_address    400 400 400 400 400 400 400 400 400
POST   register                -                empty            400 400 400 400 400 400 400 400 400
POST   jwt-create              -                login            200 200 200 200 200 200 200 200 200
POST   jwt-create              -                wrong_password   401 401 401 401 401 401 401 401 401
POST   jwt-create              -                empty            400 400 400 400 400 400 400 400 400
POST   jwt-refresh             -                refresh          200 200 200 200 200 200 200 200 200
POST   jwt-refresh             -                no_refresh       401 401 401 401 401 401 401 401 401
POST   jwt-refresh             -                empty            400 400 400 400 400 400 400 400 400
POST   jwt-verify              -                token            200 200 200 200 200 200 200 200 200
POST   jwt-verify              -                no_token         401 401 401 401 401 401 401 401 401
POST   jwt-verify              -                empty            400 400 400 400 400 400 400 400 400
POST   jwt-blacklist           -                refresh          200 200 200 200 200 200 200 200 200
POST   jwt-blacklist           -                no_refresh       401 401 401 401 401 401 401 401 401
POST   jwt-blacklist           -                empty            400 400 400 400 400 400 400 400 400
GET    me                      -                -                401 200 200 200 200 200 200 200 200
PATCH  me                      -                first_name       401 200 200 200 200 200 200 200 200
PATCH  me                      -                long_name        401 400 400 400 400 400 400 400 400
DELETE me                      -                password         401 204 400 204 204 204 204 204 400
DELETE me                      -                wrong_word       401 400 400 400 400 400 400 400 400
DELETE me                      -                empty            401 400 400 400 400 400 400 400 400
GET    me-export               -                -                401 200 200 200 200 200 200 200 200
POST   password-change         -                passwords        401 204 204 204 204 204 204 204 204
POST   password-change         -                wrong_passwords  401 400 400 400 400 400 400 400 400
POST   password-change         -                empty            401 400 400 400 400 400 400 400 400
POST   password-reset          -                address          204 204 204 204 204 204 204 204 204
POST   password-reset          -                empty            400 400 400 400 400 400 400 400 400
POST   password-reset-confirm  -                reset            204 204 204 204 204 204 204 204 204
POST   password-reset-confirm  -                no_reset         400 400 400 400 400 400 400 400 400
POST   password-reset-confirm  -                empty            400 400 400 400 400 400 400 400 400

# Events
# method route              target           body             ano cus str mem man own ven sup adm
GET    event-list              -                -                200 200 200 200 200 200 200 200 200
POST   event-list              -                event            401 403 403 403 201 201 403 403 201
POST   event-list              -                foreign_event    401 403 201 403 403 403 403 403 201
POST   event-list              -                foreign_only     401 403 400 403 403 403 403 403 400
POST   event-list              -                nobodys_event    401 403 400 403 400 400 403 403 400
POST   event-list              -                empty            401 403 400 403 400 400 403 403 400
POST   event-list              -                no_object        401 403 400 403 400 400 403 403 400
POST   event-list              -                unreadable       401 403 400 403 400 400 403 403 400

GET    event-detail            published_event  -                200 200 200 200 200 200 200 200 200
GET    event-detail            draft_event      -                404 404 404 200 200 200 404 200 200
GET    event-detail            foreign_draft    -                404 404 200 404 404 404 404 200 200
GET    event-detail            cancelled_event  -                200 200 200 200 200 200 200 200 200
GET    event-detail            dropped_event    -                404 404 404 200 200 200 404 200 200
GET    event-detail            nothing          -                404 404 404 404 404 404 404 404 404

PUT    event-detail            published_event  event            401 403 403 403 200 200 403 403 200
PUT    event-detail            published_event  empty            401 403 403 403 400 400 403 403 400
PUT    event-detail            draft_event      event            401 403 403 403 200 200 403 403 200
PUT    event-detail            draft_event      foreign_event    401 403 403 403 403 403 403 403 200
PUT    event-detail            draft_event      nobodys_event    401 403 403 403 400 400 403 403 400
PUT    event-detail            foreign_draft    foreign_event    401 403 200 403 403 403 403 403 200
PUT    event-detail            cancelled_event  event            401 403 403 403 400 400 403 403 400
PUT    event-detail            dropped_event    event            401 403 403 403 400 400 403 403 400
PUT    event-detail            nothing          event            401 404 404 404 404 404 404 404 404

PATCH  event-detail            published_event  title            401 403 403 403 200 200 403 403 200
PATCH  event-detail            published_event  unreadable       401 403 403 403 400 400 403 403 400
PATCH  event-detail            draft_event      title            401 403 403 403 200 200 403 403 200
PATCH  event-detail            draft_event      foreign_only     401 403 403 403 403 403 403 403 200
PATCH  event-detail            sold_event       foreign_only     401 403 403 403 403 403 403 403 400
PATCH  event-detail            draft_event      nobodys_event    401 403 403 403 400 400 403 403 400
PATCH  event-detail            foreign_draft    title            401 403 200 403 403 403 403 403 200
PATCH  event-detail            cancelled_event  title            401 403 403 403 400 400 403 403 400
PATCH  event-detail            dropped_event    title            401 403 403 403 400 400 403 403 400
PATCH  event-detail            nothing          title            401 404 404 404 404 404 404 404 404

DELETE event-detail            published_event  -                401 403 403 403 204 204 403 403 204
DELETE event-detail            draft_event      -                401 403 403 403 204 204 403 403 204
DELETE event-detail            foreign_draft    -                401 403 204 403 403 403 403 403 204
DELETE event-detail            dropped_event    -                401 403 403 403 204 204 403 403 204
DELETE event-detail            sold_event       -                401 403 403 403 400 400 403 403 400
DELETE event-detail            nothing          -                401 404 404 404 404 404 404 404 404

GET    event-my-events         -                -                401 403 200 200 200 200 403 403 200

GET    event-available-tickets published_event  -                200 200 200 200 200 200 200 200 200
GET    event-available-tickets draft_event      -                404 404 404 200 200 200 404 200 200
GET    event-available-tickets cancelled_event  -                200 200 200 200 200 200 200 200 200
GET    event-available-tickets dropped_event    -                404 404 404 200 200 200 404 200 200
GET    event-available-tickets nothing          -                404 404 404 404 404 404 404 404 404

POST   event-publish           draft_event      -                401 403 403 403 200 200 403 403 200
POST   event-publish           foreign_draft    -                401 403 200 403 403 403 403 403 200
POST   event-publish           bare_draft       -                401 403 403 403 400 400 403 403 400
POST   event-publish           published_event  -                401 403 403 403 400 400 403 403 400
POST   event-publish           cancelled_event  -                401 403 403 403 400 400 403 403 400
POST   event-publish           dropped_event    -                401 403 403 403 400 400 403 403 400
POST   event-publish           nothing          -                401 404 404 404 404 404 404 404 404

POST   event-cancel            sold_event       -                401 403 403 403 200 200 403 403 200
POST   event-cancel            draft_event      -                401 403 403 403 200 200 403 403 200
POST   event-cancel            foreign_draft    -                401 403 200 403 403 403 403 403 200
POST   event-cancel            cancelled_event  -                401 403 403 403 200 200 403 403 200
POST   event-cancel            dropped_event    -                401 403 403 403 200 200 403 403 200
POST   event-cancel            ended_event      -                401 403 403 403 400 400 403 403 400
POST   event-cancel            nothing          -                401 404 404 404 404 404 404 404 404

GET    event-bookings          sold_event       -                401 403 403 200 200 200 403 403 200
GET    event-bookings          draft_event      -                401 403 403 200 200 200 403 403 200
GET    event-bookings          foreign_draft    -                401 403 200 403 403 403 403 403 200
GET    event-bookings          dropped_event    -                401 403 403 200 200 200 403 403 200
GET    event-bookings          nothing          -                401 404 404 404 404 404 404 404 404

GET    event-bookings-export   sold_event       -                401 403 403 200 200 200 403 403 200
GET    event-bookings-export   draft_event      -                401 403 403 200 200 200 403 403 200
GET    event-bookings-export   foreign_draft    -                401 403 200 403 403 403 403 403 200
GET    event-bookings-export   nothing          -                401 404 404 404 404 404 404 404 404

GET    event-stats             sold_event       -                401 403 403 200 200 200 403 403 200
GET    event-stats             draft_event      -                401 403 403 200 200 200 403 403 200
GET    event-stats             foreign_draft    -                401 403 200 403 403 403 403 403 200
GET    event-stats             nothing          -                401 404 404 404 404 404 404 404 404

GET    event-calendar          published_event  -                200 200 200 200 200 200 200 200 200
GET    event-calendar          draft_event      -                404 404 404 200 200 200 404 200 200
GET    event-calendar          foreign_draft    -                404 404 200 404 404 404 404 200 200
GET    event-calendar          cancelled_event  -                200 200 200 200 200 200 200 200 200
GET    event-calendar          dropped_event    -                404 404 404 200 200 200 404 200 200
GET    event-calendar          nothing          -                404 404 404 404 404 404 404 404 404

# Categories
# method route              target           body             ano cus str mem man own ven sup adm
GET    category-list           -                -                200 200 200 200 200 200 200 200 200
POST   category-list           -                name             401 403 403 403 403 403 403 403 201
POST   category-list           -                empty            401 403 403 403 403 403 403 403 400
GET    category-detail         category         -                200 200 200 200 200 200 200 200 200
GET    category-detail         nothing          -                404 404 404 404 404 404 404 404 404
PUT    category-detail         category         name             401 403 403 403 403 403 403 403 200
PUT    category-detail         category         empty            401 403 403 403 403 403 403 403 400
PUT    category-detail         nothing          name             401 403 403 403 403 403 403 403 404
PATCH  category-detail         category         name             401 403 403 403 403 403 403 403 200
PATCH  category-detail         nothing          name             401 403 403 403 403 403 403 403 404
DELETE category-detail         category         -                401 403 403 403 403 403 403 403 204
DELETE category-detail         used_category    -                401 403 403 403 403 403 403 403 400
DELETE category-detail         nothing          -                401 403 403 403 403 403 403 403 404

# Venues
# method route              target           body             ano cus str mem man own ven sup adm
GET    venue-list              -                -                200 200 200 200 200 200 200 200 200
POST   venue-list              -                venue            401 403 403 403 403 403 403 403 201
POST   venue-list              -                empty            401 403 403 403 403 403 403 403 400
GET    venue-detail            venue            -                200 200 200 200 200 200 200 200 200
GET    venue-detail            nothing          -                404 404 404 404 404 404 404 404 404
PUT    venue-detail            venue            venue            401 403 403 403 403 403 200 403 200
PUT    venue-detail            venue            empty            401 403 403 403 403 403 400 403 400
PUT    venue-detail            other_venue      venue            401 403 403 403 403 403 403 403 200
PUT    venue-detail            nothing          venue            401 404 404 404 404 404 404 404 404
PATCH  venue-detail            venue            name             401 403 403 403 403 403 200 403 200
PATCH  venue-detail            other_venue      name             401 403 403 403 403 403 403 403 200
PATCH  venue-detail            nothing          name             401 404 404 404 404 404 404 404 404
DELETE venue-detail            venue            -                401 403 403 403 403 403 403 403 204
DELETE venue-detail            used_venue       -                401 403 403 403 403 403 403 403 400
DELETE venue-detail            nothing          -                401 403 403 403 403 403 403 403 404
GET    venue-schedule          used_venue       -                200 200 200 200 200 200 200 200 200
GET    venue-schedule          nothing          -                404 404 404 404 404 404 404 404 404
GET    venue-calendar          used_venue       -                200 200 200 200 200 200 200 200 200
GET    venue-calendar          nothing          -                404 404 404 404 404 404 404 404 404

# Organizations
# method route              target           body             ano cus str mem man own ven sup adm
GET    organization-list       -                -                200 200 200 200 200 200 200 200 200
POST   organization-list       -                name             401 403 403 403 403 403 403 403 201
POST   organization-list       -                empty            401 403 403 403 403 403 403 403 400
GET    organization-detail     organization     -                200 200 200 200 200 200 200 200 200
GET    organization-detail     nothing          -                404 404 404 404 404 404 404 404 404
PUT    organization-detail     organization     name             401 403 403 403 200 200 403 403 200
PUT    organization-detail     organization     empty            401 403 403 403 400 400 403 403 400
PUT    organization-detail     foreign          name             401 403 200 403 403 403 403 403 200
PUT    organization-detail     nothing          name             401 404 404 404 404 404 404 404 404
PATCH  organization-detail     organization     name             401 403 403 403 200 200 403 403 200
PATCH  organization-detail     foreign          name             401 403 200 403 403 403 403 403 200
PATCH  organization-detail     nothing          name             401 404 404 404 404 404 404 404 404
DELETE organization-detail     organization     -                401 403 403 403 403 403 403 403 204
DELETE organization-detail     used             -                401 403 403 403 403 403 403 403 400
DELETE organization-detail     nothing          -                401 403 403 403 403 403 403 403 404

GET    organization-events     used             -                401 200 200 200 200 200 200 200 200
GET    organization-events     nothing          -                401 404 404 404 404 404 404 404 404
GET    organization-members    organization     -                401 403 403 200 200 200 403 403 200
GET    organization-members    foreign          -                401 403 200 403 403 403 403 403 200
GET    organization-members    nothing          -                401 404 404 404 404 404 404 404 404

POST   organization-add-member organization     new_member       401 403 403 403 201 201 403 403 201
POST   organization-add-member organization     new_manager      401 403 403 403 201 201 403 403 201
POST   organization-add-member organization     new_owner        401 403 403 403 403 201 403 403 201
POST   organization-add-member organization     founder          401 403 403 403 400 400 403 403 400
POST   organization-add-member organization     unknown_member   401 403 403 403 400 400 403 403 400
POST   organization-add-member organization     unknown_owner    401 403 403 403 403 400 403 403 400
POST   organization-add-member organization     empty            401 403 403 403 400 400 403 403 400
POST   organization-add-member organization     unreadable       401 403 403 403 400 400 403 403 400
POST   organization-add-member foreign          new_member       401 403 201 403 403 403 403 403 201
POST   organization-add-member nothing          new_member       401 404 404 404 404 404 404 404 404

PATCH  organization-member     colleague        as_manager       401 403 403 403 200 200 403 403 200
PATCH  organization-member     colleague        as_owner         401 403 403 403 403 200 403 403 200
PATCH  organization-member     colleague        empty            401 403 403 403 200 200 403 403 200
PATCH  organization-member     colleague        unknown_role     401 403 403 403 400 400 403 403 400
PATCH  organization-member     colleague        unreadable       401 403 403 403 400 400 403 403 400
PATCH  organization-member     co_manager       as_member        401 403 403 403 200 200 403 403 200
PATCH  organization-member     co_owner         as_member        401 403 403 403 403 200 403 403 200
PATCH  organization-member     co_owner         as_owner         401 403 403 403 403 200 403 403 200
PATCH  organization-member     co_owner         empty            401 403 403 403 403 200 403 403 200
PATCH  organization-member     co_owner         unreadable       401 403 403 403 403 400 403 403 400
PATCH  organization-member     founder          as_owner         401 403 403 403 403 200 403 403 200
PATCH  organization-member     founder          as_manager       401 403 403 403 403 200 403 403 400
PATCH  organization-member     outsider         as_member        401 403 403 403 404 404 403 403 404
PATCH  organization-member     outsider         as_owner         401 403 403 403 403 404 403 403 404
PATCH  organization-member     foreign_member   as_owner         401 403 200 403 403 403 403 403 200
PATCH  organization-member     nobodys_member   as_member        401 404 404 404 404 404 404 404 404
DELETE organization-member     colleague        -                401 403 403 403 204 204 403 403 204
DELETE organization-member     co_manager       -                401 403 403 403 204 204 403 403 204
DELETE organization-member     co_owner         -                401 403 403 403 403 204 403 403 204
DELETE organization-member     founder          -                401 403 403 403 403 204 403 403 400
DELETE organization-member     outsider         -                401 403 403 403 404 404 403 403 404
DELETE organization-member     foreign_member   -                401 403 204 403 403 403 403 403 204
DELETE organization-member     nobodys_member   -                401 404 404 404 404 404 404 404 404

POST   organization-leave      organization     -                401 403 403 204 204 204 403 403 404
POST   organization-leave      foreign          -                401 403 400 403 403 403 403 403 404
POST   organization-leave      nothing          -                401 404 404 404 404 404 404 404 404

# Tickets
# method route              target           body             ano cus str mem man own ven sup adm
GET    ticket-list             -                -                200 200 200 200 200 200 200 200 200
POST   ticket-list             -                ticket           401 403 403 403 201 201 403 403 201
POST   ticket-list             -                draft_ticket     401 403 403 403 201 201 403 403 201
POST   ticket-list             -                foreign_ticket   401 403 201 403 403 403 403 403 201
POST   ticket-list             -                hidden_ticket    401 403 201 403 403 403 403 403 201
POST   ticket-list             -                foreign_only     401 403 400 403 403 403 403 403 400
POST   ticket-list             -                late_ticket      401 403 403 403 400 400 403 403 400
POST   ticket-list             -                nobodys_ticket   401 403 400 403 400 400 403 403 400
POST   ticket-list             -                empty            401 403 400 403 400 400 403 403 400
POST   ticket-list             -                no_object        401 403 400 403 400 400 403 403 400
POST   ticket-list             -                unreadable       401 403 400 403 400 400 403 403 400

GET    ticket-detail           published_ticket -                200 200 200 200 200 200 200 200 200
GET    ticket-detail           draft_ticket     -                404 404 404 200 200 200 404 200 200
GET    ticket-detail           hidden_ticket    -                404 404 200 404 404 404 404 200 200
GET    ticket-detail           cancelled_ticket -                200 200 200 200 200 200 200 200 200
GET    ticket-detail           dropped_ticket   -                404 404 404 200 200 200 404 200 200
GET    ticket-detail           nothing          -                404 404 404 404 404 404 404 404 404

PUT    ticket-detail           published_ticket ticket           401 403 403 403 200 200 403 403 200
PUT    ticket-detail           published_ticket empty            401 403 403 403 400 400 403 403 400
PUT    ticket-detail           draft_ticket     draft_ticket     401 403 403 403 200 200 403 403 200
PUT    ticket-detail           hidden_ticket    hidden_ticket    401 403 200 403 403 403 403 403 200
PUT    ticket-detail           nothing          ticket           401 404 404 404 404 404 404 404 404
PATCH  ticket-detail           published_ticket price            401 403 403 403 200 200 403 403 200
PATCH  ticket-detail           published_ticket unreadable       401 403 403 403 400 400 403 403 400
PATCH  ticket-detail           published_ticket draft_ticket     401 403 403 403 400 400 403 403 400
PATCH  ticket-detail           draft_ticket     price            401 403 403 403 200 200 403 403 200
PATCH  ticket-detail           hidden_ticket    price            401 403 200 403 403 403 403 403 200
PATCH  ticket-detail           nothing          price            401 404 404 404 404 404 404 404 404
DELETE ticket-detail           second_ticket    -                401 403 403 403 204 204 403 403 204
DELETE ticket-detail           published_ticket -                401 403 403 403 400 400 403 403 400
DELETE ticket-detail           sold_ticket      -                401 403 403 403 400 400 403 403 400
DELETE ticket-detail           draft_ticket     -                401 403 403 403 204 204 403 403 204
DELETE ticket-detail           hidden_ticket    -                401 403 204 403 403 403 403 403 204
DELETE ticket-detail           nothing          -                401 404 404 404 404 404 404 404 404

# Bookings ("own": the caller placed it)
# method route              target           body             ano cus str mem man own ven sup adm
GET    booking-list            -                -                401 200 200 200 200 200 200 200 200
POST   booking-list            -                purchase         401 201 201 201 201 201 201 403 201
POST   booking-list            -                draft_purchase   401 400 400 400 400 400 400 403 400
POST   booking-list            -                late_purchase    401 400 400 400 400 400 400 403 400
POST   booking-list            -                single_purchase  401 400 400 400 400 400 400 403 400
POST   booking-list            -                nobodys_purchase 401 400 400 400 400 400 400 403 400
POST   booking-list            -                empty            401 400 400 400 400 400 400 403 400
POST   booking-list            -                unreadable       401 400 400 400 400 400 400 403 400

GET    booking-detail          own_pending      -                401 200 200 200 200 200 200 200 200
GET    booking-detail          own_cancelled    -                401 200 200 200 200 200 200 200 200
GET    booking-detail          pending          -                401 404 404 404 404 404 404 200 200
GET    booking-detail          foreign_booking  -                401 404 404 404 404 404 404 200 200
GET    booking-detail          nothing          -                401 404 404 404 404 404 404 404 404

PATCH  booking-cancel          own_pending      -                401 200 200 200 200 200 200 200 200
PATCH  booking-cancel          own_run_out      -                401 200 200 200 200 200 200 200 200
PATCH  booking-cancel          own_confirmed    -                401 200 200 200 200 200 200 200 200
PATCH  booking-cancel          own_cancelled    -                401 400 400 400 400 400 400 400 400
PATCH  booking-cancel          own_started      -                401 400 400 400 400 400 400 400 400
PATCH  booking-cancel          pending          -                401 404 404 404 404 404 404 200 200
PATCH  booking-cancel          confirmed        -                401 404 404 404 404 404 404 200 200
PATCH  booking-cancel          cancelled        -                401 404 404 404 404 404 404 400 400
PATCH  booking-cancel          foreign_booking  -                401 404 404 404 404 404 404 200 200
PATCH  booking-cancel          nothing          -                401 404 404 404 404 404 404 404 404

POST   booking-confirm         own_pending      -                401 403 403 403 403 403 403 200 200
POST   booking-confirm         pending          -                401 403 403 403 403 403 403 200 200
POST   booking-confirm         own_run_out      -                401 403 403 403 403 403 403 400 400
POST   booking-confirm         confirmed        -                401 403 403 403 403 403 403 400 400
POST   booking-confirm         cancelled        -                401 403 403 403 403 403 403 400 400
POST   booking-confirm         nothing          -                401 403 403 403 403 403 403 404 404

POST   booking-refund          own_confirmed    -                401 403 403 403 200 200 403 200 200
POST   booking-refund          confirmed        -                401 403 403 403 200 200 403 200 200
POST   booking-refund          own_started      -                401 403 403 403 200 200 403 200 200
POST   booking-refund          pending          -                401 403 403 403 400 400 403 400 400
POST   booking-refund          cancelled        -                401 403 403 403 400 400 403 400 400
POST   booking-refund          foreign_booking  -                401 403 200 403 403 403 403 200 200
POST   booking-refund          nothing          -                401 404 404 404 404 404 404 404 404

# Documentation
# method route              target           body             ano cus str mem man own ven sup adm
GET    schema                  -                -                200 200 200 200 200 200 200 200 200
GET    swagger                 -                -                200 200 200 200 200 200 200 200 200
GET    redoc                   -                -                200 200 200 200 200 200 200 200 200
"""

NOTHING = 999_999_999

# What a 403 says, never only that one may not.
SAYS_WHO_MAY = re.compile(r"Only .+ may .+\.")


class Row(NamedTuple):
    method: str
    route: str
    target: str
    body: str
    statuses: dict[str, int]

    def __str__(self) -> str:
        return " ".join(word for word in self[:4] if word != "-")

    def status_for(self, caller: str) -> int:
        """The expected answer: the caller's column, and 401 for a bad token that is looked at."""
        if caller == BAD_TOKEN:
            return self.statuses["anonymous"] if self.route in NEEDS_NO_TOKEN else 401
        return self.statuses[caller]


def rows_of(table: str) -> Iterator[Row]:
    for line in table.splitlines():
        if line and not line.startswith("#"):
            *names, statuses = line.split(maxsplit=4)
            codes = (int(code) for code in statuses.split())
            yield Row(*names, dict(zip(CALLERS, codes, strict=True)))


ROWS = list(rows_of(TABLE))


class World:
    """The few rows that one request is about, each made when it is first asked for.

    `user` sends the request; None for a caller without a valid token.
    """

    def __init__(self, caller: str) -> None:
        self.user = None if caller in ("anonymous", BAD_TOKEN) else self._account(caller)

    def _account(self, caller: str) -> User:
        user = UserFactory(admin=caller == "admin", support=caller == "support")
        if caller in ("member", "manager", "owner"):
            MembershipFactory(organization=self.organization, user=user, role=caller.upper())
        elif caller == "stranger":
            MembershipFactory(organization=self.foreign, user=user, role=Membership.Role.OWNER)
        elif caller == "venue manager":
            self.venue.managers.add(user)
        return user

    def _event(self, **fields: Any) -> Event:
        return EventFactory(
            **{
                "organization": self.organization,
                "venue": self.venue,
                "category": self.category,
                **fields,
            }
        )

    def _booking(self, **fields: Any) -> Booking:
        return BookingFactory(**{"event_ticket": self.published_ticket, **fields})

    def _own_booking(self, **fields: Any) -> Booking:
        return self._booking(user=self.user or UserFactory(), **fields)

    @cached_property
    def founder(self) -> Membership:
        return MembershipFactory(role=Membership.Role.OWNER)

    @cached_property
    def organization(self) -> Organization:
        """Has an OWNER, as every organization, who is not the caller."""
        return self.founder.organization

    @cached_property
    def foreign(self) -> Organization:
        """The stranger's organization."""
        return OrganizationFactory()

    @cached_property
    def colleague(self) -> Membership:
        return MembershipFactory(organization=self.organization)

    @cached_property
    def co_manager(self) -> Membership:
        return MembershipFactory(organization=self.organization, role=Membership.Role.MANAGER)

    @cached_property
    def co_owner(self) -> Membership:
        """Not the only OWNER: there is the founder."""
        return MembershipFactory(organization=self.organization, role=Membership.Role.OWNER)

    @cached_property
    def outsider(self) -> Membership:
        """A pair of ids that stands for no membership, each for a row."""
        return Membership(organization=self.organization, user=UserFactory())

    @cached_property
    def foreign_member(self) -> Membership:
        return MembershipFactory(organization=self.foreign)

    @cached_property
    def nobodys_member(self) -> Membership:
        return Membership(organization_id=NOTHING, user=UserFactory())

    @cached_property
    def used(self) -> Organization:
        return self.published_event.organization

    @cached_property
    def category(self) -> EventCategory:
        return EventCategoryFactory()

    @cached_property
    def used_category(self) -> EventCategory:
        return self.published_event.category

    @cached_property
    def venue(self) -> Venue:
        return VenueFactory()

    @cached_property
    def used_venue(self) -> Venue:
        return self.published_event.venue

    @cached_property
    def other_venue(self) -> Venue:
        return VenueFactory()

    @cached_property
    def published_event(self) -> Event:
        return self._event()

    @cached_property
    def sold_event(self) -> Event:
        return self.pending.event_ticket.event

    @cached_property
    def bare_draft(self) -> Event:
        return self._event(draft=True)

    @cached_property
    def draft_event(self) -> Event:
        """Could be published."""
        return self.draft_ticket.event

    @cached_property
    def cancelled_event(self) -> Event:
        return self._event(cancelled=True)

    @cached_property
    def dropped_event(self) -> Event:
        """Cancelled, never published."""
        return self._event(cancelled=True, published_at=None)

    @cached_property
    def ended_event(self) -> Event:
        return self._event(over=True)

    @cached_property
    def foreign_event(self) -> Event:
        return self._event(organization=self.foreign)

    @cached_property
    def foreign_draft(self) -> Event:
        """Could be published, by the stranger."""
        return self.hidden_ticket.event

    @cached_property
    def published_ticket(self) -> EventsTicket:
        """The event's only one unless there is a `second_ticket`."""
        return EventsTicketFactory(event=self.published_event)

    @cached_property
    def second_ticket(self) -> EventsTicket:
        return EventsTicketFactory(event=self.published_ticket.event)

    @cached_property
    def sold_ticket(self) -> EventsTicket:
        """Not the last of its event, so that only the booking is in the way."""
        return self._booking(event_ticket=self.second_ticket).event_ticket

    @cached_property
    def draft_ticket(self) -> EventsTicket:
        return EventsTicketFactory(event=self.bare_draft)

    @cached_property
    def cancelled_ticket(self) -> EventsTicket:
        return EventsTicketFactory(event=self.cancelled_event)

    @cached_property
    def dropped_ticket(self) -> EventsTicket:
        return EventsTicketFactory(event=self.dropped_event)

    @cached_property
    def hidden_ticket(self) -> EventsTicket:
        event = self._event(organization=self.foreign, draft=True)
        return EventsTicketFactory(event=event)

    @cached_property
    def own_pending(self) -> Booking:
        return self._own_booking()

    @cached_property
    def own_run_out(self) -> Booking:
        return self._own_booking(run_out=True)

    @cached_property
    def own_confirmed(self) -> Booking:
        return self._own_booking(confirmed=True)

    @cached_property
    def own_cancelled(self) -> Booking:
        return self._own_booking(cancelled=True)

    @cached_property
    def own_started(self) -> Booking:
        """Confirmed; the event has begun."""
        ticket = EventsTicketFactory(event=self._event(running=True))
        return self._own_booking(event_ticket=ticket, confirmed=True)

    @cached_property
    def pending(self) -> Booking:
        return self._booking()

    @cached_property
    def confirmed(self) -> Booking:
        return self._booking(confirmed=True)

    @cached_property
    def cancelled(self) -> Booking:
        return self._booking(cancelled=True)

    @cached_property
    def foreign_booking(self) -> Booking:
        """Somebody's confirmed booking for an event of the stranger's organization."""
        ticket = EventsTicketFactory(event=self.foreign_event)
        return self._booking(event_ticket=ticket, confirmed=True)


def event_of(world: World, organization: int) -> dict[str, Any]:
    starts_at = timezone.now() + timedelta(days=40)
    return {
        "organization": organization,
        "venue": world.venue.pk,
        "category": world.category.pk,
        "title": "Concert",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=3)).isoformat(),
    }


def ticket_of(event: int) -> dict[str, Any]:
    return {"event": event, "ticket_type": "VIP", "price": "80.00", "quota": 50}


def purchase_of(ticket: int, quantity: int = 2) -> dict[str, Any]:
    return {"event_ticket": ticket, "quantity": quantity}


def member(address: str, role: str) -> dict[str, Any]:
    return {"user_email": address, "role": role}


def reset_of(user: User) -> dict[str, Any]:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return {"uid": uid, "token": token, "new_password": "long-enough-1"}


# What is sent: JSON of a value, or a text as it is.
BODIES: dict[str, Callable[[World], Any]] = {
    "-": lambda world: "",
    "empty": lambda world: {},
    "no_object": lambda world: [],
    "unreadable": lambda world: "{",
    # Accounts
    "account": lambda world: {"email": "new@example.com", "password": "long-enough-1"},
    "taken_address": lambda world: {"email": UserFactory().email, "password": "long-enough-1"},
    "login": lambda world: {"email": UserFactory().email, "password": PASSWORD},
    "wrong_password": lambda world: {"email": UserFactory().email, "password": "wrong"},
    "refresh": lambda world: {"refresh": str(RefreshToken.for_user(UserFactory()))},
    "no_refresh": lambda world: {"refresh": "nonsense"},
    "token": lambda world: {"token": str(AccessToken.for_user(UserFactory()))},
    "no_token": lambda world: {"token": "nonsense"},
    "first_name": lambda world: {"first_name": "Ada"},
    "long_name": lambda world: {"first_name": "A" * 1000},
    "passwords": lambda world: {"old_password": PASSWORD, "new_password": "long-enough-1"},
    "password": lambda world: {"password": PASSWORD},
    "wrong_word": lambda world: {"password": "wrong"},
    "address": lambda world: {"email": UserFactory().email},
    "reset": lambda world: reset_of(UserFactory()),
    "no_reset": lambda world: {**reset_of(UserFactory()), "token": "nonsense"},
    "wrong_passwords": lambda world: {"old_password": "wrong", "new_password": "long-enough-1"},
    # Events, categories, venues, organizations
    "event": lambda world: event_of(world, world.organization.pk),
    "foreign_event": lambda world: event_of(world, world.foreign.pk),
    "nobodys_event": lambda world: event_of(world, NOTHING),
    "foreign_only": lambda world: {
        "organization": world.foreign.pk,
        "event": world.foreign_event.pk,
    },
    "title": lambda world: {"title": "Renamed"},
    "name": lambda world: {"name": "Renamed"},
    "venue": lambda world: {"name": "Renamed", "capacity": 500},
    "new_member": lambda world: member(UserFactory().email, "MEMBER"),
    "new_manager": lambda world: member(UserFactory().email, "MANAGER"),
    "new_owner": lambda world: member(UserFactory().email, "OWNER"),
    "founder": lambda world: member(world.founder.user.email, "MEMBER"),
    "unknown_member": lambda world: member("unknown@example.com", "MEMBER"),
    "unknown_owner": lambda world: member("unknown@example.com", "OWNER"),
    "as_member": lambda world: {"role": "MEMBER"},
    "as_manager": lambda world: {"role": "MANAGER"},
    "as_owner": lambda world: {"role": "OWNER"},
    "unknown_role": lambda world: {"role": "owner"},
    # Tickets and bookings
    "ticket": lambda world: ticket_of(world.published_event.pk),
    "draft_ticket": lambda world: ticket_of(world.draft_event.pk),
    "foreign_ticket": lambda world: ticket_of(world.foreign_event.pk),
    "hidden_ticket": lambda world: ticket_of(world.foreign_draft.pk),
    "late_ticket": lambda world: ticket_of(world.cancelled_event.pk),
    "nobodys_ticket": lambda world: ticket_of(NOTHING),
    "price": lambda world: {"price": "30.00"},
    "purchase": lambda world: purchase_of(world.published_ticket.pk),
    "single_purchase": lambda world: purchase_of(world.published_ticket.pk, quantity=1),
    "draft_purchase": lambda world: purchase_of(world.draft_ticket.pk),
    "late_purchase": lambda world: purchase_of(world.cancelled_ticket.pk),
    "nobodys_purchase": lambda world: purchase_of(NOTHING),
}


def client_for(world: World, caller: str) -> APIClient:
    if world.user is not None:
        return client_of(world.user)
    client = APIClient()
    if caller == BAD_TOKEN:
        client.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    return client


def url_of(world: World, route: str, target: str) -> str:
    if target == "-":
        return reverse(route)
    if target == "nothing":
        return reverse(route, args=[NOTHING])
    row = getattr(world, target)
    if isinstance(row, Membership):
        return reverse(route, args=[row.organization_id, row.user_id])
    return reverse(route, args=[row.pk])


def send(client: APIClient, method: str, url: str, body: Any = "") -> HttpResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.generic(method, url, text, content_type="application/json")


def views(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[Any]:
    """The name and view function of every route below /api/ but the one for unknown paths."""
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, route)
        elif route.startswith("api/"):
            yield pattern.name, pattern.callback
        else:
            is_for_all = pattern.callback in (not_found, favicon)
            assert route.startswith("admin/") or is_for_all, route


def methods_of(view: Any) -> set[str]:
    """HTTP methods that the view function of a DRF view or ViewSet has a handler for."""
    handlers = getattr(view, "actions", None) or dir(view.cls)
    allowed = {method.upper() for method in view.cls.http_method_names if method in handlers}
    return allowed.intersection(METHODS)


KNOWN = [
    (method, name)
    for name, view in views(get_resolver().url_patterns)
    for method in sorted(methods_of(view))
]
UNKNOWN = [
    (method, name)
    for name in dict.fromkeys(name for _, name in KNOWN)
    for method in METHODS
    if (method, name) not in KNOWN
]


def cells(callers: tuple[str, ...]) -> list[Any]:
    return [pytest.param(row, caller, id=f"{row}: {caller}") for row in ROWS for caller in callers]


@pytest.mark.django_db
@pytest.mark.parametrize(("row", "caller"), cells((*CALLERS, BAD_TOKEN)))
def test_cell(row: Row, caller: str) -> None:
    """The caller gets the table's answer, and a refused request leaves every row as it was.

    One that is refused for want of a right says who has it.
    """
    expected = row.status_for(caller)
    world = World(caller)
    url, body = url_of(world, row.route, row.target), BODIES[row.body](world)
    client = client_for(world, caller)
    before = snapshot() if expected >= 400 else None
    response = send(client, row.method, url, body)
    assert response.status_code == expected, response.content[:500]
    if expected == 403:
        assert SAYS_WHO_MAY.fullmatch(response.json()["detail"])
    assert before is None or snapshot() == before


def test_every_route_and_method_has_a_row() -> None:
    in_table = {(row.method, row.route) for row in ROWS}
    assert [pair for pair in KNOWN if pair not in in_table] == []


def test_every_row_has_a_route_and_method() -> None:
    assert [str(row) for row in ROWS if (row.method, row.route) not in KNOWN] == []


def test_no_name_stands_for_two_routes() -> None:
    """Else a row would speak for a route that it does not reach."""
    assert len(KNOWN) == len(set(KNOWN))


def test_no_row_comes_twice() -> None:
    assert len(ROWS) == len({str(row) for row in ROWS})


@pytest.mark.django_db
@pytest.mark.parametrize("caller", ["anonymous", BAD_TOKEN, "admin"])
@pytest.mark.parametrize(("method", "route"), UNKNOWN)
def test_other_methods_are_405_for_everybody(method: str, route: str, caller: str) -> None:
    """Whoever asks, and whether or not the id in the URL is of anything; nothing changes."""
    targets = {row.target for row in ROWS if row.route == route}
    assert targets
    world = World(caller)
    client = client_for(world, caller)
    for target in targets:
        url = url_of(world, route, target)
        before = snapshot()
        response = send(client, method, url)
        assert response.status_code == 405, (target, response.content)
        assert snapshot() == before
