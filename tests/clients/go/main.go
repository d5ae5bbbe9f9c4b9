// Command client calls the examples' echo in every way that gRPC has: client ADDRESS CA_FILE DESCRIPTOR_SET. It prints what
// came of it, in JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // so that details are known
)

const collected = 20

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: client ADDRESS CA_FILE DESCRIPTOR_SET")
		os.Exit(2)
	}
	outcome, err := callAll(os.Args[1], os.Args[2], os.Args[3])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(outcome)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func callAll(address, caFile, descriptorFile string) (map[string]any, error) {
	trusted, err := credentials.NewClientTLSFromFile(caFile, "localhost")
	if err != nil {
		return nil, err
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(trusted))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	service, err := readService(descriptorFile, "edgeway.examples.v1.Echo")
	if err != nil {
		return nil, err
	}
	client := client{connection: connection, service: service}
	outcome := map[string]any{}
	for name, call := range map[string]func(context.Context) (any, error){
		"say":      client.say,
		"stream":   client.stream,
		"collect":  client.collect,
		"chat":     client.chat,
		"fail":     client.fail,
		"deadline": client.deadline,
		"cancel":   client.cancel,
	} {
		ctx, done := context.WithTimeout(context.Background(), 20*time.Second)
		outcome[name], err = call(ctx)
		done()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return outcome, nil
}

func readService(file, name string) (protoreflect.ServiceDescriptor, error) {
	bytes, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(bytes, &set); err != nil {
		return nil, err
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return nil, err
	}
	found, err := files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	return found.(protoreflect.ServiceDescriptor), nil
}

type client struct {
	connection *grpc.ClientConn
	service    protoreflect.ServiceDescriptor
}

// open starts a call of any kind: on the wire all are streams both ways.
func (c client) open(ctx context.Context, name string, options ...grpc.CallOption) (*call, error) {
	method := c.service.Methods().ByName(protoreflect.Name(name))
	path := fmt.Sprintf("/%s/%s", c.service.FullName(), name)
	desc := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := c.connection.NewStream(ctx, desc, path, options...)
	return &call{stream: stream, method: method}, err
}

type call struct {
	stream grpc.ClientStream
	method protoreflect.MethodDescriptor
}

func (c *call) send(text string) error {
	message := dynamicpb.NewMessage(c.method.Input())
	if err := protojson.Unmarshal([]byte(text), message); err != nil {
		return err
	}
	return c.stream.SendMsg(message)
}

func (c *call) receive() (protoreflect.Message, error) {
	message := dynamicpb.NewMessage(c.method.Output())
	err := c.stream.RecvMsg(message)
	return message, err
}

// rest counts the messages to the end of the call.
func (c *call) rest() (int, error) {
	for count := 0; ; count++ {
		if _, err := c.receive(); errors.Is(err, io.EOF) {
			return count, nil
		} else if err != nil {
			return count, err
		}
	}
}

func (c client) say(ctx context.Context) (any, error) {
	ctx = metadata.AppendToOutgoingContext(ctx, "tenant", "blue", "x-bin", "\x00\xff")
	call, err := c.open(ctx, "Say", grpc.UseCompressor(gzip.Name))
	if err != nil {
		return nil, err
	}
	trailers := `{"message": "hello", "trailers": [{"name": "after", "value": "2"}]}`
	if err := errors.Join(call.send(trailers), call.stream.CloseSend()); err != nil {
		return nil, err
	}
	answer, err := call.receive()
	if err != nil {
		return nil, err
	}
	_, err = call.rest()
	said := answer.Get(answer.Descriptor().Fields().ByName("message")).String()
	return []any{said, call.stream.Trailer().Get("after")}, err
}

func (c client) stream(ctx context.Context) (any, error) {
	call, err := c.open(ctx, "Stream")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(call.send(`{"count": 200, "size": 20000}`), call.stream.CloseSend()); err != nil {
		return nil, err
	}
	return call.rest()
}

func (c client) collect(ctx context.Context) (any, error) {
	call, err := c.open(ctx, "Collect")
	if err != nil {
		return nil, err
	}
	for range collected {
		if err := call.send(`{"payload": "AAAA"}`); err != nil {
			return nil, err
		}
	}
	if err := call.stream.CloseSend(); err != nil {
		return nil, err
	}
	answer, err := call.receive()
	return answer.Get(answer.Descriptor().Fields().ByName("bytes")).Int(), err
}

func (c client) chat(ctx context.Context) (any, error) {
	call, err := c.open(ctx, "Chat")
	if err != nil {
		return nil, err
	}
	var texts []string
	for i := range 3 {
		if err := call.send(fmt.Sprintf(`{"text": "%d"}`, i)); err != nil {
			return nil, err
		}
		answer, err := call.receive()
		if err != nil {
			return nil, err
		}
		texts = append(texts, answer.Get(answer.Descriptor().Fields().ByName("text")).String())
	}
	if err := call.stream.CloseSend(); err != nil {
		return nil, err
	}
	_, err = call.rest()
	return texts, err
}

func (c client) fail(ctx context.Context) (any, error) {
	call, err := c.open(ctx, "Fail")
	if err != nil {
		return nil, err
	}
	request := `{"code": 9, "message": "später", "reason": "TOO_EARLY", "after": 2}`
	if err := errors.Join(call.send(request), call.stream.CloseSend()); err != nil {
		return nil, err
	}
	count, err := call.rest()
	failure := status.Convert(err)
	return []any{count, failure.Code().String(), failure.Message(), len(failure.Details())}, nil
}

func (c client) deadline(ctx context.Context) (any, error) {
	ctx, done := context.WithTimeout(ctx, 200*time.Millisecond)
	defer done()
	call, err := c.open(ctx, "Sleep")
	if err != nil {
		return nil, err
	}
	_ = call.send(`{"millis": 60000}`)
	_ = call.stream.CloseSend()
	_, err = call.receive()
	return status.Code(err).String(), nil
}

func (c client) cancel(ctx context.Context) (any, error) {
	ctx, leave := context.WithCancel(ctx)
	call, err := c.open(ctx, "Stream")
	if err != nil {
		leave()
		return nil, err
	}
	_ = call.send(`{"count": 1000000, "size": 10, "intervalMillis": 5}`)
	_ = call.stream.CloseSend()
	_, err = call.receive()
	leave()
	if err != nil {
		return nil, err
	}
	_, err = call.rest()
	if status.Code(err) != codes.Canceled {
		return nil, err
	}
	return status.Code(err).String(), nil
}
