#!/bin/sh
# Runs systemd as the init of namespaces of its own, over a throw-away copy of this machine's files.
# Arguments: an empty folder, a folder with units, a folder with files to lay over the machine's, this checkout.
# It sees this machine's /proc/sys read-only, but for net, which is the namespace's own.
set -e
scratch=$1 units=$2 kept=$3 checkout=$4
mount --make-rprivate /
mount -t tmpfs tmpfs "$scratch"
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root"
cp -a "$kept/." "$scratch/upper/"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,ro,bind proc/sys
for folder in run tmp; do mount -t tmpfs tmpfs "$folder"; done
# It may lie in a folder that was just covered, or on a file system of its own.
mkdir -p ".$checkout"
mount --rbind "$checkout" ".$checkout"
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mkdir -p units run/awg-test
cp "$units"/* units/
rm -rf var/lib/awg
[ ! -d "$kept/var/lib/awg" ] || cp -a "$kept/var/lib/awg" var/lib/awg
exec chroot . /usr/bin/env -i container=awg-test SYSTEMD_UNIT_PATH=/etc/systemd/system:/units PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=awg-test.target --show-status=no
