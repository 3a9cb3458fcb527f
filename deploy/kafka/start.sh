#!/bin/bash
# Kafka with server.properties: start.sh FOLDER-OF-SECRETS DATA-FOLDER
#
# The same in its container and as a process of one machine; bash and java alone, for the image has little else.
#   KAFKA_LIBS          its jars (the image: /opt/kafka/libs)
#   KAFKA_JAVA_OPTIONS  of the broker
#   FOLDER              holds `admin`, the super user's password, and `broker.pem`, key and certificate
#   and what server.properties asks for: hosts, ports and addresses, by its ${...}
# At the first start the data folder is formatted, with the super user as its only login.
set -eu
umask 077

secrets=$1 data=$2
libs=${KAFKA_LIBS:-/opt/kafka/libs}
random() { head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d '=\n'; }

# The node's login to itself is another one at each start, so it is kept nowhere else.
CONTROLLER_PASSWORD=$(random)
LOG_DIR=$data/log
BROKER_PEM=$secrets/broker.pem
: >"$data/server.properties"
while IFS= read -r line || [[ -n $line ]]; do
    while [[ $line != \#* && $line =~ \$\{([A-Z_]+)\} ]]; do
        name=${BASH_REMATCH[1]}
        if [[ -z ${!name:-} ]]; then
            echo "kafka: $name is not set, and server.properties asks for it" >&2
            exit 1
        fi
        line=${line//"\${$name}"/${!name}}
    done
    printf '%s\n' "$line" >>"$data/server.properties"
done <"${BASH_SOURCE[0]%/*}/server.properties"

java=(java -Dlog4j2.level=INFO -cp "$libs/*")
if [[ ! -e $LOG_DIR/meta.properties ]]; then
    # By a file, for everybody on the machine can read the words of a command.
    words=$data/format
    printf '%s\n' -XX:TieredStopAtLevel=1 -cp "\"$libs/*\"" kafka.tools.StorageTool format --ignore-formatted \
        --cluster-id "$(random)" --config "\"$data/server.properties\"" \
        --add-scram "\"SCRAM-SHA-512=[name=admin,password=$(<"$secrets/admin")]\"" >"$words"
    java "@$words"
    rm "$words"
fi
# shellcheck disable=SC2086 # several options
exec "${java[@]}" ${KAFKA_JAVA_OPTIONS:-} kafka.Kafka "$data/server.properties"
