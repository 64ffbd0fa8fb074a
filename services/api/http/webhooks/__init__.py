"""Webhooks: where merchants are told, what they were sent, and what gateways send us."""

from services.api.http.webhooks import deliveries, endpoints, inbound

ROUTES = (endpoints.router, deliveries.router, inbound.router)
