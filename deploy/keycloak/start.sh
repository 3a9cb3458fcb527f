#!/bin/bash
# Keycloak with the realm pulang: start.sh FOLDER-OF-SECRETS [start-dev's options].
#
# The same in its container and as a process of one machine; bash alone, for the image has little else.
#   KEYCLOAK_HOME  where Keycloak is unpacked (the image: /opt/keycloak)
#   FOLDER         holds `admin` and `clients/<client id>`, a secret in each file
#
# start-dev means: plain HTTP, an H2 file as the database, no cluster, any host name that a request brings. It is for
# one machine and for tests. Production runs `start` instead, behind TLS, with --hostname=https://..., --db=postgres
# (and its URL, user, password), --proxy-headers=xforwarded behind a gateway, sslRequired "all" in the realm, the
# bootstrap administrator replaced by people's own accounts, and secrets of clients that an administrator rotates.
# A realm that is there already is not imported again: changes of the file reach a running installation by hand.
set -eu
umask 077

home=${KEYCLOAK_HOME:-/opt/keycloak}
secrets=$1
shift

for file in "$secrets"/clients/*; do
    name=${file##*/}
    name=${name//-/_}
    export "PULANG_CLIENT_${name^^}=$(<"$file")"
done
export KC_BOOTSTRAP_ADMIN_USERNAME=admin
KC_BOOTSTRAP_ADMIN_PASSWORD=$(<"$secrets/admin")
export KC_BOOTSTRAP_ADMIN_PASSWORD

# Keycloak leaves a placeholder without a variable as it is: the secret would be a text that everyone can read.
while IFS= read -r line; do
    if [[ $line =~ \"secret\":\ \"\$\{([A-Z0-9_]+)\}\" ]]; then
        variable=${BASH_REMATCH[1]}
        if [[ -z ${!variable:-} ]]; then
            echo "keycloak: there is no secret for $variable in $secrets/clients: run pulang secrets" >&2
            exit 1
        fi
    fi
done <"$home/data/import/pulang-realm.json"

# kc.sh runs Java under itself and tells it of no signal: a stop would only end the shell.
"$home/bin/kc.sh" start-dev --import-realm "$@" &
shell=$!
stop() {
    local java=
    read -r java <"/proc/$shell/task/$shell/children" || true
    kill -TERM ${java:-$shell} 2>/dev/null || true
}
trap stop TERM INT
status=0
wait "$shell" || status=$?
while kill -0 "$shell" 2>/dev/null; do
    wait "$shell" || status=$?
done
exit "$status"
