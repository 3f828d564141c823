"""The question that has the server write a schema, and the role that uses it, as lines: equal for equal tenants."""

# Names of the schema and of its role are written as `~`, the cell's login as `~cell`; the order of a table's columns is
# not compared, since a column that was added later stands last. Lists of rights are put in order.
LINES = """
WITH asked AS (
    SELECT schema, login FROM unnest(%(schemas)s::text[], %(logins)s::text[]) AS given (schema, login)
),
space AS (
    SELECT oid, nspname, nspowner, nspacl, login FROM pg_catalog.pg_namespace JOIN asked ON asked.schema = nspname
),
relation AS (
    SELECT class.oid, class.relname, class.relkind, class.relacl, class.relowner, class.relrowsecurity,
        class.relforcerowsecurity, class.relpersistence, class.reloptions, space.nspname
    FROM pg_catalog.pg_class AS class JOIN space ON space.oid = class.relnamespace
),
line AS (
    SELECT nspname, format('schema owner=%%s rights=%%s', nspowner::regrole,
        (SELECT array_agg(item ORDER BY item COLLATE "C")
            FROM (SELECT replace(given::text, nspname, '~') FROM unnest(nspacl) AS given) AS held (item))) AS text
    FROM space
    UNION ALL
    SELECT nspname, format('role login=%%s super=%%s createrole=%%s createdb=%%s bypassrls=%%s settings=%%s',
        rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolconfig)
    FROM space JOIN pg_catalog.pg_roles ON rolname = nspname
    UNION ALL
    SELECT nspname, format('role is taken by %%s admin=%%s inherit=%%s set=%%s',
        CASE WHEN member::regrole::text = login THEN '~cell' ELSE member::regrole::text END,
        admin_option, inherit_option, set_option)
    FROM space JOIN pg_catalog.pg_roles AS role ON rolname = nspname
    JOIN pg_catalog.pg_auth_members AS membership ON membership.roleid = role.oid
    UNION ALL
    SELECT nspname, format('role is member of %%s', membership.roleid::regrole)
    FROM space JOIN pg_catalog.pg_roles AS role ON rolname = nspname
    JOIN pg_catalog.pg_auth_members AS membership ON membership.member = role.oid
    UNION ALL
    SELECT nspname, format('%%s %%s owner=%%s rights=%%s rls=%%s/%%s kept=%%s options=%%s', relkind, relname,
        relowner::regrole, (SELECT array_agg(item ORDER BY item COLLATE "C")
            FROM (SELECT replace(given::text, nspname, '~') FROM unnest(relacl) AS given) AS held (item)),
        relrowsecurity, relforcerowsecurity, relpersistence, reloptions)
    FROM relation WHERE relkind IN ('r', 'v', 'm', 'S', 'p', 'f')
    UNION ALL
    SELECT nspname, format('column %%s.%%s %%s%%s%%s%%s default=%%s%%s', relname, attname,
        format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' not null' ELSE '' END,
        CASE WHEN attidentity <> '' THEN ' identity=' || attidentity::text ELSE '' END,
        CASE WHEN attgenerated <> '' THEN ' generated=' || attgenerated::text ELSE '' END,
        pg_get_expr(adbin, adrelid), CASE WHEN attacl IS NOT NULL THEN ' rights=' || attacl::text ELSE '' END)
    FROM relation
    JOIN pg_catalog.pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relkind IN ('r', 'v', 'm', 'p', 'f')
    UNION ALL
    SELECT nspname, format('view %%s %%s', relname, pg_get_viewdef(oid)) FROM relation WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT nspname, format('rule %%s', pg_get_ruledef(rule_.oid))
    FROM pg_catalog.pg_rewrite AS rule_ JOIN relation ON relation.oid = ev_class WHERE rulename <> '_RETURN'
    UNION ALL
    SELECT nspname, format('sequence %%s %%s start=%%s by=%%s from=%%s to=%%s cycle=%%s', relname,
        seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcycle)
    FROM pg_catalog.pg_sequence JOIN relation ON relation.oid = seqrelid
    UNION ALL
    SELECT nspname, format('constraint %%s.%%s %%s valid=%%s', relname, conname, pg_get_constraintdef(constraint_.oid),
        convalidated)
    FROM pg_catalog.pg_constraint AS constraint_ JOIN relation ON relation.oid = conrelid
    UNION ALL
    SELECT nspname, format('index %%s valid=%%s', pg_get_indexdef(indexrelid), indisvalid)
    FROM pg_catalog.pg_index JOIN relation ON relation.oid = indexrelid
    UNION ALL
    SELECT nspname, format('trigger %%s enabled=%%s', pg_get_triggerdef(trigger_.oid), tgenabled)
    FROM pg_catalog.pg_trigger AS trigger_ JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT nspname, format('function %%s owner=%%s rights=%%s %%s', pg_get_functiondef(proc.oid), proowner::regrole,
        (SELECT array_agg(item ORDER BY item COLLATE "C")
            FROM (SELECT replace(given::text, nspname, '~') FROM unnest(proacl) AS given) AS held (item)), prosecdef)
    FROM pg_catalog.pg_proc AS proc JOIN space ON space.oid = pronamespace WHERE prokind IN ('f', 'p')
    UNION ALL
    SELECT nspname, format('type %%s %%s', typname,
        (SELECT array_agg(enumlabel ORDER BY enumsortorder) FROM pg_catalog.pg_enum WHERE enumtypid = type_.oid))
    FROM pg_catalog.pg_type AS type_ JOIN space ON space.oid = typnamespace WHERE typtype IN ('e', 'd')
    UNION ALL
    SELECT nspname, format('policy %%s.%%s for %%s using %%s check %%s', relname, polname, polcmd,
        pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_catalog.pg_policy JOIN relation ON relation.oid = polrelid
)
"""
EACH = LINES + "SELECT replace(text, nspname, '~') FROM line"
DIGESTS = (
    LINES
    + """
SELECT nspname, encode(sha256(string_agg(replace(text, nspname, '~'), chr(10)
    ORDER BY replace(text, nspname, '~') COLLATE "C")::bytea), 'hex')
FROM line GROUP BY nspname
"""
)
