"""Payments as they change, heard as they do."""

from services.api.http.live import events, socket

ROUTES = (events.router, socket.router)
