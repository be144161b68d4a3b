#!/usr/bin/env bash
# What compressing a response costs: Simplon beside nginx, HAProxy and Caddy, on the same bodies from the same server.
#
#   cargo build --release && benches/compress-peers.sh
#
# Each proxy has one worker and answers the same load (wrk, 8 connections). What is read is its processor time
# (/proc/PID/task/*/schedstat) for each request, and the bytes on the wire. Absent peers are left out. Set:
#   SIMPLON, CADDY  the programs; target/release/simplon and the caddy of PATH if left out
#   BROTLI          nginx's brotli module (ngx_http_brotli_filter_module.so), if it is not where Debian installs it
#   SECONDS_EACH    how long each is loaded; 4 if left out
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
simplon=${SIMPLON:-$here/target/release/simplon}
caddy=${CADDY:-$(command -v caddy || true)}
brotli=${BROTLI:-/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so}
seconds=${SECONDS_EACH:-4}
work=$(mktemp -d)
pids=()
finish() {
  if ((${#pids[@]})); then
    kill "${pids[@]}" 2> "$work/kill.log" || true
    wait "${pids[@]}" 2> "$work/kill.log" || true
  fi
  rm -rf "$work"
}
trap finish EXIT

# A port that is free just now.
port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> "$work/port.log"; do :; done
  echo "$port"
}

# Starts a program, in $started, and waits until it listens on a port.
start() {
  local port=$1
  shift
  "$@" > "$work/$port.log" 2>&1 &
  started=$!
  pids+=("$started")
  for _ in $(seq 100); do
    if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> "$work/port.log"; then return; fi
    sleep 0.1
  done
  cat "$work/$port.log" >&2
  echo "$1 does not listen" >&2
  exit 1
}

# A JSON of $1 bytes: the same names and words, and numbers that cannot be guessed.
json() {
  awk -v length_wanted="$1" 'BEGIN {
    srand(1)
    split("Anna Luca Elena Matteo", first); split("Favre Bernasconi Keller Schmid", last)
    split("confirmed requested cancelled done", status)
    text = "{\"appointments\":["
    while (length(text) < length_wanted)
      text = text sprintf("{\"id\":\"%08x%08x%08x%08x\",\"patient\":{\"firstName\":\"%s\",\"lastName\":\"%s\",\"birthDate\":\"19%02d-%02d-%02d\"},\"start\":\"2026-%02d-%02dT%02d:00:00Z\",\"minutes\":%d,\"room\":%d,\"status\":\"%s\"},", \
        rand() * 2^32, rand() * 2^32, rand() * 2^32, rand() * 2^32, first[1 + int(rand() * 4)], last[1 + int(rand() * 4)], \
        30 + rand() * 69, 1 + rand() * 12, 1 + rand() * 28, 1 + rand() * 12, 1 + rand() * 28, 7 + rand() * 12, \
        15 * int(1 + rand() * 8), 100 + rand() * 320, status[1 + int(rand() * 4)])
    printf "%s", substr(text, 1, length_wanted)
  }'
}

# Nanoseconds that all threads of a process have run for.
used() { cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

# A row of the table: name, process, port, coding, and the file to ask for.
row() {
  local name=$1 pid=$2 port=$3 coding=$4 file=$5
  local url=http://127.0.0.1:$port/$file
  local bytes before after requests
  bytes=$(curl -sS -o "$work/body" -D "$work/head" -H "Accept-Encoding: $coding" -w '%{size_download}' "$url")
  if [ "$coding" != identity ] && ! grep -qi "^content-encoding: $coding" "$work/head"; then
    echo "| $name | $coding | ${file%.json} | does not compress it | |"
    return
  fi
  wrk -t1 -c8 -d1 -H "Accept-Encoding: $coding" "$url" > "$work/warm"
  before=$(used "$pid")
  wrk -t1 -c8 -d"$seconds" -H "Accept-Encoding: $coding" "$url" > "$work/wrk"
  after=$(used "$pid")
  if grep -q 'Non-2xx\|Socket errors' "$work/wrk"; then
    cat "$work/wrk" >&2
    exit 1
  fi
  requests=$(awk '/requests in/ { print $1 }' "$work/wrk")
  echo "| $name | $coding | ${file%.json} | $(((after - before) / requests / 1000)) | $bytes |"
}

mkdir "$work/bodies"
json 8192 > "$work/bodies/8k.json"
json 65536 > "$work/bodies/64k.json"
origin_port=$(port)
cat > "$work/origin.conf" << CONF
daemon off; master_process off; pid $work/origin.pid; error_log $work/origin-error.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000; types { application/json json; }
  client_body_temp_path $work/o1; proxy_temp_path $work/o2; fastcgi_temp_path $work/o3; uwsgi_temp_path $work/o4; scgi_temp_path $work/o5;
  server { listen 127.0.0.1:$origin_port; root $work/bodies; open_file_cache max=10; }
}
CONF
start "$origin_port" nginx -p "$work" -c "$work/origin.conf"

echo "| proxy | coding | body | CPU µs a request | bytes |"
echo "|---|---|---|--:|--:|"

simplon_rows() {
  local port admin
  port=$(port)
  admin=$(port)
  cat > "$work/simplon.yaml" << CONF
listeners: { http: { bind: "127.0.0.1:$port", limits: { requests_per_connection: 1000000 } } }
admin: { bind: "127.0.0.1:$admin" }
upstreams: { web: { servers: ["127.0.0.1:$origin_port"] } }
routes: [{ upstream: web }]
defaults: { compress: { levels: { br: 4, zstd: 3, gzip: 6 }, cpu_guard: false } }
log: { access: "off" }
state: $work/state
control: $work/control.sock
workers: 1
CONF
  start "$port" "$simplon" run -c "$work/simplon.yaml"
  for coding in identity gzip br zstd; do
    for file in 8k.json 64k.json; do row "Simplon (gzip 6, br 4, zstd 3)" "$started" "$port" "$coding" "$file"; done
  done
}

nginx_rows() {
  local port module="" brotli_on="" codings="identity gzip"
  port=$(port)
  if [ -f "$brotli" ]; then
    module="load_module $brotli;"
    brotli_on="brotli on; brotli_comp_level 4; brotli_types application/json;"
    codings="$codings br"
  fi
  cat > "$work/nginx.conf" << CONF
$module
daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx-error.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000;
  client_body_temp_path $work/n1; proxy_temp_path $work/n2; fastcgi_temp_path $work/n3; uwsgi_temp_path $work/n4; scgi_temp_path $work/n5;
  gzip on; gzip_comp_level 6; gzip_types application/json; gzip_proxied any; $brotli_on
  upstream web { server 127.0.0.1:$origin_port; keepalive 32; keepalive_requests 1000000; }
  server { listen 127.0.0.1:$port; location / { proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Accept-Encoding \$http_accept_encoding; } }
}
CONF
  start "$port" nginx -p "$work" -c "$work/nginx.conf"
  for coding in $codings; do
    for file in 8k.json 64k.json; do row "nginx (gzip 6, br 4)" "$started" "$port" "$coding" "$file"; done
  done
}

haproxy_rows() {
  local port
  port=$(port)
  cat > "$work/haproxy.cfg" << CONF
global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
frontend web
  bind 127.0.0.1:$port
  default_backend web
backend web
  http-reuse always
  compression algo gzip
  compression type application/json
  server one 127.0.0.1:$origin_port
CONF
  start "$port" haproxy -db -f "$work/haproxy.cfg"
  for coding in identity gzip; do
    for file in 8k.json 64k.json; do row "HAProxy (libslz)" "$started" "$port" "$coding" "$file"; done
  done
}

caddy_rows() {
  local port
  port=$(port)
  cat > "$work/Caddyfile" << CONF
{
  admin off
  auto_https off
}
http://127.0.0.1:$port {
  encode {
    gzip 6
    zstd
    match header Content-Type application/json*
  }
  reverse_proxy 127.0.0.1:$origin_port
}
CONF
  start "$port" env GOMAXPROCS=1 HOME="$work" "$caddy" run --config "$work/Caddyfile" --adapter caddyfile
  for coding in identity gzip zstd; do
    for file in 8k.json 64k.json; do row "Caddy (gzip 6, zstd)" "$started" "$port" "$coding" "$file"; done
  done
}

if [ -x "$simplon" ]; then simplon_rows; fi
if command -v nginx > "$work/found"; then nginx_rows; fi
if command -v haproxy > "$work/found"; then haproxy_rows; fi
if [ -n "$caddy" ]; then caddy_rows; fi
