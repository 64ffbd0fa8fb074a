"""What happened to a payment, what is in doubt, and who changed what."""

from services.api.http.truth import audit, audit_trail, exhausted, reconciliation, tracking, verification

ROUTES = (tracking.router, audit_trail.router, verification.router, exhausted.router, reconciliation.router, audit.router)
