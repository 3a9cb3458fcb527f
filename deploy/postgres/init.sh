#!/bin/bash
# Run once, on a new data folder: a role and a database of its own per service, and another pair for the wrapped keys of
# its cases, so that the keys' backups can be short-lived.
#   POSTGRES_SECRETS  holds a folder per service with the passwords `database` and `keys`
set -eu

create() { # NAME PASSWORD-FILE
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="$1" --set file="$2" <<'SQL'
-- A statement that fails would stand in the log as it is.
SET log_min_error_statement = panic;
\set password `cat :'file'`
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

for folder in "$POSTGRES_SECRETS"/*/; do
    service=$(basename "$folder")
    if [[ -e $folder/database ]]; then
        create "$service" "$folder/database"
        create "${service}_keys" "$folder/keys"
    fi
done
