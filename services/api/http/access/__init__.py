"""Who may call and how often; merchants, operators and their keys."""

from services.api.http.access import merchant_keys, merchants, operators

ROUTES = (merchants.router, merchant_keys.router, operators.router)
