#!/usr/bin/env bash
# From a fresh clone to a trained network: installs what is missing, builds,
# starts a server, trains the notebook's network on handwritten digits while
# the cost streams by, evaluates it, and stops.
set -euo pipefail
# shellcheck source=deploy/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
  cat <<'TEXT'
usage: deploy/quickstart.sh [--data DIR] [--digits] [--keep]
  --data DIR  take MNIST from this folder
  --digits    use generated digits, even where MNIST can be had
  --keep      keep the server's data directory and say where it is
TEXT
}

data='' digits=no keep=no
while [ $# -gt 0 ]; do
  case $1 in
    --data)
      [ $# -ge 2 ] || die "--data needs a folder"
      data=$2
      is_mnist_dir "$data" || die "no MNIST in $data (train-images-idx3-ubyte.gz and its three companions)"
      shift
      ;;
    --digits) digits=yes ;;
    --keep) keep=yes ;;
    --help | -h)
      usage
      exit
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift
done

state=$(mktemp -d "${TMPDIR:-/tmp}/trainyard.XXXXXX")
server=''

cleanup() {
  local status=$?
  trap - EXIT
  if [ -n "$server" ] && kill -TERM "$server" 2>/dev/null; then
    wait "$server" || true
  fi
  if [ "$keep" = yes ]; then
    rm -f "$state/announcement"
    echo "kept: $state/data (a server takes it up with --data-dir), $state/server.log"
  else
    rm -rf "$state"
  fi
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step "Packages"
install_packages base

step "Build (build/release)"
configure_and_build release
bin=$ROOT/build/release/bin

step "Server"
mkfifo "$state/announcement"
"$bin/trainyard-server" --data-dir "$state/data" --listen 127.0.0.1:0 \
  >"$state/announcement" 2>"$state/server.log" </dev/null &
server=$!
exec 3<"$state/announcement"
# The line comes when, and only when, the server accepts calls; the end of the
# file without it means that the server is gone.
if ! read -r -t 60 announcement <&3; then
  cat "$state/server.log" >&2
  die "the server did not start; its log is above"
fi
echo "$announcement"
TRAINYARD_SERVER=$(sed -n 's/.*grpc=\([^ ]*\).*/\1/p' <<<"$announcement")
export TRAINYARD_SERVER
trainyard() { "$bin/trainyard" "$@"; }
# Shows a command as one would type it, and runs it.
try() {
  printf '\n$ trainyard %s\n' "$*"
  trainyard "$@"
}

step "Data"
train_set=mnist-train test_set=mnist-test epochs=3
if [ "$digits" = no ] && mnist=$(find_mnist "$data"); then
  echo "MNIST from $mnist"
  try dataset import mnist --from "$mnist"
elif [ "$digits" = no ] && echo "MNIST is not on this machine; trying to download it" &&
  timeout 180 "$bin/trainyard" dataset import mnist; then
  echo "MNIST, downloaded"
else
  echo "No MNIST: using generated digits instead"
  train_set=digits-train test_set=digits-test epochs=5
  try dataset generate "$train_set" --kind digits --rows 10000 --seed 1
  try dataset generate "$test_set" --kind digits --rows 2000 --seed 2
fi

step "Train"
try network create notebook --layers 784,500,200,10
try train --id first --network notebook --dataset "$train_set" \
  --epochs "$epochs" --learning-rate 0.3 --watch

step "Evaluate"
try evaluate first --dataset "$test_set"

step "How to go on"
cat <<TEXT
This server stops now. For one that stays, in a terminal of its own:
  build/release/bin/trainyard-server --data-dir ~/trainyard --listen 127.0.0.1:7700 --http 127.0.0.1:7701
Its dashboard is at http://127.0.0.1:7701. In another terminal, since the first address
is the client's default:
  export PATH="\$PWD/build/release/bin:\$PATH"
  trainyard --help
README.md has a five-minute tour; deploy/test.sh runs every test.
TEXT
