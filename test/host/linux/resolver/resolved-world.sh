#!/bin/sh
# A systemd-resolved with a bus of its own, in mounts of its own: resolved-world.sh RESOLVED FOLDER LIBRARIES COMMAND...
# Run it inside a network namespace made for it, under `unshare --mount`.
set -e
resolved=$1
folder=$2
libraries=$3
shift 3
mount --make-rslave /
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/systemd/resolve /run/systemd/netif
for file in passwd group; do cp "/etc/$file" "$folder/$file"; done
echo 'systemd-resolve:x:997:997::/:/usr/sbin/nologin' >> "$folder/passwd"
echo 'systemd-resolve:x:997:' >> "$folder/group"
for file in passwd group; do mount --bind "$folder/$file" "/etc/$file"; done
chown 997:997 /run/systemd/resolve
cat > "$folder/bus.conf" <<'EOF'
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow send_type="*"/><allow receive_type="*"/>
  </policy>
</busconfig>
EOF
dbus-daemon --config-file="$folder/bus.conf" --nofork --nopidfile 2> "$folder/bus.log" &
bus=$!
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.1; kill -0 $bus; done
LD_LIBRARY_PATH=$libraries SYSTEMD_LOG_TARGET=console "$resolved" > "$folder/resolved.log" 2>&1 &
service=$!
trap 'kill $service $bus' EXIT
until [ -S /run/systemd/resolve/io.systemd.Resolve ]; do sleep 0.1; kill -0 $service; done
"$@"
