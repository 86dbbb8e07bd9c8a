#!/bin/sh
# Makes the stubs in src/generated/ from the protos of this tree. google/rpc/status.proto
# comes from $GOOGLEAPIS, by default where Debian's golang-github-gogo-googleapis-dev
# has it.
set -eu
cd "$(dirname "$0")"
proto=../../../proto
googleapis=${GOOGLEAPIS:-/usr/share/gocode/src/github.com/gogo/googleapis}
mkdir -p src/generated
exec protoc --proto_path="$proto" --proto_path="$googleapis" \
  --plugin=node_modules/.bin/protoc-gen-ts_proto --ts_proto_out=src/generated \
  --ts_proto_opt=outputServices=grpc-js,esModuleInterop=true,forceLong=bigint,oneof=unions-value \
  "$proto"/trainyard/v1/*.proto
