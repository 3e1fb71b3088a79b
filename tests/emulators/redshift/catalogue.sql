-- What Redshift has and PostgreSQL lacks: types, functions and system views, as far as clients use them.
-- They lie where Redshift has them, so that no search path matters and no listing shows them.
set allow_system_table_mods = on;

create type pg_catalog.super;
create function pg_catalog.super_in(cstring) returns super as 'json_in' language internal strict immutable;
create function pg_catalog.super_out(super) returns cstring as 'json_out' language internal strict immutable;
create type pg_catalog.super (input = super_in, output = super_out, like = json);
create cast (super as json) without function;
create cast (json as super) without function as assignment;

create type pg_catalog.varbyte;
create function pg_catalog.varbyte_in(cstring) returns varbyte as 'byteain' language internal strict immutable;
create function pg_catalog.varbyte_out(varbyte) returns cstring as 'byteaout' language internal strict immutable;
create type pg_catalog.varbyte (
    input = varbyte_in, output = varbyte_out, like = bytea,
    typmod_in = varchartypmodin, typmod_out = varchartypmodout
);
create cast (varbyte as bytea) without function;
create cast (bytea as varbyte) without function as assignment;

create type pg_catalog.geometry;
create function pg_catalog.geometry_in(cstring) returns geometry as 'textin' language internal strict immutable;
create function pg_catalog.geometry_out(geometry) returns cstring as 'textout' language internal strict immutable;
create type pg_catalog.geometry (input = geometry_in, output = geometry_out, like = text);
create cast (geometry as text) without function;

create type pg_catalog.geography;
create function pg_catalog.geography_in(cstring) returns geography as 'textin' language internal strict immutable;
create function pg_catalog.geography_out(geography) returns cstring as 'textout' language internal strict immutable;
create type pg_catalog.geography (input = geography_in, output = geography_out, like = text);
create cast (geography as text) without function;

create type pg_catalog.hllsketch;
create function pg_catalog.hllsketch_in(cstring) returns hllsketch as 'textin' language internal strict immutable;
create function pg_catalog.hllsketch_out(hllsketch) returns cstring as 'textout' language internal strict immutable;
create type pg_catalog.hllsketch (input = hllsketch_in, output = hllsketch_out, like = text);

create function pg_catalog.json_parse(text) returns super language sql immutable strict as $$ select $1::json::super $$;
-- Called json_serialize by Redshift, which is a word of the syntax here.
create function pg_catalog.serialize_super(super) returns text language sql immutable as $$ select coalesce($1::json::text, 'null') $$;
create function pg_catalog.to_hex(varbyte) returns text language sql immutable strict as $$ select encode($1::bytea, 'hex') $$;
create function pg_catalog.from_hex(text) returns varbyte language sql immutable strict as $$ select decode($1, 'hex')::varbyte $$;
create function pg_catalog.st_asewkt(geometry) returns text language sql immutable strict as $$ select $1::text $$;
create function pg_catalog.st_astext(geography) returns text language sql immutable strict as $$ select $1::text $$;
create function pg_catalog.getdate() returns timestamp language sql stable as $$ select now()::timestamp(0) $$;
create function pg_catalog.nvl(anyelement, anyelement) returns anyelement language sql immutable as $$ select coalesce($1, $2) $$;
create function pg_catalog.strtol(text, int) returns bigint language sql immutable as $$ select ('x' || lpad($1, 16, '0'))::bit(64)::bigint $$;
create function pg_catalog.has_assumerole_privilege(text, text) returns bool language sql as $$ select true $$;
create function pg_catalog.pg_get_late_binding_view_cols() returns setof record language sql
    as $$ select null::name, null::name, null::name, null::varchar, null::int where false $$;

create view pg_catalog.svv_columns as
select
    table_catalog, table_schema, table_name, column_name, ordinal_position,
    case
        when data_type = 'interval' and interval_type ilike 'year%' then 'interval year to month'
        when data_type = 'interval' then 'interval day to second'
        else data_type
    end as data_type,
    is_nullable, character_maximum_length, numeric_precision, numeric_scale
from information_schema.columns;
create view pg_catalog.svv_tables as
select table_catalog, table_schema, table_name, table_type, null::text as remarks from information_schema.tables;
create view pg_catalog.svv_all_tables as
select
    table_catalog as database_name, table_schema as schema_name, table_name, table_type,
    null::text as table_acl, null::text as remarks
from information_schema.tables;
create view pg_catalog.svv_all_columns as
select
    table_catalog as database_name, table_schema as schema_name, table_name, column_name, ordinal_position,
    column_default, is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale,
    null::text as remarks
from information_schema.columns;
create view pg_catalog.svv_redshift_schemas as
select
    current_database()::text as database_name, nspname::text as schema_name, nspowner as schema_owner,
    'local'::text as schema_type
from pg_namespace;
create view pg_catalog.svv_table_info as
select
    current_database()::text as "database", schemaname as "schema", relname as "table", n_live_tup as tbl_rows,
    greatest(1, pg_total_relation_size(relid) / 1048576)::bigint as size, 'EVEN'::text as diststyle
from pg_stat_user_tables;
create view pg_catalog.svv_external_schemas as
select null::int as esoid, null::text as schemaname, null::text as databasename, null::text as esoptions where false;
create view pg_catalog.svv_external_columns as
select
    null::text as schemaname, null::text as tablename, null::text as columnname, null::text as external_type,
    0 as columnnum, 0 as part_key, null::text as is_nullable
where false;
create view pg_catalog.svv_external_tables as
select null::text as schemaname, null::text as tablename, null::text as location where false;
