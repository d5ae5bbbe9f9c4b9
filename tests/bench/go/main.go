// Command vanguard-gateway is vanguard-go before a gRPC origin: vanguard-gateway PORT ORIGIN_PORT DESCRIPTOR_SET SERVICE.
// It takes gRPC, gRPC-Web, Connect and REST, in HTTP/1.1 and in HTTP/2 with prior knowledge.
package main

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"

	"connectrpc.com/vanguard"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: vanguard-gateway PORT ORIGIN_PORT DESCRIPTOR_SET SERVICE")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		log.Fatal(err)
	}
}

func serve(port, originPort, descriptorFile, name string) error {
	bytes, err := os.ReadFile(descriptorFile)
	if err != nil {
		return err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(bytes, &set); err != nil {
		return err
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return err
	}
	found, err := files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return err
	}
	origin := &url.URL{Scheme: "http", Host: "127.0.0.1:" + originPort}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(request *httputil.ProxyRequest) { request.SetURL(origin) },
		Transport:     &http.Transport{Protocols: protocols(false)},
		FlushInterval: -1,
	}
	transcoder, err := vanguard.NewTranscoder([]*vanguard.Service{vanguard.NewServiceWithSchema(
		found.(protoreflect.ServiceDescriptor),
		proxy,
		vanguard.WithTargetProtocols(vanguard.ProtocolGRPC),
		vanguard.WithTargetCodecs(vanguard.CodecProto),
		vanguard.WithTypeResolver(dynamicpb.NewTypes(files)),
	)})
	if err != nil {
		return err
	}
	server := &http.Server{Addr: "127.0.0.1:" + port, Handler: transcoder, Protocols: protocols(true)}
	return server.ListenAndServe()
}

func protocols(http1 bool) *http.Protocols {
	var protocols http.Protocols
	protocols.SetHTTP1(http1)
	protocols.SetUnencryptedHTTP2(true)
	return &protocols
}
