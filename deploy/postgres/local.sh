#!/bin/bash
# What the entrypoint of the image does, for `make cluster`: local.sh postgres OPTION...
#   PGDATA, POSTGRES_USER, POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS: as for the image
#   INIT: the script that stands in the image's /docker-entrypoint-initdb.d
# PostgreSQL refuses to be run by root: then it is the user postgres, else nobody.
set -eu
umask 077

folder=$(dirname "$PGDATA")
as=()
if [[ $(id -u) = 0 ]]; then
    owner=$(id -un postgres 2>/dev/null || echo nobody)
    as=(setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups --)
    chown -R "$owner" "$folder"
fi
cd "$folder"

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    new=$PGDATA.new socket=$(mktemp -d)
    [[ -z ${owner:-} ]] || chown "$owner" "$socket"
    rm -rf "$new"
    # shellcheck disable=SC2086 # several options
    "${as[@]}" initdb --pgdata="$new" --username="$POSTGRES_USER" --auth-local=trust $POSTGRES_INITDB_ARGS
    echo "host all all all scram-sha-256" >>"$new/pg_hba.conf"
    "${as[@]}" pg_ctl --pgdata="$new" --wait --silent start \
        --options="-c listen_addresses= -c unix_socket_directories=$socket"
    export PGHOST=$socket
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="$POSTGRES_USER" --set file="$POSTGRES_PASSWORD_FILE" <<'SQL'
\set password `cat :'file'`
ALTER ROLE :"name" PASSWORD :'password';
SQL
    "$INIT"
    "${as[@]}" pg_ctl --pgdata="$new" --mode=fast --silent stop
    mv "$new" "$PGDATA" # last, so that half of it is none
    rm -rf "$socket"
    unset PGHOST
fi

exec "${as[@]}" "$@" -c unix_socket_directories=
