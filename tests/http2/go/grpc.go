package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	maxMessageBytes = 1 << 27
	// maxStreams is few, so that callers must wait their turn.
	maxStreams = 16
	// pieceBytes is the size of a message of which nobody asked for another.
	pieceBytes = 30_000
)

// serveGrpc prints its port, and stops gracefully when standard input ends.
func serveGrpc() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.ForceServerCodec(rawCodec{}),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxSendMsgSize(maxMessageBytes),
		grpc.MaxConcurrentStreams(maxStreams),
	)
	server.RegisterService(&service, nil)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.GracefulStop()
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return server.Serve(listener)
}

var service = grpc.ServiceDesc{
	ServiceName: "test.Peer",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Call", Handler: call}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Give", Handler: give, ServerStreams: true},
		{StreamName: "Sum", Handler: sum, ClientStreams: true},
		{StreamName: "Chat", Handler: chat, ServerStreams: true, ClientStreams: true},
		{StreamName: "Refuse", Handler: refuse, ServerStreams: true, ClientStreams: true},
		{StreamName: "Quit", Handler: quit, ServerStreams: true, ClientStreams: true},
		{StreamName: "Stall", Handler: stall, ServerStreams: true, ClientStreams: true},
	},
}

// call sends its request back.
func call(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var message []byte
	err := decode(&message)
	return message, err
}

// give sends as many bytes as its request says, in decimal, in several messages.
func give(_ any, stream grpc.ServerStream) error {
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	left, err := strconv.Atoi(string(message))
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	piece := make([]byte, pieceBytes)
	for i := range piece {
		piece[i] = byte(i)
	}
	for ; left > 0; left -= pieceBytes {
		if err := stream.SendMsg(piece[:min(left, pieceBytes)]); err != nil {
			return err
		}
	}
	return nil
}

// sum answers with the count of messages, of their bytes, and a sum over these.
func sum(_ any, stream grpc.ServerStream) error {
	var messages, count int
	var sum int32
	for {
		var message []byte
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return stream.SendMsg(fmt.Appendf(nil, "%d %d %d", messages, count, sum))
		}
		if err != nil {
			return err
		}
		messages++
		count += len(message)
		for _, b := range message {
			sum = sum*31 + int32(b)
		}
	}
}

// chat sends every message back as it comes.
func chat(_ any, stream grpc.ServerStream) error {
	for {
		var message []byte
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(message); err != nil {
			return err
		}
	}
}

// refuse answers with an error without a look at the request.
func refuse(any, grpc.ServerStream) error {
	return status.Error(codes.PermissionDenied, "not you")
}

// quit sends the first message back, and has enough.
func quit(_ any, stream grpc.ServerStream) error {
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	if err := stream.SendMsg(message); err != nil {
		return err
	}
	return status.Error(codes.ResourceExhausted, "enough")
}

// stall sends one message, and reads none: at the call's deadline the server resets the stream.
func stall(_ any, stream grpc.ServerStream) error {
	if err := stream.SendMsg(make([]byte, 10)); err != nil {
		return err
	}
	<-stream.Context().Done()
	time.Sleep(time.Second) // else this function's status may overtake the reset
	return nil
}

// rawCodec takes messages for the bytes that they are.
type rawCodec struct{}

func (rawCodec) Marshal(message any) ([]byte, error) { return message.([]byte), nil }

func (rawCodec) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = data
	return nil
}

func (rawCodec) Name() string { return "raw" }
