-- Prepares an empty database called "trilend". Run once, in that database, as a superuser:
--   psql --dbname trilend --set ON_ERROR_STOP=1 --file infra/postgresql/prepare.sql
-- The roles get no password here: give them one with \password, or let your operator do it.

-- Holds the tables of every tenant and makes the tenants' roles. Only workers and migrations sign in with it.
CREATE ROLE trilend_owner LOGIN CREATEROLE NOINHERIT;

-- What web pods and workers sign in with: owns nothing, inherits nothing, may only change to the roles it is given.
CREATE ROLE trilend_app LOGIN NOINHERIT;
ALTER ROLE trilend_app SET statement_timeout = '5min';
ALTER ROLE trilend_app SET lock_timeout = '10s';

-- Reads and writes the registry of tenants.
CREATE ROLE trilend_registry NOLOGIN;
GRANT trilend_registry TO trilend_app WITH INHERIT FALSE, SET TRUE;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON DATABASE trilend FROM PUBLIC;
GRANT CONNECT ON DATABASE trilend TO trilend_app;
GRANT CONNECT, CREATE ON DATABASE trilend TO trilend_owner;

-- By these a plain SELECT could change its own role, or reach files of the server.
REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_catalog.lo_import(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) FROM PUBLIC;
