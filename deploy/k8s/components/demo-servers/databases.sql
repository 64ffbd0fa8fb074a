-- A database and a role for each service: none can read another's. Passwords are demo values.

CREATE ROLE paymesh_api LOGIN PASSWORD 'demo_api';
CREATE DATABASE paymesh_api OWNER paymesh_api;
REVOKE CONNECT ON DATABASE paymesh_api FROM PUBLIC;

CREATE ROLE paymesh_router LOGIN PASSWORD 'demo_router';
CREATE DATABASE paymesh_router OWNER paymesh_router;
REVOKE CONNECT ON DATABASE paymesh_router FROM PUBLIC;

CREATE ROLE paymesh_executor LOGIN PASSWORD 'demo_executor';
CREATE DATABASE paymesh_executor OWNER paymesh_executor;
REVOKE CONNECT ON DATABASE paymesh_executor FROM PUBLIC;

CREATE ROLE paymesh_metrics LOGIN PASSWORD 'demo_metrics';
CREATE DATABASE paymesh_metrics OWNER paymesh_metrics;
REVOKE CONNECT ON DATABASE paymesh_metrics FROM PUBLIC;

CREATE ROLE paymesh_verifier LOGIN PASSWORD 'demo_verifier';
CREATE DATABASE paymesh_verifier OWNER paymesh_verifier;
REVOKE CONNECT ON DATABASE paymesh_verifier FROM PUBLIC;

CREATE ROLE paymesh_notifier LOGIN PASSWORD 'demo_notifier';
CREATE DATABASE paymesh_notifier OWNER paymesh_notifier;
REVOKE CONNECT ON DATABASE paymesh_notifier FROM PUBLIC;
