#!/bin/sh
# Makes the stubs in trainyardv1/ from the protos of this tree. google/rpc/status.proto
# comes from $GOOGLEAPIS, by default where Debian's golang-github-gogo-googleapis-dev
# has it; its Go code is the published one.
set -eu
cd "$(dirname "$0")"
proto=../../../proto
googleapis=${GOOGLEAPIS:-/usr/share/gocode/src/github.com/gogo/googleapis}
mkdir -p bin trainyardv1
go build -o bin/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc

set -- --proto_path="$proto" --proto_path="$googleapis" \
  --plugin=bin/protoc-gen-go --plugin=bin/protoc-gen-go-grpc \
  --go_out=. --go_opt=module=trainyard.example \
  --go-grpc_out=. --go-grpc_opt=module=trainyard.example
for package in "google/rpc/status.proto=google.golang.org/genproto/googleapis/rpc/status" \
  $(cd "$proto" && for file in trainyard/v1/*.proto; do echo "$file=trainyard.example/trainyardv1"; done); do
  set -- "$@" "--go_opt=M$package" "--go-grpc_opt=M$package"
done
exec protoc "$@" "$proto"/trainyard/v1/*.proto
