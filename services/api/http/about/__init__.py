"""The API described, and whether the edge and the mesh are well."""

from services.api.http.about import ops, status

ROUTES = (ops.router, status.router)
