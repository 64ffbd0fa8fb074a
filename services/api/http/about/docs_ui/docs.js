// The description beside this page: /docs shows /openapi.json, /api/v1/docs shows /api/v1/openapi.json.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  filter: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false, // keys of merchants and operators stay in this tab's memory
  requestSnippetsEnabled: true,
  tryItOutEnabled: false,
  validatorUrl: null, // nothing is asked of anybody but this edge
});
