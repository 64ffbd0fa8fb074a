"""Orders, payments and what is done with them afterwards: captures, voids, refunds; and the tokens that payments take."""

from services.api.http.paying import checkout, lists, money, orders, payments, subscriptions

ROUTES = (payments.router, lists.router, money.router, orders.router, checkout.router, subscriptions.router)
