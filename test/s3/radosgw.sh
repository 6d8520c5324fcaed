#!/usr/bin/env bash
# A Ceph radosgw for tests: one monitor, one store in memory, one gateway, on the loopback only. As root, on Debian.
#
#   radosgw.sh install                           apt packages: about 61 MB to load, 257 MiB installed
#   radosgw.sh up   DIR PORT ACCESS_KEY SECRET   start in the empty folder DIR; returns when it answers
#   radosgw.sh down DIR                          stop what was started there
#   radosgw.sh run  DIR PORT ACCESS_KEY SECRET   up, print "ready", wait for the end of standard input, down, remove DIR
#
# Serves http://127.0.0.1:PORT (path style) and http://BUCKET.s3.localhost:PORT. Takes PORT, and PORT+1 for the monitor.
set -euo pipefail

DAEMONS=(rgw osd mon)

install() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    radosgw ceph-mon ceph-osd curl >/dev/null
}

is_running() { [ -s "$1/$2.pid" ] && kill -0 "$(cat "$1/$2.pid")" 2>/dev/null; }

down() {
  local dir=$1 name tries
  for name in "${DAEMONS[@]}"; do
    if is_running "$dir" "$name"; then kill "$(cat "$dir/$name.pid")" || true; fi
  done
  for name in "${DAEMONS[@]}"; do
    for ((tries = 0; tries < 50; tries++)); do
      is_running "$dir" "$name" || break
      sleep .1
    done
    if is_running "$dir" "$name"; then kill -KILL "$(cat "$dir/$name.pid")" || true; fi
  done
}

configure() {
  local dir=$1 port=$2
  cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = v2:127.0.0.1:$((port + 1))
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = $dir/keyring
run dir = $dir/run
admin socket = $dir/run/\$name.asok
pid file = $dir/run/\$name.pid
log file = $dir/log/\$name.log
crash dir = $dir/log
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000

[mon]
mon data = $dir/mon
mon cluster log file = $dir/log/cluster.log
mon data avail warn = 1
mon data avail crit = 1

[osd]
osd data = $dir/osd
osd objectstore = memstore
osd memory target = 1073741824
memstore device bytes = 6442450944

[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw dns name = s3.localhost
rgw crypt require ssl = false
# What was replaced or deleted is kept for two hours by default, and the store in memory is soon full.
rgw gc obj min wait = 1
rgw gc processor period = 1
rgw gc processor max time = 1
CONF
}

make_keys() {
  local keyring=$1/keyring
  ceph-authtool -C "$keyring" --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool "$keyring" --gen-key -n client.admin \
    --cap mon 'allow *' --cap osd 'allow *' --cap mds 'allow *' --cap mgr 'allow *'
  ceph-authtool "$keyring" --gen-key -n client.rgw --cap mon 'allow *' --cap osd 'allow *'
  ceph-authtool "$keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
}

# daemon DIR NAME COMMAND...: in a session of its own, so that a terminal's Ctrl-C leaves the order to us.
daemon() {
  local dir=$1 name=$2
  shift 2
  setsid "$@" >"$dir/log/$name.out" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
  disown $!
}

# wait_for DIR SECONDS COMMAND...
wait_for() {
  local dir=$1 tries=$(($2 * 5))
  shift 2
  for ((; tries > 0; tries--)); do
    "$@" && return 0
    sleep .2
  done
  echo "radosgw.sh: timeout waiting for $*" >&2
  tail -n 5 "$dir"/log/*.out >&2
  return 1
}

mon_answers() { timeout 5 ceph -c "$1/ceph.conf" -s >/dev/null 2>&1; }
osd_is_up() { timeout 5 ceph -c "$1/ceph.conf" osd stat 2>/dev/null | grep -q '1 up'; }
gateway_answers() { curl -s -o /dev/null "http://127.0.0.1:$1/"; }

up() {
  local dir port=$2 access_key=$3 secret=$4 conf fsid uuid
  mkdir -p "$1"/{mon,osd,run,log}
  dir=$(cd "$1" && pwd)
  conf=$dir/ceph.conf
  configure "$dir" "$port"
  make_keys "$dir" >/dev/null

  fsid=$(sed -n 's/^fsid = //p' "$conf")
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$((port + 1))]" "$dir/monmap" >/dev/null
  ceph-mon -c "$conf" --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring"
  daemon "$dir" mon ceph-mon -c "$conf" -i a -f
  wait_for "$dir" 30 mon_answers "$dir"

  uuid=$(cat /proc/sys/kernel/random/uuid)
  [ "$(ceph -c "$conf" osd new "$uuid")" = 0 ]
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$uuid" >"$dir/log/osd-mkfs.out" 2>&1
  daemon "$dir" osd ceph-osd -c "$conf" -i 0 -f
  wait_for "$dir" 30 osd_is_up "$dir"

  timeout 60 radosgw-admin -c "$conf" -n client.rgw user create --uid=test --display-name=test \
    --access-key="$access_key" --secret-key="$secret" >"$dir/log/user.out" 2>&1
  daemon "$dir" rgw radosgw -c "$conf" -n client.rgw -f
  wait_for "$dir" 60 gateway_answers "$port"
}

run() {
  # Whoever started us may die in any way: the end of standard input tells, and needs no word from it.
  trap 'down "$1"; rm -rf "$1"' EXIT
  up "$@"
  echo ready
  cat >/dev/null
}

command=${1:-}
shift || true
case $command:$# in
  install:0) install ;;
  up:4) up "$@" ;;
  down:1) down "$1" ;;
  run:4) run "$@" ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
