"""Calls three services over one channel, as messages that reflection describes: PORT CERTIFICATE_FILE."""

import json
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

port, certificate = sys.argv[1:]
with open(certificate, "rb") as file:
    credentials = grpc.ssl_channel_credentials(file.read())

with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))

    def method(path, kind):
        service, name = path.split("/")
        described = pool.FindServiceByName(service).methods_by_name[name]
        answer = GetMessageClass(described.output_type)
        call = getattr(channel, kind)(
            f"/{path}",
            request_serializer=lambda value: ParseDict(value, GetMessageClass(described.input_type)()).SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return lambda request: call(request, timeout=10)

    world = {"lo": {"latitude": -900000000, "longitude": -1800000000}, "hi": {"latitude": 900000000, "longitude": 1800000000}}
    features = [MessageToDict(feature) for feature in method("routeguide.RouteGuide/ListFeatures", "unary_stream")(world)]
    location = features[0]["location"]
    feature = method("routeguide.RouteGuide/GetFeature", "unary_unary")(location)
    summary = method("routeguide.RouteGuide/RecordRoute", "stream_unary")(iter([location, location]))
    notes = [{"location": location, "message": "first"}, {"location": location, "message": "second"}]
    chat = list(method("routeguide.RouteGuide/RouteChat", "stream_stream")(iter(notes)))
    greeting = method("helloworld.Greeter/SayHello", "unary_unary")({"name": "Ada"})
    try:
        method("edgeway.examples.v1.Echo/Fail", "unary_stream")({"code": 5, "message": "no such thing"}).next()
        failure = None
    except grpc.RpcError as error:
        failure = [error.code().name, error.details()]
    print(
        json.dumps(
            {
                "features": len(features),
                "same": MessageToDict(feature) == features[0],
                "points": MessageToDict(summary)["pointCount"],
                "chat": chat[-1].message,
                "greeting": greeting.message,
                "failure": failure,
            }
        )
    )
