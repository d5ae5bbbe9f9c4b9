module edgeway.dev/tests/http2

go 1.24.0

require (
	golang.org/x/net v0.47.0
	google.golang.org/grpc v1.76.0
)

require (
	golang.org/x/sys v0.38.0 // indirect
	golang.org/x/text v0.31.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20250804133106-a7a43d27e69b // indirect
	google.golang.org/protobuf v1.36.6 // indirect
)
